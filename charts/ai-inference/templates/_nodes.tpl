{{- /* The nodes that each accelerator is expected to find, for NOTES: a table, and what a missing one means. */ -}}

{{- define "ai-inference.nodes" -}}
{{- $accelerators := include "ai-inference.accelerators" . | fromJsonArray -}}
{{- with $accelerators -}}
{{ printf "%-24s %-11s %s" "ACCELERATOR" "NODES" "EACH HAS" }}
{{- range . }}
{{- $least := include "ai-inference.least" .nodes }}
{{- $most := include "ai-inference.most" .nodes }}
{{ printf "%-24s %-11s %s" .key (eq $least $most | ternary $most (printf "%s to %s" $least $most)) (include "ai-inference.node" .) }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* What one node of an accelerator has free, and its labels. */ -}}
{{- define "ai-inference.node" -}}
{{- $parts := list (printf "%v CPUs" .cpus) (printf "%s RAM" .ram) -}}
{{- with .resource -}}
  {{- $parts = prepend $parts (printf "%v %s" $.count .) -}}
{{- end -}}
{{- with .claim -}}
  {{- $parts = prepend $parts (printf "%v of claim %s" $.count (.deviceClass | default .template)) -}}
{{- end -}}
{{- range $label, $value := .nodeSelector -}}
  {{- $parts = append $parts (printf "%s=%s" $label $value) -}}
{{- end -}}
{{- join ", " $parts -}}
{{- end -}}
