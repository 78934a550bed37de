package doctor

import (
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// productLabel is the chart's for whatever is Pullgate's, and product its value.
const (
	productLabel = "app.kubernetes.io/name"
	product      = "pullgate"
)

// program is Pullgate as it is run: what its Pods say of it.
type program struct{ spec corev1.PodSpec }

// programOf is what the replicas run; the zero value where none is known.
func programOf(r *Record) program {
	switch pods := ownPods(r); {
	case len(pods) > 0:
		return program{pods[0].Spec}
	case r.Deployment.Err == nil && r.Deployment.Value != nil:
		return program{r.Deployment.Value.Spec.Template.Spec}
	default:
		return program{}
	}
}

// ownPods are the replicas, whatever the Service's selector says.
func ownPods(r *Record) []corev1.Pod {
	if r.Pods.Err != nil || r.Pods.Value == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.Pods.Value.Items), func(pod corev1.Pod) bool {
		return pod.Labels[productLabel] != product || pod.DeletionTimestamp != nil
	})
}

// container is the one that serves; nil where none is known.
func (p program) container() *corev1.Container {
	for i := range p.spec.Containers {
		if p.spec.Containers[i].Name == product || len(p.spec.Containers) == 1 {
			return &p.spec.Containers[i]
		}
	}
	return nil
}

// flag is the value of one of its flags, --NAME=VALUE; empty where it is not
// given.
func (p program) flag(name string) string {
	serving := p.container()
	if serving == nil {
		return ""
	}
	for _, argument := range serving.Args {
		if value, ok := strings.CutPrefix(argument, "--"+name+"="); ok {
			return value
		}
	}
	return ""
}

// port is where it listens; zero where that is not known.
func (p program) port() int32 {
	if p.container() == nil {
		return 0
	}
	_, text, err := net.SplitHostPort(p.flag("bind-address"))
	if err != nil {
		return 9443 // the flag's default
	}
	port, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0
	}
	return int32(port)
}

// portName is what its port is called; empty where it has no name.
func (p program) portName() string {
	if p.container() == nil {
		return ""
	}
	for _, named := range p.container().Ports {
		if named.ContainerPort == p.port() {
			return named.Name
		}
	}
	return ""
}

// managesCertificate tells whether it makes its own certificate.
func (p program) managesCertificate() bool { return p.container() != nil && p.flag("cert-dir") == "" }

// configMap is the name of the one that holds its configuration; empty where it
// has none.
func (p program) configMap() string {
	for _, volume := range p.spec.Volumes {
		if volume.Name == "config" && volume.ConfigMap != nil {
			return volume.ConfigMap.Name
		}
	}
	return ""
}
