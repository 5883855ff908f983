{{- /* (list base model with-key) goes in, a request that suits its task comes out, ready to paste. */ -}}

{{- define "ai-inference.curl" -}}
{{- $url := printf "%s/%s" (index . 0) (index . 1).key -}}
{{- $name := (index . 1).key -}}
{{- $key := index . 2 | ternary " -H \"authorization: Bearer $KEY\"" "" -}}
{{- $json := printf "  curl %s%%s%s \\\n    -H 'content-type: application/json' \\\n    -d '%%s'" $url $key -}}
{{- with (index . 1).task -}}
{{- if eq . "llm" -}}
{{ printf $json "/v1/chat/completions" (dict "model" $name "messages" (list (dict "role" "user" "content" "Hello!")) | toJson) }}
{{- else if eq . "embeddings" -}}
{{ printf $json "/v1/embeddings" (dict "model" $name "input" "Hello!" | toJson) }}
{{- else if eq . "rerank" -}}
{{ printf $json "/v1/rerank" (dict "model" $name "query" "a greeting" "documents" (list "Hello!" "A train.") | toJson) }}
{{- else if eq . "tts" -}}
{{ printf $json "/v1/audio/speech" (dict "model" $name "input" "Hello!" | toJson) }} \
    -o hello.wav
{{- else if eq . "stt" }}
  curl {{ $url }}/v1/audio/transcriptions{{ $key }} \
    -F model={{ $name }} -F file=@speech.wav
{{- end }}
{{- end }}
{{- end -}}
