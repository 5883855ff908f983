{{- /* The claims of this release that Ray clusters name, the service's or a job's: the root context goes in, their kinds and
       specs come out as JSON, by name. Helm looks for them while it installs and upgrades; where it only renders, there
       are none. */ -}}

{{- define "ai-inference.claims-in-use" -}}
{{- $found := dict -}}
{{- range (lookup "ray.io/v1" "RayCluster" .Release.Namespace "").items -}}
  {{- range .spec.workerGroupSpecs -}}
    {{- range .template.spec.resourceClaims -}}
      {{- $kind := hasKey . "resourceClaimName" | ternary "ResourceClaim" "ResourceClaimTemplate" -}}
      {{- $name := coalesce .resourceClaimName .resourceClaimTemplateName -}}
      {{- $claim := lookup "resource.k8s.io/v1" $kind $.Release.Namespace $name -}}
      {{- if eq $.Release.Name (dig "metadata" "labels" "app.kubernetes.io/instance" "" $claim) -}}
        {{- $_ := set $found $name (pick $claim "kind" "spec") -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}
