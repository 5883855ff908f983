{{- /* The keys of clients: a Secret that pods see as a folder, a file for each key. The kubelet writes it anew when it
       changes, so that keys come and go without a restart. Optional, as a service without keys admits nobody.

       The service's own key is made of the token of the dashboard, which no client has: a file where Ray is not told it. */ -}}

{{- define "ai-inference.keys-secret" -}}
{{ .Values.auth.existingSecret | default (print .Release.Name "-keys") }}
{{- end -}}

{{- define "ai-inference.keys-folder" -}}
/etc/ai-inference/keys
{{- end -}}

{{- /* As serve/front/keys.py reads it. */ -}}
{{- define "ai-inference.keys-variable" -}}
{{ .Values.auth.enabled | ternary (include "ai-inference.keys-folder" .) "open" }}
{{- end -}}

{{- define "ai-inference.keys-mount" -}}
- name: keys
  mountPath: {{ include "ai-inference.keys-folder" . }}
  readOnly: true
{{- end -}}

{{- define "ai-inference.keys-volume" -}}
- name: keys
  secret:
    secretName: {{ include "ai-inference.keys-secret" . }}
    optional: true
{{- end -}}

{{- define "ai-inference.token-folder" -}}
/etc/ai-inference/token
{{- end -}}

{{- /* As Ray names it, too. */ -}}
{{- define "ai-inference.token-file" -}}
{{ include "ai-inference.token-folder" . }}/auth_token
{{- end -}}

{{- define "ai-inference.token-mount" -}}
- name: token
  mountPath: {{ include "ai-inference.token-folder" . }}
  readOnly: true
{{- end -}}

{{- define "ai-inference.token-volume" -}}
- name: token
  secret:
    secretName: {{ include "ai-inference.dashboard-secret" . }}
    items: [{key: auth_token, path: auth_token}]
    optional: true
{{- end -}}

{{- /* What NOTES says of them. */ -}}
{{- define "ai-inference.keys-notes" -}}
{{- if .Values.auth.enabled -}}
Clients need a key. Each entry of the Secret {{ include "ai-inference.keys-secret" . }} is one, and nobody is admitted
before there is one; pods know a change of it within two minutes. A first one, unless you have one:

  kubectl -n {{ .Release.Namespace }} create secret generic {{ include "ai-inference.keys-secret" . }} --from-literal=me="$(openssl rand -hex 24)"
  KEY=$(kubectl -n {{ .Release.Namespace }} get secret {{ include "ai-inference.keys-secret" . }} -o jsonpath='{.data.me}' | base64 -d)
{{- else -}}
WARNING: whoever reaches the service may ask it, as auth.enabled is false.
{{- end -}}
{{- end -}}
