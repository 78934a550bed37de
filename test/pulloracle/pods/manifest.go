package pods

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullgate/pullgate/test/pulloracle/content"
	"github.com/pullgate/pullgate/test/pulloracle/lab"
)

// Maker makes the objects of cases.
type Maker struct {
	Lab *lab.Lab
	// Node is where all Pods land.
	Node string
	// Sleeper is the program that runs in their containers, as /true, whatever
	// their images have there.
	Sleeper string
	// Sound is an image for containers that do not matter.
	Sound string
}

// Image is the image that a case is about.
func (m Maker) Image(c Case) string { return m.Lab.Image(c.Source()) }

// Loaded is the name under which the image of a case is loaded onto the node:
// with a tag, since that is how people save images.
func (m Maker) Loaded(c Case) string {
	image, err := reference.ParseNormalizedNamed(m.Image(c))
	if err != nil {
		return m.Image(c)
	}
	if _, digested := image.(reference.Digested); digested {
		return image.Name() + ":" + content.Tag
	}
	return reference.TagNameOnly(image).String()
}

// Objects are a case's Pod and what it needs, in their order.
func (m Maker) Objects(c Case) []any {
	var objects []any
	pod := m.pod(c)
	pod.Spec.ImagePullSecrets = m.secrets(&objects, c, c.Name, c.Secrets)
	if c.Account != nil {
		account := &corev1.ServiceAccount{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: named(c.Name)}
		account.ImagePullSecrets = m.secrets(&objects, c, c.Name+"-account", c.Account)
		objects = append(objects, account)
		pod.Spec.ServiceAccountName = c.Name
	}
	return append(objects, pod)
}

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: Namespace}
}

// secrets makes Secrets and returns the references to them.
func (m Maker) secrets(objects *[]any, c Case, prefix string, list []Secret) []corev1.LocalObjectReference {
	var references []corev1.LocalObjectReference
	for i, s := range list {
		if s.Nameless {
			references = append(references, corev1.LocalObjectReference{})
			continue
		}
		name := fmt.Sprintf("%s-%d", prefix, i)
		references = append(references, corev1.LocalObjectReference{Name: name})
		if s.Missing {
			continue
		}
		key := corev1.DockerConfigJsonKey
		if s.Type == corev1.SecretTypeDockercfg {
			key = corev1.DockerConfigKey
		}
		*objects = append(*objects, &corev1.Secret{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: named(name), Type: s.Type,
			StringData: map[string]string{key: m.fill(c, s.Text)},
		})
	}
	return references
}

// fill puts addresses into a secret's text.
func (m Maker) fill(c Case, text string) string {
	text = m.Lab.Fill(c.Source(), text)
	if image, err := reference.ParseNormalizedNamed(m.Image(c)); err == nil {
		text = strings.ReplaceAll(text, "{registry}", reference.Domain(image))
	}
	return text
}

// pod has the program of the node mounted into every container, so that it runs
// once its image was pulled.
func (m Maker) pod(c Case) *corev1.Pod {
	program, no, file := "program", false, corev1.HostPathFile
	container := corev1.Container{
		Name: "app", Image: m.Image(c), ImagePullPolicy: c.Policy,
		VolumeMounts: []corev1.VolumeMount{{Name: program, MountPath: "/true", ReadOnly: true}},
	}
	pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: named(c.Name), Spec: corev1.PodSpec{
		NodeName: m.Node, HostNetwork: true, AutomountServiceAccountToken: &no, EnableServiceLinks: &no,
		Volumes: []corev1.Volume{{Name: program, VolumeSource: corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: m.Sleeper, Type: &file}}}},
	}}
	switch c.Place {
	case Container:
	case Init:
		first := container
		first.Name = "first"
		pod.Spec.InitContainers = []corev1.Container{first}
		container.Image = m.Sound
	case Volume, Unmounted:
		pod.Spec.Volumes = append([]corev1.Volume{{Name: "image", VolumeSource: corev1.VolumeSource{
			Image: &corev1.ImageVolumeSource{Reference: container.Image, PullPolicy: c.Policy}}}}, pod.Spec.Volumes...)
		container.Image = m.Sound
		if c.Place == Volume {
			container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: "image", MountPath: "/image"})
		}
	}
	pod.Spec.Containers = []corev1.Container{container}
	return pod
}
