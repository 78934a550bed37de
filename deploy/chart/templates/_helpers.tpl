{{/* The name of everything, cluster-wide objects too: the release, which says
pullgate somewhere, so that two releases do not meet. */}}
{{- define "pullgate.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains "pullgate" .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-pullgate" (.Release.Name | trunc 43 | trimSuffix "-") -}}
{{- end -}}
{{- end }}

{{- define "pullgate.selectorLabels" -}}
app.kubernetes.io/name: pullgate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "pullgate.labels" -}}
{{ include "pullgate.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "pullgate.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The Secret in which Pullgate keeps the certificates that it manages. */}}
{{- define "pullgate.certSecret" -}}
{{ include "pullgate.name" . }}-certs
{{- end }}

{{/* The configured mode; Helm reads an unquoted off as false. */}}
{{- define "pullgate.mode" -}}
{{ kindIs "bool" .Values.config.mode | ternary "off" .Values.config.mode }}
{{- end }}
