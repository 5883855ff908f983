{{- /* A pod that runs one command at a moment of Helm's and ends: its parts, and those of what it needs beside it. */ -}}

{{- /* The metadata of a hook: (list root name moments) goes in. It goes when all is well, as uninstalling leaves hooks; when
       not, a pod stays with its log until the next time. */ -}}
{{- define "ai-inference.hook" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels: {{- include "ai-inference.labels" $root | nindent 2 }}
annotations:
  helm.sh/hook: {{ index . 2 }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{- /* The pod's spec: (list root name account command asks) goes in. It has the head's image and goes to the head's nodes, and
       is no pod of Ray: it has none of the labels by which Services and policies select those. `account` is the name of a
       ServiceAccount whose rights the command needs; else empty, and no token is mounted. `asks`: it sends requests. */ -}}
{{- define "ai-inference.errand" -}}
{{- $root := index . 0 -}}
{{- $account := index . 2 -}}
{{- $asks := index . 4 -}}
{{- $volumes := list $root $root.Values.head.vendor (dict "keys" (and $asks $root.Values.auth.enabled)) -}}
restartPolicy: Never
serviceAccountName: {{ $account | default (include "ai-inference.service-account" $root) }}
automountServiceAccountToken: {{ not (empty $account) }}
securityContext: {{- include "ai-inference.pod-security" (list $root.Values.image.user nil) | nindent 2 }}
{{- with include "ai-inference.pull-secrets" $root }}
{{ . }}
{{- end }}
{{- range $key := list "nodeSelector" "tolerations" }}
{{- with get $root.Values.head $key }}
{{ toYaml (dict $key .) }}
{{- end }}
{{- end }}
containers:
  - name: {{ index . 1 }}
    image: {{ include "ai-inference.image" (list $root $root.Values.head.vendor) }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: {{- index . 3 | toYaml | nindent 6 }}
    resources:
      requests: {cpu: 100m, memory: 256Mi}
      limits: {memory: 1Gi}
    securityContext: {{- include "ai-inference.container-security" $volumes | nindent 6 }}
    {{- with include "ai-inference.mounts" $volumes | trim }}
    volumeMounts: {{- . | nindent 6 }}
    {{- end }}
    {{- if $asks }}
    env: [{name: AI_INFERENCE_KEYS, value: {{ include "ai-inference.keys-variable" $root }}}]
    {{- end }}
{{- with include "ai-inference.volumes" $volumes | trim }}
volumes: {{- . | nindent 2 }}
{{- end }}
{{- end -}}
