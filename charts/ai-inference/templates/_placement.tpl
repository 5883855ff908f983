{{- /* An accelerator and a model go in, the share of one replica comes out as the JSON of serve.values.Placement.

       Ray places by shares and knows nothing of memory, so a share is never less than what the memory is of the card. It
       is cut, not rounded, to the four decimals that Ray keeps, so that three thirds fit. */ -}}

{{- /* Bytes of one GPU that models may take. */ -}}
{{- define "ai-inference.usable" -}}
{{- sub (include "ai-inference.bytes" .memory | int64) (include "ai-inference.bytes" .reserve | int64) -}}
{{- end -}}

{{- define "ai-inference.placement" -}}
{{- $accelerator := index . 0 -}}
{{- $model := index . 1 -}}
{{- $usable := include "ai-inference.usable" $accelerator | int64 -}}
{{- $asked := include "ai-inference.bytes" ($model.memory | default "0") | int64 -}}
{{- $share := maxf ($model.gpu | default 0) (divf $asked $usable) -}}
{{- if not (or $model.gpu $asked) -}}
  {{- $share = 1 -}}
{{- end -}}
{{- $share = maxf 0.0001 (divf (floor (mulf $share 10000)) 10000) -}}
{{- $memory := $asked | default (mulf ($model.gpu | default 1) $usable | int64) -}}
{{- if eq $accelerator.vendor "cpu" -}}
  {{- $share = 0 -}}
{{- else if $model.gpus -}}
  {{- $share = $model.gpus -}}
{{- end -}}
{{- $placement := dict
    "accelerator" $accelerator.key
    "vendor" $accelerator.vendor
    "numGpus" $share
    "tensorParallel" $model.tensorParallel
    "pipelineParallel" $model.pipelineParallel
    "cpus" $model.cpus
    "memory" $memory
    "deviceMemory" (include "ai-inference.bytes" $accelerator.memory | int64) -}}
{{- range $key, $value := dict "span" $model.span "limit" $accelerator.limit -}}
  {{- if $value -}}
    {{- $_ := set $placement $key $value -}}
  {{- end -}}
{{- end -}}
{{- toJson $placement -}}
{{- end -}}
