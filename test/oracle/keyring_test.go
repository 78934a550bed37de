package oracle

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
)

// addresses are the keys of entries, written in every way that people do.
func addresses() []string {
	return []string{
		"docker.io", "https://docker.io", "docker.io/library", "docker.io/library/nginx", "docker.io/", "docker.io/lib",
		"index.docker.io", "https://index.docker.io/v1/", "https://index.docker.io/v2/", "http://index.docker.io",
		"https://index.docker.io/v1", "https://index.docker.io/v1/access-token", "index.docker.io/library",
		"registry-1.docker.io", "hub.docker.com", "*.docker.io", "Docker.io", "docker.io:443", "d*.io", "*.io", "*",
		"quay.io", "https://quay.io", "http://quay.io", "https://quay.io/v1/", "https://quay.io/v2/", "quay.io/",
		"quay.io/org", "quay.io/org/", "quay.io/org/app", "quay.io/or", "https://quay.io/v2", "quay.io/org/app/",
		"quay.io/org/app:tag", "quay.io/*", "q*.io", "qua?.io", "qu[ab]y.io", "QUAY.IO", "quay.io:443", " quay.io", "quay.io ",
		"https://quay.io/v2/org", "https://quay.io/v1/org/app", "https://quay.io/v3/", "HTTPS://quay.io", "ftp://quay.io",
		"https://user:pass@quay.io", "quay.io?ns=x", "quay.io#x", "quay.io/%6frg", "quay.io/org%3Fx", "quay%2eio", "//quay.io",
		"https://https://quay.io", "quay.io//org", "", "/", ":", "%zz", "a b", "quay.io\n", "quay.io:", "quay.io:port",
		"*.example.com", "*.*.example.com", "*.example.com:5000", "reg.example.com:5000", "reg.example.com:*", "reg.example.com",
		"*.dkr.ecr.*.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "*.ecr.*.amazonaws.com",
		"localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "[::1]", "Foo", "foo", "xn--mnchen-3ya.de", "münchen.de",
	}
}

func images() []string {
	return []string{
		"nginx", "docker.io/org/app:1", "quay.io/org/app", "quay.io/organic/app@sha256:" + sixtyFour,
		"reg.example.com:5000/app", "a.reg.example.com/app", "reg.example.com/app", "localhost/foo", "localhost:5000/foo", "Foo/bar",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/app", "registry-1.docker.io/library/nginx", "[::1]:5000/app", "127.0.0.1:5000/app",
	}
}

const sixtyFour = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// TestAddresses tries every address on every image, alone and all at once.
func TestAddresses(t *testing.T) {
	cases := 0
	for _, image := range images() {
		all := make(map[string]any)
		for i, address := range addresses() {
			entry := map[string]string{"username": fmt.Sprintf("user%d", i), "password": "p"}
			all[address] = entry
			compare(t, []corev1.Secret{dockerConfigJSON("one", encode(t, map[string]any{"auths": map[string]any{address: entry}}))}, image)
			cases++
		}
		compare(t, []corev1.Secret{dockerConfigJSON("all", encode(t, map[string]any{"auths": all}))}, image)
		compare(t, []corev1.Secret{dockercfg("all", encode(t, all))}, image)
		cases += 2
	}
	atLeast(t, cases, 150)
}

func encode(t testing.TB, value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func atLeast(t *testing.T, cases, want int) {
	t.Helper()
	if cases < want {
		t.Errorf("only %d cases, want %d", cases, want)
	}
}

// entries are the values of entries for quay.io, well and badly made.
func entries() []string {
	return []string{
		`{"username":"u","password":"p"}`, `{"auth":"dTpw"}`, `{"auth":"dTpwcA=="}`, `{"auth":"dTpwcA"}`, `{"auth":"dTpwcA="}`,
		`{"username":"x","password":"y","auth":"dTpw"}`, `{"auth":"","username":"u","password":"p"}`, `{"auth":null,"username":"u"}`,
		`{"auth":"dTpw\n"}`, `{"auth":"dTp\r\nw"}`, `{"auth":"dTpwcA==\n"}`, `{"auth":" dTpw"}`, `{"auth":"dTpw "}`, `{"auth":"dTpwcA== "}`,
		`{"auth":"dTpw-_"}`, `{"auth":"dTpw+/+/"}`, `{"auth":"dXA="}`, `{"auth":"dXA"}`, `{"auth":"!"}`, `{"auth":"="}`, `{"auth":"===="}`,
		`{"auth":"dTpwOnE="}`, `{"auth":"Og=="}`, `{"auth":"OnA="}`, `{"auth":"dTo="}`, `{"auth":"dTpwCg=="}`, `{"auth":"/zr/"}`,
		`{"auth":"MDAwMDo=","identitytoken":"t"}`, `{"identitytoken":"t"}`, `{"registrytoken":"t"}`, `{}`, `null`,
		`{"USERNAME":"u","Password":"p"}`, `{"username":"a","Username":"b"}`, `{"username":"u","username":"v"}`, `{"email":"e","username":"u"}`,
		`{"password":"p"}`, `{"username":"u"}`, `{"username":"u","password":""}`, `{"username":" u ","password":"p\n"}`,
		`{"auth":1}`, `{"auth":true}`, `{"auth":[]}`, `{"auth":{}}`, `{"username":1}`, `{"password":1.5e300}`, `{"email":[]}`,
		`{"username":"u","password":"p","auth":3}`, `{"identitytoken":3,"username":"u"}`, `{"credsStore":{},"username":"u"}`,
		`1`, `"x"`, `true`, `[]`, `[{}]`, `""`, `{"username":"\ud800","password":"p"}`, `{"auth":"dTpw","auth":1}`, `{"auth":1,"auth":"dTpw"}`,
		`{"username":{"a":1},"auth":"!"}`,
	}
}

// TestEntries puts every entry into both kinds of secret, beside a good entry
// for another registry and a good secret.
func TestEntries(t *testing.T) {
	good := dockerConfigJSON("good", `{"auths":{"quay.io":{"auth":"Z29vZDpw"},"docker.io":{"auth":"aHViOnA="}}}`)
	cases := 0
	for _, entry := range entries() {
		bare := `{"ghcr.io":{"auth":"dTpw"},"quay.io":` + entry + `}`
		for _, secret := range []corev1.Secret{dockercfg("one", bare), dockerConfigJSON("one", `{"auths":`+bare+`}`)} {
			for _, image := range []string{"quay.io/org/app", "nginx"} {
				compare(t, []corev1.Secret{secret}, image)
				compare(t, []corev1.Secret{secret, good}, image)
				compare(t, []corev1.Secret{good, secret}, image)
				cases += 3
			}
		}
	}
	atLeast(t, cases, 150)
}

// documents are whole contents of secrets.
func documents() []string {
	return []string{
		``, ` `, `{}`, `null`, `[]`, `""`, `0`, `true`, `{`, `}`, `{"`, `nul`, `{"auths"}`, `{"auths":}`, `{"auths":{}}`, `{"auths":null}`,
		`{"auths":[]}`, `{"auths":""}`, `{"auths":0}`, `{"auths":true}`, `{"auths":{}} x`, `{"auths":{}}{}`, "\ufeff{}", "{\"auths\":{}}\n",
		`{"auths":{"quay.io":{"auth":"dTpw"}}`, `{"auths":{"quay.io":{"auth":"dTpw"}}}`, `{"AUTHS":{"quay.io":{"auth":"dTpw"}}}`,
		`{"Auths":{"quay.io":{"auth":"dTpw"}},"auths":{"quay.io/org":{"auth":"djpw"}}}`,
		`{"auths":{"quay.io":{"auth":"dTpw"}},"auths":{"quay.io":{"auth":"djpw"}}}`,
		`{"auths":{"quay.io":{"auth":"dTpw"},"quay.io":{"auth":"djpw"}}}`,
		`{"auths":{"quay.io":{"auth":"dTpw"},"quay.io":{}}}`, `{"auths":{"quay.io":{"auth":"dTpw"}},"auths":null}`,
		`{"auths":{"quay.io":{"auth":"dTpw"},"https://quay.io/v2/":{"auth":"djpw"},"quay.io/":{"auth":"dzpw"}}}`,
		`{"auths":{"quay.io":{"auth":"dTpw"},"https://quay.io":{"auth":"dTpw"},"quay.io/org":{"auth":"djpw"},"*.io":{"auth":"dzpw"}}}`,
		`{"quay.io":{"auth":"dTpw"}}`, `{"quay.io":{"auth":"dTpw"},"auths":{"quay.io":{"auth":"djpw"}}}`,
		`{"auths":{"quay.io":{"auth":"dTpw"}},"HttpHeaders":{"a":"b"}}`, `{"auths":{"quay.io":{"auth":"dTpw"}},"HttpHeaders":{"a":1}}`,
		`{"auths":{"quay.io":{"auth":"dTpw"}},"HttpHeaders":{"a":["b"]}}`, `{"auths":{"quay.io":{"auth":"dTpw"}},"HttpHeaders":[]}`,
		`{"auths":{"quay.io":{"auth":"dTpw"}},"HttpHeaders":null}`, `{"HttpHeaders":1,"auths":{"quay.io":{"auth":"!"}}}`,
		`{"HttpHeaders":1,"auths":[]}`, `{"httpheaders":"x"}`, `{"HttpHeaders":{"a":1},"auths":{"quay.io":3}}`,
		`{"auths":{"quay.io":{"auth":"dTpw"}},"credsStore":"desktop","credHelpers":{"quay.io":"x"}}`, `{"credHelpers":{"quay.io":"x"}}`,
		`{"auths":{"quay.io":{"auth":"dTpw"}},"credsStore":1,"credHelpers":[]}`, `{"auths":{"quay.io":{}},"credsStore":"desktop"}`,
		`{"auths":{"index.docker.io":{"auth":"dTpw"},"docker.io":{"auth":"djpw"},"https://index.docker.io/v1/":{"auth":"dzpw"}}}`,
		`{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"},"https://index.docker.io/v2/":{"auth":"djpw"}}}`,
	}
}

// TestDocuments puts every document into both kinds of secret, alone and
// beside others.
func TestDocuments(t *testing.T) {
	good := dockerConfigJSON("good", `{"auths":{"quay.io":{"auth":"Z29vZDpw"},"https://index.docker.io/v1/":{"auth":"aHViOnA="}}}`)
	bad := dockercfg("bad", `{"ghcr.io":{"auth":"dXA="}}`)
	cases := 0
	for _, document := range documents() {
		for _, secret := range []corev1.Secret{dockercfg("one", document), dockerConfigJSON("one", document)} {
			for _, list := range [][]corev1.Secret{{secret}, {secret, good}, {good, secret}, {secret, bad}, {bad, secret}} {
				compare(t, list, "quay.io/org/app:1")
				compare(t, list, "nginx")
				cases += 2
			}
		}
	}
	atLeast(t, cases, 150)
}

// TestKinds tries secrets whose type and key do not go together.
func TestKinds(t *testing.T) {
	data := `{"auths":{"quay.io":{"auth":"dTpw"}},"quay.io":{"auth":"djpw"}}`
	kinds := []corev1.SecretType{corev1.SecretTypeDockerConfigJson, corev1.SecretTypeDockercfg, corev1.SecretTypeOpaque,
		corev1.SecretTypeBasicAuth, "", "kubernetes.io/DockerConfigJson", "helm.sh/release.v1"}
	for _, kind := range kinds {
		for _, key := range []string{corev1.DockerConfigJsonKey, corev1.DockerConfigKey, "config.json", ""} {
			compare(t, []corev1.Secret{newSecret("one", kind, key, data)}, "quay.io/org/app")
			compare(t, []corev1.Secret{newSecret("one", kind, key, "{")}, "quay.io/org/app")
		}
		both := newSecret("both", kind, corev1.DockerConfigJsonKey, `{"auths":{"quay.io":{"auth":"dTpw"}}}`)
		both.Data[corev1.DockerConfigKey] = []byte(`{"quay.io":{"auth":"djpw"}}`)
		compare(t, []corev1.Secret{both}, "quay.io/org/app")
	}
}

// TestOrder tries many secrets with overlapping keys in several orders.
func TestOrder(t *testing.T) {
	list := []corev1.Secret{
		dockerConfigJSON("a", `{"auths":{"quay.io":{"auth":"YTpw"},"*.io/org":{"auth":"YTpx"}}}`),
		dockercfg("b", `{"https://quay.io/v2/":{"auth":"Yjpw"},"quay.io/org":{"auth":"Yjpx"}}`),
		dockerConfigJSON("c", `{"auths":{"q*.io":{"auth":"YTpw"},"docker.io":{"auth":"Yzpx"}}}`),
		newSecret("d", corev1.SecretTypeOpaque, corev1.DockerConfigJsonKey, `{"auths":{"quay.io":{"auth":"ZDpw"}}}`),
		dockerConfigJSON("e", `{"auths":{"quay.io/org/app":{},"index.docker.io":{"auth":"ZTpx"}}}`),
	}
	for i := range list {
		rotated := slices.Concat(list[i:], list[:i])
		for _, image := range images() {
			compare(t, rotated, image)
			slices.Reverse(rotated)
			compare(t, rotated, image)
			compare(t, slices.Concat(rotated, rotated), image)
		}
	}
}

// FuzzKeyring compares on whatever documents and images come.
func FuzzKeyring(f *testing.F) {
	for i, document := range documents() {
		f.Add(document, documents()[(i+7)%len(documents())], uint8(i), images()[i%len(images())])
	}
	for i, entry := range entries() {
		f.Add(`{"auths":{"quay.io":`+entry+`}}`, `{"docker.io":`+entry+`}`, uint8(i), images()[i%len(images())])
	}
	f.Fuzz(func(t *testing.T, one, two string, kinds uint8, image string) {
		if _, err := reference.ParseNormalizedNamed(image); err != nil {
			return
		}
		list := []corev1.Secret{dockerConfigJSON("one", one), dockerConfigJSON("two", two)}
		if kinds&1 != 0 {
			list[0] = dockercfg("one", one)
		}
		if kinds&2 != 0 {
			list[1] = dockercfg("two", two)
		}
		compare(t, list, image)
	})
}

// FuzzAddresses keeps the documents well-formed, to get at the matching.
func FuzzAddresses(f *testing.F) {
	for i, address := range addresses() {
		f.Add(address, addresses()[(i+11)%len(addresses())], "dTpw", images()[i%len(images())])
	}
	for i, address := range addresses() {
		f.Add(address, address+"/x", "dTpwCg==", images()[(i+5)%len(images())])
	}
	f.Fuzz(func(t *testing.T, one, two, auth, image string) {
		if _, err := reference.ParseNormalizedNamed(image); err != nil {
			return
		}
		entries := map[string]any{one: map[string]string{"username": "one", "password": "p"}, two: map[string]string{"auth": auth}}
		compare(t, []corev1.Secret{dockercfg("one", encode(t, entries))}, image)
	})
}
