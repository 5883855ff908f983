{{- /* How many replicas a model has, of how many GPUs, how long they may take to end, and what each key may use of them:
       (list root accelerator model) goes in, the options of its Serve deployment come out as JSON.

       They are not among the model's args, so that a change of them adds or ends replicas and leaves the others alone.
       Serve's least is 0 where the nodes are a number: serve/replicas.py keeps at least the first number, but gives the
       model up while no node has its accelerator, as an application that waits for one would withhold all others. Where
       KubeRay's autoscaler adds nodes, the replicas that wait are what it adds them for. */ -}}

{{- define "ai-inference.replicas" -}}
{{- $accelerator := index . 1 -}}
{{- $replicas := (index . 2).replicas -}}
{{- $bounds := dict "min" $replicas "max" $replicas "targetOngoingRequests" 1 "upscaleDelay" 0 "downscaleDelay" 0 -}}
{{- if kindIs "map" $replicas -}}
  {{- $bounds = include "ai-inference.entry" (list (index . 0) "replicas" "" $replicas) | fromJson -}}
{{- end -}}
{{- $scaling := dict
    "min_replicas" $bounds.min
    "initial_replicas" $bounds.min
    "max_replicas" $bounds.max
    "target_ongoing_requests" $bounds.targetOngoingRequests
    "upscale_delay_s" $bounds.upscaleDelay
    "downscale_delay_s" $bounds.downscaleDelay -}}
{{- if not (kindIs "map" $accelerator.nodes) -}}
  {{- $_ := set $scaling "min_replicas" 0 -}}
  {{- $_ := set $scaling "downscale_to_zero_delay_s" (eq (int $bounds.min) 0 | ternary $bounds.downscaleDelay 0) -}}
  {{- $known := dict "accelerator" $accelerator.key "patience" $accelerator.patience -}}
  {{- $_ := set $scaling "policy" (dict "policy_function" "serve.replicas:Replicas" "policy_kwargs" $known) -}}
{{- end -}}
{{- $bundles := include "ai-inference.bundles" (rest .) | fromJson -}}
{{- $options := dict "name" "Model" "autoscaling_config" $scaling
    "graceful_shutdown_timeout_s" (index . 2).drainTimeout -}}
{{- $access := dict -}}
{{- with (index . 2).limits -}}
  {{- $_ := set $access "limits" . -}}
{{- end -}}
{{- with (index . 0).Values.auth.origins -}}
  {{- $_ := set $access "origins" . -}}
{{- end -}}
{{- with $access -}}
  {{- $_ := set $options "user_config" . -}}
{{- end -}}
{{- merge $options $bundles | toJson -}}
{{- end -}}
