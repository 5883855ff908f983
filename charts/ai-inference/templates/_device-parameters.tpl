{{- /* What the driver of an accelerator's devices is told: (list root accelerator) goes in everywhere. */ -}}

{{- define "ai-inference.device-driver" -}}
{{ (index . 1).claim.driver | default (index . 1).claim.deviceClass }}
{{- end -}}

{{- /* Nothing, or the object that the driver reads. */ -}}
{{- define "ai-inference.device-parameters" -}}
{{- with (index . 1).claim -}}
{{- if .parameters -}}
{{ toYaml .parameters }}
{{- else if .sharing -}}
{{- $known := get (include "ai-inference.device-drivers" $ | fromYaml) (include "ai-inference.device-driver" $) -}}
{{ toYaml (dict "apiVersion" $known.apiVersion "kind" "GpuConfig" "sharing" (get $known .sharing)) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* What `sharing` is to the drivers that are known: api/ of github.com/kubernetes-sigs/dra-driver-nvidia-gpu, where
       MPS divides a GPU, and of github.com/kubernetes-sigs/dra-example-driver, where each pod gets one partition. */ -}}
{{- define "ai-inference.device-drivers" -}}
gpu.nvidia.com:
  apiVersion: resource.nvidia.com/v1beta1
  timeSlicing: {strategy: TimeSlicing, timeSlicingConfig: {interval: Default}}
  spacePartitioning: {strategy: MPS}
gpu.example.com:
  apiVersion: gpu.resource.example.com/v1alpha1
  timeSlicing: {strategy: TimeSlicing, timeSlicingConfig: {interval: Default}}
  spacePartitioning:
    strategy: SpacePartitioning
    spacePartitioningConfig: {partitionCount: {{ include "ai-inference.device-pods" . }}}
{{- end -}}

{{- /* How many pods hold one claim at most. */ -}}
{{- define "ai-inference.device-pods" -}}
{{- $pods := 0 -}}
{{- range include "ai-inference.sharers" . | fromJsonArray -}}
  {{- $pods = add $pods (include "ai-inference.most" .nodes) -}}
{{- end -}}
{{ $pods | default 1 }}
{{- end -}}
