{{- /* The table of a refusal: who takes what of a rack, and what there is. */ -}}

{{- /* (list rack places): what all models take, and what there is for them; of several cards only whole places count, as
       0.4 fits twice on each. */ -}}
{{- define "ai-inference.ledger-total" -}}
{{- $rack := index . 0 -}}
{{- $cards := mul $rack.count $rack.nodes.max -}}
{{- $cores := 0.0 -}}
{{- range $rack.members -}}
  {{- $cores = addf $cores (mulf (ceil .cpus) (include "ai-inference.most" .nodes)) -}}
{{- end -}}
{{- $room := dict "share" (index . 1).share "memory" (mulf (subf $rack.memory $rack.reserve) $cards) "cpus" $cores -}}
{{- $all := dict "share" 0.0 "memory" 0.0 "cpus" 0.0 -}}
{{- range $rack.rows -}}
  {{- $_ := set $all "share" (addf $all.share (mulf .gpus .replicas)) -}}
  {{- $_ = set $all "memory" (addf $all.memory (mulf .memory .width .replicas)) -}}
  {{- $_ = set $all "cpus" (addf $all.cpus (mulf .cpus .replicas)) -}}
{{- end -}}
{{- $over := or (gt $all.share (float64 $room.share)) (gt $all.memory $room.memory) (gt $all.cpus $room.cpus) -}}
{{- dict "all" $all "room" $room "over" $over | toJson -}}
{{- end -}}

{{- /* (list rack total) */ -}}
{{- define "ai-inference.ledger-table" -}}
{{- $total := index . 1 -}}
{{- $table := list (printf "  %-20s %8s %8s %10s %6s" "model" "replicas" "share" "memory" "cpus") -}}
{{- range (index . 0).rows -}}
  {{- $table = append $table (include "ai-inference.ledger-row" (list .model .replicas .gpus .memory .cpus)) -}}
{{- end -}}
{{- range $name, $sum := dict "all" $total.all "there is" $total.room -}}
  {{- $table = append $table (include "ai-inference.ledger-row" (list $name "" $sum.share $sum.memory $sum.cpus)) -}}
{{- end -}}
{{- join "\n" $table -}}
{{- end -}}

{{- /* (list name replicas share memory cpus) */ -}}
{{- define "ai-inference.ledger-row" -}}
{{- $mebibytes := divf (index . 3) 1048576 | floor | int64 -}}
{{- printf "  %-20s %8v %8v %8dMi %6v" (index . 0) (index . 1) (index . 2) $mebibytes (index . 4) -}}
{{- end -}}

{{- /* Who a refusal is about. */ -}}
{{- define "ai-inference.rack-subject" -}}
{{- $keys := list -}}
{{- range .members -}}
  {{- $keys = append $keys (printf "accelerators.%s" .key) -}}
{{- end -}}
{{- $shared := gt (len $keys) 1 -}}
{{- join " and " $keys }} {{ $shared | ternary (printf "share %s, which is" (dig "claim" "shared" "" (first .members))) "is" -}}
{{- end -}}
