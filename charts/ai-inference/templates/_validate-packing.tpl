{{- /* Whether all replicas together fit their accelerator: a table says who takes what, when they do not.

       Ray fills cards in the order of arrival: of 0.4, 0.4, 0.6 and 0.6 on two cards the last may find no place. Where
       there are several cards only equal shares are therefore taken, and what is accepted here fits in any order. */ -}}

{{- define "ai-inference.validate-packing" -}}
{{- $models := include "ai-inference.models" . | fromJsonArray -}}
{{- range include "ai-inference.accelerators" . | fromJsonArray -}}
  {{- $rows := include "ai-inference.ledger-rows" (list . $models) | fromJsonArray -}}
  {{- include "ai-inference.validate-ledger" (list (printf "accelerators.%s is" .key) . $rows) -}}
{{- end -}}
{{- end -}}

{{- /* (list subject accelerator rows) */ -}}
{{- define "ai-inference.validate-ledger" -}}
{{- $accelerator := index . 1 -}}
{{- $nodes := include "ai-inference.most" $accelerator.nodes | int -}}
{{- $cards := dig "claim" "shared" "" $accelerator | empty | not | ternary 1 (mul $accelerator.count $nodes) -}}
{{- $total := dict "share" 0.0 "memory" 0.0 "cpus" 0.0 -}}
{{- $shares := list -}}
{{- $table := list (printf "  %-20s %8s %8s %10s %6s" "model" "replicas" "share" "memory" "cpus") -}}
{{- range index . 2 -}}
  {{- $shares = append $shares (toString .numGpus) | uniq -}}
  {{- $_ := set $total "share" (addf $total.share (mulf .numGpus .replicas)) -}}
  {{- $_ = set $total "memory" (addf $total.memory (mulf .memory (maxf 1 (floor .numGpus)) .replicas)) -}}
  {{- $_ = set $total "cpus" (addf $total.cpus (mulf .cpus .replicas)) -}}
  {{- $table = append $table (include "ai-inference.ledger-row" (list .model .replicas .numGpus .memory .cpus)) -}}
{{- end -}}
{{- $room := include "ai-inference.room" (list $accelerator $cards $nodes (first $shares | default "0")) | fromJson -}}
{{- $table = append $table (include "ai-inference.ledger-row" (list "all" "" $total.share $total.memory $total.cpus)) -}}
{{- $table = append $table (include "ai-inference.ledger-row" (list "there is" "" $room.share $room.memory $room.cpus)) -}}
{{- if and (gt $cards 1) (gt (len $shares) 1) -}}
{{ printf "accelerators.%s: its %d cards take only equal shares, found %s; declare one accelerator for each share\n" $accelerator.key $cards (join ", " $shares) }}
{{- else if or (gt $total.share $room.share) (gt $total.memory $room.memory) (gt $total.cpus $room.cpus) -}}
{{ printf "%s overcommitted; lower gpu, memory, cpus or replicas, or move a model:\n%s\n" (index . 0) (join "\n" $table) }}
{{- end -}}
{{- end -}}
