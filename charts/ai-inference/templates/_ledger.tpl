{{- /* THE packing: the values go in, who takes what of each card comes out as the JSON of a serve.ledger.Ledger.

       What _validate-packing.tpl refuses, NOTES, `ai-inference plan` and the gateway's metrics all show this one. Ray deals
       for itself, in the order of arrival; what is accepted has room in any, so here it is dealt in the order of models. */ -}}

{{- define "ai-inference.ledger" -}}
{{- $ledger := list -}}
{{- range include "ai-inference.racks" . | fromJsonArray -}}
  {{- $rack := pick . "accelerator" "resource" "nodes" "count" "memory" "reserve" -}}
  {{- $ledger = append $ledger (set $rack "cards" (include "ai-inference.deal" . | fromJsonArray)) -}}
{{- end -}}
{{- toJson $ledger -}}
{{- end -}}

{{- /* The cards of a rack by number, those that are equal and side by side once. */ -}}
{{- define "ai-inference.deal" -}}
{{- $dealt := include "ai-inference.dealt" . | fromJson -}}
{{- $cards := list -}}
{{- range $number := until (mul .count .nodes.max | int) -}}
  {{- $slices := get $dealt (toString $number) | default list -}}
  {{- $before := last $cards | default dict -}}
  {{- if eq (toJson $slices) (toJson $before.slices) -}}
    {{- $_ := set $before "times" (add1 $before.times) -}}
  {{- else -}}
    {{- $cards = append $cards (dict "times" 1 "slices" $slices) -}}
  {{- end -}}
{{- end -}}
{{- toJson $cards -}}
{{- end -}}

{{- /* The slices of those cards of a rack that have some, by number. A replica of several cards takes the next ones, which
       are of one node, as a node's places are a multiple of them. */ -}}
{{- define "ai-inference.dealt" -}}
{{- $count := .count -}}
{{- $places := include "ai-inference.places" . | fromJson -}}
{{- $node := max 1 $places.node -}}
{{- $place := 0 -}}
{{- $cards := dict -}}
{{- range $row := .rows -}}
  {{- range until (mul .replicas .width | int) -}}
    {{- $card := add (mul $count (div $place $node)) (div (mod $place $node) (max 1 $places.card)) | toString -}}
    {{- $_ := set $cards $card (append (get $cards $card | default list) (pick $row "model" "share" "memory")) -}}
    {{- $place = add1 $place -}}
  {{- end -}}
{{- end -}}
{{- toJson $cards -}}
{{- end -}}
