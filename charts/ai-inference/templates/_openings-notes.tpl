{{- /* What NOTES says of values that leave the service open: the root context goes in, a line for each comes out. */ -}}

{{- define "ai-inference.openings" -}}
{{- if eq .Values.dashboard.auth "disabled" }}
WARNING: Ray's dashboard asks for no token, and whoever reaches it runs code: set dashboard.auth to token.
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.tlsSecret) }}
WARNING: the ingress has no certificate, so keys travel in clear: set ingress.tlsSecret.
{{- end }}
{{- if not .Values.network.policies }}
WARNING: every pod of the cluster reaches every port of Ray's: set network.policies to true.
{{- end }}
{{- end -}}
