package workload

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
)

// ErrUnknownKind is the error of reading an object that has no pod templates
// as far as anybody told.
var ErrUnknownKind = errors.New("not a kind with pod templates")

// Custom tells where a custom resource has its pod templates.
type Custom struct {
	// Group is the API group, without a version.
	Group string `json:"group"`
	// Kind is the kind, in the singular.
	Kind string `json:"kind"`
	// PodTemplates are paths such as "spec.template" or
	// "spec.pools[*].template". They lead to a pod template (which has a spec)
	// or to a pod spec itself (which has containers). Lists on the way are
	// walked whether or not the path marks them by [*].
	PodTemplates []string `json:"podTemplates"`
}

// Kinds are the kinds of objects that can be read: the built-in ones, and
// custom resources by configuration. The zero value has the built-in ones.
type Kinds struct {
	custom map[schema.GroupKind][]path
}

// NewKinds returns the built-in kinds and the given custom resources. Its error
// joins a *FieldError for each that is wrong, with its place in the list.
func NewKinds(custom []Custom) (*Kinds, error) {
	kinds := &Kinds{custom: make(map[schema.GroupKind][]path, len(custom))}
	var errs []error
	for i, c := range custom {
		if err := kinds.add(c); err != nil {
			errs = append(errs, &FieldError{Field: fmt.Sprintf("[%d]", i), Err: err})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return kinds, nil
}

// add takes one custom resource up.
func (k *Kinds) add(c Custom) error {
	gk := schema.GroupKind{Group: c.Group, Kind: c.Kind}
	if err := k.addable(gk); err != nil {
		return err
	}
	if len(c.PodTemplates) == 0 {
		return errors.New(`podTemplates: none given; name at least one path, such as "spec.template"`)
	}
	paths := make([]path, 0, len(c.PodTemplates))
	for i, written := range c.PodTemplates {
		p, err := parsePath(written)
		if err != nil {
			return fmt.Errorf("podTemplates[%d]: %w", i, err)
		}
		if slices.ContainsFunc(paths, func(other path) bool { return slices.Equal(other, p) }) {
			return fmt.Errorf("podTemplates[%d]: %q is listed twice; remove one", i, written)
		}
		paths = append(paths, p)
	}
	k.custom[gk] = paths
	return nil
}

// addable tells what speaks against taking a kind up.
func (k *Kinds) addable(gk schema.GroupKind) error {
	if gk.Group == "" {
		return errors.New(`group: empty; name the custom resource's API group, such as "argoproj.io"`)
	}
	if wrong := validation.IsDNS1123Subdomain(gk.Group); len(wrong) > 0 {
		return fmt.Errorf("group: %q is no API group: %s; give it without a version", gk.Group, wrong[0])
	}
	// A CustomResourceDefinition's kind has to be a DNS label but for its case
	// (apiextensions pkg/apis/apiextensions/validation, ValidateCustomResourceDefinitionNames).
	if wrong := validation.IsDNS1035Label(strings.ToLower(gk.Kind)); len(wrong) > 0 {
		return fmt.Errorf("kind: %q is no kind: %s", gk.Kind, wrong[0])
	}
	if shapeOf(gk) != unknownShape {
		return fmt.Errorf("kind: %s is built in already; remove it from the list", gk)
	}
	if _, twice := k.custom[gk]; twice {
		return fmt.Errorf("kind: %s is listed twice; put all its podTemplates into one entry", gk)
	}
	return nil
}

// Served returns the kinds that an API server of today may have: the built-in
// ones, Pods last, and the custom resources in the order of their names.
func (k *Kinds) Served() []schema.GroupKind {
	kinds := []schema.GroupKind{
		{Group: "apps", Kind: "Deployment"}, {Group: "apps", Kind: "StatefulSet"}, {Group: "apps", Kind: "DaemonSet"},
		{Group: "batch", Kind: "CronJob"}, {Group: "batch", Kind: "Job"}, {Group: "apps", Kind: "ReplicaSet"},
		{Kind: "ReplicationController"}, {Kind: "PodTemplate"},
	}
	custom := slices.SortedFunc(maps.Keys(k.custom), func(a, b schema.GroupKind) int { return strings.Compare(a.String(), b.String()) })
	return append(append(kinds, custom...), schema.GroupKind{Kind: "Pod"})
}

// Known tells whether objects of this kind can be read.
func (k *Kinds) Known(gk schema.GroupKind) bool {
	_, custom := k.custom[gk]
	return custom || shapeOf(gk) != unknownShape
}

// Checked tells whether what the owner controls (a Pod, a ReplicaSet, a Job)
// comes from a template that was checked on the owner itself, or on the
// owner's own controller. The owner has to be the controlling one, as
// Workload.Controller is. A Pod that controls others has no template for them,
// and an owner of an unknown kind was never looked at.
func (k *Kinds) Checked(owner metav1.OwnerReference) bool {
	gk := groupKind(owner.APIVersion, owner.Kind)
	if _, custom := k.custom[gk]; custom {
		return true
	}
	shape := shapeOf(gk)
	return shape == templateShape || shape == jobTemplateShape
}

// shape is where the objects of a kind have their pod spec.
type shape uint8

const (
	unknownShape     shape = iota
	podShape               // spec
	templateShape          // spec.template.spec
	jobTemplateShape       // spec.jobTemplate.spec.template.spec
	bareShape              // template.spec
)

// shapeOf returns the shape of a built-in kind in whatever version: between
// those that ever had pod templates, their places are the same.
func shapeOf(gk schema.GroupKind) shape {
	switch gk.Group + "/" + gk.Kind {
	case "/Pod":
		return podShape
	case "/PodTemplate":
		return bareShape
	case "batch/CronJob":
		return jobTemplateShape
	case "/ReplicationController", "batch/Job",
		"apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "apps/ReplicaSet",
		"extensions/Deployment", "extensions/DaemonSet", "extensions/ReplicaSet":
		return templateShape
	default:
		return unknownShape
	}
}

// groupKind returns what an object's or owner's apiVersion and kind say; the
// zero value where they say nothing.
func groupKind(apiVersion, kind string) schema.GroupKind {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil || gv.Version == "" {
		return schema.GroupKind{}
	}
	return schema.GroupKind{Group: gv.Group, Kind: kind}
}

// isDaemonSet tells whether apiVersion and kind are a DaemonSet's.
func isDaemonSet(apiVersion, kind string) bool {
	return kind == "DaemonSet" && shapeOf(groupKind(apiVersion, kind)) == templateShape
}

// DaemonSet tells whether the Pods are a DaemonSet's, which are placed by rules
// of their own.
func (w Workload) DaemonSet() bool {
	if w.Controller != nil && isDaemonSet(w.Controller.APIVersion, w.Controller.Kind) {
		return true
	}
	return isDaemonSet(w.Object.APIVersion, w.Object.Kind)
}
