package keyring

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
	"github.com/pullgate/pullgate/resolver/pull"
)

// secret is a pull secret as far as it could be read.
type secret struct {
	namespace, name string
	// account is the ServiceAccount that lists the secret, if not the Pod.
	account string
	// missing: the API server says that it does not exist, or no Secret can
	// have such a name.
	missing bool
	// ignored says why the kubelet reads nothing from it.
	ignored string
	// malformed is the kubelet's error about its content.
	malformed string
	// unread says why nothing is known of it.
	unread error
	config dockerconfig.Config
	legacy bool
}

// read fetches the secret and parses what is in it.
func (s *secret) read(ctx context.Context, source Source) {
	if len(validation.IsDNS1123Subdomain(s.name)) > 0 {
		s.missing = true
		return
	}
	if source == nil {
		s.unread = errNoSource
		return
	}
	object, err := source.Secret(ctx, s.namespace, s.name)
	switch {
	case apierrors.IsNotFound(err):
		s.missing = true
	case err != nil:
		s.unread = err
	case object == nil:
		s.unread = errNoAnswer
	default:
		s.parse(object)
	}
}

// parse takes from a Secret what the kubelet takes: only the two types, each
// with its own key, and only if there is something under it
// (pkg/credentialprovider/secrets, secretsToTrackedDockerConfigs).
func (s *secret) parse(object *corev1.Secret) {
	key := ""
	switch object.Type {
	case corev1.SecretTypeDockerConfigJson:
		key = corev1.DockerConfigJsonKey
	case corev1.SecretTypeDockercfg:
		key, s.legacy = corev1.DockerConfigKey, true
	default:
		s.ignored = fmt.Sprintf("is of type %s, and nodes read only %s and %s",
			dockerconfig.Quote(string(object.Type)), corev1.SecretTypeDockerConfigJson, corev1.SecretTypeDockercfg)
		return
	}
	data := object.Data[key]
	if len(data) == 0 {
		s.ignored = fmt.Sprintf("is of type %s, but has nothing under the key %q", object.Type, key)
		return
	}
	config, err := dockerconfig.Parse(data, s.legacy)
	if err != nil {
		s.malformed = dockerconfig.KubeletText(err)
		return
	}
	s.config = config
}

// source is what the secret's credentials are known by.
func (s *secret) source() pull.Source { return pull.Secret(s.namespace, s.name) }

func (s *secret) path() string { return s.namespace + "/" + s.name }

// String names the secret in messages.
func (s *secret) String() string {
	if s.account == "" {
		return "pull secret " + s.path()
	}
	return "pull secret " + s.path() + " (of ServiceAccount " + s.account + ")"
}
