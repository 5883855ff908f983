{{- /* A Kubernetes quantity such as 3500Mi goes in, its bytes come out; the same as serve.values.in_bytes. */ -}}

{{- define "ai-inference.bytes" -}}
{{- $factors := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000
    "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $number := regexFind "^[0-9.]+" . -}}
{{- mulf $number (get $factors (trimPrefix $number .)) | int64 -}}
{{- end -}}
