package workload

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	kjson "sigs.k8s.io/json"
)

// FuzzRead checks of whatever can be read that every image stands where its
// field says, that nothing has changed between an object and itself, and that
// everything has since there was nothing.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}, "spec": ` + everyRole + `}`,
		`{"kind": "Deployment", "apiVersion": "apps/v1", "spec": {"template": {"spec": ` + everyRole + `}}}`,
		`{"kind": "CronJob", "apiVersion": "batch/v1", "spec": {"jobTemplate": {"spec": {"template": {"spec": ` + everyRole + `}}}}}`,
		`{"kind": "PodTemplate", "apiVersion": "v1", "template": {"spec": ` + everyRole + `}}`,
		`{"kind": "Rollout", "apiVersion": "argoproj.io/v1", "spec": {"template": {"spec": ` + everyRole + `}, "pools": [` + everyRole + `, null]}}`,
		`{"kind": "Pod", "apiVersion": "v1", "spec": {"containers": [null, {"image": 7}]}}`,
		`{"kind": "Pod", "apiVersion": "v1", "spec": {"containers": [{"image": "a", "resources": {"limits": {"a/b": {}}}}]}, "spec": {"containers": [{}]}}`,
		`[]`, `{`, `null`, `{"kind": {}}`,
	} {
		f.Add([]byte(seed), uint8(Create))
	}
	f.Add([]byte(`{"kind": "Pod", "apiVersion": "v1", "spec": `+everyRole+`}`), uint8(EphemeralContainers))
	kinds := rollouts(f, "spec.template", "spec.pools", "spec.pools.template.spec")
	f.Fuzz(func(t *testing.T, raw []byte, op uint8) {
		checkStrict(t, raw)
		w, err := kinds.Read(raw, Operation(op))
		if err != nil {
			if err.Error() == "" || w.Templates != nil {
				t.Errorf("error %q with %d templates", err, len(w.Templates))
			}
			return
		}
		if changed := Changed(w, w); len(changed.Templates) != 0 {
			t.Errorf("changed against itself: %+v", changed.Templates)
		}
		now := slices.DeleteFunc(fieldsOf(w), func(field string) bool { return field == "" })
		if all := fieldsOf(Changed(Workload{}, w)); !slices.Equal(all, now) {
			t.Errorf("of %q only %q have changed since there was nothing", now, all)
		}
		checkFields(t, raw, w)
	})
}

// checkStrict holds what is read strictly against the decoder that API servers
// use: it has to read the same.
func checkStrict(t *testing.T, raw []byte) {
	strict, ok := Strictly[builtIn](raw)
	if !ok {
		return
	}
	var decoded builtIn
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &decoded); err != nil {
		t.Errorf("the decoder cannot read what was read strictly: %v", err)
	}
	if a, b := fmt.Sprintf("%+v", strict.read(Create)), fmt.Sprintf("%+v", decoded.read(Create)); a != b {
		t.Errorf("strictly %s\ndecoded %s", a, b)
	}
}

// checkFields looks every image up by its field.
func checkFields(t *testing.T, raw []byte, w Workload) {
	var object any
	if twice, err := kjson.UnmarshalStrict(raw, &object, kjson.DisallowDuplicateFields); err != nil || len(twice) > 0 {
		return // a field that stands twice has no one value
	}
	for _, template := range w.Templates {
		for _, image := range template.Images {
			if !strings.HasPrefix(image.Field, template.Field+".") {
				t.Errorf("%s is not in template %s", image.Field, template.Field)
			}
			if got, err := lookUp(object, image.Field); err != nil || got != image.Reference {
				t.Errorf("%s is %q (%v), not %q", image.Field, got, err, image.Reference)
			}
		}
	}
}

// lookUp returns the string at a field path, empty where it is absent or null.
func lookUp(value any, field string) (string, error) {
	for _, segment := range strings.Split(field, ".") {
		name, rest, list := strings.Cut(segment, "[")
		object, ok := value.(map[string]any)
		if !ok && value != nil {
			return "", fmt.Errorf("no object before %s", segment)
		}
		value = object[name]
		if !list {
			continue
		}
		i, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
		elements, ok := value.([]any)
		if err != nil || !ok || i >= len(elements) {
			return "", fmt.Errorf("no element %s", segment)
		}
		value = elements[i]
	}
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	default:
		return "", fmt.Errorf("%v is no string", v)
	}
}
