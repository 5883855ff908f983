{{- /* THE Ray cluster, of the service and of each job: (list root accelerators extras) goes in, a RayClusterSpec comes out.

       `extras` may have `autoscaling`, for the operator to choose sizes, `redis`, which outlives the head, and `job`,
       which its pods are labelled with. */ -}}

{{- define "ai-inference.ray-cluster" -}}
{{- $root := index . 0 -}}
{{- $extras := index . 2 -}}
{{- $head := merge (deepCopy $root.Values.head) $extras -}}
rayVersion: {{ $root.Values.rayVersion }}
{{- if $extras.autoscaling }}
enableInTreeAutoscaling: true
autoscalerOptions:
  version: v2
  securityContext: {{- include "ai-inference.container-security" (list $root "") | nindent 4 }}
{{- end }}
# Always said: what an absent mode means differs between versions of the operator.
authOptions:
  mode: {{ $root.Values.dashboard.auth }}
  {{- if eq $root.Values.dashboard.auth "token" }}
  secretName: {{ include "ai-inference.dashboard-secret" $root }}
  {{- end }}
{{- if ($extras.redis).address }}
gcsFaultToleranceOptions:
  redisAddress: {{ $extras.redis.address | quote }}
  {{- if $extras.redis.existingSecret }}
  redisPassword:
    valueFrom:
      secretKeyRef: {name: {{ $extras.redis.existingSecret }}, key: {{ $extras.redis.key }}}
  {{- end }}
{{- end }}
headGroupSpec:
  # No CPU of the head's for models; what belongs on it asks for the resource `head`.
  rayStartParams: {{- include "ai-inference.ray-start" (list 0 0 "head") | nindent 4 }}
  # Ports that are named here are those of the head Service: Ray's client port 10001 stays out.
  {{- $ports := dict "gcs-server" 6379 "dashboard" 8265 "metrics" 8080 "serve" 8000 }}
  template: {{- include "ai-inference.pod" (list $root $head $ports) | nindent 4 }}
workerGroupSpecs:
  {{- range index . 1 }}
  {{- include "ai-inference.worker-group" (list $root .) | nindent 2 }}
  {{- else }} []
  {{- end }}
{{- end -}}
