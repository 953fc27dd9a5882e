{{- define "nephoscope.name" -}}
{{- if contains "nephoscope" .Release.Name -}}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{- else -}}{{ printf "%s-nephoscope" .Release.Name | trunc 52 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "nephoscope.selector" -}}
app.kubernetes.io/name: nephoscope
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "nephoscope.labels" -}}
{{ include "nephoscope.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "nephoscope.image" -}}
{{- if .Values.image.digest -}}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{- else -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}
{{- end -}}

{{- define "nephoscope.probes" -}}
{{- .Values.config.probes | default (.Files.Get "files/probes.toml") -}}
{{- end -}}

{{- /* What the daemon does not read again by itself: all of the file if it does not watch it, else what holds until a restart. */ -}}
{{- define "nephoscope.fixed" -}}
{{- $probes := include "nephoscope.probes" . -}}
{{- if regexMatch "(?m)^\\s*watch\\s*=\\s*true" $probes -}}
{{- regexFindAll "(?m)^\\s*(vantage|provider|listen|state|shard|max_in_flight|heartbeat_url|tls)\\s*=.*$" $probes -1 | join "\n" }}
{{- /* Whole tables, with those below them: each begins where a line begins with a bracket. */ -}}
{{- range regexSplit "(?m)^\\s*\\[" $probes -1 }}
{{- if regexMatch "^\\[?\\s*((alertmanager|webhook|peer)\\s*[].]|listener\\s*\\.\\s*tls\\b)" . }}
[{{ . }}
{{- end }}
{{- end -}}
{{- else -}}
{{- $probes -}}
{{- end -}}
{{- end -}}

{{- define "nephoscope.scheme" -}}
{{- if .Values.listener.tls.existingSecret }}, scheme: HTTPS{{ end -}}
{{- end -}}

{{- /* probes.toml has to present what is mounted, and nothing else. */ -}}
{{- define "nephoscope.check" -}}
{{- $presents := contains "/run/tls/nephoscope/" (include "nephoscope.probes" .) -}}
{{- if and .Values.listener.tls.existingSecret (not $presents) -}}
{{- fail "listener.tls.existingSecret is set, and probes.toml does not use it: [listener] tls = { cert = \"/run/tls/nephoscope/tls.crt\", key = \"/run/tls/nephoscope/tls.key\" }" -}}
{{- end -}}
{{- if and $presents (not .Values.listener.tls.existingSecret) -}}
{{- fail "probes.toml presents a certificate of /run/tls/nephoscope, and listener.tls.existingSecret does not name the Secret that holds it" -}}
{{- end -}}
{{- end -}}
