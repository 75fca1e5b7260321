{{- define "a" -}}A({{ . }}){{- end -}}
{{- define "nested" -}}{{ include "deep" . }}{{- end -}}
{{- define "deep" -}}{{ .x.y.z }}{{- end -}}
{{- define "reqd" -}}{{ required "msg needed" .q }}{{- end -}}
{{- define "failer" }}
  {{- fail (printf "bad %s" "thing") }}
{{- end }}
{{- define "rec" -}}{{ if gt (int .n) 0 }}{{ .n }}{{ include "rec" (dict "n" (sub .n 1)) }}{{ end }}{{- end -}}
{{- define "inf" -}}{{ include "inf" . }}{{- end -}}
{{- define "ret.true" -}}true{{- end -}}
{{- define "tplinner" -}}{{ tpl .t .ctx }}{{- end -}}
