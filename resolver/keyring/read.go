package keyring

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/pullgate/pullgate/resolver/pull"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	// maxSecrets is how many pull secrets of one Pod are read. Neither the
	// API server nor the kubelet has a limit; 64 secrets of 1 MiB bound what
	// one Pod can make us hold.
	maxSecrets = 64
	// maxReads is how many secrets of one Pod are read at a time.
	maxReads = 8
)

var (
	errNoSource = errors.New("there is no access to Secrets and ServiceAccounts")
	errNoAnswer = errors.New("neither an object nor an error came")
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
	config dockerConfig
	legacy bool
}

// inherit returns the names that the ServiceAccount admission plugin copies to
// a Pod that lists no pull secrets: all or none, never a union
// (plugin/pkg/admission/serviceaccount, Admit).
func (r *Ring) inherit(ctx context.Context) (names []string) {
	object, err := r.account.get(ctx)
	switch {
	case apierrors.IsNotFound(err):
		r.unseen.add(nil, "ServiceAccount %s does not exist: no Pod is created before it does, and its pull secrets are not known", r.account)
	case err != nil:
		r.unseen.add(err, "ServiceAccount %s could not be read, so its pull secrets are not known: %v", r.account, err)
	default:
		for _, reference := range object.ImagePullSecrets {
			names = append(names, reference.Name)
		}
	}
	return names
}

// read reads the named secrets of one namespace, a repeated name once: a
// second turn of the same credentials changes nothing. Empty names are passed
// over without a word, as the kubelet does (getPullSecretsForPod).
func (k *Keyring) read(ctx context.Context, namespace, account string, names []string, ring *Ring) []*secret {
	var secrets []*secret
	seen := make(map[string]bool)
	for _, name := range names {
		if name == "" || seen[name] {
			continue
		}
		seen[name] = true
		secrets = append(secrets, &secret{namespace: namespace, name: name, account: account})
	}
	if len(secrets) > maxSecrets {
		ring.unseen.add(nil, "the Pod has %d pull secrets, of which only the first %d are read", len(secrets), maxSecrets)
		secrets = secrets[:maxSecrets]
	}
	k.readAll(ctx, secrets)
	for _, s := range secrets {
		if s.unread != nil {
			ring.unseen.add(s.unread, "%s could not be read: %v", s, s.unread)
		}
	}
	return secrets
}

func (k *Keyring) readAll(ctx context.Context, secrets []*secret) {
	var group sync.WaitGroup
	slots := make(chan struct{}, maxReads)
	for _, s := range secrets {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			defer func() {
				if value := recover(); value != nil { // a bug of ours: what the secret holds is not known
					s.config, s.unread = nil, fmt.Errorf("an internal error of pullgate: %T", value)
				}
			}()
			s.read(ctx, k.Source)
		})
	}
	group.Wait()
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
			quote(string(object.Type)), corev1.SecretTypeDockerConfigJson, corev1.SecretTypeDockercfg)
		return
	}
	data := object.Data[key]
	if len(data) == 0 {
		s.ignored = fmt.Sprintf("is of type %s, but has nothing under the key %q", object.Type, key)
		return
	}
	config, err := parseDockerConfig(data, s.legacy)
	if err != nil {
		s.malformed = kubeletText(err)
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
