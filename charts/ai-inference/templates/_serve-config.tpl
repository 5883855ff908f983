{{- /* The models go in, serveConfigV2 comes out: the gateway at /, then one application per model at /<model>.

       Only this string derives from models, so that a change of them is a live update and no pod is touched. The
       gateway gets its table by user_config, which reaches the running replica; its args never change. Connections are
       kept longer than proxies in front keep idle ones, which would else reuse one that Serve has just closed. */ -}}

{{- define "ai-inference.serve-config" -}}
{{- $accelerators := dict -}}
{{- range include "ai-inference.accelerators" . | fromJsonArray -}}
  {{- $_ := set $accelerators .key . -}}
{{- end -}}
{{- $table := dict -}}
{{- $applications := list -}}
{{- range $model := include "ai-inference.models" . | fromJsonArray -}}
  {{- $_ := set $table .key (pick . "task" "names" "engine" "accelerator" "queueTimeout") -}}
  {{- $accelerator := get $accelerators .accelerator -}}
  {{- if not (include "ai-inference.least" .replicas | int) -}}
    {{- $_ = set (get $table .key) "rests" (kindIs "map" $accelerator.nodes | ternary "nodes" "replicas") -}}
  {{- end -}}
  {{- $placement := include "ai-inference.placement" (list $accelerator .) | fromJson -}}
  {{- $replicas := include "ai-inference.replicas" (list $ $accelerator .) | fromJson -}}
  {{- $applications = append $applications
      (include "ai-inference.application" (list .key (get $.Values.models .key) $placement $replicas) | fromJson) -}}
{{- end -}}
proxy_location: EveryNode
http_options:
  host: 0.0.0.0
  port: 8000
  keep_alive_timeout_s: 300
applications:
  - name: gateway
    route_prefix: /
    import_path: serve.gateway:build
    args: {}
    deployments:
      - name: Gateway
        user_config:
          models: {{- toYaml $table | nindent 12 }}
          {{- with .Values.aliases.prefix }}
          aliasPrefix: {{ . }}
          {{- end }}
          {{- with .Values.auth.origins }}
          origins: {{- toYaml . | nindent 12 }}
          {{- end }}
          ledger: {{- include "ai-inference.ledger" . | fromJsonArray | toYaml | nindent 12 }}
  {{- with $applications }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- /* One application: (list name entry placement replicas). Its args are a serve.values.ModelArgs, with only those keys
       that the entry sets: defaults stay with the types. */ -}}
{{- define "ai-inference.application" -}}
{{- $name := index . 0 -}}
{{- $entry := index . 1 -}}
{{- $args := pick $entry "names" "engine" "engineConfig" "source" "maxOngoingRequests" "maxQueuedRequests" "queueTimeout"
    "requestTimeout" "stallTimeout" "maxBody" "maxAudio" "adapters" "routing" "loadPatience" "reference" "fallback" -}}
{{- $_ := set $args "model" $name -}}
{{- $_ := set $args "placement" (index . 2) -}}
{{- dict
    "name" $name
    "route_prefix" (printf "/%s" $name)
    "import_path" (printf "serve.tasks.%s:build" $entry.task)
    "args" $args
    "deployments" (list (index . 3))
    | toJson -}}
{{- end -}}
