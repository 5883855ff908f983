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

{{- /* (list accelerator rows): of several nodes each takes as many replicas as it has cores for the largest. */ -}}
{{- define "ai-inference.validate-cores" -}}
{{- $accelerator := index . 0 -}}
{{- $nodes := include "ai-inference.most" $accelerator.nodes | int -}}
{{- $cores := ceil $accelerator.cpus -}}
{{- $most := 0.0001 -}}
{{- $replicas := 0 -}}
{{- $all := 0.0 -}}
{{- range index . 1 -}}
  {{- if eq .accelerator $accelerator.key -}}
    {{- $most = maxf $most .cpus -}}
    {{- $replicas = add $replicas (mul .replicas (.span | ternary .width 1)) -}}
    {{- $all = addf $all (mulf .cpus .replicas) -}}
  {{- end -}}
{{- end -}}
{{- $over := gt $replicas (mul $nodes (floor (divf $cores $most))) -}}
{{- if eq $nodes 1 -}}
  {{- $over = gt $all $cores -}}
{{- end -}}
{{- if $over -}}
{{ printf "accelerators.%s: of its nodes, %d, each has %v cores, too few for %d replicas of up to %v cpus; lower cpus or replicas\n" $accelerator.key $nodes $cores $replicas $most }}
{{- end -}}
{{- end -}}

{{- /* (list rack places): without a GPU Ray counts only cores, so that a model takes no larger part of memory than of them. */ -}}
{{- define "ai-inference.validate-ram" -}}
{{- $rack := index . 0 -}}
{{- $usable := subf $rack.memory $rack.reserve -}}
{{- $cores := ceil (first $rack.members).cpus -}}
{{- $all := 0.0 -}}
{{- range $rack.rows -}}
  {{- $all = addf $all (mulf .memory .replicas) -}}
{{- end -}}
{{- range $rack.rows -}}
  {{- $least := divf (ceil (divf (mulf .memory $cores 100) $usable)) 100 -}}
  {{- if and (gt $all $usable) (gt $least .cpus) -}}
{{ printf "models.%s.cpus: Ray chooses among the nodes of %s by cores alone, so it must take the part of them that it takes of memory; write cpus: %v\n" .model .accelerator $least }}
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
