package workload

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Object says which object a workload is.
type Object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace"`
	// Name is the object's name. Where the API server is still to complete
	// metadata.generateName it is that prefix with an asterisk: "backup-*",
	// which is no valid name and so cannot be taken for one.
	Name string `json:"name"`
}

// Workload is one object that has pod templates, or is a Pod.
type Workload struct {
	Object Object
	// Annotations are the object's own, not its templates'.
	Annotations map[string]string
	// Controller is the owner that controls the object; nil if none does.
	Controller *metav1.OwnerReference
	Templates  []Template
}

// Template is one pod template, or the Pod itself.
type Template struct {
	// Field is the path of the pod spec: "spec" for a Pod,
	// "spec.template.spec" for a Deployment.
	Field string
	// Spec holds what decides on which nodes a Pod can land, and nothing else:
	// node name and selector, node affinity, tolerations, operating system and
	// runtime class. It is never nil.
	Spec *corev1.PodSpec
	// PullSecrets are the names of spec.imagePullSecrets in their order. Empty
	// names are kept: a list of one empty name keeps the ServiceAccount's
	// pull secrets from being copied.
	PullSecrets []string
	// ServiceAccount is the name of the account, "default" where the spec
	// names none.
	ServiceAccount string
	// InheritsSecrets tells whether an empty list is still to get the pull
	// secrets of the ServiceAccount: for templates and for Pods that are being
	// created, but not for mirror Pods nor for Pods that exist already.
	InheritsSecrets bool
	// Custom tells that the template is a custom resource's.
	Custom bool
	// Images are first those of init containers, then those of containers, of
	// ephemeral containers, and of volumes.
	Images []Image
}

// Image is one use of an image.
type Image struct {
	// Field is the path of the reference:
	// "spec.template.spec.containers[0].image", or for a volume
	// "spec.volumes[1].image.reference".
	Field string
	// Container is the name of the container, or of the volume.
	Container string
	Role      Role
	// Reference is the image as written, be it empty or blank.
	Reference string
	// Policy is the pull policy, as the API server defaults it.
	Policy corev1.PullPolicy
	// Mounted tells of a volume whether any container mounts it.
	Mounted bool
	// FilledBy says who is still to put another image in its place, before any
	// node sees it; empty: nobody.
	FilledBy string
}

// Role is what an image is used for.
type Role string

// The roles, a closed set.
const (
	Container          Role = "container"
	InitContainer      Role = "init container"
	EphemeralContainer Role = "ephemeral container"
	Volume             Role = "volume"
)

// Operation is what is being done to the object.
type Operation uint8

// The operations that make a difference to what an object's images are.
const (
	// Create: the object is new, or its fate is asked for as if it were.
	Create Operation = iota
	// Update: the object exists.
	Update
	// EphemeralContainers: the subresource of that name of a Pod that exists.
	// The object is the whole Pod, of which only the ephemeral containers and
	// the volumes that they mount are of interest.
	EphemeralContainers
)

// CountImages is how many images its templates have, each counted where it stands.
func (w Workload) CountImages() int {
	n := 0
	for i := range w.Templates {
		n += len(w.Templates[i].Images)
	}
	return n
}
