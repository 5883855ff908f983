{{- /* An accelerator goes in, its worker group comes out: one pod per node, with Ray's resources said in full. */ -}}

{{- define "ai-inference.worker-group" -}}
{{- $accelerator := index . 1 -}}
{{- $gpus := eq $accelerator.vendor "cpu" | ternary 0 $accelerator.count -}}
{{- $least := include "ai-inference.least" $accelerator.nodes -}}
- groupName: {{ $accelerator.key }}
  replicas: {{ $least }}
  minReplicas: {{ $least }}
  maxReplicas: {{ include "ai-inference.most" $accelerator.nodes }}
  numOfHosts: 1
  rayStartParams: {{- include "ai-inference.ray-start" (list (ceil $accelerator.cpus) $gpus $accelerator.key) | nindent 4 }}
  template: {{- include "ai-inference.pod" (append . (dict "metrics" 8080 "serve" 8000)) | nindent 4 }}
{{- end -}}

{{- /* (list cpus gpus resource). num-gpus is never left to the operator, which does not know Intel's resources; to Ray
       every vendor's GPU is just GPU, so the custom resource tells them apart. Its quotes are doubled because the
       operator hands the string to a shell. */ -}}
{{- define "ai-inference.ray-start" -}}
num-cpus: {{ index . 0 | quote }}
num-gpus: {{ index . 1 | quote }}
resources: '"{\"{{ index . 2 }}\": 1}"'
{{- end -}}

{{- /* Whether some group's size is the autoscaler's to choose. */ -}}
{{- define "ai-inference.autoscaling" -}}
{{- $bounds := false -}}
{{- range .Values.accelerators -}}
  {{- $bounds = or $bounds (kindIs "map" .nodes) -}}
{{- end -}}
{{- $bounds -}}
{{- end -}}
