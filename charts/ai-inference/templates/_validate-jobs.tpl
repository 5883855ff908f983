{{- /* Rules between `jobs` and their accelerators: one line for each problem. */ -}}

{{- define "ai-inference.validate-jobs" -}}
{{- range $job := include "ai-inference.jobs" . | fromJsonArray -}}
  {{- $path := printf "jobs.%s" .key -}}
  {{- $name := include "ai-inference.job-name" (list $ .) -}}
  {{- if gt (len $name) 47 -}}
{{ printf "%s: its RayJob %s has %d characters, KubeRay takes 47; shorten the name of the job or of the release\n" $path $name (len $name) }}
  {{- end -}}
  {{- include "ai-inference.validate-source" (list $path .) -}}
  {{- if and .suspend .queue (eq .scheduler "kueue") -}}
{{ printf "%s.suspend: Kueue suspends what is in queue %s and lets it go; remove suspend, and set stopPolicy of the queue\n" $path .queue }}
  {{- end -}}
  {{- with include "ai-inference.job-accelerator" (list $ .) -}}
    {{- include "ai-inference.validate-job-pods" (list $path $job (fromJson .)) -}}
  {{- else -}}
{{ printf "%s.accelerator: there is no %q; accelerators: %s\n" $path .accelerator (keys $.Values.accelerators | sortAlpha | join ", " | default "none") }}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- /* (list path job accelerator): its pods are beside those of the service, and see of each other only what is shared. */ -}}
{{- define "ai-inference.validate-job-pods" -}}
{{- $path := index . 0 -}}
{{- $job := index . 1 -}}
{{- $accelerator := index . 2 -}}
{{- $cache := $accelerator.cache | default dict -}}
{{- if dig "claim" "shared" "" $accelerator -}}
{{ printf "%s.accelerator: %s is one device that models share; declare an accelerator for jobs, with a claim of its own\n" $path $accelerator.key }}
{{- end -}}
{{- if and $cache.claim (not (has "ReadWriteMany" $cache.claim.accessModes)) -}}
{{ printf "%s.accelerator: pods of the job and of the service share the cache of %s, so its claim's accessModes must have ReadWriteMany\n" $path $accelerator.key }}
{{- end -}}
{{- range $key := list "input" "output" -}}
  {{- $place := get $job $key -}}
  {{- if not (contains "://" $place) -}}
    {{- if not (hasPrefix "/models/" $place) -}}
{{ printf "%s.%s: %s is not in the pods; write a path below /models, where they have their cache, or a URL such as s3://\n" $path $key $place }}
    {{- else if not $cache -}}
{{ printf "%s.%s: %s goes with the pod, as accelerator %s has no cache; give it one, or write a URL such as s3://\n" $path $key $place $accelerator.key }}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end -}}
