{{- /* (list root accelerator): the source of the volume. Not DirectoryOrCreate: the kubelet would make a folder that is
       root's, where the pod's user may not write. */ -}}
{{- define "ai-inference.cache" -}}
{{- $accelerator := index . 1 -}}
{{- $cache := $accelerator.cache | default dict -}}
{{- if $cache.hostPath -}}
hostPath:
  path: {{ $cache.hostPath }}
  type: Directory
{{- else if or $cache.claim $cache.existingClaim -}}
persistentVolumeClaim:
  claimName: {{ $cache.existingClaim | default (include "ai-inference.claim" (list (index . 0) $accelerator.key)) }}
{{- else -}}
emptyDir: {}
{{- end -}}
{{- end -}}
