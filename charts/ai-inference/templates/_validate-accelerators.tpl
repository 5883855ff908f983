{{- /* Rules within `accelerators`: one line for each problem. */ -}}

{{- define "ai-inference.validate-accelerators" -}}
{{- $orders := dict -}}
{{- range include "ai-inference.accelerators" . | fromJsonArray -}}
  {{- $path := printf "accelerators.%s" .key -}}
  {{- if has .key (list "head" "headgroup") -}}
{{ printf "%s: Ray's head has this name; choose another\n" $path }}
  {{- end -}}
  {{- $order := toString .order -}}
  {{- with get $orders $order -}}
{{ printf "%s.order: accelerators.%s has %s too; each needs its own, a new accelerator the highest\n" $path . $order }}
  {{- end -}}
  {{- $_ := set $orders $order .key -}}
  {{- include "ai-inference.validate-device" (list $path .) -}}
  {{- include "ai-inference.validate-claim" (list $ $path .) -}}
  {{- include "ai-inference.validate-nodes" (list $path .) -}}
{{- end -}}
{{- end -}}

{{- define "ai-inference.validate-device" -}}
{{- $path := index . 0 -}}
{{- with index . 1 -}}
  {{- if and .resource .claim -}}
{{ printf "%s: resource %s and claim are both set, so that a device plugin and DRA would each hand out a GPU; write one\n" $path .resource }}
  {{- else if and (eq .vendor "cpu") (or .resource .claim) -}}
{{ printf "%s: vendor cpu has no device; remove %s, or write the GPU's vendor\n" $path (.resource | default "claim") }}
  {{- else if and (ne .vendor "cpu") (not (or .resource .claim)) -}}
{{ printf "%s: vendor %s needs resource, such as nvidia.com/gpu, amd.com/gpu or gpu.intel.com/xe, or claim\n" $path .vendor }}
  {{- end -}}
  {{- if and .limit (ne .vendor "cuda") -}}
{{ printf "%s.limit: %s is of NVIDIA's GPUs, and vendor is %s; remove it\n" $path .limit .vendor }}
  {{- else if and .limit .claim -}}
{{ printf "%s.limit: %s needs resource; who hands out claimed devices limits them too: remove it, or write claim.sharing\n" $path .limit }}
  {{- end -}}
  {{- if le (include "ai-inference.usable" . | int64) 0 -}}
{{ printf "%s.reserve: %s leaves nothing of memory %s\n" $path .reserve .memory }}
  {{- end -}}
  {{- if and (eq .vendor "cpu") (gt (include "ai-inference.bytes" .memory | int64) (include "ai-inference.bytes" .ram | int64)) -}}
{{ printf "%s.memory: %s is more than the pod's ram %s\n" $path .memory .ram }}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- define "ai-inference.validate-nodes" -}}
{{- $path := index . 0 -}}
{{- with index . 1 -}}
  {{- $least := include "ai-inference.least" .nodes | int -}}
  {{- $most := include "ai-inference.most" .nodes | int -}}
  {{- if gt $least $most -}}
{{ printf "%s.nodes: min %d is above max %d\n" $path $least $most }}
  {{- end -}}
  {{- $cache := omit (.cache | default dict) "prefetch" -}}
  {{- if gt (len $cache) 1 -}}
{{ printf "%s.cache: %s are set; write one of hostPath, claim, existingClaim\n" $path (keys $cache | sortAlpha | join " and ") }}
  {{- else if and $cache.claim (gt $most 1) (not (has "ReadWriteMany" $cache.claim.accessModes)) -}}
{{ printf "%s.cache.claim: up to %d nodes share it, so its accessModes must have ReadWriteMany\n" $path $most }}
  {{- else if (.cache | default dict).prefetch -}}
    {{- include "ai-inference.validate-prefetch" (list $path . $cache $least) -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- /* (list path accelerator cache least): its pod asks for no GPU, and so goes wherever the rest lets it. */ -}}
{{- define "ai-inference.validate-prefetch" -}}
{{- $path := print (index . 0) ".cache.prefetch" -}}
{{- $cache := index . 2 -}}
{{- if empty $cache -}}
{{ printf "%s: what is fetched would go with its pod; write hostPath, claim or existingClaim too, or remove it\n" $path }}
{{- else if and $cache.claim (not (has "ReadWriteMany" $cache.claim.accessModes)) -}}
{{ printf "%s: the claim would be bound where its pod is; write ReadWriteMany among cache.claim.accessModes, or remove it\n" $path }}
{{- else if and $cache.hostPath (empty (index . 1).nodeSelector) -}}
{{ printf "%s: its pod could go to any node; write the nodeSelector of those with this accelerator, or remove it\n" $path }}
{{- else if and $cache.hostPath (eq (index . 3) 0) -}}
{{ printf "%s: none of its nodes is always there; write nodes.min, or a cache that all nodes share, or remove it\n" $path }}
{{- end -}}
{{- end -}}
