{{- /* The parts of a Job that fetches models: (list root accelerator) goes in everywhere. */ -}}

{{- /* The sources of the accelerator's models by model, as JSON, but those that lie on its nodes anyway. */ -}}
{{- define "ai-inference.sources" -}}
{{- $key := (index . 1).key -}}
{{- $sources := dict -}}
{{- range include "ai-inference.models" (index . 0) | fromJsonArray -}}
  {{- if and (eq .accelerator $key) (not .source.path) -}}
    {{- $_ := set $sources .key .source -}}
  {{- end -}}
{{- end -}}
{{- toJson $sources -}}
{{- end -}}

{{- /* One pod where all nodes see the same cache; where each has its own, one on each of those that are always there. */ -}}
{{- define "ai-inference.prefetch-spec" -}}
{{- $root := index . 0 -}}
{{- $accelerator := index . 1 -}}
{{- $pods := empty $accelerator.cache.hostPath | ternary 1 (include "ai-inference.least" $accelerator.nodes | int) -}}
{{- $labels := set (include "ai-inference.errand-pods" $root | fromYaml).matchLabels "ai-inference/prefetch" $accelerator.key -}}
{{- $command := list "ai-inference" "models" "fetch" "--best-effort" (print "--sources=" (include "ai-inference.sources" .)) -}}
completions: {{ $pods }}
parallelism: {{ $pods }}
backoffLimit: {{ mul 3 $pods }}  # A model that cannot be fetched is no failure; a pod that ended otherwise is.
template:
  metadata:
    labels: {{- toYaml $labels | nindent 6 }}
  spec:
    {{- $env := include "ai-inference.fetching" . | fromJson }}
    {{- include "ai-inference.errand" (dict "root" $root "name" "prefetch" "command" $command "entry" $accelerator "env" $env
        "ram" "4Gi") | nindent 4 }}
    {{- if gt (int $pods) 1 }}
    affinity:
      podAntiAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          - topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels: {{- toYaml $labels | nindent 16 }}
    {{- end }}
{{- end -}}
