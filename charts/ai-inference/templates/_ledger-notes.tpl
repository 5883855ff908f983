{{- /* What NOTES says of cards: the values go in, a line for each kind of card comes out, who takes what and what is free. */ -}}

{{- define "ai-inference.ledger-notes" -}}
{{- printf "%-24s %-11s %-22s %s" "ACCELERATOR" "CARDS" "FREE" "TAKEN BY" -}}
{{- range $rack := include "ai-inference.ledger" . | fromJsonArray -}}
  {{- $number := 0 -}}
  {{- range .cards -}}
    {{- $last := add $number .times | add -1 -}}
    {{- $cards := eq (int $number) (int $last) | ternary (toString $number) (printf "%v to %v" $number $last) -}}
    {{- $number = add1 $last -}}
    {{- include "ai-inference.ledger-card" (list $rack $cards .slices) -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- /* (list rack cards slices) */ -}}
{{- define "ai-inference.ledger-card" -}}
{{- $share := 1.0 -}}
{{- $memory := subf (index . 0).memory (index . 0).reserve -}}
{{- $taken := list -}}
{{- range index . 2 -}}
  {{- $share = subf $share .share -}}
  {{- $memory = subf $memory .memory -}}
  {{- $taken = append $taken (printf "%s %v (%dMi)" .model .share (divf .memory 1048576 | floor | int64)) -}}
{{- end -}}
{{- $free := printf "%v (%dMi)" (maxf 0 $share) (divf $memory 1048576 | floor | int64) }}
{{ printf "%-24s %-11s %-22s %s" (index . 0).accelerator (index . 1) $free (join ", " $taken | default "-") }}
{{- end -}}
