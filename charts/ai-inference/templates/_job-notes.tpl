{{- /* What NOTES says of jobs: a table, and how to follow the first. */ -}}

{{- define "ai-inference.job-notes" -}}
{{- with include "ai-inference.jobs" . | fromJsonArray }}

{{ printf "%-24s %-11s %-16s %-22s %s" "JOB" "TASK" "ACCELERATOR" "QUEUE" "RAYJOB" }}
{{- range . }}
{{ printf "%-24s %-11s %-16s %-22s %s" .key .task .accelerator (not (empty .queue) | ternary (print .scheduler "/" .queue) "-") (include "ai-inference.job-name" (list $ .)) }}
{{- end }}

Follow {{ (first .).key }} when it runs:

  kubectl -n {{ $.Release.Namespace }} get rayjobs
  kubectl -n {{ $.Release.Namespace }} exec "$(kubectl -n {{ $.Release.Namespace }} get pods -o name \
    -l ai-inference/job={{ (first .).key }},ray.io/node-type=head)" -- \
    tail -F /tmp/ray/session_latest/logs/job-driver-{{ include "ai-inference.job-name" (list $ (first .)) }}.log
{{- end }}
{{- end -}}
