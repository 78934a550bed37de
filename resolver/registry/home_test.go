package registry

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
)

// shown are the credentials that each host was shown.
type shown struct {
	mu sync.Mutex
	by map[string][]string
}

// watch takes them down.
func (s *shown) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		s.mu.Lock()
		host, _, _ := strings.Cut(req.Host, ":")
		s.by[host] = append(s.by[host], req.Header.Get("Authorization"))
		s.mu.Unlock()
		next.ServeHTTP(w, req)
	})
}

// A credential, and a token that was given for it, go to the registry that they are
// for: not on with a redirect to another host, be it of manifests, layers or tags,
// and not to a mirror, that does not itself demand them. To one that does, a node
// shows what it has.
func TestCredentialsStayHome(t *testing.T) {
	tried := 0
	for _, way := range ways() {
		redirected, mirrored := strings.Contains(way.name, "redirected"), strings.Contains(way.name, "mirror")
		if !redirected && !mirrored || strings.Contains(way.name, "token") {
			continue
		}
		for name, demand := range map[string]func(s *stage){
			"basic":  func(s *stage) { s.basic() },
			"bearer": func(s *stage) { s.bearer(bearer{realm: s.fill("https://STEADY/token")}) },
		} {
			tried++
			t.Run(way.name+", "+name, func(t *testing.T) {
				s := newStage(t)
				if way.setup != nil {
					way.setup(s)
				}
				demand(s)
				s.wrap(func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						if strings.HasPrefix(req.Host, fickle) {
							s.content.ServeHTTP(w, req) // open to all
							return
						}
						next.ServeHTTP(w, req)
					})
				})
				seen := &shown{by: map[string][]string{}}
				s.wrap(seen.watch)
				way.credential = right()
				way.ask(t, s, way.client(t, s, Guard{Allow: loopback().Allow, Names: (&turncoat{still: true}).resolver()}))
				if len(seen.by[fickle]) == 0 {
					t.Fatalf("asked were %v", seen.by)
				}
				if redirected && strings.Join(seen.by[steady], "") == "" {
					t.Fatal("the registry itself was shown nothing")
				}
				for _, authorization := range seen.by[fickle] {
					if authorization != "" {
						t.Errorf("another host was shown %q", authorization)
					}
				}
			})
		}
	}
	if tried < 14 {
		t.Errorf("%d ways were tried", tried)
	}
}

// Nothing is shown to a registry without TLS, unless it is at a loopback address or
// hosts.toml says so: it is not even asked.
func TestNothingWithoutTLS(t *testing.T) {
	for _, runtime := range []pull.Runtimes{0, pull.ContainerdLocal, pull.CRIO} {
		r := newRig(t)
		r.single("manifest", "1", "linux/amd64")
		c := NewClient(Options{Guard: Guard{Allow: loopback().Allow, Names: (&turncoat{still: true}).resolver()}})
		r.asked()
		finding := c.Probe(t.Context(), pull.Query{Image: named(t, steady+":"+r.port()+"/app:1"), Credential: right(), Runtimes: runtime, Platforms: list("linux/amd64")})
		if asked := r.asked(); len(asked) != 0 || finding.Reason.Verdict() != pull.Unknown {
			t.Errorf("%v: %s, asked %q", runtime, finding.Reason, asked)
		}
	}
}
