{{- /* The environment of a pod: (list root entry). The entry's own wins; the hub's token goes to workers, which alone
       fetch models. */ -}}

{{- define "ai-inference.environment" -}}
{{- $root := index . 0 -}}
{{- $entry := index . 1 -}}
{{- /* HAProxy hears within a second that a replica stops; Serve's default would let each change of a model take 30.
       Ray's workers give way to everything else (nice 15), and here they are what a client waits for. A busy head takes
       longer than Serve's 5 seconds to start HAProxy, which then would be killed and the configuration refused. glibc gives
       back of its first arena alone what is free at the end: with one for each few threads that grew for as long as anybody
       asked for something larger. */ -}}
{{- $env := dict "AI_INFERENCE_VENDOR" $entry.vendor "RAY_USAGE_STATS_ENABLED" "0"
    "RAY_SERVE_ENABLE_HA_PROXY" "1" "RAY_SERVE_THROUGHPUT_OPTIMIZED" "1" "RAY_worker_niceness" "0"
    "MALLOC_ARENA_MAX" "1"
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S" "2" "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S" "60"
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH" "serve.patience:middlewares"
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S" (print $root.Values.upgrade.drainTimeout) -}}
{{- /* A request changes nothing, so that one whose replica died before it answered may go to another, a few times: it may
       be what replicas die of. Who refuses a connection is asked no more until it is checked again, else the tries would
       all go there. */ -}}
{{- $_ := set $env "RAY_SERVE_HAPROXY_RETRY_ON" "conn-failure empty-response" -}}
{{- $_ = set $env "RAY_SERVE_HAPROXY_RETRIES" "3" -}}
{{- $_ = set $env "RAY_SERVE_HAPROXY_OBSERVE_ERROR_LIMIT" "1" -}}
{{- /* The pod's own output, of which its first process has the other end. */ -}}
{{- $_ = set $env "AI_INFERENCE_LOG" "/proc/1/fd/1" -}}
{{- with $root.Values.monitoring.traces.endpoint -}}
  {{- $_ := set $env "OTEL_EXPORTER_OTLP_ENDPOINT" . -}}
{{- end -}}
{{- /* Of models with `routing` alone: routers see so much of a body, and another one answers for a router that ends. */ -}}
{{- $_ = set $env "RAY_SERVE_INGRESS_REQUEST_ROUTER_FORWARD_BODY" "1" -}}
{{- $_ = set $env "RAY_SERVE_HAPROXY_INGRESS_REQUEST_ROUTER_BUFSIZE" "65536" -}}
{{- $_ = set $env "RAY_SERVE_INGRESS_ROUTER_REPLICAS_PER_NODE" "2" -}}
{{- if not $entry.job -}}
  {{- $_ := set $env "AI_INFERENCE_KEYS" (include "ai-inference.keys-variable" $root) -}}
{{- end -}}
{{- /* Where Ray wants the token, KubeRay says it to these containers. */ -}}
{{- if and $root.Values.auth.enabled (not $entry.job) (ne $root.Values.dashboard.auth "token") -}}
  {{- $_ := set $env "RAY_AUTH_TOKEN_PATH" (include "ai-inference.token-file" $root) -}}
{{- end -}}
{{- $own := hasKey $entry "order" | ternary (include "ai-inference.fetching" . | fromJson) $entry.env -}}
{{- range $name, $value := $own -}}
  {{- $_ := set $env $name $value -}}
{{- end -}}
{{- include "ai-inference.variables" $env -}}
{{- end -}}

{{- /* (list root accelerator): what is said to who fetches its models, as JSON. */ -}}
{{- define "ai-inference.fetching" -}}
{{- $env := dict "AI_INFERENCE_CACHE" "/models" -}}
{{- if (index . 0).Values.huggingFace.existingSecret -}}
  {{- $_ := set $env "HF_TOKEN_PATH" (print (include "ai-inference.hub-folder" .) "/token") -}}
{{- end -}}
{{- range $name, $value := (index . 1).env -}}
  {{- $_ := set $env $name $value -}}
{{- end -}}
{{- toJson $env -}}
{{- end -}}

{{- /* Variables by name as a container has them. */ -}}
{{- define "ai-inference.variables" -}}
{{- $entries := list -}}
{{- range $name, $value := . -}}
  {{- $entries = append $entries (dict "name" $name "value" $value) -}}
{{- end -}}
{{- toYaml $entries -}}
{{- end -}}
