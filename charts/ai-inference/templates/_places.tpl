{{- /* A rack goes in, how many replicas a card and a node of it have room for in any order of arrival comes out as JSON.

       On one card shares may be any. On several they are equal, as Ray fills cards as replicas come: of 0.4, 0.4, 0.6 and
       0.6 on two cards the last may find no place. Whole cards of one node may differ, as none is ever left in pieces. On
       several nodes each counts only as many replicas as it has cores for the largest. */ -}}

{{- define "ai-inference.places" -}}
{{- $nodes := int .nodes.max -}}
{{- $cards := mul .count $nodes | int -}}
{{- $kinds := list -}}
{{- $whole := true -}}
{{- $most := 0.0 -}}
{{- range .rows -}}
  {{- $kinds = append $kinds (.span | ternary 1.0 .gpus) | uniq -}}
  {{- $whole = and $whole (ge .gpus 1.0) -}}
  {{- $most = maxf $most .cpus -}}
{{- end -}}
{{- $kind := 1.0 -}}
{{- if eq (len $kinds) 1 -}}
  {{- $kind = first $kinds -}}
{{- end -}}
{{- $width := ge $kind 1.0 | ternary $kind 1.0 | int -}}
{{- $card := 1 -}}
{{- if eq $cards 1 -}}
  {{- $card = 1000000 -}}
{{- else if and (gt $kind 0.0) (lt $kind 1.0) -}}
  {{- $card = floor (divf 1 $kind) | int -}}
{{- end -}}
{{- $node := mul $width (div (mul .count $card) $width) -}}
{{- $room := eq $cards 1 | ternary 1.0 (mulf $node $nodes (minf 1 $kind)) -}}
{{- if eq $kind 0.0 -}}
  {{- $room = $cards -}}
{{- end -}}
{{- $cores := 1000000 -}}
{{- if and (gt $nodes 1) (gt $most 0.0) -}}
  {{- $cores = floor (divf (ceil (first .members).cpus) $most) | int -}}
{{- end -}}
{{- if and (eq $kind 0.0) (gt $nodes 1) -}}
  {{- $card = $cores -}}
  {{- $node = $cores -}}
{{- end -}}
{{- dict
    "equal" (or (eq $cards 1) (le (len $kinds) 1) (and $whole (eq $nodes 1)))
    "kinds" $kinds
    "kind" $kind
    "share" $room
    "card" $card
    "node" (min $node (mul $width $cores))
    | toJson -}}
{{- end -}}
