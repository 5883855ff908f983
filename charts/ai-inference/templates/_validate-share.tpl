{{- /* Whether one replica fits one node at all: (list path model accelerator) goes in, a line for each problem comes out. */ -}}

{{- define "ai-inference.validate-share" -}}
{{- $path := index . 0 -}}
{{- $model := index . 1 -}}
{{- with index . 2 -}}
  {{- $gpus := $model.gpus | default 1 | int -}}
  {{- $parallel := mul $model.tensorParallel $model.pipelineParallel -}}
  {{- if and $model.gpu $model.gpus -}}
{{ printf "%s: gpu %v and gpus %v are both set; write gpu for a share of one, gpus for whole ones\n" $path $model.gpu $model.gpus }}
  {{- else if and (eq .vendor "cpu") (or $model.gpu $model.gpus) -}}
{{ printf "%s: accelerator %s is of vendor cpu and has no GPU to share; write memory instead of gpu or gpus\n" $path .key }}
  {{- end -}}
  {{- if and (ne .vendor "cpu") (ne $gpus (int $parallel)) -}}
{{ printf "%s.gpus: tensorParallel %v x pipelineParallel %v wants gpus: %d, found %d\n" $path $model.tensorParallel $model.pipelineParallel $parallel $gpus }}
  {{- else if and $model.span (gt $gpus (mul .count (include "ai-inference.most" .nodes) | int)) -}}
{{ printf "%s.gpus: %d is more than accelerator %s has on all of its nodes\n" $path $gpus .key }}
  {{- else if and (gt $gpus (int .count)) (not $model.span) -}}
{{ printf "%s.gpus: %d is more than the count %v of accelerator %s; a replica is on one node, unless it has span: true\n" $path $gpus .count .key }}
  {{- end -}}
  {{- if gt (include "ai-inference.bytes" ($model.memory | default "0") | int64) (include "ai-inference.usable" . | int64) -}}
{{ printf "%s.memory: %s is more than the memory %s - reserve %s of accelerator %s\n" $path $model.memory .memory .reserve .key }}
  {{- end -}}
  {{- if gt (float64 $model.cpus) (ceil .cpus) -}}
{{ printf "%s.cpus: %v is more than the cpus %v of accelerator %s\n" $path $model.cpus .cpus .key }}
  {{- end -}}
{{- end -}}
{{- end -}}
