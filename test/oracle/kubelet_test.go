package oracle

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
	"k8s.io/kubernetes/pkg/util/parsers"

	"github.com/pullgate/pullgate/resolver/keyring"
)

const namespace = "shop"

func TestMain(m *testing.M) {
	if os.Getenv("ORACLE_PROVIDER") != "" {
		os.Exit(asProvider())
	}
	klog.SetLogger(klog.Logger{})
	os.Exit(runIn(m))
}

// runIn runs the tests with a directory that lasts as long as the process.
func runIn(m *testing.M) int {
	directory, err := os.MkdirTemp("", "oracle")
	if err == nil {
		err = os.Setenv("ORACLE_DIRECTORY", directory)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(directory) }()
	return m.Run()
}

// login is what a container runtime gets to see of a credential: without a
// user name it offers nothing.
type login struct{ username, password string }

func newLogin(username, password string) login {
	if username == "" {
		return login{}
	}
	return login{username, password}
}

// outcome is what can be compared of a look-up.
type outcome struct {
	logins    []login
	malformed string
}

// kubelet is the outcome by the kubelet's own code.
func kubelet(t testing.TB, pullSecrets []corev1.Secret, image string) outcome {
	repository, _, _, err := parsers.ParseImageName(image)
	if err != nil {
		t.Fatalf("the kubelet does not parse %q: %v", image, err)
	}
	ring, err := secrets.MakeDockerKeyring(pullSecrets, credentialprovider.UnionDockerKeyring{})
	if err != nil {
		return outcome{malformed: err.Error()}
	}
	found, _ := ring.Lookup(repository)
	sorted := inOrder(t, pullSecrets, repository)
	if !slices.Equal(byName(logins(found)), byName(sorted)) {
		t.Fatalf("the kubelet's keyring and itself in sorted order differ: %v, %v", logins(found), sorted)
	}
	return outcome{logins: first(sorted)}
}

// inOrder fills the kubelet's keyring entry by entry, so that entries of one
// secret that have the same key come in the order of their addresses. By
// itself it ranges over a map.
func inOrder(t testing.TB, pullSecrets []corev1.Secret, repository string) []login {
	ring := &credentialprovider.BasicDockerKeyring{}
	for _, secret := range pullSecrets {
		config := content(t, secret)
		for _, address := range slices.Sorted(maps.Keys(config)) {
			ring.Add(nil, credentialprovider.DockerConfig{address: config[address]})
		}
	}
	found, _ := ring.Lookup(repository)
	return logins(found)
}

func content(t testing.TB, secret corev1.Secret) credentialprovider.DockerConfig {
	var file credentialprovider.DockerConfigJSON
	var err error
	switch {
	case secret.Type == corev1.SecretTypeDockerConfigJson && len(secret.Data[corev1.DockerConfigJsonKey]) > 0:
		err = json.Unmarshal(secret.Data[corev1.DockerConfigJsonKey], &file)
	case secret.Type == corev1.SecretTypeDockercfg && len(secret.Data[corev1.DockerConfigKey]) > 0:
		err = json.Unmarshal(secret.Data[corev1.DockerConfigKey], &file.Auths)
	}
	if err != nil {
		t.Fatalf("a secret that the kubelet read does not parse: %v", err)
	}
	return file.Auths
}

func logins(found []credentialprovider.TrackedAuthConfig) []login {
	var all []login
	for _, credential := range found {
		all = append(all, newLogin(credential.Username, credential.Password))
	}
	return all
}

func byName(all []login) []login {
	return slices.SortedFunc(slices.Values(all), func(a, b login) int {
		return slices.Compare([]string{a.username, a.password}, []string{b.username, b.password})
	})
}

// first keeps the first of equal logins.
func first(all []login) []login {
	var kept []login
	for _, one := range all {
		if !slices.Contains(kept, one) {
			kept = append(kept, one)
		}
	}
	return kept
}

// cluster serves secrets from memory.
type cluster []corev1.Secret

func (c cluster) Secret(_ context.Context, namespace, name string) (*corev1.Secret, error) {
	for i := range c {
		if c[i].Namespace == namespace && c[i].Name == name {
			return &c[i], nil
		}
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
}

func (c cluster) ServiceAccount(context.Context, string, string) (*corev1.ServiceAccount, error) {
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "serviceaccounts"}, "default")
}

// pullgate is the outcome by Pullgate.
func pullgate(t testing.TB, pullSecrets []corev1.Secret, image string) outcome {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		t.Fatalf("Pullgate does not parse %q: %v", image, err)
	}
	pod := keyring.Pod{Namespace: namespace}
	for _, secret := range pullSecrets {
		pod.PullSecrets = append(pod.PullSecrets, secret.Name)
	}
	ring := (&keyring.Keyring{Source: cluster(pullSecrets)}).Open(t.Context(), pod)
	match := ring.Lookup(t.Context(), named)
	if match.Incomplete != "" {
		t.Fatalf("incomplete: %s", match.Incomplete)
	}
	if match.Malformed != nil {
		return outcome{malformed: match.Malformed.Text}
	}
	var found outcome
	for _, credential := range match.Credentials {
		found.logins = append(found.logins, newLogin(credential.Basic()))
	}
	return found
}

// compare fails where the two differ.
func compare(t testing.TB, pullSecrets []corev1.Secret, image string) {
	t.Helper()
	want, got := kubelet(t, pullSecrets, image), pullgate(t, pullSecrets, image)
	if want.malformed != got.malformed {
		t.Errorf("%s: the kubelet finds %q malformed, Pullgate %q", image, want.malformed, got.malformed)
	}
	if !slices.Equal(want.logins, got.logins) {
		t.Errorf("%s: the kubelet tries %v, Pullgate %v", image, want.logins, got.logins)
	}
}

func dockerConfigJSON(name, data string) corev1.Secret {
	return newSecret(name, corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, data)
}

func dockercfg(name, data string) corev1.Secret {
	return newSecret(name, corev1.SecretTypeDockercfg, corev1.DockerConfigKey, data)
}

func newSecret(name string, kind corev1.SecretType, key, data string) corev1.Secret {
	return corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Type:       kind,
		Data:       map[string][]byte{key: []byte(data)},
	}
}
