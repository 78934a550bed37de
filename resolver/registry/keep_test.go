package registry

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/images"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
)

// twice is one line of the table: two looks, and what happens in between.
type twice struct {
	name           string
	setup, between func(r *rig)
	first, second  row
}

// TestProbeTwice is what a second look costs, and what it forgets.
func TestProbeTwice(t *testing.T) {
	for _, tt := range slices.Concat(knownImages(), keptTokens(), neverKept()) {
		t.Run(tt.name, tt.run)
	}
}

func (tt twice) run(t *testing.T) {
	r := newRig(t)
	r.single("manifest", "1", "linux/amd64")
	if tt.setup != nil {
		tt.setup(r)
	}
	r.asked()
	c := client(t, "")
	tt.first.check(t, r, c)
	if tt.between != nil {
		tt.between(r)
	}
	r.asked()
	tt.second.check(t, r, c)
}

func knownImages() []twice {
	return []twice{
		{name: "a known image",
			first:  row{reason: pull.ReasonPullable, requests: "HEAD 1, GET @manifest"},
			second: row{reason: pull.ReasonPullable, requests: "HEAD 1"}},
		{name: "a known digest", first: row{image: "app@manifest", reason: pull.ReasonPullable, requests: "HEAD @manifest, GET @manifest"},
			second: row{image: "app@manifest", reason: pull.ReasonPullable, requests: "HEAD @manifest"}},
		{name: "another tag of a known digest", setup: func(r *rig) { r.single("manifest", "2", "linux/amd64") },
			first:  row{reason: pull.ReasonPullable, requests: "HEAD 1, GET @manifest"},
			second: row{image: "app:2", reason: pull.ReasonPullable, requests: "HEAD 2"}},
		{name: "a known image for another platform", setup: indexFor("linux/amd64", "linux/arm64"),
			first:  row{reason: pull.ReasonPullable, requests: "HEAD 1, GET @index, GET @linux-amd64"},
			second: row{platforms: []string{"linux/arm64"}, reason: pull.ReasonPullable, requests: "HEAD 1, GET @index, GET @linux-arm64"}},
		{name: "layers of a known image",
			first: row{reason: pull.ReasonPullable, requests: "HEAD 1, GET @manifest"},
			second: row{layers: true, reason: pull.ReasonPullable,
				requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer"}},
		{name: "layers are looked for each time",
			first:   row{layers: true, reason: pull.ReasonPullable, requests: "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer"},
			between: func(r *rig) { r.on("GET blob @manifest.layer", status(http.StatusNotFound)) },
			second: row{layers: true, reason: pull.BlobMissing, // and asked again
				requests: strings.Repeat("HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer, ", 3) +
					"GET blob @manifest.layer, GET v2/"}},
	}
}

func keptTokens() []twice {
	return []twice{
		{name: "a token is kept", setup: func(r *rig) { r.bearer(bearer{}) },
			first:  row{credential: right(), reason: pull.ReasonPullable, requests: "HEAD 1, POST token, HEAD 1 bearer, GET @manifest bearer"},
			second: row{credential: right(), reason: pull.ReasonPullable, requests: "HEAD 1 bearer"}},
		{name: "an anonymous token is kept", setup: func(r *rig) { r.bearer(bearer{public: true}) },
			first:  row{reason: pull.ReasonPullable, requests: "HEAD 1, GET token, HEAD 1 bearer, GET @manifest bearer"},
			second: row{reason: pull.ReasonPullable, requests: "HEAD 1 bearer"}},
		{name: "another credential gets no token of this one", setup: func(r *rig) { r.bearer(bearer{}) },
			first:  row{credential: right(), reason: pull.ReasonPullable, requests: "HEAD 1, POST token, HEAD 1 bearer, GET @manifest bearer"},
			second: row{credential: wrong(), reason: pull.CredentialsRejected, requests: "HEAD 1, POST token, GET token basic, GET 1, POST token, GET token basic"}},
		{name: "nobody gets a token of somebody", setup: func(r *rig) { r.bearer(bearer{}) },
			first:  row{credential: right(), reason: pull.ReasonPullable, requests: "HEAD 1, POST token, HEAD 1 bearer, GET @manifest bearer"},
			second: row{reason: pull.CredentialsRequired, requests: "HEAD 1, GET token, HEAD 1 bearer, GET 1, GET token, GET 1 bearer"}},
		{name: "an equal credential of another secret gets it", setup: func(r *rig) { r.bearer(bearer{}) },
			first: row{credential: right(), reason: pull.ReasonPullable, requests: "HEAD 1, POST token, HEAD 1 bearer, GET @manifest bearer"},
			second: row{credential: pull.NewCredential(pull.Secret("other", "right"), user, password), reason: pull.ReasonPullable,
				requests: "HEAD 1 bearer"}},
	}
}

func neverKept() []twice {
	return []twice{
		{name: "a refusal is asked afresh", between: func(r *rig) { r.single("second", "2", "linux/amd64") },
			first:  row{image: "app:2", reason: pull.TagNotFound, requests: "HEAD 2, GET 2"},
			second: row{image: "app:2", reason: pull.ReasonPullable, requests: "HEAD 2, GET @second"}},
		{name: "a known image that is gone is asked for twice", between: func(r *rig) { gone(r) },
			first:  row{reason: pull.ReasonPullable, requests: "HEAD 1, GET @manifest"},
			second: row{reason: pull.TagNotFound, requests: "HEAD 1, HEAD 1, GET 1"}},
		{name: "a known image that is refused by its header is asked for twice",
			between: func(r *rig) { serve(r, images.MediaTypeDockerSchema1Manifest, digestOf(schema1()), schema1()) },
			first:   row{reason: pull.ReasonPullable, requests: "HEAD 1, GET @manifest"},
			second:  row{reason: pull.UnsupportedImage, requests: "HEAD 1, HEAD 1, GET 1, HEAD 1, GET 1"}},
		{name: "what was said to somebody is not said to others", setup: func(r *rig) {
			indexFor("linux/amd64", "linux/arm64")(r)
			r.basic()
			r.on("GET @linux-arm64 basic", func(w http.ResponseWriter, req *http.Request) {
				refuse(w, http.StatusForbidden, "DENIED", req.Header.Get("Authorization")+" is not welcome")
			})
		},
			between: func(r *rig) { r.wrap(func(http.Handler) http.Handler { return r.content }) },
			first: row{credential: right(), platforms: []string{"linux/amd64", "linux/arm64"}, reason: pull.ReasonPullable, notes: []pull.NoteReason{pull.SomeNodesMismatch},
				requests: "HEAD 1, HEAD 1 basic, GET @index basic, GET @linux-amd64 basic, GET @linux-arm64 basic"},
			second: row{platforms: []string{"linux/amd64", "linux/arm64"}, reason: pull.ReasonPullable,
				requests: "HEAD 1, GET @index, GET @linux-amd64, GET @linux-arm64"}},
		{name: "a child that is missing is looked for each time", setup: func(r *rig) {
			indexFor("linux/amd64", "linux/arm64")(r)
			r.once("GET @linux-arm64", status(http.StatusNotFound))
		},
			first: row{platforms: []string{"linux/amd64", "linux/arm64"}, reason: pull.ReasonPullable, notes: []pull.NoteReason{pull.SomeNodesMismatch},
				requests: "HEAD 1, GET @index, GET @linux-amd64, GET @linux-arm64"},
			second: row{platforms: []string{"linux/amd64", "linux/arm64"}, reason: pull.ReasonPullable,
				requests: "HEAD 1, GET @index, GET @linux-amd64, GET @linux-arm64"}},
		{name: "a known image and 429", between: answering(status(http.StatusTooManyRequests)),
			first:  row{reason: pull.ReasonPullable, requests: "HEAD 1, GET @manifest"},
			second: row{reason: pull.RateLimited, requests: "HEAD 1"}},
		{name: "a token server that failed is asked afresh", setup: func(r *rig) {
			r.bearer(bearer{})
			r.once("POST token", status(http.StatusInternalServerError))
		},
			first:  row{credential: right(), reason: pull.RegistryError, requests: "HEAD 1, POST token"},
			second: row{credential: right(), reason: pull.ReasonPullable, requests: "HEAD 1, POST token, HEAD 1 bearer, GET @manifest bearer"}},
	}
}

// TestProbeTokenLost makes sure that a token that is good no more is no
// refusal, however the registry says so.
func TestProbeTokenLost(t *testing.T) {
	const again = "HEAD 1 bearer, HEAD 1, POST token, HEAD 1 bearer"
	for _, tt := range []struct {
		name     string
		refusal  http.HandlerFunc
		requests string
	}{
		{"401 with an error", func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",error="invalid_token"`, req.Host))
			w.WriteHeader(http.StatusUnauthorized)
		}, "HEAD 1 bearer, POST token, HEAD 1 bearer"},
		{"401 without an error", func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token"`, req.Host))
			w.WriteHeader(http.StatusUnauthorized)
		}, again},
		{"401 and no more", status(http.StatusUnauthorized), again},
		{"403", status(http.StatusForbidden), "HEAD 1 bearer, GET 1 bearer, HEAD 1, POST token, HEAD 1 bearer"},
		{"400, as ECR", status(http.StatusBadRequest), again},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			r.single("manifest", "1", "linux/amd64")
			var epoch atomic.Int32
			r.wrap(func(next http.Handler) http.Handler { return tokensOf(&epoch, tt.refusal, next) })
			c := client(t, "")
			for i := range 3 {
				if finding := (row{credential: right()}).probe(t, r, c); finding.Reason != pull.ReasonPullable {
					t.Fatalf("%+v, want %s", finding, pull.ReasonPullable)
				}
				if asked := strings.Join(r.asked(), ", "); i > 0 && asked != tt.requests {
					t.Errorf("requests\n%s, want\n%s", asked, tt.requests)
				}
				if finding := (row{credential: right()}).probe(t, r, c); finding.Reason != pull.ReasonPullable || len(r.asked()) != 1 {
					t.Fatalf("%+v, want %s by one request", finding, pull.ReasonPullable)
				}
				epoch.Add(1)
			}
		})
	}
}

// tokensOf lets in who has the token of the epoch, and refuses one of before.
func tokensOf(epoch *atomic.Int32, refusal http.HandlerFunc, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		now := fmt.Sprintf("%s-%d", token, epoch.Load())
		switch given := req.Header.Get("Authorization"); {
		case req.URL.Path == "/token":
			_, _ = fmt.Fprintf(w, `{"access_token": %q}`, now)
		case given == "":
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token"`, req.Host))
			w.WriteHeader(http.StatusUnauthorized)
		case given != "Bearer "+now:
			refusal(w, req)
		default:
			next.ServeHTTP(w, req)
		}
	})
}

// TestProbeScopes makes sure that no token is asked for two repositories.
func TestProbeScopes(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	var scopes []string
	r.bearer(bearer{challenge: `Bearer realm="REALM"`, post: func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		scopes = append(scopes, req.PostFormValue("scope"))
		_, _ = fmt.Fprintf(w, `{"access_token": %q}`, token)
	}})
	c := client(t, "")
	for _, image := range []string{"a/one:1", "a/two:1", "a/one:2"} {
		row{image: image, credential: right()}.probe(t, r, c)
	}
	want := []string{"repository:a/one:pull", "repository:a/two:pull", "repository:a/one:pull"}
	if strings.Join(scopes, ",") != strings.Join(want, ",") {
		t.Errorf("scopes %q, want %q", scopes, want)
	}
}

// TestKeptByOne makes sure that nobody finds what is kept beside it of those who ask
// in other ways: neither tokens nor what was read.
func TestKeptByOne(t *testing.T) {
	for runtimes, requests := range map[pull.Runtimes]struct{ first, again string }{
		pull.Containerd: {"HEAD 1, POST token, HEAD 1 bearer, GET @manifest bearer", "HEAD 1 bearer"},
		pull.CRIO:       {"GET v2/, GET token basic, GET 1 bearer", "GET 1 bearer"},
	} {
		r := newRig(t)
		r.single("manifest", "1", "linux/amd64")
		r.bearer(bearer{})
		first := row{credential: right(), runtimes: runtimes, reason: pull.ReasonPullable, requests: requests.first}
		again := row{credential: right(), runtimes: runtimes, reason: pull.ReasonPullable, requests: requests.again}
		one := client(t, "")
		all := []*Client{one, one.Beside("", nil, nil), one.Beside(t.TempDir(), nil, nil)}
		for _, look := range []row{first, again} {
			for _, c := range all {
				r.asked()
				look.check(t, r, c)
			}
		}
	}
}

// TestKeptHostsEnd makes sure that certificates, hosts.toml and tokens are
// looked at anew after a while.
func TestKeptHostsEnd(t *testing.T) {
	r := newRig(t)
	r.single("manifest", "1", "linux/amd64")
	c := client(t, "")
	row{}.probe(t, r, c)
	image := r.image("app:1")
	if _, fresh, _ := c.hostsFor(t.Context(), image, pull.Credential{}, containerd.ByHosts, false); fresh {
		t.Fatal("the hosts were not kept")
	}
	key := c.key(image, pull.Credential{}, containerd.ByHosts)
	kept, _ := c.kept.Get(key)
	c.kept.PutUntil(key, kept, time.Now())
	if _, fresh, _ := c.hostsFor(t.Context(), image, pull.Credential{}, containerd.ByHosts, false); !fresh {
		t.Error("the hosts were kept for ever")
	}
}

// TestProbeAtOnce asks for many images with many credentials at once.
func TestProbeAtOnce(t *testing.T) {
	r := newRig(t)
	r.single("manifest", "1", "linux/amd64")
	r.bearer(bearer{})
	c := client(t, "")
	credentials := []pull.Credential{right(), wrong(), {}}
	want := []pull.Reason{pull.ReasonPullable, pull.CredentialsRejected, pull.CredentialsRequired}
	var group sync.WaitGroup
	for i := range 90 {
		group.Go(func() {
			finding := row{credential: credentials[i%3]}.probe(t, r, c)
			if finding.Reason != want[i%3] {
				t.Errorf("%+v, want %s", finding, want[i%3])
			}
		})
	}
	group.Wait()
}

// TestRefusalsAtOnce makes sure that each is asked for again and explained, be
// it that another made what is kept in between.
func TestRefusalsAtOnce(t *testing.T) {
	r := newRig(t)
	r.single("manifest", "1", "linux/amd64")
	c := client(t, "")
	for range 20 {
		row{reason: pull.ReasonPullable}.probe(t, r, c)
		var group sync.WaitGroup
		for i := range 32 {
			group.Go(func() {
				finding := row{image: "app@" + digestOf([]byte{byte(i)})}.probe(t, r, c)
				if finding.Reason != pull.DigestNotFound {
					t.Errorf("%+v", finding)
				}
			})
		}
		group.Wait()
	}
}

// TestProbeCutShort makes sure that a refusal that nobody has the time to ask
// for again is none.
func TestProbeCutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	registry := &inMemory{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusNotFound)
	})}
	query := pull.Query{Image: named(t, "registry.test/app:1")}
	if finding := registry.client(t, &query).Probe(ctx, query); finding.Reason != pull.Timeout {
		t.Errorf("%+v, want %s", finding, pull.Timeout)
	}
}

// TestProbeWaitsNotForOthers makes sure that a token server that hangs for one
// holds another no longer than its own time, and fails nobody afterwards.
func TestProbeWaitsNotForOthers(t *testing.T) {
	r := newRig(t)
	r.single("manifest", "1", "linux/amd64")
	asked := make(chan struct{})
	r.bearer(bearer{})
	r.once("POST token", func(w http.ResponseWriter, req *http.Request) {
		close(asked)
		r.hang(w, req)
	})
	c := client(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if finding := c.Probe(ctx, row{credential: right()}.query(r)); finding.Reason != pull.Timeout {
			t.Errorf("the first: %+v, want %s", finding, pull.Timeout)
		}
	})
	<-asked
	if finding := (row{credential: right(), timeout: 100 * time.Millisecond}).probe(t, r, c); finding.Reason != pull.Timeout {
		t.Errorf("the second: %+v, want %s", finding, pull.Timeout)
	}
	if finding := (row{credential: right()}).probe(t, r, c); finding.Reason != pull.ReasonPullable {
		t.Errorf("the third: %+v, want %s", finding, pull.ReasonPullable)
	}
	cancel()
	group.Wait()
}
