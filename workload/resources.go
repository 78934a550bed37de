package workload

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// resources are the resources of a container, of which only the names of
// extended ones are kept.
type resources struct {
	extended []string
}

// UnmarshalJSON keeps the names of extended resources: those with a domain
// that is not Kubernetes' own (Kubernetes pkg/apis/core/helper/helpers.go,
// IsExtendedResourceName). Limits count, since the API server makes requests
// of them. Whatever has another shape names none.
func (r *resources) UnmarshalJSON(raw []byte) error {
	r.extended = nil
	if !bytes.ContainsRune(raw, '/') {
		return nil
	}
	var lists struct {
		Limits   map[string]ignored `json:"limits"`
		Requests map[string]ignored `json:"requests"`
	}
	if wrong := json.Unmarshal(raw, &lists); wrong != nil {
		lists.Limits, lists.Requests = nil, nil
	}
	if lists.Requests == nil {
		lists.Requests = make(map[string]ignored)
	}
	maps.Copy(lists.Requests, lists.Limits)
	for _, name := range slices.Sorted(maps.Keys(lists.Requests)) {
		if strings.Contains(name, "/") && !strings.Contains(name, corev1.ResourceDefaultNamespacePrefix) {
			r.extended = append(r.extended, name)
		}
	}
	return nil
}
