{{- /* The sides of the packing table: what an accelerator has room for, what models take of it, and one row as text. */ -}}

{{- /* (list accelerator cards nodes share): of several cards only whole places count: 0.4 fits twice on each. */ -}}
{{- define "ai-inference.room" -}}
{{- $accelerator := index . 0 -}}
{{- $cards := index . 1 -}}
{{- $nodes := index . 2 -}}
{{- $share := float64 (index . 3) -}}
{{- $room := $cards -}}
{{- if and (gt $cards 1) (ge $share 1.0) -}}
  {{- $room = mulf $share (floor (divf $accelerator.count $share)) $nodes -}}
{{- else if and (gt $cards 1) (gt $share 0.0) -}}
  {{- $room = mulf $share (floor (divf 1 $share)) $cards -}}
{{- end -}}
{{- dict
    "share" $room
    "memory" (mulf (include "ai-inference.usable" $accelerator) $cards)
    "cpus" (mulf (ceil $accelerator.cpus) $nodes)
    | toJson -}}
{{- end -}}

{{- /* (list name replicas share memory cpus) */ -}}
{{- define "ai-inference.ledger-row" -}}
{{- $mebibytes := divf (index . 3) 1048576 | floor | int64 -}}
{{- printf "  %-20s %8v %8v %8dMi %6v" (index . 0) (index . 1) (index . 2) $mebibytes (index . 4) -}}
{{- end -}}

{{- /* (list accelerator models): what each of the models there takes. */ -}}
{{- define "ai-inference.ledger-rows" -}}
{{- $accelerator := index . 0 -}}
{{- $rows := list -}}
{{- range index . 1 -}}
  {{- if eq .accelerator $accelerator.key -}}
    {{- $placement := include "ai-inference.placement" (list $accelerator .) | fromJson -}}
    {{- $_ := set $placement "model" .key -}}
    {{- $_ = set $placement "replicas" (include "ai-inference.most" .replicas | int) -}}
    {{- $rows = append $rows $placement -}}
  {{- end -}}
{{- end -}}
{{- toJson $rows -}}
{{- end -}}
