{{- /* What monitors have in common. */ -}}

{{- /* (list root labels): the chart's, and those by which the operator or the sidecar of a stack finds the object. */ -}}
{{- define "ai-inference.monitoring-labels" -}}
{{- merge (deepCopy (index . 1)) (include "ai-inference.labels" (index . 0) | fromYaml) | toYaml -}}
{{- end -}}

{{- /* The objectives as PromQL: a series for each task. */ -}}
{{- define "ai-inference.objectives" -}}
{{- $series := list -}}
{{- range $task, $seconds := .Values.monitoring.rules.p99 -}}
  {{- $series = append $series (printf `label_replace(vector(%v), "task", "%s", "", "")` $seconds $task) -}}
{{- end -}}
{{- join " or " $series -}}
{{- end -}}

{{- /* The alerts of alerts.yaml, of this release. */ -}}
{{- define "ai-inference.alerts" -}}
{{- $rules := .Values.monitoring.rules -}}
{{- $service := printf `namespace="%s",ai_inference_release="%s"` .Release.Namespace .Release.Name -}}
{{- .Files.Get "alerts.yaml" | replace "$service" $service | replace "$namespace" .Release.Namespace
    | replace "$release" .Release.Name | replace "$errors" (toString $rules.errors)
    | replace "$p99" (include "ai-inference.objectives" .) | replace "$waiting" (toString $rules.waiting)
    | replace "$days" (toString $rules.days) -}}
{{- end -}}
