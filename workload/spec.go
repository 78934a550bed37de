package workload

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// podSpec is what is read of a pod spec: a small part, which keeps reading
// fast, and a wrong shape in what does not matter here from mattering.
type podSpec struct {
	InitContainers      []container                   `json:"initContainers"`
	Containers          []container                   `json:"containers"`
	EphemeralContainers []container                   `json:"ephemeralContainers"`
	Volumes             []volume                      `json:"volumes"`
	ImagePullSecrets    []corev1.LocalObjectReference `json:"imagePullSecrets"`
	ServiceAccountName  string                        `json:"serviceAccountName"`
	ServiceAccount      string                        `json:"serviceAccount"`
	NodeName            string                        `json:"nodeName"`
	NodeSelector        map[string]string             `json:"nodeSelector"`
	Tolerations         []corev1.Toleration           `json:"tolerations"`
	OS                  *corev1.PodOS                 `json:"os"`
	RuntimeClassName    *string                       `json:"runtimeClassName"`
	Affinity            struct {
		NodeAffinity struct {
			Required *corev1.NodeSelector `json:"requiredDuringSchedulingIgnoredDuringExecution"`
		} `json:"nodeAffinity"`
	} `json:"affinity"`
}

// container is a container of any role.
type container struct {
	Name            string            `json:"name"`
	Image           string            `json:"image"`
	ImagePullPolicy corev1.PullPolicy `json:"imagePullPolicy"`
	VolumeMounts    []struct {
		Name string `json:"name"`
	} `json:"volumeMounts"`
	Resources resources `json:"resources"`
}

// volume is a volume, whose image is nil unless it is an image volume.
type volume struct {
	Name  string `json:"name"`
	Image *struct {
		Reference  string            `json:"reference"`
		PullPolicy corev1.PullPolicy `json:"pullPolicy"`
	} `json:"image"`
}

// template returns what the spec says, as that of the given field.
func (s *podSpec) template(field string) Template {
	return Template{
		Field:           field,
		Spec:            s.scheduling(),
		PullSecrets:     s.pullSecrets(),
		ServiceAccount:  s.serviceAccount(),
		InheritsSecrets: true,
		Images:          s.images(field),
	}
}

// pullSecrets returns the names in their order.
func (s *podSpec) pullSecrets() []string {
	names := make([]string, 0, len(s.ImagePullSecrets))
	for _, secret := range s.ImagePullSecrets {
		names = append(names, secret.Name)
	}
	return names
}

// serviceAccount returns the name of the account as the API server completes
// it: the deprecated field counts where the new one is empty (Kubernetes
// pkg/apis/core/v1/conversion.go, Convert_v1_PodSpec_To_core_PodSpec), and
// without either the ServiceAccount plugin names the default one.
func (s *podSpec) serviceAccount() string {
	switch {
	case s.ServiceAccountName != "":
		return s.ServiceAccountName
	case s.ServiceAccount != "":
		return s.ServiceAccount
	default:
		return "default"
	}
}

// scheduling returns what decides on which nodes the Pod can land.
func (s *podSpec) scheduling() *corev1.PodSpec {
	spec := &corev1.PodSpec{
		NodeName:         s.NodeName,
		NodeSelector:     s.NodeSelector,
		Tolerations:      append(s.Tolerations, s.admittedTolerations()...),
		OS:               s.OS,
		RuntimeClassName: s.RuntimeClassName,
	}
	if required := s.Affinity.NodeAffinity.Required; required != nil {
		spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: required,
		}}
	}
	return spec
}

// admittedTolerations are those that admission may add to the Pods: where the
// ExtendedResourceToleration plugin is on, whoever asks for an extended
// resource tolerates the taint of that name (Kubernetes
// plugin/pkg/admission/extendedresourcetoleration/admission.go). Where it is
// off, more nodes than the true ones seem feasible, which denies nothing.
func (s *podSpec) admittedTolerations() []corev1.Toleration {
	var tolerations []corev1.Toleration
	for _, containers := range [...][]container{s.InitContainers, s.Containers} {
		for i := range containers {
			for _, name := range containers[i].Resources.extended {
				tolerations = append(tolerations, corev1.Toleration{
					Key: name, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule,
				})
			}
		}
	}
	return tolerations
}

// images returns the images of every role.
func (s *podSpec) images(field string) []Image {
	images := make([]Image, 0, len(s.InitContainers)+len(s.Containers)+len(s.EphemeralContainers))
	images = appendContainers(images, field+".initContainers", InitContainer, s.InitContainers)
	images = appendContainers(images, field+".containers", Container, s.Containers)
	images = appendContainers(images, field+".ephemeralContainers", EphemeralContainer, s.EphemeralContainers)
	mounted := s.mounted()
	for i, v := range s.Volumes {
		if v.Image == nil {
			continue
		}
		images = append(images, Image{
			Field:     index(field+".volumes", i) + ".image.reference",
			Container: v.Name,
			Role:      Volume,
			Reference: v.Image.Reference,
			Policy:    pullPolicy(v.Image.PullPolicy, v.Image.Reference),
			Mounted:   mounted[v.Name],
		})
	}
	return images
}

// appendContainers adds the images of containers that share a role.
func appendContainers(images []Image, field string, role Role, containers []container) []Image {
	for i, c := range containers {
		images = append(images, Image{
			Field:     index(field, i) + ".image",
			Container: c.Name,
			Role:      role,
			Reference: c.Image,
			Policy:    pullPolicy(c.ImagePullPolicy, c.Image),
		})
	}
	return images
}

// mounted tells of each volume that is mounted by any container that it is.
func (s *podSpec) mounted() map[string]bool {
	if !slices.ContainsFunc(s.Volumes, func(v volume) bool { return v.Image != nil }) {
		return nil
	}
	mounted := make(map[string]bool)
	for _, c := range slices.Concat(s.InitContainers, s.Containers, s.EphemeralContainers) {
		for _, mount := range c.VolumeMounts {
			mounted[mount.Name] = true
		}
	}
	return mounted
}
