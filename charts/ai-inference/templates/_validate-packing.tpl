{{- /* Whether all replicas together fit their cards: a table says who takes what, when they do not. */ -}}

{{- define "ai-inference.validate-packing" -}}
{{- range include "ai-inference.racks" . | fromJsonArray -}}
  {{- $places := include "ai-inference.places" . | fromJson -}}
  {{- $total := include "ai-inference.ledger-total" (list . $places) | fromJson -}}
  {{- if not $places.equal -}}
{{ printf "accelerators.%s: its %d cards take only equal shares, found %s; declare one accelerator for each share\n" .accelerator (mul .count .nodes.max) (join ", " $places.kinds) }}
  {{- else if $total.over -}}
{{ printf "%s overcommitted; lower gpu, memory, cpus or replicas, or move a model:\n%s\n" (include "ai-inference.rack-subject" .) (include "ai-inference.ledger-table" (list . $total)) }}
  {{- else -}}
    {{- include "ai-inference.validate-order" (list . $places) -}}
  {{- end -}}
{{- end -}}
{{- end -}}
