{{- /* What a container of ours sees beside its image: (list root vendor what) goes in, where `what` may have `models`, the
       source of that volume, `keys`, `token` and `hub`; mounts and volumes come out, or nothing. Secrets are files, which no
       dump of an environment shows, and optional, so that the pod starts without them. */ -}}

{{- /* (list root entry what): that with what an entry's pods see besides, as JSON. Workers alone have models. */ -}}
{{- define "ai-inference.seen" -}}
{{- $what := index . 2 -}}
{{- if hasKey (index . 1) "order" -}}
  {{- $_ := set $what "models" (include "ai-inference.cache" .) -}}
  {{- $_ = set $what "hub" (not (empty (index . 0).Values.huggingFace.existingSecret)) -}}
{{- end -}}
{{- toJson $what -}}
{{- end -}}

{{- /* Where the image is not written to, what libraries write goes with the pod. */ -}}
{{- define "ai-inference.scratch" -}}
{{- $readOnly := has (index . 1) (index . 0).Values.image.readOnly -}}
{{- $readOnly | ternary (dict "tmp" "/tmp" "home" "/home/ray") dict | toJson -}}
{{- end -}}

{{- define "ai-inference.mounts" -}}
{{- $what := index . 2 -}}
{{- range $name, $path := include "ai-inference.scratch" . | fromJson -}}
- {name: {{ $name }}, mountPath: {{ $path }}}
{{ end -}}
{{- if $what.models -}}
- {name: models, mountPath: /models}
{{ end -}}
{{- if $what.keys -}}
{{ include "ai-inference.keys-mount" (index . 0) }}
{{ end -}}
{{- if $what.token -}}
{{ include "ai-inference.token-mount" (index . 0) }}
{{ end -}}
{{- if $what.hub -}}
- {name: hub, mountPath: {{ include "ai-inference.hub-folder" . }}, readOnly: true}
{{ end -}}
{{- end -}}

{{- define "ai-inference.volumes" -}}
{{- $what := index . 2 -}}
{{- range $name, $_ := include "ai-inference.scratch" . | fromJson -}}
- {name: {{ $name }}, emptyDir: {}}
{{ end -}}
{{- with $what.models -}}
- name: models
  {{- . | nindent 2 }}
{{ end -}}
{{- if $what.keys -}}
{{ include "ai-inference.keys-volume" (index . 0) }}
{{ end -}}
{{- if $what.token -}}
{{ include "ai-inference.token-volume" (index . 0) }}
{{ end -}}
{{- if $what.hub -}}
{{- $hub := (index . 0).Values.huggingFace -}}
- name: hub
  secret:
    secretName: {{ $hub.existingSecret }}
    items: [{key: {{ $hub.key }}, path: token}]
    optional: true
{{ end -}}
{{- end -}}

{{- define "ai-inference.hub-folder" -}}
/etc/ai-inference/hub
{{- end -}}
