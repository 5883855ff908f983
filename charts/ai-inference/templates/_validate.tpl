{{- define "ai-inference.validate" -}}
{{- end -}}
