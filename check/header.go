package check

import (
	"cmp"
	"encoding/json"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// header is what decides what an object is to a check.
type header struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
}

// readHeader reads the header of an object.
func readHeader(raw []byte) header {
	var head header
	_ = json.Unmarshal(raw, &head) // it is JSON, and what has another type is left out
	return head
}

// is tells whether it is that of an object of the core group.
func (h header) is(kind string) bool { return h.APIVersion == "v1" && h.Kind == kind }

// group is the API group; "" for the core group.
func (h header) group() string {
	group, _, grouped := strings.Cut(h.APIVersion, "/")
	if !grouped {
		return ""
	}
	return group
}

// key tells objects of a kind apart. One that names no namespace is in the
// given one.
func (h header) key(namespace string) types.NamespacedName {
	return types.NamespacedName{Namespace: cmp.Or(h.Metadata.Namespace, namespace), Name: h.Metadata.Name}
}
