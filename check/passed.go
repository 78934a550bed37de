package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pullgate/pullgate/workload"
)

// passedOver counts the objects of kinds that are not known and plainly hold
// containers. The zero value is ready.
type passedOver struct {
	kinds map[passedKind]*passedUse
}

// passedKind is a kind as the configuration names it.
type passedKind struct {
	group, kind string
	// incomplete: there is no apiVersion.
	incomplete bool
}

// passedUse is what was found in the objects of a kind.
type passedUse struct {
	objects int
	paths   map[string]bool // to pod templates
}

// add looks for containers in an object.
func (p *passedOver) add(head header, raw []byte) {
	var object map[string]any
	if json.Unmarshal(raw, &object) != nil {
		return
	}
	paths := map[string]bool{}
	podSpecs(object, "", paths)
	if len(paths) == 0 {
		return
	}
	key := passedKind{head.group(), head.Kind, head.APIVersion == ""}
	if p.kinds == nil {
		p.kinds = map[passedKind]*passedUse{}
	}
	if p.kinds[key] == nil {
		p.kinds[key] = &passedUse{paths: map[string]bool{}}
	}
	p.kinds[key].objects++
	maps.Copy(p.kinds[key].paths, paths)
}

// podSpecs finds what has containers with images, and takes down the paths as
// the configuration has them: to a pod template where there is one.
func podSpecs(value any, at string, paths map[string]bool) {
	switch value := value.(type) {
	case map[string]any:
		if hasContainers(value) {
			paths[templatePath(at)] = true
			return
		}
		for key, inner := range value {
			podSpecs(inner, strings.TrimPrefix(at+"."+key, "."), paths)
		}
	case []any:
		for _, inner := range value {
			podSpecs(inner, at+"[*]", paths)
		}
	}
}

// templatePath leaves the spec of a pod template out: spec.template.spec is
// spec.template.
func templatePath(spec string) string {
	template, isSpec := strings.CutSuffix(spec, ".spec")
	if !isSpec {
		return spec
	}
	return template
}

// policySigns are in what policies have in the place of images.
const policySigns = "*?!|"

// hasContainers tells whether an object has containers with names of images,
// as a pod spec does.
func hasContainers(object map[string]any) bool {
	containers, _ := object["containers"].([]any)
	return slices.ContainsFunc(containers, func(value any) bool {
		container, _ := value.(map[string]any)
		image, _ := container["image"].(string)
		return image != "" && (!strings.ContainsAny(image, policySigns) || workload.Unfilled(image))
	})
}

// warnings are one line, or none: what was passed over, and the configuration
// that would include it.
func (p *passedOver) warnings() []string {
	var counts, entries []string
	ordered := slices.SortedFunc(maps.Keys(p.kinds), func(a, b passedKind) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.group, b.group))
	})
	for _, key := range ordered {
		use := p.kinds[key]
		name := key.kind
		if key.incomplete {
			name += " without apiVersion"
		}
		if key.group != "" {
			name += " (" + key.group + ")"
			entries = append(entries, fmt.Sprintf("{group: %s, kind: %s, podTemplates: [%s]}", key.group, key.kind, quoted(use.paths)))
		}
		counts = append(counts, fmt.Sprintf("%d %s", use.objects, name))
	}
	if len(counts) == 0 {
		return nil
	}
	text := "containers were passed over in objects of kinds that are not known: " + strings.Join(counts, ", ")
	if len(entries) > 0 {
		text += "; to check them put into the configuration (--config): workloads: [" + strings.Join(entries, ", ") + "]"
	}
	return []string{text}
}

func quoted(paths map[string]bool) string {
	var all []string
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		all = append(all, fmt.Sprintf("%q", path))
	}
	return strings.Join(all, ", ")
}
