{{- /* By these the scheduler knows in which queue to put it; gang: all of its pods or none. */ -}}
{{- define "ai-inference.job-queue" -}}
{{- $job := index . 1 -}}
{{- if not $job.queue -}}
{{- else if eq $job.scheduler "kueue" -}}
kueue.x-k8s.io/queue-name: {{ $job.queue }}
{{- else if eq $job.scheduler "volcano" -}}
volcano.sh/queue-name: {{ $job.queue }}
{{- else -}}
yunikorn.apache.org/app-id: {{ include "ai-inference.job-name" . }}
yunikorn.apache.org/queue: {{ $job.queue }}
ray.io/gang-scheduling-enabled: "true"
{{- end -}}
{{- end -}}
