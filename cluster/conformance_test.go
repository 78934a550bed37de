package cluster

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/keyring/sourcetest"
)

// TestSourcesConform: both do what every source has to do.
func TestSourcesConform(t *testing.T) {
	server := &apiServer{objects: map[string]client.Object{
		"shop/regcred": &corev1.Secret{Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte("{}")}},
		"shop/builder": account("regcred"),
	}}
	for name, source := range map[string]keyring.Source{
		"direct": Source{Reader: server}, "remembering": Remember(Source{Reader: server}),
	} {
		t.Run(name, func(t *testing.T) { sourcetest.Run(t, source, true) })
	}
}
