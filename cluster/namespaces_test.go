package cluster

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// namespace is one with the label mode=value.
func namespace(value string) client.Object {
	object := NamespaceMetadata()
	object.Labels = map[string]string{"mode": value}
	return object
}

func TestLabels(t *testing.T) {
	known := func(value string) *apiServer {
		return &apiServer{objects: map[string]client.Object{"/shop": namespace(value)}}
	}
	unknown := func() *apiServer { return &apiServer{} }
	down := func() *apiServer { return &apiServer{err: errors.New("down")} }
	tests := []struct {
		name          string
		cache, direct *apiServer
		want          string
		wantErr       func(error) bool
		asked         int
	}{
		{"the cache knows", known("cached"), down(), "cached", nil, 0},
		{"as new as the workload in it", unknown(), known("direct"), "direct", nil, 1},
		{"there is none", unknown(), unknown(), "", apierrors.IsNotFound, 1},
		{"the API server is down", unknown(), down(), "", func(err error) bool { return err != nil && !apierrors.IsNotFound(err) }, 1},
		{"the cache is broken", down(), known("direct"), "", func(err error) bool { return err != nil }, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			labels, err := Namespaces{Cache: test.cache, Direct: test.direct}.Labels(t.Context(), "shop")
			if labels["mode"] != test.want || (err != nil) != (test.wantErr != nil) || err != nil && !test.wantErr(err) {
				t.Errorf("%v, %v", labels, err)
			}
			if got := test.direct.count(); got != test.asked {
				t.Errorf("asked the API server %d times", got)
			}
		})
	}
}
