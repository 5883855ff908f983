{{- /* An accelerator's claim of devices (Dynamic Resource Allocation) as its pods name it, and what it asks for.

       Kubernetes refuses a change of such a spec, and pods that run would not see it. So the name carries a hash of the
       spec: another spec is another claim, hence a change of pods. (list root accelerator) goes in everywhere. */ -}}

{{- define "ai-inference.device-claim" -}}
{{- $claim := (index . 1).claim -}}
{{- $owner := printf "%s-%s" (index . 0).Release.Name ($claim.shared | default (index . 1).key) -}}
{{- $spec := include "ai-inference.device-claim-spec" . | fromYaml | toJson -}}
{{ $claim.template | default (printf "%s-%s" (trunc 54 $owner) (print $owner $claim.shared $spec | sha256sum | trunc 8)) }}
{{- end -}}

{{- define "ai-inference.device-claim-spec" -}}
{{- with (index . 1).claim -}}
devices:
  requests:
    - name: gpu
      exactly:
        deviceClassName: {{ .deviceClass }}
        count: {{ (index $ 1).count }}
        {{- with .selectors }}
        selectors:
          {{- range . }}
          - cel: {expression: {{ toJson . }}}
          {{- end }}
        {{- end }}
  {{- with include "ai-inference.device-parameters" $ }}
  config:
    - requests: [gpu]
      opaque:
        driver: {{ include "ai-inference.device-driver" $ }}
        parameters: {{- . | nindent 10 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- /* All accelerators that share its device, itself among them; none where it shares none. */ -}}
{{- define "ai-inference.sharers" -}}
{{- $sharers := list -}}
{{- $shared := dig "claim" "shared" "" (index . 1) -}}
{{- range include "ai-inference.accelerators" (index . 0) | fromJsonArray -}}
  {{- if and $shared (eq $shared (dig "claim" "shared" "" .)) -}}
    {{- $sharers = append $sharers . -}}
  {{- end -}}
{{- end -}}
{{- toJson $sharers -}}
{{- end -}}
