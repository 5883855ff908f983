{{- /* THE pod template: (list root entry ports) goes in, a PodTemplateSpec comes out for head, workers and jobs.

       `entry` is the head's values or an accelerator. Nothing here may derive from models, nor change with the chart's
       version: either would build a second cluster. The Ray container is the first, as the operator wants it. The API
       server's token is mounted for the autoscaler alone, a sidecar of the head. */ -}}

{{- define "ai-inference.pod" -}}
{{- $root := index . 0 -}}
{{- $entry := index . 1 -}}
{{- $values := $root.Values -}}
{{- $guarded := and $values.auth.enabled (not $entry.job) -}}
{{- $what := dict "keys" $guarded "token" (and $guarded (ne $values.dashboard.auth "token")) -}}
{{- $what = include "ai-inference.seen" (list $root $entry $what) | fromJson -}}
{{- $volumes := list $root $entry.vendor $what -}}
metadata:
  annotations:
    # Always the same, since a change of them is a change of pods; who does not read by them is not disturbed.
    prometheus.io/scrape: "true"
    prometheus.io/port: "8080"
    prometheus.io/path: /metrics
  labels:
    {{- include "ai-inference.pod-labels" $root | nindent 4 }}
    {{- with $entry.job }}
    ai-inference/job: {{ . }}
    {{- end }}
spec:
  # Ray goes on with what it has begun, and then has a while to end.
  terminationGracePeriodSeconds: {{ add $values.upgrade.drainTimeout 15 }}
  serviceAccountName: {{ include "ai-inference.service-account" $root }}
  automountServiceAccountToken: {{ $entry.autoscaling | default false }}
  securityContext: {{- include "ai-inference.pod-security" (list $values.image.user $entry.groups) | nindent 4 }}
  {{- with include "ai-inference.pull-secrets" $root }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- range $key := list "runtimeClassName" "nodeSelector" "tolerations" }}
  {{- with get $entry $key }}
  {{- toYaml (dict $key .) | nindent 2 }}
  {{- end }}
  {{- end }}
  {{- if $entry.claim }}
  resourceClaims:
    - name: gpu
      resourceClaim{{ if not $entry.claim.shared }}Template{{ end }}Name: {{ include "ai-inference.device-claim" (list $root $entry) }}
  {{- end }}
  containers:
    - name: ray
      image: {{ include "ai-inference.image" (list $root $entry.vendor) }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      ports:
        {{- range $name, $port := index . 2 }}
        - name: {{ $name }}
          containerPort: {{ $port }}
        {{- end }}
      env: {{- include "ai-inference.environment" (list $root $entry) | nindent 8 }}
      resources: {{- include "ai-inference.resources" $entry | nindent 8 }}
      securityContext: {{- include "ai-inference.container-security" $volumes | nindent 8 }}
      {{- with include "ai-inference.mounts" $volumes | trim }}
      volumeMounts: {{- . | nindent 8 }}
  volumes: {{- include "ai-inference.volumes" $volumes | trim | nindent 4 }}
      {{- end }}
{{- end -}}
