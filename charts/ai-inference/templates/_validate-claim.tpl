{{- /* Whether an accelerator's claim of devices is one: (list root path accelerator) goes in, a line for each problem comes
       out. */ -}}

{{- define "ai-inference.validate-claim" -}}
{{- $path := printf "%s.claim" (index . 1) -}}
{{- $place := list (index . 0) (index . 2) -}}
{{- with (index . 2).claim -}}
  {{- $given := keys . | sortAlpha -}}
  {{- if and .template (gt (len $given) 1) -}}
{{ printf "%s: template names one that exists, and leaves no room for %s; write either\n" $path (without $given "template" | join ", ") }}
  {{- else if not (or .template .deviceClass) -}}
{{ printf "%s: write deviceClass, such as gpu.nvidia.com, or template, a ResourceClaimTemplate that exists\n" $path }}
  {{- else if and .sharing .parameters -}}
{{ printf "%s: sharing %s and parameters are both set; write one\n" $path .sharing }}
  {{- else if .sharing -}}
    {{- $known := include "ai-inference.device-drivers" $place | fromYaml -}}
    {{- $driver := include "ai-inference.device-driver" $place -}}
    {{- if not (hasKey $known $driver) -}}
{{ printf "%s.sharing: known of %s, not of %s; write parameters, that driver's own object with apiVersion and kind\n" $path (keys $known | sortAlpha | join ", ") $driver }}
    {{- end -}}
  {{- else if and .parameters (not (and .parameters.apiVersion .parameters.kind)) -}}
{{ printf "%s.parameters: the driver knows its object by apiVersion and kind; write both\n" $path }}
  {{- end -}}
  {{- if .shared -}}
{{ include "ai-inference.validate-shared" (prepend $place $path) }}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- /* (list path root accelerator): whoever shares a device must mean the same one. */ -}}
{{- define "ai-inference.validate-shared" -}}
{{- $accelerator := index . 2 -}}
{{- $shared := $accelerator.claim.shared -}}
{{- if ne (int $accelerator.count) 1 -}}
{{ printf "%s.shared: %s is one device, found count %v; write count: 1\n" (index . 0) $shared $accelerator.count }}
{{- end -}}
{{- $first := include "ai-inference.sharers" (rest .) | fromJsonArray | first -}}
{{- range $key := list "vendor" "claim" "memory" "reserve" -}}
  {{- if ne (get $first $key | toJson) (get $accelerator $key | toJson) -}}
{{ printf "%s.shared: %s is accelerators.%s's too, whose %s is another; write the same, or another name\n" (index $ 0) $shared $first.key $key }}
  {{- end -}}
{{- end -}}
{{- end -}}
