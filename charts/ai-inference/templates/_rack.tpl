{{- /* The cards of an accelerator with the models on them, as numbers: what the packing is made of. Accelerators that share
       a device are one rack, of one card. */ -}}

{{- define "ai-inference.racks" -}}
{{- $models := include "ai-inference.models" . | fromJsonArray -}}
{{- $racks := list -}}
{{- range include "ai-inference.accelerators" . | fromJsonArray -}}
  {{- $members := list . -}}
  {{- if dig "claim" "shared" "" . -}}
    {{- $members = include "ai-inference.sharers" (list $ .) | fromJsonArray -}}
  {{- end -}}
  {{- if eq .key (first $members).key -}}
    {{- $racks = append $racks (include "ai-inference.rack" (list $ $members $models) | fromJson) -}}
  {{- end -}}
{{- end -}}
{{- toJson $racks -}}
{{- end -}}

{{- /* (list root accelerators models) */ -}}
{{- define "ai-inference.rack" -}}
{{- $members := index . 1 -}}
{{- $first := first $members -}}
{{- $keys := list -}}
{{- $rows := list -}}
{{- range $member := $members -}}
  {{- $keys = append $keys .key -}}
  {{- range index $ 2 -}}
    {{- if eq .accelerator $member.key -}}
      {{- $rows = append $rows (include "ai-inference.rack-row" (list $member .) | fromJson) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- $nodes := dict "min" (include "ai-inference.least" $first.nodes | int) "max" (include "ai-inference.most" $first.nodes | int) -}}
{{- $resource := $first.resource | default "memory of the node" -}}
{{- if $first.claim -}}
  {{- $resource = printf "claim %s" (include "ai-inference.device-claim" (list (index . 0) $first) | trim) -}}
{{- end -}}
{{- dict
    "members" $members
    "rows" $rows
    "accelerator" (join " and " $keys)
    "resource" $resource
    "nodes" (dig "claim" "shared" "" $first | empty | ternary $nodes (dict "min" 1 "max" 1))
    "count" (eq $first.vendor "cpu" | ternary 1 $first.count)
    "memory" (include "ai-inference.bytes" $first.memory | int64)
    "reserve" (include "ai-inference.bytes" $first.reserve | int64)
    | toJson -}}
{{- end -}}

{{- /* (list accelerator model): what each replica takes, of each of the `width` cards that it has. `gpus` is what Ray is
       told: none where the card is the memory of a node. */ -}}
{{- define "ai-inference.rack-row" -}}
{{- $placement := include "ai-inference.placement" . | fromJson -}}
{{- $share := minf 1 $placement.numGpus -}}
{{- if not $placement.numGpus -}}
  {{- $usable := include "ai-inference.usable" (index . 0) | int64 -}}
  {{- $share = maxf 0.0001 (divf (floor (mulf 10000 (divf $placement.memory $usable))) 10000) -}}
{{- end -}}
{{- dict
    "model" (index . 1).key
    "replicas" (include "ai-inference.most" (index . 1).replicas | int)
    "gpus" $placement.numGpus
    "share" $share
    "memory" $placement.memory
    "cpus" $placement.cpus
    "width" (maxf 1 (floor $placement.numGpus) | int)
    "span" (index . 1).span
    "accelerator" (index . 1).accelerator
    | toJson -}}
{{- end -}}
