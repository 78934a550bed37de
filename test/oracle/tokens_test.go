package oracle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/distribution/reference"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubernetes/pkg/credentialprovider/plugin"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/keyring/providers"
)

// issueFunc is how the kubelet has tokens issued.
type issueFunc = func(namespace, name string, request *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error)

// world is what the API server has to say to both.
type world struct {
	accounts map[string]*corev1.ServiceAccount
	// epoch is part of every token: with a new one all are issued anew.
	epoch int
	// mute is the ServiceAccount for which no token is issued.
	mute string
}

// object is known to the kubelet.
func (w *world) object(_, name string) (*corev1.ServiceAccount, error) {
	if account := w.accounts[name]; account != nil {
		return account, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "serviceaccounts"}, name)
}

// ServiceAccount is known to Pullgate.
func (w *world) ServiceAccount(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	return w.object(namespace, name)
}

// Secret knows none.
func (w *world) Secret(_ context.Context, _, name string) (*corev1.Secret, error) {
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
}

// issue issues tokens that tell everything by which they may differ but the
// Pod: Pullgate has none, and is not to be told apart by that.
func (w *world) issue(namespace, name string, request *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
	if name == w.mute {
		return nil, errors.New("no token for you")
	}
	issued := request.DeepCopy()
	issued.Status.Token = fmt.Sprintf("%s/%s/%s/%v/%d", namespace, name, request.UID, request.Spec.Audiences, w.epoch)
	return issued, nil
}

// issueInto issues tokens for Pullgate. They do not last, so that it keeps none:
// the kubelet's plugins do not either, it is for the kubelet to do that.
func (w *world) issueInto(_ context.Context, namespace, name string, request *authenticationv1.TokenRequest) error {
	issued, err := w.issue(namespace, name, request)
	if err != nil {
		return err
	}
	*request = *issued
	request.Spec.ExpirationSeconds = new(int64)
	return nil
}

// put makes a ServiceAccount, or makes it anew.
func (w *world) put(name, uid string, annotations ...string) {
	object := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, UID: types.UID(uid), Annotations: map[string]string{}}}
	for _, key := range annotations {
		object.Annotations[key] = "value of " + key
	}
	w.accounts[name] = object
}

// attributes are the ways to ask for tokens.
func attributes() []map[string]any {
	keys := []map[string]any{
		{}, {"requiredServiceAccountAnnotationKeys": []string{"must"}}, {"optionalServiceAccountAnnotationKeys": []string{"may", "example.com/May"}},
		{"requiredServiceAccountAnnotationKeys": []string{"must"}, "optionalServiceAccountAnnotationKeys": []string{"may"}},
		{"requiredServiceAccountAnnotationKeys": []string{}, "optionalServiceAccountAnnotationKeys": []string{}},
	}
	var all []map[string]any
	for _, cacheType := range []string{"ServiceAccount", "Token"} {
		for _, required := range []bool{true, false} {
			for _, more := range keys {
				if list, _ := more["requiredServiceAccountAnnotationKeys"].([]string); !required && len(list) > 0 {
					continue // refused by both, as TestProviderConfigs says
				}
				one := map[string]any{"serviceAccountTokenAudience": cacheType + ".example", "cacheType": cacheType, "requireServiceAccount": required}
				maps.Copy(one, more)
				all = append(all, one)
			}
		}
	}
	return all
}

// tokenAnswers are what providers answer with a token in hand. The user name
// tells whose it is.
func tokenAnswers() []string {
	const start = `{"apiVersion":"VERSION","kind":"CredentialProviderResponse","cacheKeyType":`
	const login = `"auth":{"*.example.org":{"username":"TOKEN","password":"p"}}}`
	return []string{
		start + `"Image","cacheDuration":"1h",` + login, start + `"Registry",` + login, start + `"Global","cacheDuration":"1h",` + login,
		start + `"Global","cacheDuration":"0s",` + login, start + `"Global","auth":{"*.example.org":{"username":"u","password":"TOKEN"}}}`,
		start + `"Image","auth":{}}`, "FAIL",
	}
}

// tokenSteps changes the world and says who asks for which repository then.
func tokenSteps() []func(*world) (name, repository string) {
	by := func(name, repository string) func(*world) (string, string) {
		return func(*world) (string, string) { return name, repository }
	}
	after := func(change func(*world)) func(*world) (string, string) {
		return func(w *world) (string, string) { change(w); return "web", "a" }
	}
	return []func(*world) (string, string){
		by("web", "a"), by("web", "a"), by("web", "b"), by("db", "a"), by("web", "a"), by("plain", "a"), by("default", "a"), by("gone", "a"),
		after(func(w *world) { w.epoch++ }),
		after(func(w *world) { w.put("web", "1", "must", "may", "other") }),
		after(func(w *world) { w.put("web", "1", "must") }),
		after(func(w *world) { w.put("web", "1", "must", "may") }),
		after(func(w *world) { w.put("web", "9", "must", "may") }),
		after(func(w *world) { w.put("web", "9") }),
		after(func(w *world) { w.put("web", "9", "must", "may"); w.mute = "web" }),
		after(func(w *world) { w.mute = "" }),
	}
}

func newWorld() *world {
	w := &world{accounts: map[string]*corev1.ServiceAccount{}}
	w.put("web", "1", "must", "may")
	w.put("db", "2", "must", "may", "example.com/May")
	w.put("plain", "3")
	w.put("default", "4", "must")
	return w
}

// TestTokens compares what providers that work with tokens are told, and what
// comes of it, step by step, with every way to ask for tokens and, of both kinds of
// cache, every answer.
func TestTokens(t *testing.T) {
	current, bin := newWorld(), t.TempDir()
	log := filepath.Join(bin, "log")
	var configs []map[string]any
	for i, wanted := range attributes() {
		all := tokenAnswers()
		for _, answer := range []string{all[i%len(all)], all[(i+3)%len(all)]} {
			name := fmt.Sprintf("token%d", len(configs))
			provider := newProvider(name, answer, "1h", "v1", name+".example.org")
			provider["tokenAttributes"] = wanted
			provider["env"] = append(provider["env"].([]map[string]string), map[string]string{"name": "ORACLE_LOG", "value": log})
			if err := link(bin, name); err != nil {
				t.Fatal(err)
			}
			configs = append(configs, provider)
		}
	}
	ours, err := register(bin, configs, func(namespace, name string, request *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
		return current.issue(namespace, name, request)
	}, func(namespace, name string) (*corev1.ServiceAccount, error) { return current.object(namespace, name) })
	if err != nil {
		t.Fatal(err)
	}
	ours.Issue = func(ctx context.Context, namespace, name string, request *authenticationv1.TokenRequest) error {
		return current.issueInto(ctx, namespace, name, request)
	}
	cases := 0
	for _, provider := range configs {
		*current = *newWorld()
		for i, step := range tokenSteps() {
			name, repository := step(current)
			image := fmt.Sprintf("%s.example.org/%s", provider["name"], repository)
			compareTold(t, fmt.Sprintf("step %d of %v", i, provider), log, image, name, current, ours)
			cases++
		}
	}
	atLeast(t, cases, 500)
}

// compareTold compares what the provider was told and which logins resulted.
func compareTold(t *testing.T, when, log, image, name string, current *world, ours *providers.Plugins) {
	t.Helper()
	want, _ := plugin.NewExternalCredentialProviderDockerKeyring(namespace, "pod", "uid", name).Lookup(image)
	wantTold := takeLog(t, log)
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		t.Fatal(err)
	}
	ring := (&keyring.Keyring{Source: current, Node: []keyring.NodeSource{ours}}).Open(t.Context(), keyring.Pod{Namespace: namespace, ServiceAccount: name})
	var got []login
	for _, credential := range ring.Lookup(t.Context(), named).Credentials {
		got = append(got, newLogin(credential.Basic()))
	}
	if told := takeLog(t, log); !reflect.DeepEqual(told, wantTold) {
		t.Errorf("%s: the kubelet tells %v, Pullgate %v", when, wantTold, told)
	}
	if !slices.Equal(got, logins(want)) {
		t.Errorf("%s: the kubelet tries %v, Pullgate %v", when, logins(want), got)
	}
}

// takeLog returns what a provider was told, nil if it was not called.
func takeLog(t *testing.T, path string) any {
	t.Helper()
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var told any
	if err = errors.Join(err, json.Unmarshal(data, &told), os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	return told
}
