package registry

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	fake "github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/toll"
)

const (
	// user and password are the one pair that the registries of these tests
	// accept; the password and the token must be in nothing that a Probe says.
	user     = "robot"
	password = "pass-Marker+7f/3a&b"
	token    = "token-Marker-91c2"
)

// right and wrong are credentials for the registries of these tests.
func right() pull.Credential { return pull.NewCredential(pull.Secret("ns", "right"), user, password) }
func wrong() pull.Credential {
	return pull.NewCredential(pull.Secret("ns", "wrong"), user, "not-"+password)
}

// loopback lets a Client dial the registries of these tests.
func loopback() Guard {
	return Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
}

// rig is a registry for a test: sound content below, faults around it, and a
// record of what was asked.
type rig struct {
	t       testing.TB
	host    string // 127.0.0.1:PORT
	content http.Handler

	connections atomic.Int32
	hung        chan struct{} // closed when a request is left to hang
	hangs       sync.Once

	mu       sync.Mutex
	handler  http.Handler
	names    map[string]string // digest to name, for the record
	requests []string
	left     atomic.Int32 // requests that leave was asked for
}

// newRig starts a registry over plain HTTP.
func newRig(t testing.TB) *rig {
	r := makeRig(t)
	server := httptest.NewUnstartedServer(r)
	server.Config.ConnState = r.connected
	server.Start()
	t.Cleanup(func() { stop(server) })
	r.host = server.Listener.Addr().String()
	return r
}

func makeRig(t testing.TB) *rig {
	content := fake.New(fake.Logger(log.New(io.Discard, "", 0)))
	return &rig{t: t, content: content, handler: content, names: map[string]string{}, hung: make(chan struct{})}
}

// stop ends a server without waiting for those who hang on it.
func stop(server *httptest.Server) {
	server.CloseClientConnections()
	server.Close()
}

// connected counts connections.
func (r *rig) connected(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		r.connections.Add(1)
	}
}

// ServeHTTP records and answers.
func (r *rig) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.requests = append(r.requests, r.describe(req))
	handler := r.handler
	r.mu.Unlock()
	handler.ServeHTTP(w, req)
}

// describe names a request shortly: "HEAD 1", "GET @manifest bearer".
func (r *rig) describe(req *http.Request) string {
	what := req.URL.Path
	for _, kind := range []struct{ path, name string }{{"/manifests/", ""}, {"/blobs/", "blob "}} {
		if _, object, ok := strings.Cut(what, kind.path); ok {
			if name, known := r.names[object]; known {
				object = "@" + name
			}
			what = kind.name + object
		}
	}
	if strings.HasSuffix(what, "/tags/list") {
		what = "tags"
	}
	if scheme, _, ok := strings.Cut(req.Header.Get("Authorization"), " "); ok {
		what += " " + strings.ToLower(scheme)
	}
	return req.Method + " " + strings.TrimPrefix(what, "/")
}

// asked returns the record and empties it.
func (r *rig) asked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := r.requests
	r.requests = nil
	return asked
}

// wrap puts a fault around what is there.
func (r *rig) wrap(around func(next http.Handler) http.Handler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handler = around(r.handler)
}

// on answers requests whose description begins so ("GET @manifest") by f.
func (r *rig) on(prefix string, f http.HandlerFunc) {
	r.wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			r.mu.Lock()
			name := r.describe(req)
			r.mu.Unlock()
			if strings.HasPrefix(name, prefix) {
				f(w, req)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
}

// once answers the first such request by f.
func (r *rig) once(prefix string, f http.HandlerFunc) {
	r.wrap(func(next http.Handler) http.Handler {
		var done atomic.Bool
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			r.mu.Lock()
			name := r.describe(req)
			r.mu.Unlock()
			if strings.HasPrefix(name, prefix) && done.CompareAndSwap(false, true) {
				f(w, req)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
}

// client returns a Client that may dial loopback addresses.
func client(t testing.TB, hostsDir string) *Client {
	t.Helper()
	return NewClient(Options{HostsDir: hostsDir, Guard: loopback()})
}

// image parses the reference of an image on the rig.
func (r *rig) image(name string) reference.Named { return named(r.t, r.host+"/"+name) }

func named(t testing.TB, name string) reference.Named {
	t.Helper()
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return reference.TagNameOnly(named)
}

// list parses platforms such as "linux/amd64".
func list(names ...string) []ocispec.Platform {
	var list []ocispec.Platform
	for _, name := range names {
		list = append(list, platforms.MustParse(name))
	}
	return list
}

// row is one line of the tables: what a registry does, and what a Probe says.
type row struct {
	name       string
	setup      func(r *rig)
	image      string // "app:1" if empty
	credential pull.Credential
	platforms  []string // linux/amd64 if nil
	runtimes   pull.Runtimes
	layers     bool
	timeout    time.Duration              // none if zero
	hangs      bool                       // the time is up when the rig hangs
	with       func(t *testing.T) *Client // one that may dial loopback addresses if nil

	reason   pull.Reason
	detail   string            // is in Detail
	node     string            // is in Node
	notes    []pull.NoteReason // exactly these
	requests string            // all, in order, joined by ", "; see describe
}

// run probes as a row says.
func (tt row) run(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	tt.setup(r)
	r.asked()
	if tt.with == nil {
		tt.with = func(t *testing.T) *Client { return client(t, "") }
	}
	tt.check(t, r, tt.with(t))
}

// check probes the rig and compares.
func (tt row) check(t *testing.T, r *rig, c *Client) {
	t.Helper()
	r.left.Store(0)
	finding := tt.probe(t, r, c)
	if finding.Reason != tt.reason {
		t.Errorf("reason %s, want %s", finding.Reason, tt.reason)
	}
	if !strings.Contains(finding.Detail, r.fill(tt.detail)) {
		t.Errorf("detail %q, want %q in it", finding.Detail, r.fill(tt.detail))
	}
	if !strings.Contains(finding.Node, r.fill(tt.node)) {
		t.Errorf("node %q, want %q in it", finding.Node, r.fill(tt.node))
	}
	var notes []pull.NoteReason
	for _, note := range finding.Notes {
		notes = append(notes, note.Reason)
	}
	if !slices.Equal(notes, tt.notes) {
		t.Errorf("notes %v, want %v", finding.Notes, tt.notes)
	}
	asked := r.asked()
	if got := strings.Join(asked, ", "); got != tt.requests {
		t.Errorf("requests\n%s, want\n%s", got, tt.requests)
	}
	if n := int(r.left.Load()); n < len(asked) {
		t.Errorf("leave was asked for %d of %d requests", n, len(asked))
	}
	if t.Failed() {
		t.Logf("finding: %+v", finding)
	}
}

// untilHung is a context whose time is up as soon as a rig hangs.
type untilHung struct {
	context.Context
	hung <-chan struct{}
}

// Done returns the channel that is closed when the rig hangs.
func (u untilHung) Done() <-chan struct{} { return u.hung }

// Err is of a deadline that is over once the rig hangs.
func (u untilHung) Err() error {
	select {
	case <-u.hung:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// probe asks, and looks for what no finding may have.
func (tt row) probe(t *testing.T, r *rig, c *Client) pull.Finding {
	t.Helper()
	ctx := t.Context()
	if tt.hangs {
		ctx = untilHung{ctx, r.hung}
	}
	if tt.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, tt.timeout)
		defer cancel()
	}
	finding := c.Probe(toll.Before(ctx, func(string) error { r.left.Add(1); return nil }), tt.query(r))
	if secret := leaked(finding); secret != "" {
		t.Errorf("%q is in %+v", secret, finding)
	}
	sane(t, finding)
	if finding.Reason.Verdict() == pull.Broken && finding.Node == "" && tt.runtimes.Known().Has(pull.Containerd|pull.ContainerdLocal) {
		t.Errorf("%s without the kubelet's words", finding.Reason)
	}
	return finding
}

func (tt row) query(r *rig) pull.Query {
	name, on := tt.image, tt.platforms
	if name == "" {
		name = "app:1"
	}
	if on == nil {
		on = []string{"linux/amd64"}
	}
	return pull.Query{Image: r.image(r.fill(name)), Credential: tt.credential, Platforms: list(on...), Runtimes: tt.runtimes, Layers: tt.layers}
}

// fill replaces HOST and the names of digests, such as @manifest.
func (r *rig) fill(text string) string {
	text = strings.ReplaceAll(text, "HOST", r.host)
	r.mu.Lock()
	defer r.mu.Unlock()
	known := slices.Collect(maps.Keys(r.names))
	slices.SortFunc(known, func(a, b string) int { return len(r.names[b]) - len(r.names[a]) }) // @app.config before @app
	for _, digest := range known {
		text = strings.ReplaceAll(text, "@"+r.names[digest], "@"+digest)
		text = strings.ReplaceAll(text, "{"+r.names[digest]+"}", digest)
	}
	return text
}

// leaked returns what of the secrets is in a finding.
func leaked(finding pull.Finding) string {
	text := fmt.Sprintf("%+v %#v %v", finding, finding, finding.Notes)
	for _, secret := range []string{
		password, url.QueryEscape(password), token,
		base64.StdEncoding.EncodeToString([]byte(user + ":" + password)),
		base64.StdEncoding.EncodeToString([]byte(user + ":not-" + password)),
	} {
		if strings.Contains(text, secret) {
			return secret
		}
	}
	return ""
}

// sane checks what holds for every finding.
func sane(t testing.TB, finding pull.Finding) {
	t.Helper()
	for _, text := range []string{finding.Detail, finding.Node} {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(text) > 2000 {
			t.Errorf("%q is not one line of bounded length", text)
		}
	}
	if finding.Reason != pull.ReasonPullable && finding.Detail == "" {
		t.Errorf("%s without a detail", finding.Reason)
	}
	if finding.Reason == pull.ReasonPullable && finding.Digest == "" {
		t.Error("Pullable without a digest")
	}
	if !finding.Reason.Known() {
		t.Errorf("%q is not a reason", finding.Reason)
	}
}

// digestOf is the sha256 digest of content.
func digestOf(body []byte) string { return digest.FromBytes(body).String() }
