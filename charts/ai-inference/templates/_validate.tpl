{{- /* The values go in; nothing comes out, or helm stops with every problem of the first stage that has one.

       A stage may rely on those before it: models on sound accelerators, packing on sound models. The schema has been
       checked before any template, so here are only rules across keys. Each line names the entry and the way out. */ -}}

{{- define "ai-inference.validate" -}}
{{- $problems := list -}}
{{- range $stage := list "release" "exposure" "accelerators" "models" "packing" "jobs" -}}
  {{- if not $problems -}}
    {{- $problems = include (printf "ai-inference.validate-%s" $stage) $ | trim | splitList "\n" | compact -}}
  {{- end -}}
{{- end -}}
{{- if $problems -}}
  {{- fail (printf "\n%s" (join "\n" $problems)) -}}
{{- end -}}
{{- end -}}

{{- define "ai-inference.validate-release" -}}
{{- $release := .Release.Name -}}
{{- if or (gt (len $release) 47) (not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $release)) -}}
{{ printf "release %q: KubeRay wants at most 47 characters of a-z, 0-9 and -, a letter first\n" $release }}
{{- end -}}
{{- $strategy := .Values.upgrade.strategy -}}
{{- if eq $strategy "incremental" -}}
{{ printf "upgrade.strategy: incremental would name the Service after each new cluster, so that %s-serve-svc and the aliases lead nowhere; write recreate or newCluster\n" $release }}
{{- else if not (has $strategy (list "recreate" "newCluster")) -}}
{{ printf "upgrade.strategy: there is no %q; write recreate or newCluster\n" $strategy }}
{{- end -}}
{{- $namespace := include "ai-inference.alias-namespace" . -}}
{{- if and (eq .Values.aliases.type "Service") (ne $namespace .Release.Namespace) -}}
{{ printf "aliases.namespace: a Service in %s cannot select the pods in %s; leave it empty, or write type: ExternalName\n" $namespace .Release.Namespace }}
{{- end -}}
{{- range $name, $_ := .Values.models -}}
  {{- $alias := include "ai-inference.alias" (list $ $name) -}}
  {{- if gt (len $alias) 63 -}}
{{ printf "models.%s: its alias %s has %d characters, a Service may have 63; shorten the name or aliases.prefix\n" $name $alias (len $alias) }}
  {{- end -}}
{{- end -}}
{{- end -}}
