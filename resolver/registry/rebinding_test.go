package registry

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/pullgate/pullgate/resolver/cloud"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/crio"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

// steady is the name of a registry that stays where it is; all other names are
// somewhere else each time.
const steady, fickle = "steady.example.com", "fickle.example.com"

// turncoat is a DNS server. The registry of a test is at 127.0.0.1; a fickle name
// leads there at first, then to where it must not, 127.0.0.2, then to the clouds'
// metadata, and there again.
type turncoat struct {
	asked atomic.Int64
	still bool // it does not change its mind
}

// resolver asks it, over a connection in memory.
func (d *turncoat) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go d.serve(server)
		return client, nil
	}}
}

// serve answers one question, which comes with its length as over TCP.
func (d *turncoat) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	question := make([]byte, 4096)
	n, err := connection.Read(question)
	var message dnsmessage.Message
	if err != nil || message.Unpack(question[2:n]) != nil {
		return
	}
	message.Response, message.Additionals = true, nil
	if asked := message.Questions[0]; asked.Type == dnsmessage.TypeA {
		message.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: asked.Name, Type: asked.Type, Class: asked.Class},
			Body:   &dnsmessage.AResource{A: d.address(asked.Name.String()).As4()},
		}}
	}
	answer, err := message.Pack()
	if err != nil {
		return
	}
	_, _ = connection.Write(append([]byte{byte(len(answer) >> 8), byte(len(answer))}, answer...)) // who went away asks no more
}

func (d *turncoat) address(name string) netip.Addr {
	at := []string{"127.0.0.1", "127.0.0.2", "169.254.169.254", "127.0.0.2"}
	if name == steady+"." || d.still {
		return netip.MustParseAddr(at[0])
	}
	return netip.MustParseAddr(at[int(d.asked.Add(1)-1)%len(at)])
}

// stage is a registry over TLS, of both names, and what listens where nobody may
// be dialled.
type stage struct {
	*rig
	port      string
	authority string
	trapped   atomic.Int64
}

func newStage(t *testing.T) *stage {
	t.Helper()
	for range 100 {
		s := &stage{rig: makeRig(t)}
		server := httptest.NewUnstartedServer(s.rig)
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		_, s.port, _ = net.SplitHostPort(server.Listener.Addr().String())
		trap, err := net.Listen("tcp", "127.0.0.2:"+s.port)
		if err != nil { // somebody has it
			_ = server.Listener.Close()
			continue
		}
		server.StartTLS()
		t.Cleanup(func() { stop(server); _ = trap.Close() })
		go s.accept(trap)
		s.host, s.authority = steady+":"+s.port, authority(server)
		s.single("manifest", "1", "linux/amd64")
		return s
	}
	t.Fatal("no port is free on 127.0.0.2")
	return nil
}

// accept counts who falls into the trap.
func (s *stage) accept(trap net.Listener) {
	for {
		connection, err := trap.Accept()
		if err != nil {
			return
		}
		s.trapped.Add(1)
		_ = connection.Close()
	}
}

// away sends who asks the steady name for such a path to the fickle one.
func (s *stage) away(part string) {
	s.wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.HasPrefix(req.Host, steady) && strings.Contains(req.URL.Path, part) {
				http.Redirect(w, req, "https://"+fickle+":"+s.port+req.URL.RequestURI(), http.StatusTemporaryRedirect)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
}

// fill puts the names of the stage into a text.
func (s *stage) fill(text string) string {
	return strings.NewReplacer("STEADY", steady+":"+s.port, "FICKLE", fickle+":"+s.port).Replace(text)
}

// dialling is a way on which registries are asked, which leads to the fickle name.
type dialling struct {
	name       string
	image      string // "STEADY/app:1" if empty
	setup      func(s *stage)
	credential pull.Credential
	runtimes   pull.Runtimes
	layers     bool
	hosts      string // hosts.toml of the steady name
	conf       string // registries.conf
	tags       bool
}

// ways are all on which anything is dialled, apart from the clouds'.
func ways() []dialling {
	token := func(s *stage) { s.bearer(bearer{realm: s.fill("https://FICKLE/token")}) }
	return []dialling{
		{name: "resolve", image: "FICKLE/app:1"},
		{name: "resolve what is not there, and be sure", image: "FICKLE/app:gone"},
		{name: "resolve, manifest and layers", image: "FICKLE/app:1", layers: true},
		{name: "tags", image: "FICKLE/app:1", tags: true},
		{name: "tags redirected", tags: true, setup: func(s *stage) { s.away("/tags/") }},
		{name: "token", setup: token, credential: right()},
		{name: "token of nobody", setup: token},
		{name: "token redirected", setup: func(s *stage) { s.bearer(bearer{realm: s.fill("https://STEADY/token")}); s.away("/token") }, credential: right()},
		{name: "tags with a token", setup: token, credential: right(), tags: true},
		{name: "manifest redirected", setup: func(s *stage) { s.away("/manifests/") }},
		{name: "blobs redirected", setup: func(s *stage) { s.away("/blobs/") }, layers: true},
		{name: "mirror", hosts: "[host.\"https://FICKLE\"]\n"},
		{name: "mirror without verification", hosts: "[host.\"https://FICKLE\"]\nskip_verify = true\n"},
		{name: "server of hosts.toml", hosts: "server = \"https://FICKLE\"\n"},
		{name: "CRI-O's ping", image: "FICKLE/app:1", runtimes: pull.CRIO},
		{name: "CRI-O's token", setup: token, credential: right(), runtimes: pull.CRIO},
		{name: "CRI-O's manifest redirected", setup: func(s *stage) { s.away("/manifests/") }, runtimes: pull.CRIO},
		{name: "CRI-O's blobs redirected", setup: func(s *stage) { s.away("/blobs/") }, runtimes: pull.CRIO, layers: true},
		{name: "CRI-O's mirror", conf: "[[registry]]\nlocation = \"STEADY\"\n[[registry.mirror]]\nlocation = \"FICKLE\"\n", runtimes: pull.CRIO},
		{name: "CRI-O's insecure mirror", conf: "[[registry]]\nlocation = \"STEADY\"\n[[registry.mirror]]\nlocation = \"FICKLE\"\ninsecure = true\n", runtimes: pull.CRIO},
	}
}

// client is a new one, which knows the stage's names by a DNS.
func (d dialling) client(t *testing.T, s *stage, guard Guard) *Client {
	t.Helper()
	options := Options{Guard: guard, Authorities: []string{s.authority}}
	if d.hosts != "" {
		options.HostsDir = s.certsDir(map[string]string{"HOST/hosts.toml": s.fill(d.hosts)})
	}
	if d.conf != "" {
		file := filepath.Join(t.TempDir(), "registries.conf")
		if err := os.WriteFile(file, []byte(s.fill(d.conf)), 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		if options.Registries, err = crio.NewRegistries(file); err != nil {
			t.Fatal(err)
		}
	}
	return NewClient(options)
}

// ask goes that way once.
func (d dialling) ask(t *testing.T, s *stage, c *Client) {
	t.Helper()
	image := d.image
	if image == "" {
		image = "STEADY/app:1"
	}
	query := pull.Query{Image: named(t, s.fill(image)), Credential: d.credential, Runtimes: d.runtimes, Layers: d.layers, Platforms: list("linux/amd64")}
	if d.tags {
		_, _ = c.Tags(t.Context(), query.Image, d.credential) // whatever it says
		return
	}
	sane(t, c.Probe(t.Context(), query))
}

// Wherever something is dialled on behalf of a Pod, the address that is judged is
// the one that is dialled: a name that leads to an innocent place at first, and
// then to one that is forbidden, leads nowhere. On each way 100 tries, with
// connections of their own, make no connection. With a guard that lets all through
// every way ends there: none is passed over here.
func TestRebinding(t *testing.T) {
	for _, way := range ways() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			if way.setup != nil {
				way.setup(s)
			}
			open := Guard{Allow: loopback().Allow, Deny: []netip.Prefix{netip.MustParsePrefix("169.254.0.0/16")}, Names: (&turncoat{}).resolver()}
			for range 4 {
				way.ask(t, s, way.client(t, s, open))
			}
			if s.trapped.Swap(0) == 0 {
				t.Fatal("nobody came by where the fickle name leads")
			}
			names := &turncoat{}
			guard := Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Names: names.resolver()}
			for range 100 {
				way.ask(t, s, way.client(t, s, guard))
			}
			if trapped, asked := s.trapped.Load(), names.asked.Load(); trapped != 0 || asked < 100 {
				t.Errorf("%d connections, %d times looked up", trapped, asked)
			}
		})
	}
}

// login is a cloud's.
type login func(context.Context) error

// What a cloud's login dials that has a part of an image's name goes past the
// guard, too. Their ports are 443, where a test cannot listen: all that is let
// through is refused there.
func TestRebindingOfClouds(t *testing.T) {
	identity := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"access_token": "t", "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"}`)
	}))
	defer identity.Close()
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true",
		"IDENTITY_ENDPOINT": identity.URL, "IDENTITY_HEADER": "x",
	} {
		t.Setenv(name, value)
	}
	names := &turncoat{}
	guarded := Guarded(Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Names: names.resolver()})
	acr := cloud.NewACR(nil, guarded)
	for name, login := range map[string]login{
		pull.ECR: func(ctx context.Context) error {
			_, _, err := cloud.ECR{Transport: guarded}.Login(ctx, "eu-west-1")
			return err
		},
		pull.ACR: func(ctx context.Context) error {
			_, _, err := acr.Login(ctx, "mine.azurecr.io")
			return err
		},
	} {
		names.asked.Store(0)
		refused := 0
		for range 100 {
			err := login(t.Context())
			if err == nil {
				t.Fatal(name + " has logged in")
			}
			if forbidden := (*wire.ForbiddenAddressError)(nil); errors.As(err, &forbidden) {
				refused++
			}
		}
		if asked := names.asked.Load(); asked != 100 || refused != 75 {
			t.Errorf("%s: %d times looked up, %d refused", name, asked, refused)
		}
	}
}
