package keyring

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
)

// marker stands in every place of a secret that is nobody's business.
const marker = "s3cr3tM4rk3r"

// documents are contents with the marker in each of those places.
func documents() []string {
	secret, encoded := marker, auth("user", marker)
	var all []string
	for _, address := range []string{"quay.io", "quay.io:443", " quay.io", "https://user:" + secret + "@quay.io/x", "https://" + secret + "@ghcr.io",
		"quay.io?token=" + secret, "quay.io/x#" + secret, "https://user:" + secret + "@quay.io:port", "user:" + secret + "/x@quay.io"} {
		for _, entry := range []string{
			`{"username":"user","password":"` + secret + `"}`, `{"auth":"` + encoded + `"}`, `{"auth":"` + secret + `"}`, `{"auth":"` + encoded + ` "}`,
			`{"identitytoken":"` + secret + `"}`, `{"password":"` + secret + `"}`, `"` + secret + `"`, `["` + secret + `"]`, secret, `{"auth":{"` + secret + `":1}}`,
			`{"username":1,"password":"` + secret + `"}`, `{"username":"` + secret + `","auth":"!` + secret + `"}`,
		} {
			all = append(all, fmt.Sprintf(`{"auths":{%q:%s}}`, address, entry), fmt.Sprintf(`{%q:%s}`, address, entry))
		}
	}
	return append(all, marker, `{"auths":"`+marker+`"}`, `{"HttpHeaders":{"X":["`+marker+`"]}}`, `{"auths":{}} `+marker, "")
}

// told is everything that a look-up tells people.
func told(match Match) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %v %+v %#v", match.Incomplete, match.Notes, match.Credentials, match.Credentials)
	if match.Malformed != nil {
		fmt.Fprintf(&text, " %+v", *match.Malformed)
	}
	return text.String()
}

// TestSecretsStaySecret tries each document as each kind of secret.
func TestSecretsStaySecret(t *testing.T) {
	for _, document := range documents() {
		for _, secret := range []*corev1.Secret{configJSON("s", document), dockercfg("s", document),
			newSecret("s", corev1.SecretTypeOpaque, marker, document)} {
			for _, image := range []string{"quay.io/app", "nginx"} {
				if text := told(lookup(t, with(secret), image, "s")); strings.Contains(text, marker) {
					t.Errorf("%s for %s tells %s", document, image, text)
				}
			}
		}
	}
}

// FuzzRing: whatever is in a secret, a look-up does not panic, tells nothing of
// what is secret in it, and comes out the same twice.
func FuzzRing(f *testing.F) {
	for i, document := range documents() {
		f.Add(document, "quay.io", "user", i%2 == 0, "quay.io/app")
	}
	for _, address := range []string{"https://index.docker.io/v1", "*.io", "quay.io/*", "[::1]:5000", "%zz", "quay.io/v2", "a@b?c#d"} {
		f.Add("{}", address, marker, false, "nginx")
	}
	f.Fuzz(func(t *testing.T, document, address, username string, legacy bool, image string) {
		parsed, err := reference.ParseNormalizedNamed(image)
		if err != nil {
			return
		}
		kind := configJSON
		if legacy {
			kind = dockercfg
		}
		entry := fmt.Sprintf(`{"username":%q,"password":%q}`, username, marker)
		source := with(kind("raw", document), login("made", address, marker), configJSON("other", fmt.Sprintf(`{"auths":{%q:%s}}`, address, entry)))
		look := func(names ...string) Match {
			return (&Keyring{Source: source}).Open(t.Context(), Pod{Namespace: "shop", PullSecrets: names}).Lookup(t.Context(), parsed)
		}
		first, second := look("raw", "made", "other"), look("raw", "made", "other")
		if !reflect.DeepEqual(first, second) {
			t.Errorf("once %v, once %v", first, second)
		}
		made := look("made", "other")
		if !strings.Contains(address, marker) && strings.Contains(told(made), marker) {
			t.Errorf("%q for %s tells %s", address, image, told(made))
		}
	})
}
