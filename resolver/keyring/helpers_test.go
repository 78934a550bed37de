package keyring

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/pullgate/pullgate/resolver/pull"
)

// cluster is a Source in memory. It counts what it is asked for.
type cluster struct {
	secrets  map[string]*corev1.Secret
	accounts map[string]*corev1.ServiceAccount
	failures map[string]error

	lock  sync.Mutex
	calls map[string]int
}

func (c *cluster) count(name string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.calls == nil {
		c.calls = make(map[string]int)
	}
	c.calls[name]++
}

func (c *cluster) Secret(_ context.Context, namespace, name string) (*corev1.Secret, error) {
	c.count("secret/" + namespace + "/" + name)
	if err := c.failures[name]; err != nil {
		return nil, err
	}
	if found := c.secrets[namespace+"/"+name]; found != nil {
		return found, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
}

func (c *cluster) ServiceAccount(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	c.count("account/" + namespace + "/" + name)
	if err := c.failures[name]; err != nil {
		return nil, err
	}
	if found := c.accounts[namespace+"/"+name]; found != nil {
		return found, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "serviceaccounts"}, name)
}

// with builds a cluster of secrets in the namespace shop.
func with(secrets ...*corev1.Secret) *cluster {
	c := &cluster{secrets: make(map[string]*corev1.Secret)}
	for _, s := range secrets {
		c.secrets[s.Namespace+"/"+s.Name] = s
	}
	return c
}

func newSecret(name string, kind corev1.SecretType, key, data string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Type:       kind,
		Data:       map[string][]byte{key: []byte(data)},
	}
}

func configJSON(name, data string) *corev1.Secret {
	return newSecret(name, corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, data)
}

func dockercfg(name, data string) *corev1.Secret {
	return newSecret(name, corev1.SecretTypeDockercfg, corev1.DockerConfigKey, data)
}

// login is a config.json with one entry for a registry.
func login(name, address, username string) *corev1.Secret {
	return configJSON(name, fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, address, auth(username, "secret-of-"+username)))
}

func auth(username, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
}

func account(name string, secrets ...string) *corev1.ServiceAccount {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	for _, s := range secrets {
		account.ImagePullSecrets = append(account.ImagePullSecrets, corev1.LocalObjectReference{Name: s})
	}
	return account
}

func named(t testing.TB, image string) reference.Named {
	t.Helper()
	parsed, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		t.Fatalf("parse %q: %v", image, err)
	}
	return parsed
}

// lookup opens a Pod with these pull secrets and looks one image up.
func lookup(t testing.TB, source Source, image string, secrets ...string) Match {
	t.Helper()
	ring := (&Keyring{Source: source}).Open(t.Context(), Pod{Namespace: "shop", PullSecrets: secrets})
	return ring.Lookup(t.Context(), named(t, image))
}

// tried spells credentials as user:password@source.
func tried(credentials []pull.Credential) []string {
	var all []string
	for _, c := range credentials {
		username, password := c.Basic()
		all = append(all, username+":"+password+"@"+c.Source().String())
	}
	return all
}

// nodes is a NodeSource that has the same for every image.
type nodes struct {
	credentials []pull.Credential
	err         error
	asked       []string
}

func (n *nodes) Lookup(_ context.Context, _ *Account, repository string) ([]pull.Credential, error) {
	n.asked = append(n.asked, repository)
	return n.credentials, n.err
}

var errUnreachable = errors.New("connection refused")
