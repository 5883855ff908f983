{{- /* The parts of a RayJob. (list root job) goes in everywhere: a job is an entry with its defaults and its key. */ -}}

{{- /* The name carries a hash of the entry as it is written: KubeRay does not look at a change of a job that it has begun,
       so a changed entry is another RayJob, and an unchanged one is left alone by every upgrade. */ -}}
{{- define "ai-inference.job-name" -}}
{{- $entry := omit (get (index . 0).Values.jobs (index . 1).key) "enabled" "suspend" -}}
{{ (index . 0).Release.Name }}-{{ (index . 1).key }}-{{ toJson $entry | sha256sum | trunc 5 }}
{{- end -}}

{{- /* One worker group and no autoscaler, as Kueue wants it. */ -}}
{{- define "ai-inference.job-spec" -}}
{{- $root := index . 0 -}}
{{- $job := index . 1 -}}
# The operator submits it itself. A pod that did would also follow the log, and fail the job when that stream breaks; as a
# sidecar it has no security context, which a restricted namespace refuses.
submissionMode: HTTPMode
jobId: {{ include "ai-inference.job-name" . }}
{{- $arguments := include "ai-inference.job-arguments" . | replace "'" "'\\''" }}
entrypoint: {{ printf "ai-inference batch '%s'" $arguments | toJson }}
backoffLimit: {{ $job.retries }}
{{- with $job.deadline }}
activeDeadlineSeconds: {{ . }}
{{- end }}
shutdownAfterJobFinishes: true
ttlSecondsAfterFinished: {{ $job.ttl }}
{{- $accelerator := include "ai-inference.job-accelerator" . | fromJson }}
rayClusterSpec: {{- include "ai-inference.ray-cluster" (list $root (list $accelerator) (dict "job" $job.key)) | nindent 2 }}
{{- end -}}

{{- /* The accelerator as the job's only worker group: so many pods, and its label on each. */ -}}
{{- define "ai-inference.job-accelerator" -}}
{{- $job := index . 1 -}}
{{- range include "ai-inference.accelerators" (index . 0) | fromJsonArray -}}
  {{- if eq .key $job.accelerator -}}
    {{- merge (dict "nodes" $job.workers "job" $job.key) . | toJson -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- /* JSON of serve.job.JobArgs, with only those keys that the entry sets. Each GPU of its pods has a whole copy. */ -}}
{{- define "ai-inference.job-arguments" -}}
{{- $job := index . 1 -}}
{{- $accelerator := include "ai-inference.job-accelerator" . | fromJson -}}
{{- $copy := dict "gpu" 1 "tensorParallel" 1 "pipelineParallel" 1 "cpus" (divf $accelerator.cpus $accelerator.count) -}}
{{- $args := pick (get (index . 0).Values.jobs $job.key) "task" "engine" "engineConfig" "source" "input" "output" "column"
    "id" "truncate" "part" -}}
{{- $_ := set $args "job" $job.key -}}
{{- $_ = set $args "copies" (mul $job.workers $accelerator.count) -}}
{{- $_ = set $args "placement" (include "ai-inference.placement" (list $accelerator $copy) | fromJson) -}}
{{- toJson $args -}}
{{- end -}}
