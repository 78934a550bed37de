package keyring

import (
	"slices"
	"testing"

	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
)

// TestMatching is the table of which entries are for which images.
func TestMatching(t *testing.T) {
	tests := []struct {
		image    string
		yes, not []string
	}{{
		image: "nginx",
		yes: []string{"docker.io", "https://docker.io", "docker.io/library", "docker.io/library/nginx", "docker.io/lib", "index.docker.io",
			"https://index.docker.io/v1/", "https://index.docker.io/v2/", "http://index.docker.io"},
		not: []string{"https://index.docker.io/v1", "https://index.docker.io/v1/access-token", "registry-1.docker.io", "hub.docker.com",
			"*.docker.io", "Docker.io", "docker.io:443", "docker.io/other", "index.docker.io/library"},
	}, {
		image: "quay.io/org/app:1",
		yes: []string{"quay.io", "http://quay.io", "https://quay.io", "https://quay.io/v1/", "https://quay.io/v2/", "quay.io/", "quay.io/org",
			"quay.io/org/", "quay.io/org/app", "quay.io/or", "https://quay.io/v2/org", "*.io", "q*.io", "https://user:pass@quay.io", "quay.io?x=y"},
		not: []string{"https://quay.io/v2", "quay.io/org/app/", "quay.io/org/app:1", "quay.io/*", "*", "qua?.io", "qu[a]y.io", "QUAY.IO",
			"quay.io:443", " quay.io", "https://quay.io/v3/", "HTTPS://quay.io", "", "https://index.docker.io/v1/"},
	}, {
		image: "localhost/foo",
		yes:   []string{"localhost", "https://index.docker.io/v1/"},
		not:   []string{"docker.io", "localhost:80"},
	}, {
		image: "Foo/bar",
		yes:   []string{"Foo", "index.docker.io"},
		not:   []string{"foo"},
	}, {
		image: "reg.example.com:5000/app",
		yes:   []string{"reg.example.com:5000", "*.example.com:5000", "*.*.com:5000", "r*.example.com:5000/a"},
		not:   []string{"reg.example.com", "*.example.com", "*.com:5000", "reg.example.com:*", "index.docker.io"},
	}, {
		image: "a.reg.example.com/app",
		yes:   []string{"*.reg.example.com", "*.*.example.com"},
		not:   []string{"*.example.com", "reg.example.com"},
	}, {
		image: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app",
		yes:   []string{"*.dkr.ecr.*.amazonaws.com"},
		not:   []string{"*.amazonaws.com"},
	}, {
		image: "[::1]:5000/app",
		yes:   []string{"[::1]:5000"},
		not:   []string{"[::1]", "localhost:5000"},
	}}
	for _, test := range tests {
		for _, address := range test.yes {
			if found := lookup(t, with(login("s", address, "u")), test.image, "s"); len(found.Credentials) != 1 {
				t.Errorf("%q is not taken for %s", address, test.image)
			}
		}
		for _, address := range test.not {
			if found := lookup(t, with(login("s", address, "u")), test.image, "s"); len(found.Credentials) != 0 {
				t.Errorf("%q is taken for %s", address, test.image)
			}
		}
	}
}

// TestOrder: keys in descending order, and under one key the Pod's order.
func TestOrder(t *testing.T) {
	source := with(
		configJSON("first", `{"auths":{"quay.io":{"auth":"YTpwCg"},"*.io/org/app":{"username":"glob"}}}`),
		configJSON("second", `{"auths":{"quay.io/org":{"username":"b"},"https://quay.io/v2/":{"username":"c"},"quay.io":{"username":"d"}}}`),
		dockercfg("third", `{"quay.io/org/app":{"username":"e"},"quay.io":{"username":"b"}}`),
	)
	tests := map[string][]string{
		"quay.io/org/app": {"e:@secret/shop/third", "b:@secret/shop/second", "a:p\n@secret/shop/first", "c:@secret/shop/second",
			"d:@secret/shop/second", "glob:@secret/shop/first"},
		"quay.io/other": {"a:p\n@secret/shop/first", "c:@secret/shop/second", "d:@secret/shop/second", "b:@secret/shop/third"},
		"ghcr.io/org":   nil,
	}
	for image, want := range tests {
		got := tried(lookup(t, source, image, "first", "second", "third").Credentials)
		if !slices.Equal(got, want) {
			t.Errorf("%s: tries %q, want %q", image, got, want)
		}
	}
	if got := tried(lookup(t, source, "quay.io/x", "third", "second").Credentials); got[0] != "b:@secret/shop/third" {
		t.Errorf("tries %q, want the secret first that the Pod names first", got)
	}
}

// TestDockerHubLast: Hub's own key counts only where nothing else matched.
func TestDockerHubLast(t *testing.T) {
	source := with(login("hub", "https://index.docker.io/v1/", "hub"), login("io", "docker.io/library", "io"))
	if got := tried(lookup(t, source, "nginx", "hub", "io").Credentials); !slices.Equal(got, []string{"io:secret-of-io@secret/shop/io"}) {
		t.Errorf("nginx: tries %q, want docker.io's alone", got)
	}
	if got := tried(lookup(t, source, "org/app", "hub", "io").Credentials); !slices.Equal(got, []string{"hub:secret-of-hub@secret/shop/hub"}) {
		t.Errorf("org/app: tries %q, want Hub's", got)
	}
}

func TestHidden(t *testing.T) {
	hidden := []string{
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/app", "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app",
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app", "123456789012.dkr-ecr.eu-west-1.on.aws/app",
		"123456789012.dkr-ecr-fips.us-east-1.on.aws/app", "123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn/app",
		"123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu/app", "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov/app",
		"europe-docker.pkg.dev/project/repo/app", "gcr.io/project/app", "eu.gcr.io/project/app",
		"acme.azurecr.io/app", "acme.azurecr.cn/app", "acme.azurecr.us/app",
	}
	known := []string{"nginx", "ghcr.io/acme/app", "public.ecr.aws/app", "azurecr.io/app", "a.b.azurecr.io/app", "acme.azurecr.io:5000/app",
		"amazonaws.com/app", "gcr.io.example.com/app", "acme.azurecr.io.example.com/app", "pkg.dev/app"}
	ring := (&Keyring{Hidden: DefaultHiddenHosts()}).Open(t.Context(), Pod{Namespace: "shop"})
	for _, image := range hidden {
		if !ring.Lookup(t.Context(), named(t, image)).Hidden {
			t.Errorf("%s is not hidden", image)
		}
	}
	for _, image := range known {
		if ring.Lookup(t.Context(), named(t, image)).Hidden {
			t.Errorf("%s is hidden", image)
		}
	}
	if lookup(t, with(), "gcr.io/app").Hidden {
		t.Error("a keyring without globs hides gcr.io")
	}
}

func TestCheckGlob(t *testing.T) {
	for _, glob := range append(DefaultHiddenHosts(), "reg.example.com:5000/team") {
		if err := dockerconfig.CheckGlob(glob); err != nil {
			t.Errorf("%q: %v", glob, err)
		}
	}
	for _, glob := range []string{"a b", "[", "host:port", "%zz", "\x00"} {
		if dockerconfig.CheckGlob(glob) == nil {
			t.Errorf("%q passes", glob)
		}
	}
}
