package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/resolver/keyring"
)

// notGiven is what becomes of an object that is not among the manifests where
// there is no cluster to ask: it may exist there all the same.
const notGiven elsewhere = "it is not among the manifests, and no cluster was asked"

// elsewhere is the error of what may be where a check does not look.
type elsewhere = keyring.Elsewhere

// Given are the Secrets and ServiceAccounts among the manifests, and behind
// them those of a cluster, if there is one. It is a keyring.Source.
type Given struct {
	cluster  keyring.Source // nil: there is none
	secrets  map[types.NamespacedName]given[*corev1.Secret]
	accounts map[types.NamespacedName]given[*corev1.ServiceAccount]
}

// given is an object, or what is wrong with it.
type given[T any] struct {
	object T
	err    error
}

// NewGiven returns one without objects. The cluster is asked for what is not
// given; nil: there is none.
func NewGiven(cluster keyring.Source) *Given {
	return &Given{
		cluster:  cluster,
		secrets:  map[types.NamespacedName]given[*corev1.Secret]{},
		accounts: map[types.NamespacedName]given[*corev1.ServiceAccount]{},
	}
}

// header is what decides what an object is to a check.
type header struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
}

// readHeader reads the header of an object; what has another shape is not of
// the kinds that matter here.
func readHeader(raw []byte) header {
	var head header
	if json.Unmarshal(raw, &head) != nil {
		return header{}
	}
	return head
}

// is tells whether it is that of an object of the core group.
func (h header) is(kind string) bool { return h.APIVersion == "v1" && h.Kind == kind }

// add takes a Secret or ServiceAccount up, and tells whether it was one.
func (g *Given) add(head header, raw []byte, namespace string) bool {
	key := types.NamespacedName{Namespace: head.Metadata.Namespace, Name: head.Metadata.Name}
	if key.Namespace == "" {
		key.Namespace = namespace
	}
	switch {
	case head.is("Secret"):
		g.secrets[key] = readSecret(raw)
	case head.is("ServiceAccount"):
		account := &corev1.ServiceAccount{}
		g.accounts[key] = given[*corev1.ServiceAccount]{account, json.Unmarshal(raw, account)}
	default:
		return false
	}
	return true
}

// readSecret reads a Secret as the API server would take it (Kubernetes
// pkg/apis/core/v1/conversion.go, Convert_v1_Secret_To_core_Secret). An error
// quotes nothing of it.
func readSecret(raw []byte) given[*corev1.Secret] {
	secret := &corev1.Secret{}
	if err := json.Unmarshal(raw, secret); err != nil {
		return given[*corev1.Secret]{err: errors.New("its manifest cannot be read: under data are texts in base64, under stringData plain ones")}
	}
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	for key, value := range secret.StringData {
		secret.Data[key] = []byte(value)
	}
	if secret.Type == "" {
		secret.Type = corev1.SecretTypeOpaque
	}
	return given[*corev1.Secret]{object: secret}
}

// Secret returns a Secret: that of the manifests, else that of the cluster.
func (g *Given) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	if s, ok := g.secrets[types.NamespacedName{Namespace: namespace, Name: name}]; ok {
		return s.object, s.err
	}
	if g.cluster == nil {
		return nil, notGiven
	}
	secret, err := g.cluster.Secret(ctx, namespace, name)
	return secret, unreadable(err)
}

// ServiceAccount returns a ServiceAccount. Every namespace has one called
// default; without a cluster it is taken to be as it is made, without pull
// secrets.
func (g *Given) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	if a, ok := g.accounts[types.NamespacedName{Namespace: namespace, Name: name}]; ok {
		return a.object, a.err
	}
	switch {
	case g.cluster != nil:
		account, err := g.cluster.ServiceAccount(ctx, namespace, name)
		return account, unreadable(err)
	case name == "default":
		return &corev1.ServiceAccount{}, nil
	default:
		return nil, notGiven
	}
}

// unreadable makes of what the user may not read what may be elsewhere: nothing
// failed, and with a cluster no less is known than without.
func unreadable(err error) error {
	if apierrors.IsForbidden(err) {
		return elsewhere(err.Error())
	}
	return err
}

// String says what is there, for the report.
func (g *Given) String() string {
	return fmt.Sprintf("%s and %s among the manifests", count(len(g.secrets), "Secret"), count(len(g.accounts), "ServiceAccount"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
