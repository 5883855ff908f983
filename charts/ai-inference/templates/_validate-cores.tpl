{{- /* What Ray knows of a node beside its GPUs is its cores: a line for each problem with them comes out. */ -}}

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
