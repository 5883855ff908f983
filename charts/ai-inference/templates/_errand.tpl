{{- /* A pod that runs one command and ends, such as at a moment of Helm's: its parts, and those of what it needs beside it. */ -}}

{{- /* The metadata of a hook: (list root name moments) goes in. It goes when all is well, as uninstalling leaves hooks; when
       not, a pod stays with its log until the next time. */ -}}
{{- define "ai-inference.hook" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels: {{- include "ai-inference.labels" $root | nindent 2 }}
annotations:
  helm.sh/hook: {{ index . 2 }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{- /* The pod's spec: root, name and command go in, and where wanted

       account  the name of a ServiceAccount whose rights the command needs; else no token is mounted
       asks     whether it sends requests, and so needs the service's own key
       entry    the accelerator whose models it sees, where and in the image of which it runs; else the head's
       env      variables by name

       It is no pod of Ray: it has none of the labels by which Services and policies select those. */ -}}
{{- define "ai-inference.errand" -}}
{{- $root := .root -}}
{{- $entry := .entry | default $root.Values.head -}}
{{- $what := include "ai-inference.seen" (list $root $entry (dict "token" (and .asks $root.Values.auth.enabled))) | fromJson -}}
{{- $volumes := list $root $entry.vendor $what -}}
restartPolicy: Never
serviceAccountName: {{ .account | default (include "ai-inference.service-account" $root) }}
automountServiceAccountToken: {{ not (empty .account) }}
securityContext: {{- include "ai-inference.pod-security" (list $root.Values.image.user nil) | nindent 2 }}
{{- with include "ai-inference.pull-secrets" $root }}
{{ . }}
{{- end }}
{{- range $key := list "nodeSelector" "tolerations" }}
{{- with get $entry $key }}
{{ toYaml (dict $key .) }}
{{- end }}
{{- end }}
containers:
  - name: {{ .name }}
    image: {{ include "ai-inference.image" (list $root $entry.vendor) }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: {{- .command | toYaml | nindent 6 }}
    resources:
      requests: {cpu: 100m, memory: 256Mi}
      limits: {memory: {{ .ram | default "1Gi" }}}
    securityContext: {{- include "ai-inference.container-security" $volumes | nindent 6 }}
    {{- with include "ai-inference.mounts" $volumes | trim }}
    volumeMounts: {{- . | nindent 6 }}
    {{- end }}
    {{- with .env }}
    env: {{- include "ai-inference.variables" . | nindent 6 }}
    {{- end }}
{{- with include "ai-inference.volumes" $volumes | trim }}
volumes: {{- . | nindent 2 }}
{{- end }}
{{- end -}}
