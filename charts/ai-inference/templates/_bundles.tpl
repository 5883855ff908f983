{{- /* Several whole GPUs for one replica: (list accelerator model) goes in, Serve's placement group comes out as JSON, or
       {} where one GPU or a share is enough.

       On one node they are one bundle, which the replica's own process has, and its engine starts a process for each GPU.
       Over several nodes each GPU is a bundle, which a worker of the engine takes (docs.ray.io, placement groups). */ -}}

{{- define "ai-inference.bundles" -}}
{{- $accelerator := index . 0 -}}
{{- $model := index . 1 -}}
{{- $gpus := $model.gpus | default 1 | int -}}
{{- $pin := dict $accelerator.key 0.001 -}}
{{- if lt $gpus 2 -}}
{}
{{- else if $model.span -}}
  {{- $bundles := list (merge (dict "CPU" $model.cpus "GPU" 1) $pin) -}}
  {{- range untilStep 1 $gpus 1 -}}
    {{- $bundles = append $bundles (merge (dict "GPU" 1) $pin) -}}
  {{- end -}}
  {{- dict "placement_group_bundles" $bundles "placement_group_strategy" "PACK" | toJson -}}
{{- else -}}
  {{- $bundles := list (merge (dict "CPU" $model.cpus "GPU" $gpus) $pin) -}}
  {{- dict "placement_group_bundles" $bundles "placement_group_strategy" "STRICT_PACK" | toJson -}}
{{- end -}}
{{- end -}}
