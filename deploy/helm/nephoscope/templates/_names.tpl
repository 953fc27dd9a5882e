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
