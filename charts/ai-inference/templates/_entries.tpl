{{- /* The entries of the values file with the types' defaults (defaults.json, generated) and their `key`, as JSON lists.
       Accelerators come in their order, models by name and only those that are enabled. */ -}}

{{- define "ai-inference.accelerators" -}}
{{- $places := dict -}}
{{- range $key, $entry := .Values.accelerators -}}
  {{- $_ := set $places (printf "%09d %s" (int $entry.order) $key) (list $key $entry) -}}
{{- end -}}
{{- $entries := list -}}
{{- range $place := keys $places | sortAlpha -}}
  {{- $entries = append $entries (include "ai-inference.entry" (prepend (get $places $place) $) | fromJson) -}}
{{- end -}}
{{- toJson $entries -}}
{{- end -}}

{{- define "ai-inference.models" -}}
{{- $entries := list -}}
{{- range $key, $entry := .Values.models -}}
  {{- $model := include "ai-inference.entry" (list $ $key $entry) | fromJson -}}
  {{- if $model.enabled -}}
    {{- $entries = append $entries $model -}}
  {{- end -}}
{{- end -}}
{{- toJson $entries -}}
{{- end -}}

{{- /* One entry: (list root key entry). Keys are set one by one, as sprig's merge takes 0 and false for absent. */ -}}
{{- define "ai-inference.entry" -}}
{{- $root := index . 0 -}}
{{- $entry := index . 2 -}}
{{- $defaults := $root.Files.Get "defaults.json" | fromJson -}}
{{- $kind := hasKey $entry "task" | ternary "model" "accelerator" -}}
{{- $whole := get $defaults $kind -}}
{{- range $key, $value := $entry -}}
  {{- $_ := set $whole $key $value -}}
{{- end -}}
{{- set $whole "key" (index . 1) | toJson -}}
{{- end -}}

{{- /* Most of a number or of its bounds: 2 and {min: 0, max: 2} are 2. */ -}}
{{- define "ai-inference.most" -}}
{{- if kindIs "map" . }}{{ .max }}{{ else }}{{ . }}{{ end -}}
{{- end -}}

{{- define "ai-inference.least" -}}
{{- if kindIs "map" . }}{{ .min | default 0 }}{{ else }}{{ . }}{{ end -}}
{{- end -}}
