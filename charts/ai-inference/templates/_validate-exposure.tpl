{{- /* A line for each way in that cannot be one: the values go in. */ -}}

{{- define "ai-inference.validate-exposure" -}}
{{- $values := .Values -}}
{{- if and $values.route.enabled (not $values.route.parentRefs) -}}
{{ printf "route.parentRefs: names no Gateway, so that nothing leads to the route; write [{name: ..., namespace: ...}]\n" }}
{{- end -}}
{{- range $way := list "ingress" "route" -}}
  {{- if and (get $values $way).enabled $values.network.policies (not $values.network.clients) -}}
{{ printf "%s: network.clients admits nobody to port 8000, and so not what comes by it; name its pods or addresses there\n" $way }}
  {{- end -}}
{{- end -}}
{{- end -}}
