{{- /* What the pod template includes: security and resources. */ -}}

{{- /* (list user groups): groups are those of the host that own the GPU's device files, such as render. A cache holds
       hundreds of gigabytes, so its owner is changed once and not at every start. */ -}}
{{- define "ai-inference.pod-security" -}}
runAsNonRoot: true
runAsUser: {{ index . 0 }}
runAsGroup: {{ index . 0 }}
fsGroup: {{ index . 0 }}
fsGroupChangePolicy: OnRootMismatch
{{- with index . 1 }}
supplementalGroups: {{ toJson . }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- /* (list root vendor), of the image. Also of the autoscaler's container, without a vendor: namespaces that enforce the
       restricted standard refuse a pod without it. */ -}}
{{- define "ai-inference.container-security" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
{{- if has (index . 1) (index . 0).Values.image.readOnly }}
readOnlyRootFilesystem: true
{{- end }}
{{- end -}}

{{- /* The root context goes in, imagePullSecrets come out, or nothing. */ -}}
{{- define "ai-inference.pull-secrets" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- /* No limit on CPU: it would throttle an engine while cores are idle. HAMi counts a GPU's memory in MiB. */ -}}
{{- define "ai-inference.resources" -}}
requests:
  cpu: {{ .cpus | quote }}
  memory: {{ .ram }}
limits:
  memory: {{ .ram }}
  {{- with .resource }}
  {{ . }}: {{ $.count | quote }}
  {{- end }}
  {{- if eq (default "" .limit) "hami" }}
  nvidia.com/gpumem: {{ div (include "ai-inference.bytes" .memory | int64) 1048576 | quote }}
  {{- end }}
{{- if .claim }}
claims:
  - name: gpu
{{- end }}
{{- end -}}
