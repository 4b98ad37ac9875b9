{{- define "headstart.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 48 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 48 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "headstart.selectorLabels" -}}
app.kubernetes.io/name: headstart
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "headstart.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "headstart.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* Whether the database is a file on a volume: one pod, never two of them at the same time. */}}
{{- define "headstart.sqlite" -}}
{{- if and (eq .Values.shape "all-in-one") (not .Values.database.existingSecret) }}true{{ end }}
{{- end }}

{{- define "headstart.migrates" -}}
{{- if and .Values.database.existingSecret .Values.migrate.enabled }}true{{ end }}
{{- end }}

{{- /* What is deployed, by component: the roles that its pods have, and how many pods there are. */}}
{{- define "headstart.deployments" -}}
{{- if eq .Values.shape "all-in-one" }}
{{- dict "all-in-one" (dict "roles" (list "builder-api" "fetcher" "cluster-api") "values" .Values.allInOne) | toYaml }}
{{- else }}
{{- dict "builder-api" (dict "roles" (list "builder-api") "values" .Values.builderApi)
         "fetcher" (dict "roles" (list "fetcher") "values" .Values.fetcher)
         "cluster-api" (dict "roles" (list "cluster-api") "values" .Values.clusterApi) | toYaml }}
{{- end }}
{{- end }}

{{- /* The component whose pods have this role: (list $ "builder-api"). */}}
{{- define "headstart.componentOf" -}}
{{- if eq (index . 0).Values.shape "all-in-one" }}all-in-one{{ else }}{{ index . 1 }}{{ end }}
{{- end }}

{{- /* Values that are each fine and cannot be together. */}}
{{- define "headstart.check" -}}
{{- $several := or (eq .Values.shape "scale-out") (gt (int .Values.allInOne.replicas) 1) }}
{{- if and $several (not .Values.database.existingSecret) }}{{ fail "several pods share PostgreSQL: name database.existingSecret" }}{{ end }}
{{- if and $several (not .Values.redis.existingSecret) }}{{ fail "several pods share Redis: name redis.existingSecret" }}{{ end }}
{{- if and $several (not .Values.signingKey.existingSecret) }}{{ fail "several pods share one signing key: name signingKey.existingSecret" }}{{ end }}
{{- if lt (int .Values.terminationGracePeriodSeconds) (add 50 (int .Values.preStopSeconds)) }}{{ fail "terminationGracePeriodSeconds covers preStopSeconds and a drain of up to 50 s: make it longer" }}{{ end }}
{{- end }}

{{- define "headstart.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "headstart.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities:
  drop: ["ALL"]
{{- end }}

{{- /* One folder with a file for each secret that is named. */}}
{{- define "headstart.secretsVolume" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- with .Values.database.existingSecret }}
      - secret:
          name: {{ . }}
          items: [{ key: {{ $.Values.database.key }}, path: registry-url }]
      {{- end }}
      {{- with .Values.redis.existingSecret }}
      - secret:
          name: {{ . }}
          items:
            - { key: {{ $.Values.redis.key }}, path: redis-url }
            {{- with $.Values.redis.provenanceKey }}
            - { key: {{ . }}, path: redis-provenance-url }
            {{- end }}
            {{- with $.Values.redis.sharedKey }}
            - { key: {{ . }}, path: redis-shared-key }
            {{- end }}
      {{- end }}
      {{- with .Values.signingKey.existingSecret }}
      - secret:
          name: {{ . }}
          items: [{ key: {{ $.Values.signingKey.key }}, path: signing-key }]
      {{- end }}
      {{- with .Values.clusterApiTls.existingSecret }}
      - secret:
          name: {{ . }}
          items: [{ key: tls.crt, path: tls.crt }, { key: tls.key, path: tls.key }]
      {{- end }}
{{- end }}
