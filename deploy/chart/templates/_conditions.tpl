{{/* The match conditions: CEL by which the API server finds out for itself
that a request needs no call. A condition that fails to evaluate counts as "no
call" under failurePolicy Ignore, so each of them must hold for every object:
lists that are null, empty or missing, objects of any size. A condition may
call in vain; it may never miss a call. */}}

{{/* The expression that tells whether any image, pull secret or service account
differs between two pod specs, or who mounts an image. Pod specs come from the API server's own types,
so only absence and null need care, never a wrong type. Whether the order
changed is not told from whether the content did: that costs a call in vain. */}}
{{- define "pullgate.pullDiffers" -}}
[[{{ .new }}, {{ .old }}].map(p,
  ['containers', 'initContainers', 'ephemeralContainers'].map(f,
    optional.ofNonZeroValue(p[?f].orValue([])).orValue([]).map(c, c.?image.orValue('')))
  + [optional.ofNonZeroValue(p.?volumes.orValue([])).orValue([])
       .map(v, has(v.image), v.image.?reference.orValue(''))]
  + (!optional.ofNonZeroValue(p.?volumes.orValue([])).orValue([]).exists(v, has(v.image)) ? [] :
      ['containers', 'initContainers', 'ephemeralContainers'].map(f,
        optional.ofNonZeroValue(p[?f].orValue([])).orValue([])
          .map(c, optional.ofNonZeroValue(c.?volumeMounts.orValue([])).orValue([]).map(m, m.?name.orValue('')))))
  + [optional.ofNonZeroValue(p.?imagePullSecrets.orValue([])).orValue([])
       .map(s, s.?name.orValue(''))]
  + [[p.?serviceAccountName.orValue('')]]
)].exists(pair, pair[0] != pair[1])
{{- end }}

{{/* What a request must be about to be worth a call. */}}
{{- define "pullgate.changedCondition" -}}
- name: images-pull-secrets-or-account-changed
  expression: |-
    request.operation == 'CREATE' ||
    {{- include "pullgate.pullDiffers" . | nindent 4 }}
{{- end }}

{{/* The same for a custom resource, whose fields can be of any type: the pod
templates are compared whole. Where the path meets something that is not a map,
a list on the way say, that is compared whole. */}}
{{- define "pullgate.customChangedCondition" -}}
- name: pod-template-changed
  expression: |-
    request.operation == 'CREATE' ||
    [[object, oldObject].map(o, [
    {{- range $i, $path := . }}
    {{- if $i }},{{ end }}
      optional.of(o)
      {{- range splitList "." $path }}
        .optFlatMap(v, type(v) == map ? dyn(v)[?'{{ trimSuffix "[*]" . }}'] : optional.of(dyn(v)))
      {{- end }}
        .orValue(null)
    {{- end }}
    ])].exists(pair, pair[0] != pair[1])
{{- end }}

{{/* Objects on their way out: nothing of theirs will be pulled again. */}}
{{- define "pullgate.notDeletedCondition" -}}
- name: not-being-deleted
  expression: "!has(object.metadata.deletionTimestamp)"
{{- end }}

{{/* Whatever a controller makes from a template was checked when the template
was written, so that scaling, draining and rescheduling wait for nobody. Only
creation is left out: a controller never changes an image later, people do. */}}
{{- define "pullgate.notOwnedCondition" -}}
- name: not-made-from-a-checked-template
  expression: |-
    !(request.operation == 'CREATE' &&
      object.metadata.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false) &&
        (o.apiVersion + '/' + o.kind).matches('^({{ include "pullgate.checkedKinds" . }})$')))
{{- end }}

{{- define "pullgate.checkedKinds" -}}
apps/[^/]+/(Deployment|ReplicaSet|StatefulSet|DaemonSet)|batch/[^/]+/(Job|CronJob)|v1/ReplicationController
{{- range .Values.config.workloads -}}
|{{ with .group }}{{ replace "." "[.]" . }}/{{ end }}[^/]+/{{ .kind }}
{{- end -}}
{{- end }}
