package providers

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/pull"
)

// marker stands in every place of a secret that is nobody's business.
const marker = "s3cr3tM4rk3r"

var errUnreachable = errors.New("connection refused")

// accounts are the ServiceAccounts of the namespace shop, by name: a
// keyring.Source without Secrets.
type accounts map[string]*corev1.ServiceAccount

func (accounts) Secret(context.Context, string, string) (*corev1.Secret, error) {
	return nil, errUnreachable
}

func (a accounts) ServiceAccount(_ context.Context, _, name string) (*corev1.ServiceAccount, error) {
	if found := a[name]; found != nil {
		return found, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "serviceaccounts"}, name)
}

func account(name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
}

func named(t testing.TB, image string) reference.Named {
	t.Helper()
	parsed, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		t.Fatalf("parse %q: %v", image, err)
	}
	return parsed
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

// told is everything that a look-up tells people.
func told(match keyring.Match) string {
	return fmt.Sprintf("%s %v %+v %#v", match.Incomplete, match.Notes, match.Credentials, match.Credentials)
}

// nodes is a NodeSource that has the same for every image.
type nodes struct{ credentials []pull.Credential }

func (n *nodes) Lookup(context.Context, *keyring.Account, string) ([]pull.Credential, error) {
	return n.credentials, nil
}
