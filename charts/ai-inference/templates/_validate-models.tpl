{{- /* Rules between `models` and their accelerators: one line for each problem. */ -}}

{{- define "ai-inference.validate-models" -}}
{{- $accelerators := dict -}}
{{- range include "ai-inference.accelerators" . | fromJsonArray -}}
  {{- $_ := set $accelerators .key . -}}
{{- end -}}
{{- $models := include "ai-inference.models" . | fromJsonArray -}}
{{- $owners := dict -}}
{{- range $models -}}
  {{- $_ := set $owners .key .key -}}
{{- end -}}
{{- range $model := $models -}}
  {{- $path := printf "models.%s" .key -}}
  {{- if has .key (include "ai-inference.reserved" . | splitList " ") -}}
{{ printf "%s: /%s is the gateway's own path; choose another name\n" $path .key }}
  {{- end -}}
  {{- range $name := .names -}}
    {{- with get $owners $name -}}
{{ printf "%s.names: %s is a name of models.%s already; a name leads to one model\n" $path $name . }}
    {{- end -}}
    {{- $_ := set $owners $name $model.key -}}
  {{- end -}}
  {{- include "ai-inference.validate-entry" (list $path .) -}}
  {{- with get $accelerators .accelerator -}}
    {{- include "ai-inference.validate-share" (list $path $model .) -}}
  {{- else -}}
{{ printf "%s.accelerator: there is no %q; accelerators: %s\n" $path .accelerator (keys $accelerators | sortAlpha | join ", " | default "none") }}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- /* What the gateway answers itself, by the first part of the path (tests/chart/test_validate.py compares). */ -}}
{{- define "ai-inference.reserved" -}}
detokenize embed gateway health openai page rerank tokenize v1 v2
{{- end -}}

{{- /* (list path entry) */ -}}
{{- define "ai-inference.validate-source" -}}
{{- $places := keys (pick (index . 1).source "hub" "path" "s3" "gs") | sortAlpha -}}
{{- if ne (len $places) 1 -}}
{{ printf "%s.source: write exactly one of hub, path, s3, gs; found %s\n" (index . 0) (join ", " $places | default "none") }}
{{- end -}}
{{- end -}}

{{- define "ai-inference.validate-entry" -}}
{{- $path := index . 0 -}}
{{- include "ai-inference.validate-source" . -}}
{{- with index . 1 -}}
  {{- if gt (include "ai-inference.least" .replicas | int) (include "ai-inference.most" .replicas | int) -}}
{{ printf "%s.replicas: min %v is above max %v\n" $path .replicas.min .replicas.max }}
  {{- end -}}
  {{- if and (ne .routing "balanced") (ne .task "llm") -}}
{{ printf "%s.routing: %s is for task llm; leave it out\n" $path .routing }}
  {{- else if and (ne .routing "balanced") .adapters -}}
{{ printf "%s.routing: %s does not go with adapters, whose requests go to the replica that holds them; leave one of the two out\n" $path .routing }}
  {{- end -}}
  {{- if and .maxAudio (ne .task "stt") -}}
{{ printf "%s.maxAudio: %v is for task stt; leave it out\n" $path .maxAudio }}
  {{- end -}}
  {{- if and (dig "limits" "maxAudio" 0 .) (ne .task "stt") -}}
{{ printf "%s.limits.maxAudio: %v is for task stt; leave it out\n" $path .limits.maxAudio }}
  {{- end -}}
{{- end -}}
{{- end -}}
