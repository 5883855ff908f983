{{- /* Whether the models of all accelerators that share a device fit it together: it is one card. Rows of each accelerator
       alone have been found to fit. */ -}}

{{- define "ai-inference.validate-shared-cards" -}}
{{- $models := include "ai-inference.models" . | fromJsonArray -}}
{{- $cards := dict -}}
{{- range include "ai-inference.accelerators" . | fromJsonArray -}}
  {{- $sharers := include "ai-inference.sharers" (list $ .) | fromJsonArray -}}
  {{- if gt (len $sharers) 1 -}}
    {{- $_ := set $cards .claim.shared $sharers -}}
  {{- end -}}
{{- end -}}
{{- range $name, $sharers := $cards -}}
  {{- $rows := list -}}
  {{- $keys := list -}}
  {{- $cpus := 0.0 -}}
  {{- range $sharers -}}
    {{- $rows = concat $rows (include "ai-inference.ledger-rows" (list . $models) | fromJsonArray) -}}
    {{- $keys = append $keys (printf "accelerators.%s" .key) -}}
    {{- $cpus = addf $cpus (mulf (ceil .cpus) (include "ai-inference.most" .nodes)) -}}
  {{- end -}}
  {{- $card := merge (dict "nodes" 1 "cpus" $cpus) (first $sharers) -}}
  {{- include "ai-inference.validate-ledger" (list (printf "%s share %s, which is" (join " and " $keys) $name) $card $rows) -}}
{{- end -}}
{{- end -}}
