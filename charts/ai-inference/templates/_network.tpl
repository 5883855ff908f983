{{- /* The parts of a NetworkPolicy: whom it is about, and what these may be asked and ask for. */ -}}

{{- /* (list root job): the pods of a job's cluster, by its key, or with an empty one of the service's. The hook `recreate` is
       among these while it answers in their place. */ -}}
{{- define "ai-inference.ray-pods" -}}
matchLabels:
  {{- include "ai-inference.pod-labels" (index . 0) | nindent 2 }}
  {{- with index . 1 }}
  ai-inference/job: {{ . }}
{{- else }}
matchExpressions:
  - {key: ai-inference/job, operator: DoesNotExist}
{{- end }}
{{- end -}}

{{- /* Those that run one command and end. */ -}}
{{- define "ai-inference.errand-pods" -}}
matchLabels:
  app.kubernetes.io/name: ai-inference
  app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* (list peers ports): a rule, or nothing where there is no peer: Kubernetes would take an empty list for everybody. */ -}}
{{- define "ai-inference.admitted" -}}
{{- with index . 0 -}}
- from: {{- toYaml . | nindent 4 }}
  ports:
    {{- range index $ 1 }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end -}}
{{- end -}}

{{- /* (list root peers): anything among the pods themselves, names, Redis and a collector of traces where there is one, and
       what the values say. Names by port alone: a node's own cache of them has no pod. */ -}}
{{- define "ai-inference.egress" -}}
{{- $root := index . 0 -}}
- to: {{- index . 1 | toYaml | nindent 4 }}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- with $root.Values.redis.address }}
- ports:
    - {port: {{ regexFind "[0-9]+$" . }}, protocol: TCP}
{{- end }}
{{- with $root.Values.monitoring.traces.endpoint }}
- ports:
    - {port: {{ regexFind ":[0-9]+$" (urlParse .).host | trimPrefix ":" | default (ternary 443 80 (hasPrefix "https:" .)) }}, protocol: TCP}
{{- end }}
{{- with $root.Values.network.egress.rules }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* (list root name selector peers ingress): the policy. `peers` are those that the pods may ask for anything, beside
       what limits their egress; `ingress` are its rules. */ -}}
{{- define "ai-inference.network-policy" -}}
{{- $root := index . 0 -}}
{{- $limited := $root.Values.network.egress.limited -}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ index . 1 }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "ai-inference.labels" $root | nindent 4 }}
spec:
  podSelector: {{- index . 2 | nindent 4 }}
  policyTypes: [Ingress{{ if $limited }}, Egress{{ end }}]
  ingress: {{- index . 4 | trim | nindent 4 }}
  {{- if $limited }}
  egress: {{- include "ai-inference.egress" (list $root (index . 3)) | nindent 4 }}
  {{- end }}
{{ end -}}
