package workload

import (
	"encoding/json"
	"fmt"
)

// maxTemplates bounds the pod templates of a custom resource, of which each
// costs a kilobyte however short it is written.
const maxTemplates = 4096

// readCustom reads a custom resource that has pod templates at the given
// paths.
func readCustom(raw []byte, paths []path) (Workload, error) {
	head, err := decode[header](raw, "")
	if err != nil {
		return Workload{}, err
	}
	w := head.workload()
	seen := make(map[string]bool)
	for _, p := range paths {
		err := p.walk(raw, "", func(raw json.RawMessage, at string) error {
			if len(w.Templates) == maxTemplates {
				return &FieldError{Field: at, Err: fmt.Errorf("more than %d pod templates in one object", maxTemplates)}
			}
			t, err := readTemplate(raw, at)
			if err == nil && !seen[t.Field] {
				seen[t.Field] = true
				w.Templates = append(w.Templates, t)
			}
			return err
		})
		if err != nil {
			return Workload{}, err
		}
	}
	w.noteFilled()
	return w, nil
}

// readTemplate reads what stands at the end of a path: a pod template, which
// has a spec and no containers, or else a pod spec itself.
func readTemplate(raw json.RawMessage, at string) (Template, error) {
	either, err := decode[struct {
		Containers json.RawMessage `json:"containers"`
		Spec       json.RawMessage `json:"spec"`
	}](raw, at)
	if err != nil {
		return Template{}, err
	}
	if isNull(either.Containers) && !isNull(either.Spec) {
		raw, at = either.Spec, child(at, "spec")
	}
	spec, err := decode[podSpec](raw, at)
	if err != nil {
		return Template{}, err
	}
	t := spec.template(at)
	t.Custom = true
	return t, nil
}
