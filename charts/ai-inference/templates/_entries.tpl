{{- /* The entries of the values file with the types' defaults (defaults.json, generated) and their `key`, as JSON lists.
       Accelerators come in their order, models and jobs by name and only those that are enabled. */ -}}

{{- define "ai-inference.accelerators" -}}
{{- $places := dict -}}
{{- range $key, $entry := .Values.accelerators -}}
  {{- $_ := set $places (printf "%09d %s" (int $entry.order) $key) (list $ "accelerator" $key $entry) -}}
{{- end -}}
{{- $entries := list -}}
{{- range $place := keys $places | sortAlpha -}}
  {{- $entries = append $entries (include "ai-inference.entry" (get $places $place) | fromJson) -}}
{{- end -}}
{{- toJson $entries -}}
{{- end -}}

{{- define "ai-inference.models" -}}
{{- include "ai-inference.enabled" (list . "model") -}}
{{- end -}}

{{- define "ai-inference.jobs" -}}
{{- include "ai-inference.enabled" (list . "job") -}}
{{- end -}}

{{- /* (list root kind) */ -}}
{{- define "ai-inference.enabled" -}}
{{- $root := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $entries := list -}}
{{- range $key, $entry := get $root.Values (print $kind "s") -}}
  {{- $whole := include "ai-inference.entry" (list $root $kind $key $entry) | fromJson -}}
  {{- if $whole.enabled -}}
    {{- $entries = append $entries $whole -}}
  {{- end -}}
{{- end -}}
{{- toJson $entries -}}
{{- end -}}

{{- /* One entry: (list root kind key entry). Keys are set one by one, as sprig's merge takes 0 and false for absent. */ -}}
{{- define "ai-inference.entry" -}}
{{- $whole := get ((index . 0).Files.Get "defaults.json" | fromJson) (index . 1) -}}
{{- range $key, $value := index . 3 -}}
  {{- $_ := set $whole $key $value -}}
{{- end -}}
{{- set $whole "key" (index . 2) | toJson -}}
{{- end -}}

{{- /* Most of a number or of its bounds: 2 and {min: 0, max: 2} are 2. */ -}}
{{- define "ai-inference.most" -}}
{{- if kindIs "map" . }}{{ .max }}{{ else }}{{ . }}{{ end -}}
{{- end -}}

{{- define "ai-inference.least" -}}
{{- if kindIs "map" . }}{{ .min | default 0 }}{{ else }}{{ . }}{{ end -}}
{{- end -}}
