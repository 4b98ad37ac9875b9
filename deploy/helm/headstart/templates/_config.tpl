{{- /* The configuration file: what the chart knows, then what only its user does. */}}
{{- define "headstart.config" -}}
[log]
format = "json"
level = {{ .Values.log.level | toJson }}

[registry]
{{- if include "headstart.sqlite" . }}
url = "sqlite:/var/lib/headstart/headstart.db"
{{- else }}
url_file = "/etc/headstart/secrets/registry-url"
migrate = {{ not .Values.migrate.enabled }}
{{- end }}
snapshot = "/var/lib/headstart/headstart-directory.json"
spool = "/var/lib/headstart/headstart-spool"

{{- if .Values.redis.existingSecret }}

[redis]
url_file = "/etc/headstart/secrets/redis-url"
{{- if .Values.redis.provenanceKey }}
provenance_url_file = "/etc/headstart/secrets/redis-provenance-url"
{{- end }}
{{- if .Values.redis.sharedKey }}
shared_key_file = "/etc/headstart/secrets/redis-shared-key"
{{- end }}
mode = {{ .Values.redis.mode | toJson }}
{{- end }}

[builder_api]
listen = "0.0.0.0:18550"
access = {{ .Values.access | toJson }}

[cluster_api]
listen = "0.0.0.0:18560"
{{- if .Values.signingKey.existingSecret }}
signing_key_file = "/etc/headstart/secrets/signing-key"
{{- else }}
signing_key_file = "/var/lib/headstart/headstart-signing-key.pem"
{{- end }}
{{- if .Values.clusterApiTls.existingSecret }}
tls_cert_file = "/etc/headstart/secrets/tls.crt"
tls_key_file = "/etc/headstart/secrets/tls.key"
{{- end }}

[admin]
listen = "0.0.0.0:18570"

{{ .Values.config }}
{{- end }}
