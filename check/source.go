package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/manifest"
	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver/keyring"
)

// ManifestSource are the Secrets and ServiceAccounts among the manifests, and
// behind them those of a cluster, if there is one. It is a keyring.Source.
type ManifestSource struct {
	cluster  keyring.Source // nil: there is none
	secrets  map[types.NamespacedName]*given[*corev1.Secret]
	accounts map[types.NamespacedName]*given[*corev1.ServiceAccount]
	// made are the Secrets that a controller makes of other objects; without a
	// namespace those of which nobody can tell where.
	made map[types.NamespacedName]maker
}

// given is an object with its place, or why it is not known what it will be.
type given[T any] struct {
	object T
	at     manifest.Position
	err    error
	// unfilled says that it is not filled in yet: what a cluster holds is it.
	unfilled bool
	// other is where it is given again with other content.
	other manifest.Position
}

// maker is what a Secret is made of.
type maker struct {
	kind string
	at   manifest.Position
}

// NewManifestSource returns one without objects. The cluster is asked for what
// is not given; nil: there is none.
func NewManifestSource(cluster keyring.Source) *ManifestSource {
	return &ManifestSource{
		cluster:  cluster,
		secrets:  map[types.NamespacedName]*given[*corev1.Secret]{},
		accounts: map[types.NamespacedName]*given[*corev1.ServiceAccount]{},
		made:     map[types.NamespacedName]maker{},
	}
}

// add takes up a Secret, a ServiceAccount, or what stands for a Secret, and
// tells whether it was one. What the API server would refuse of it is a problem.
func (s *ManifestSource) add(head header, object *manifest.Object, namespace string) (taken bool, problem *report.Problem) {
	key := head.key(namespace)
	switch {
	case head.is("Secret"):
		return true, s.addSecret(key, object)
	case head.is("ServiceAccount"):
		return true, s.addAccount(key, object)
	}
	names, anywhere := secretsMadeOf(head, object.Raw)
	for _, name := range names {
		made := types.NamespacedName{Namespace: key.Namespace, Name: name}
		if anywhere {
			made.Namespace = ""
		}
		s.made[made] = maker{head.Kind, object.Start}
	}
	return len(names) > 0, nil
}

func (s *ManifestSource) addSecret(key types.NamespacedName, object *manifest.Object) *report.Problem {
	secret, unfilled, fault := readSecret(object.Raw)
	read := &given[*corev1.Secret]{object: secret, at: object.Start, unfilled: unfilled != ""}
	switch {
	case unfilled != "":
		read.err = keyring.Elsewhere(fmt.Sprintf("what is in it is %s (%s)", unfilled, object.Start))
	case fault != nil:
		read.err = keyring.Elsewhere(fmt.Sprintf("the API server would refuse its manifest (%s)", object.Start))
	}
	keep(s.secrets, key, read, func(a, b *corev1.Secret) bool {
		return a.Type == b.Type && reflect.DeepEqual(a.Data, b.Data)
	})
	if fault == nil {
		return nil
	}
	at := object.Start
	if fault.field != "" {
		at = object.Find(fault.field, "")
	}
	return &report.Problem{Source: report.Source(at), Message: "Secret " + key.String() + ": the API server would refuse it: " + fault.what, Hint: fault.hint}
}

func (s *ManifestSource) addAccount(key types.NamespacedName, object *manifest.Object) *report.Problem {
	read := &given[*corev1.ServiceAccount]{object: &corev1.ServiceAccount{}, at: object.Start}
	err := json.Unmarshal(object.Raw, read.object)
	if err != nil {
		read.err = keyring.Elsewhere(fmt.Sprintf("the API server would refuse its manifest (%s)", object.Start))
	}
	keep(s.accounts, key, read, func(a, b *corev1.ServiceAccount) bool {
		return slices.Equal(a.ImagePullSecrets, b.ImagePullSecrets)
	})
	if err == nil {
		return nil
	}
	problem := &report.Problem{Source: report.Source(object.Start), Message: "ServiceAccount " + key.String() + ": it is not as a ServiceAccount is"}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		problem.Source = report.Source(object.Find(wrong.Field, ""))
		problem.Message = fmt.Sprintf("ServiceAccount %s: %s is not as it is in a ServiceAccount", key, wrong.Field)
	}
	if wrong != nil && strings.HasPrefix(wrong.Field, "imagePullSecrets") {
		problem.Hint = `write "imagePullSecrets: [{name: NAME}]"`
	}
	return problem
}

// keep takes an object up. Given twice with different content it is not known
// which is the one: the last that is applied.
func keep[T any](all map[types.NamespacedName]*given[T], key types.NamespacedName, read *given[T], equal func(a, b T) bool) {
	known := all[key]
	switch {
	case known == nil:
		all[key] = read
	case known.other.File != "", known.err != nil && read.err != nil:
	case known.err != nil || read.err != nil || !equal(known.object, read.object):
		known.other, known.unfilled = read.at, false
		known.err = keyring.Elsewhere(fmt.Sprintf("it is given twice, with different content (%s and %s)", known.at, read.at))
	}
}

// ambiguities say which objects are given twice with different content.
func (s *ManifestSource) ambiguities() []string {
	return append(ambiguous("Secret", s.secrets), ambiguous("ServiceAccount", s.accounts)...)
}

func ambiguous[T any](kind string, all map[types.NamespacedName]*given[T]) (texts []string) {
	for key, one := range all {
		if one.other.File != "" {
			texts = append(texts, fmt.Sprintf("%s %s is given twice, with different content: %s and %s. The one that is applied last counts: "+
				"what depends on it is not known", kind, key, one.at, one.other))
		}
	}
	slices.Sort(texts)
	return texts
}

// Secret returns a Secret: that of the manifests, else that of the cluster.
func (s *ManifestSource) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	key := types.NamespacedName{Namespace: namespace, Name: name}
	known := s.secrets[key]
	if known != nil && (!known.unfilled || s.cluster == nil) {
		return known.object, known.err
	}
	if s.cluster == nil {
		return nil, keyring.Elsewhere(s.notGiven(key))
	}
	secret, err := s.cluster.Secret(ctx, namespace, name)
	switch made, isMade := s.makerOf(key); {
	case !apierrors.IsNotFound(err):
		return secret, unreadable(err)
	case known != nil:
		return nil, known.err
	case isMade:
		return nil, keyring.Elsewhere(made.String())
	default:
		return nil, err
	}
}

// notGiven says why a Secret is not known where there is no cluster to ask: it
// may exist there all the same.
func (s *ManifestSource) notGiven(key types.NamespacedName) string {
	if made, ok := s.makerOf(key); ok {
		return made.String()
	}
	return "it is not among the manifests" + s.twin(key) + ", and no cluster was asked"
}

// makerOf returns of what a controller makes a Secret.
func (s *ManifestSource) makerOf(key types.NamespacedName) (maker, bool) {
	if made, ok := s.made[key]; ok {
		return made, true
	}
	made, ok := s.made[types.NamespacedName{Name: key.Name}]
	return made, ok
}

// String says why nothing is known of the Secret.
func (m maker) String() string {
	return fmt.Sprintf("it is made of a %s (%s), and what will be in it is not known", m.kind, m.at)
}

// twin names a Secret that may be the one that was meant: of the same name in
// another namespace, or of a name one letter away. It is in brackets, or empty.
func (s *ManifestSource) twin(key types.NamespacedName) string {
	for _, other := range slices.SortedFunc(maps.Keys(s.secrets), func(a, b types.NamespacedName) int {
		return strings.Compare(a.String(), b.String())
	}) {
		switch {
		case other.Name == key.Name:
			return fmt.Sprintf(" (one of that name is, in namespace %s: %s)", other.Namespace, s.secrets[other].at)
		case other.Namespace == key.Namespace && levenshtein.ComputeDistance(other.Name, key.Name) == 1:
			return fmt.Sprintf(" (%s is, one letter away: %s)", other, s.secrets[other].at)
		}
	}
	return ""
}

// isGiven tells whether a Secret is among the manifests, or is made of what is.
func (s *ManifestSource) isGiven(key types.NamespacedName) bool {
	_, isMade := s.makerOf(key)
	return isMade || s.secrets[key] != nil
}

// placeText is where a Secret is given, in brackets; empty where it is not.
func (s *ManifestSource) placeText(key types.NamespacedName) string {
	known := s.secrets[key]
	if known == nil {
		return ""
	}
	return " (" + known.at.String() + ")"
}

// ServiceAccount returns a ServiceAccount. Every namespace has one called
// default; without a cluster it is taken to be as it is made, without pull
// secrets.
func (s *ManifestSource) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	if known := s.accounts[types.NamespacedName{Namespace: namespace, Name: name}]; known != nil {
		return known.object, known.err
	}
	switch {
	case s.cluster != nil:
		account, err := s.cluster.ServiceAccount(ctx, namespace, name)
		return account, unreadable(err)
	case name == "default":
		return &corev1.ServiceAccount{}, nil
	default:
		return nil, keyring.Elsewhere("it is not among the manifests, and no cluster was asked")
	}
}

// unreadable makes of what the user may not read what may be elsewhere: nothing
// failed, and with a cluster no less is known than without.
func unreadable(err error) error {
	if apierrors.IsForbidden(err) {
		return keyring.Elsewhere(err.Error())
	}
	return err
}

// String says what is there, for the report.
func (s *ManifestSource) String() string {
	return fmt.Sprintf("%s and %s among the manifests", count(len(s.secrets), "Secret"), count(len(s.accounts), "ServiceAccount"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
