package workload

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// header is what objects of every kind have.
type header struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name            string                  `json:"name"`
		GenerateName    string                  `json:"generateName"`
		Namespace       string                  `json:"namespace"`
		Annotations     map[string]string       `json:"annotations"`
		OwnerReferences []metav1.OwnerReference `json:"ownerReferences"`
	} `json:"metadata"`
}

// workload returns what the header says, without templates.
func (h *header) workload() Workload {
	w := Workload{
		Object: Object{
			APIVersion: h.APIVersion,
			Kind:       h.Kind,
			Namespace:  h.Metadata.Namespace,
			Name:       h.Metadata.Name,
		},
		Annotations: h.Metadata.Annotations,
	}
	if w.Object.Name == "" && h.Metadata.GenerateName != "" {
		w.Object.Name = h.Metadata.GenerateName + "*"
	}
	for i, owner := range h.Metadata.OwnerReferences {
		if owner.Controller != nil && *owner.Controller {
			w.Controller = &h.Metadata.OwnerReferences[i]
			break
		}
	}
	return w
}
