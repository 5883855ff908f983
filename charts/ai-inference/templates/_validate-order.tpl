{{- /* Whether replicas that fit their cards fit them wherever Ray puts those that come first: (list rack places) goes in, a
       line for each problem comes out. Ray fills cards by shares and nodes by cores, and knows nothing of memory. */ -}}

{{- define "ai-inference.validate-order" -}}
{{- $rack := index . 0 -}}
{{- range $rack.members -}}
  {{- include "ai-inference.validate-cores" (list . $rack.rows) -}}
{{- end -}}
{{- if gt (mul $rack.count $rack.nodes.max) 1 -}}
  {{- if eq (index . 1).kind 0.0 -}}
    {{- include "ai-inference.validate-ram" . -}}
  {{- else -}}
    {{- include "ai-inference.validate-cards" . -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- /* (list rack places): as many replicas as share a card find their memory there, and what a node has left of its cards
       together is no place on one of them, else Ray would wait for it there. */ -}}
{{- define "ai-inference.validate-cards" -}}
{{- $rack := index . 0 -}}
{{- $places := index . 1 -}}
{{- $share := $places.kind -}}
{{- $left := mulf $rack.count (subf 1 (mulf $places.card $share)) -}}
{{- $each := divf (subf $rack.memory $rack.reserve) $places.card | floor -}}
{{- $units := 0.0 -}}
{{- range $rack.rows -}}
  {{- $units = addf $units (mulf .replicas .width) -}}
{{- end -}}
{{- if and (gt $rack.nodes.max 1.0) (gt $units $places.node) (ge $left $share) -}}
{{ printf "accelerators.%s: shares of %v leave %v on the cards of a node, where Ray waits for a place that no card has; write gpu: %v\n" $rack.accelerator $share $left (divf (floor (divf 10000 $places.card)) 10000) }}
{{- end -}}
{{- range $rack.rows -}}
  {{- if and (gt .memory $each) (gt $units $places.card) -}}
{{ printf "models.%s.memory: %d bytes are more than a card has for each of the %v that Ray puts there by share %v; write memory: %dMi\n" .model (int64 .memory) $places.card $share (divf $each 1048576 | floor | int64) }}
  {{- end -}}
{{- end -}}
{{- end -}}
