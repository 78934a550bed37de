package oracle

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/distribution/reference"
	"k8s.io/kubernetes/pkg/credentialprovider/plugin"

	"github.com/pullgate/pullgate/resolver/keyring/providers"
)

// asProvider makes the test binary a credential provider that answers with
// what its environment says.
func asProvider() int {
	input, err := io.ReadAll(os.Stdin)
	var request struct{ APIVersion, Kind, Image, ServiceAccountToken string }
	if err != nil || json.Unmarshal(input, &request) != nil {
		return 1
	}
	if log := os.Getenv("ORACLE_LOG"); log != "" && os.WriteFile(log, input, 0o600) != nil {
		return 1
	}
	answer := os.Getenv("ORACLE_PROVIDER")
	if request.Kind != "CredentialProviderRequest" || strings.Contains(answer, "FAIL") {
		return 1
	}
	fmt.Print(strings.NewReplacer("VERSION", request.APIVersion, "IMAGE", request.Image, "TOKEN", request.ServiceAccountToken).Replace(answer))
	return 0
}

// answers are what providers say, in good order and in bad.
func answers() []string {
	const start = `{"apiVersion":"VERSION","kind":"CredentialProviderResponse","cacheKeyType":`
	return []string{
		start + `"Image","auth":{"quay.io":{"username":"a","password":"p"},"quay.io/org":{"username":"b","password":"p"}}}`,
		start + `"Registry","cacheDuration":"1h","auth":{"*.io":{"username":"c","password":"p"}}}`,
		start + `"Global","cacheDuration":"0s","auth":{"quay.io/org/app":{"username":"d","password":"p"},"IMAGE":{"username":"IMAGE","password":"p"}}}`,
		start + `"Image","auth":null}`, start + `"Image"}`, start + `"Image","auth":{}}`, start + `"Image","cacheDuration":null,"auth":{"quay.io":{"username":"e","password":""}}}`,
		start + `"Image","auth":{"quay.io":{"username":"","password":"p"}}}`, start + `"Image","auth":{"quay.io":{}}}`, start + `"Image","auth":{"quay.io":null}}`,
		start + `"Image","auth":{"https://index.docker.io/v1/":{"username":"hub","password":"p"},"quay.io:443":{"username":"f","password":"p"}}}`,
		start + `"image","auth":{"quay.io":{"username":"g","password":"p"}}}`, start + `"","auth":{"quay.io":{"username":"h","password":"p"}}}`,
		start + `"Image","auth":{"quay.io":{"username":"i","password":"p","auth":"x"}}}`, start + `"Image","Auth":{"quay.io":{"username":"j","password":"p"}}}`,
		start + `"Image","more":1,"auth":{"quay.io":{"username":"k","password":"p"}}}`, start + `"Image","cacheDuration":"soon","auth":{"quay.io":{"username":"l","password":"p"}}}`,
		start + `"Image","cacheDuration":5,"auth":{"quay.io":{"username":"m","password":"p"}}}`, start + `"Image","auth":[]}`,
		start + `"Image","auth":{"quay.io":{"username":1,"password":"p"}}}`, start + `"Image","auth":{"quay.io":{"username":"n","username":"o","password":"p"}}}`,
		start + `"Image","cacheDuration":"-1h","auth":{"quay.io":{"username":"q","password":"p"}}}`,
		start + `"Image","auth":{"quay.io":{"username":"r","password":"p"}}} x`, start + `"Image","auth":{" quay.io":{"username":"s","password":"p"}}}`,
		`{"apiVersion":"credentialprovider.kubelet.k8s.io/v2","kind":"CredentialProviderResponse","cacheKeyType":"Image","auth":{"quay.io":{"username":"t","password":"p"}}}`,
		`{"apiVersion":"VERSION","kind":"CredentialProviderRequest","cacheKeyType":"Image","auth":{"quay.io":{"username":"u","password":"p"}}}`,
		`{"apiVersion":"VERSION","kind":"CredentialProviderRequest","image":"x"}`, `{"apiVersion":"VERSION","cacheKeyType":"Image"}`,
		`{"APIVERSION":"VERSION","kind":"CredentialProviderResponse","cacheKeyType":"Image","auth":{"quay.io":{"username":"v","password":"p"}}}`,
		"apiVersion: VERSION\nkind: CredentialProviderResponse\ncacheKeyType: Image\n", `[]`, `null`, ``, `x`, `FAIL`,
		"\n " + start + `"Image","auth":{"quay.io":{"username":"w","password":"p"}}}` + "\n",
	}
}

// registered gives both the same providers. The kubelet's registry is one for
// the whole process and takes every name once, so this is done once too.
var registered = sync.OnceValues(func() (*providers.Plugins, error) {
	bin := os.Getenv("ORACLE_DIRECTORY")
	globs := []string{"quay.io", "*.io", "quay.io/org", "docker.io", "docker.io/library", "localhost", "*", "reg.example.com:5000"}
	versions := []string{"v1", "v1beta1", "v1alpha1"}
	var configs []map[string]any
	for i, answer := range answers() {
		configs = append(configs, newProvider(fmt.Sprintf("p%d", i), answer, "0s", versions[i%3], "quay.io", globs[i%len(globs)]))
	}
	for i, glob := range globs {
		answer := fmt.Sprintf(`{"apiVersion":"VERSION","kind":"CredentialProviderResponse","cacheKeyType":"Image","auth":{"IMAGE":{"username":"glob%d","password":"p"}}}`, i)
		configs = append(configs, newProvider(fmt.Sprintf("glob%d", i), answer, "1h", "v1", glob))
	}
	for _, provider := range configs {
		if err := link(bin, provider["name"].(string)); err != nil {
			return nil, err
		}
	}
	return register(bin, configs, nil, nil)
})

// register gives both the configs, and the kubelet what issues tokens and
// knows ServiceAccounts.
func register(bin string, configs []map[string]any, issue issueFunc, account plugin.GetServiceAccountFunc) (*providers.Plugins, error) {
	config := filepath.Join(bin, "config.json")
	data, err := json.Marshal(map[string]any{"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig", "providers": configs})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(config, data, 0o600); err != nil {
		return nil, err
	}
	if err := plugin.RegisterCredentialProviderPlugins(config, bin, issue, account); err != nil {
		return nil, err
	}
	return providers.NewPlugins(config, bin, nil)
}

// TestProviders compares what providers of every kind lead to, the second time
// from the caches.
func TestProviders(t *testing.T) {
	ours, err := registered()
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range []string{"quay.io/org/app", "quay.io/organic/app", "nginx", "localhost/foo", "reg.example.com:5000/app", "quay.io/org/app"} {
		compareProviders(t, ours, image)
	}
}

func newProvider(name, answer, duration, version string, globs ...string) map[string]any {
	return map[string]any{
		"name": name, "matchImages": globs, "defaultCacheDuration": duration, "apiVersion": "credentialprovider.kubelet.k8s.io/" + version,
		"env": []map[string]string{{"name": "ORACLE_PROVIDER", "value": answer + " "}, {"name": "GORACE", "value": "atexit_sleep_ms=0"}},
	}
}

// link makes the test binary a provider's program.
func link(bin, name string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return os.Symlink(program, filepath.Join(bin, name))
}

func compareProviders(t *testing.T, ours *providers.Plugins, image string) {
	t.Helper()
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := plugin.NewExternalCredentialProviderDockerKeyring(namespace, "pod", "uid", "default").Lookup(named.Name())
	found, _ := ours.Lookup(t.Context(), nil, named.Name())
	var got []login
	for _, credential := range found {
		got = append(got, newLogin(credential.Basic()))
	}
	if !slices.Equal(got, logins(want)) {
		t.Errorf("%s: the kubelet tries %v, Pullgate %v", image, logins(want), got)
	}
}

// TestProviderConfigs compares which configurations are taken. Each has names
// of its own, since the kubelet registers what it takes.
func TestProviderConfigs(t *testing.T) {
	bin := t.TempDir()
	for i, config := range providerConfigs() {
		name := fmt.Sprintf("config%d-%s", i, rand.Text())
		if err := link(bin, name); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(config, "NAME", name)), 0o600); err != nil {
			t.Fatal(err)
		}
		want := plugin.RegisterCredentialProviderPlugins(path, bin, nil, nil)
		if _, err := providers.NewPlugins(path, bin, nil); (err == nil) != (want == nil) {
			t.Errorf("%s\nthe kubelet says %v, Pullgate %v", config, want, err)
		}
	}
}

func providerConfigs() []string {
	const head = "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n"
	const good = "- {name: NAME, matchImages: [nowhere.example.com], defaultCacheDuration: 1h, apiVersion: credentialprovider.kubelet.k8s.io/v1}\n"
	const token = "serviceAccountTokenAudience: a, cacheType: Token, requireServiceAccount: true"
	all := []string{"", "null", "[]", "{}", "{", "\t", "%", "---\n" + head + good, head + good + "---\n" + head + good, head, head + "[]", head + good, head + good + good,
		strings.Replace(head, "v1", "v1beta1", 1) + good, strings.Replace(head, "v1", "v1alpha1", 1) + good, strings.Replace(head, "v1", "v2", 1) + good,
		strings.Replace(head, "kind", "Kind", 1) + good, strings.Replace(head, "kubelet.config", "x", 1) + good, "more: 1\n" + head + good, head + good + "kind: x\n",
		`{"apiVersion":"kubelet.config.k8s.io/v1","kind":"CredentialProviderConfig","providers":[{"name":"NAME","matchImages":["nowhere.example.com"],"defaultCacheDuration":"1h","apiVersion":"credentialprovider.kubelet.k8s.io/v1"}]}`,
		`{apiVersion: kubelet.config.k8s.io/v1, kind: CredentialProviderConfig}`,
	}
	for _, change := range [][2]string{
		{"name: NAME, ", ""}, {"NAME", "''"}, {"NAME", "."}, {"NAME", ".."}, {"NAME", "a/NAME"}, {"NAME", "'a b'"}, {"NAME", "missing-NAME"}, {"NAME", "1"},
		{"matchImages: [nowhere.example.com], ", ""}, {"[nowhere.example.com]", "[]"}, {"[nowhere.example.com]", "null"}, {"nowhere", "'%zz'"}, {"nowhere", "a b"}, {"nowhere", "https://nowhere"},
		{"nowhere.example.com", "'*.*.example.com:5000/x'"}, {"[nowhere.example.com]", "nowhere.example.com"}, {"nowhere.example.com", "''"}, {"nowhere.example.com", "nowhere:port"},
		{"defaultCacheDuration: 1h, ", ""}, {"1h", "0s"}, {"1h", "0"}, {"1h", "-1s"}, {"1h", "null"}, {"1h", "soon"}, {"1h", "1"}, {"1h", "''"},
		{"credentialprovider.kubelet.k8s.io/v1", "credentialprovider.kubelet.k8s.io/v1beta1"}, {"credentialprovider.kubelet.k8s.io/v1", "credentialprovider.kubelet.k8s.io/v2"},
		{"credentialprovider.kubelet.k8s.io/v1", "v1"}, {", apiVersion: credentialprovider.kubelet.k8s.io/v1", ""}, {"}", ", args: [a, b]}"}, {"}", ", args: [1]}"}, {"}", ", Args: [a]}"},
		{"}", ", env: [{name: A, value: b}]}"}, {"}", ", env: [{name: A, valueFrom: b}]}"}, {"}", ", env: {A: b}}"}, {"}", ", more: x}"}, {"}", ", name: NAME}"},
		{"}", ", tokenAttributes: {" + token + "}}"}, {"}", ", tokenAttributes: {}}"}, {"}", ", tokenAttributes: null}"}, {"}", ", tokenAttributes: {" + token + ", x: y}}"},
		{"}", ", tokenAttributes: {" + strings.Replace(token, "Token,", "ServiceAccount,", 1) + "}}"}, {"}", ", tokenAttributes: {" + strings.Replace(token, "Token,", "token,", 1) + "}}"},
		{"}", ", tokenAttributes: {" + strings.Replace(token, "true", "false", 1) + "}}"},
		{"}", ", tokenAttributes: {" + strings.Replace(token, "true", "false", 1) + ", requiredServiceAccountAnnotationKeys: [a]}}"},
		{"}", ", tokenAttributes: {" + token + ", requiredServiceAccountAnnotationKeys: [a, example.com/B]}}"},
		{"}", ", tokenAttributes: {" + token + ", requiredServiceAccountAnnotationKeys: [a, a]}}"}, {"}", ", tokenAttributes: {" + token + ", optionalServiceAccountAnnotationKeys: [a, A]}}"},
		{"}", ", tokenAttributes: {" + token + ", requiredServiceAccountAnnotationKeys: [a], optionalServiceAccountAnnotationKeys: [a]}}"},
		{"}", ", tokenAttributes: {" + token + ", optionalServiceAccountAnnotationKeys: ['a b']}}"}, {"}", ", tokenAttributes: {" + token + ", optionalServiceAccountAnnotationKeys: [a, a]}}"},
		{"}", ", tokenAttributes: {" + token + ", optionalServiceAccountAnnotationKeys: ['']}}"}, {"}", ", tokenAttributes: {" + token + ", requiredServiceAccountAnnotationKeys: a}}"},
		{"}", ", tokenAttributes: {" + strings.Replace(token, ": a,", ": '',", 1) + "}}"}, {"}", ", tokenAttributes: {" + strings.Replace(token, "cacheType: Token, ", "", 1) + "}}"},
		{"}", ", tokenAttributes: {" + strings.Replace(token, ", requireServiceAccount: true", "", 1) + "}}"}, {"}", ", tokenAttributes: {" + strings.Replace(token, "true", "null", 1) + "}}"},
		{"v1}", "v1beta1, tokenAttributes: {" + token + "}}"},
	} {
		changed := strings.Replace(good, change[0], change[1], 1)
		all = append(all, head+changed, strings.Replace(head, "v1", "v1beta1", 1)+changed)
	}
	return all
}
