package workload

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// maxValues bounds the values in an object, so that a few megabytes of commas
// are not blown up into hundreds of megabytes of empty containers. What the
// API server stores is far below: its largest objects have 1.5 MiB, and a
// container of a Pod takes over a hundred bytes.
const maxValues = 1 << 18

// Read returns the workload that an object is, given as the JSON that the API
// server sends. The error is ErrUnknownKind for a kind without pod templates,
// and otherwise names the field that is wrong.
func (k *Kinds) Read(raw []byte, op Operation) (Workload, error) {
	if TooLarge(raw) {
		return Workload{}, fmt.Errorf("object has more than %d values, which no object of a cluster has", maxValues)
	}
	if o, ok := Strictly[builtIn](raw); ok && o.shape() != unknownShape {
		return o.read(op), nil
	}
	apiVersion, kind, err := peek(raw)
	if err != nil {
		return Workload{}, err
	}
	gk := groupKind(apiVersion, kind)
	if paths, ok := k.custom[gk]; ok {
		return readCustom(raw, paths)
	}
	if shapeOf(gk) == unknownShape {
		return Workload{}, fmt.Errorf("apiVersion %q, kind %q: %w", apiVersion, kind, ErrUnknownKind)
	}
	return readBuiltIn(raw, op)
}

// builtIn is an object of any built-in kind. No kind has a field of another
// kind's by another type, so that one type serves all.
type builtIn struct {
	header
	Spec struct {
		podSpec
		specTemplate
		JobTemplate struct {
			Spec specTemplate `json:"spec"`
		} `json:"jobTemplate"`
	} `json:"spec"`
	specTemplate
}

// specTemplate is what has a pod template.
type specTemplate struct {
	Template struct {
		Spec podSpec `json:"spec"`
	} `json:"template"`
}

// readBuiltIn reads an object whose first apiVersion and kind are those of a
// built-in kind.
func readBuiltIn(raw []byte, op Operation) (Workload, error) {
	o, err := decode[builtIn](raw, "")
	if err != nil {
		return Workload{}, err
	}
	if o.shape() == unknownShape {
		return Workload{}, errors.New("apiVersion or kind is given twice")
	}
	return o.read(op), nil
}

// shape is that of the object's kind.
func (o *builtIn) shape() shape { return shapeOf(groupKind(o.APIVersion, o.Kind)) }

// read returns the workload that the object is; its kind has to be known.
func (o *builtIn) read(op Operation) Workload {
	w := o.workload()
	switch o.shape() {
	case podShape:
		w.Templates = []Template{o.pod(op)}
	case jobTemplateShape:
		w.Templates = []Template{o.Spec.JobTemplate.Spec.Template.Spec.template("spec.jobTemplate.spec.template.spec")}
	case bareShape:
		w.Templates = []Template{o.Template.Spec.template("template.spec")}
	default:
		w.Templates = []Template{o.Spec.Template.Spec.template("spec.template.spec")}
	}
	w.noteFilled()
	return w
}

// pod returns a Pod as a template. The ServiceAccount's pull secrets are
// copied when a Pod is created, unless it is a kubelet's mirror of a static Pod
// (Kubernetes plugin/pkg/admission/serviceaccount/admission.go, Admit).
func (o *builtIn) pod(op Operation) Template {
	t := o.Spec.template("spec")
	_, mirror := o.Metadata.Annotations[corev1.MirrorPodAnnotationKey]
	t.InheritsSecrets = op == Create && !mirror
	if op == EphemeralContainers {
		t.Images = slices.DeleteFunc(t.Images, func(i Image) bool { return !i.debugs() })
	}
	return t
}

// debugs tells whether an image can be news with an ephemeral container: its
// own, or a volume's that it is the first to mount.
func (i Image) debugs() bool {
	return i.Role == EphemeralContainer || i.Role == Volume && i.Mounted
}
