package worlds

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
	"github.com/pullgate/pullgate/workload"
)

var update = flag.Bool("update", false, "write the documentation anew")

// levels is how many manifests deep the images of a stock are: an index and
// what it has for the platform.
const levels = 2

// TestRegistriesDocumented visits every world, and keeps docs/registries.md
// equal to what came of it.
func TestRegistriesDocumented(t *testing.T) {
	const file = "../../docs/registries.md"
	here := openStreet(t)
	var page strings.Builder
	page.WriteString(preface)
	for _, w := range worlds() {
		w.describe(&page)
		for _, v := range w.visits() {
			t.Run(w.name+"/"+v.title, func(t *testing.T) { v.describe(&page, w.visit(t, here, v)) })
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(page.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != page.String() {
		t.Errorf("%s differs from what is said of these registries: run `go test ./resolver/worlds -update`", file)
	}
}

// openStreet opens a street for all worlds and leads this process there.
func openStreet(t *testing.T) *street {
	t.Helper()
	var names []string
	for _, w := range worlds() {
		names = append(append(names, w.host), w.served...)
	}
	here := newStreet(t, names)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy"} {
		t.Setenv(name, "")
	}
	t.Setenv("HTTPS_PROXY", here.proxy)
	return here
}

// told is what came of a visit.
type told struct {
	resolver.Result
	cost count
}

// visit asks for an image as a Pod would have it, and again: what is known
// costs nothing while it is kept, and one HEAD after that.
func (w world) visit(t *testing.T, here *street, v visit) told {
	t.Helper()
	fill := strings.NewReplacer("{public}", w.public, "{private}", w.private, "{no-public}", w.beside(w.public), "{no-private}", w.beside(w.private))
	v.image = fill.Replace(v.image)
	if w.host != "docker.io" {
		v.image = w.host + "/" + v.image
	}
	s := newStock(w.host, w.public, w.private)
	s.limited, s.down = v.limited, v.down
	if v.serve == nil {
		v.serve = w.serve
	}
	here.settle(v.serve(s))
	asks := w.customer(here, v)
	answer := told{Result: asks.ask(t, v.image)}
	answer.cost = here.asked()
	answer.check(t, v)
	if answer.Verdict == pull.Pullable {
		answer.checkCost(t, asks, s, v.image)
	} else {
		answer.checkBound(t, asks, v.image)
	}
	return answer
}

// beside names a repository next to another.
func (world) beside(repository string) string {
	return repository[:strings.LastIndex(repository, "/")+1] + "nothing"
}

// check compares what was told with what is wanted, and looks for secrets.
func (a told) check(t *testing.T, v visit) {
	t.Helper()
	if a.Reason != v.want || a.Verdict != v.want.Verdict() {
		t.Errorf("%s is %s (%s), want %s: %s", v.image, a.Reason, a.Verdict, v.want, a.Message)
	}
	if a.Verdict == pull.Broken && (a.Hint == "" || a.Node == "") {
		t.Errorf("refused without a hint or the node's words: %+v", a.Result)
	}
	for _, secret := range []visitor{member, stranger, outdated, impostor} {
		if strings.Contains(fmt.Sprintf("%+v", a.Result), string(secret)) {
			t.Errorf("%s is in %+v", secret, a.Result)
		}
	}
}

// customer is a Pullgate and a Pod for it.
type customer struct {
	resolver *resolver.Resolver
	here     *street
	secrets  []string
}

// customer sets up what looks at a Pod with the pull secret of a visit.
func (w world) customer(here *street, v visit) *customer {
	c := &customer{here: here}
	content := v.secret
	if content == "" && v.shows != nobody {
		key := w.key
		if key == "" {
			key = w.host
		}
		content = fmt.Sprintf(`{"auths":{%q:{"username":%q,"password":%q}}}`, key, w.user, v.shows)
	}
	if content != "" {
		c.secrets = []string{"regcred"}
	}
	hidden := keyring.DefaultHiddenHosts()
	if v.unhidden {
		hidden = nil
	}
	c.resolver = &resolver.Resolver{
		Credentials: &keyring.Keyring{Source: secret(content), Hidden: hidden},
		Registry: registry.NewClient(registry.Options{HostsDir: here.certs, Guard: registry.Guard{
			Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		}}),
		Platforms: []ocispec.Platform{platforms.MustParse("linux/amd64")},
	}
	c.forget()
	return c
}

// forget is the time after that for which answers are kept. What was read at
// digests is known.
func (c *customer) forget() { c.resolver.Cache = resolver.NewCache(10, time.Hour) }

// ask lets the resolver look at a Pod with an image.
func (c *customer) ask(t *testing.T, image string) resolver.Result {
	t.Helper()
	report := c.resolver.Resolve(t.Context(), workload.Workload{
		Object: workload.Object{Kind: "Pod", Namespace: "shop", Name: "web"},
		Templates: []workload.Template{{
			Spec: &corev1.PodSpec{}, PullSecrets: c.secrets, ServiceAccount: "default",
			Images: []workload.Image{{Reference: image, Policy: corev1.PullAlways, Role: workload.Container, Mounted: true}},
		}},
	})
	return report.Results[0]
}

// secret is a cluster with one pull secret.
type secret string

func (s secret) Secret(context.Context, string, string) (*corev1.Secret, error) {
	return &corev1.Secret{Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(s)}}, nil
}

func (secret) ServiceAccount(_ context.Context, _, name string) (*corev1.ServiceAccount, error) {
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "serviceaccounts"}, name)
}
