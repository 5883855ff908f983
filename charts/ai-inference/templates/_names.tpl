{{- /* Names, labels and image references. The root context goes in, or a list that begins with it. */ -}}

{{- define "ai-inference.labels" -}}
app.kubernetes.io/name: ai-inference
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* The one label of ours on every pod, for policies, monitors and aliases. It outlives a swap of clusters, which
       the operator's own labels do not. Not app.kubernetes.io/name: the head Service selects by the operator's value
       of it. No version: a label that changes with the chart would build a second cluster. */ -}}
{{- define "ai-inference.pod-labels" -}}
ai-inference/release: {{ .Release.Name }}
{{- end -}}

{{- /* The image of a vendor: (list root vendor). */ -}}
{{- define "ai-inference.image" -}}
{{- $root := index . 0 -}}
{{- $vendor := index . 1 -}}
{{- $image := $root.Values.image -}}
{{- with get $image.digests $vendor -}}
{{ $image.repository }}@{{ . }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default $root.Chart.AppVersion }}-{{ $vendor }}
{{- end -}}
{{- end -}}

{{- define "ai-inference.service-account" -}}
{{ .Values.serviceAccount.name | default .Release.Name }}
{{- end -}}

{{- /* The Service that the operator makes: stable across swaps, port 8000. */ -}}
{{- define "ai-inference.serve-service" -}}
{{ .Release.Name }}-serve-svc
{{- end -}}

{{- /* The Secret with the token of Ray's dashboard: the user's, else the one that templates/token.yaml makes. */ -}}
{{- define "ai-inference.dashboard-secret" -}}
{{ .Values.dashboard.existingSecret | default (print .Release.Name "-dashboard") }}
{{- end -}}

{{- /* The claim that the chart makes for an accelerator's cache: (list root accelerator-name). */ -}}
{{- define "ai-inference.claim" -}}
{{ (index . 0).Release.Name }}-{{ index . 1 }}-models
{{- end -}}

{{- /* The alias of a model: (list root model-name). */ -}}
{{- define "ai-inference.alias" -}}
{{ (index . 0).Values.aliases.prefix }}{{ index . 1 }}-predictor
{{- end -}}

{{- define "ai-inference.alias-namespace" -}}
{{ .Values.aliases.namespace | default .Release.Namespace }}
{{- end -}}
