package registry

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
)

// greedy demands tokens with as large a challenge as asked for, and gives as
// large tokens.
func greedy(challenge, token int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case req.URL.Path == "/token":
			_, _ = fmt.Fprintf(w, `{"token": %q}`, strings.Repeat("t", token))
		case req.Header.Get("Authorization") == "":
			demand := `Bearer realm="https://registry.test/token",scope="`
			w.Header().Set("WWW-Authenticate", demand+strings.Repeat("s", challenge-len(demand)-1)+`"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "no such tag")
		}
	})
}

// TestKeptBytes bounds what a registry makes us keep for its repositories, by
// however many ways nodes of several profiles get there.
func TestKeptBytes(t *testing.T) {
	registry := &inMemory{Handler: greedy(8<<10, 16<<10)}
	c := client(t, "")
	const each = 24 << 10
	for name, ways := range map[string][]*Client{"one": {c}, "three": {c, c.Beside("", nil, nil), c.Beside(t.TempDir(), nil, nil)}} {
		for i := range 2 * keptHostsBytes / each {
			c := ways[i%len(ways)]
			query := pull.Query{Image: named(t, fmt.Sprintf("registry.test/app%d:1", i))}
			registry.keep(c, query)
			if finding, _ := c.ask(t.Context(), query, false); finding.Reason != pull.TagNotFound {
				t.Fatalf("%+v", finding)
			}
			c.weigh(query.Image, query.Credential, containerd.ByHosts)
		}
		kept := keptBytes(ways)
		if kept > keptHostsBytes || kept < keptHostsBytes/2 {
			t.Errorf("%s: %d bytes are kept, want half of %d to all of it", name, kept, keptHostsBytes)
		}
		if each := c.kept.Bytes() / int64(c.kept.Len()); each < 20<<10 {
			t.Errorf("%s: %d bytes are counted for each, which has more", name, each)
		}
	}
}

// keptBytes is what several Clients keep of hosts, counted once where it is the same.
func keptBytes(all []*Client) (bytes int64) {
	counted := map[any]bool{}
	for _, c := range all {
		if !counted[c.kept] {
			bytes += c.kept.Bytes()
		}
		counted[c.kept] = true
	}
	return bytes
}

// TestChallengesAndTokensTooLarge are not taken.
func TestChallengesAndTokensTooLarge(t *testing.T) {
	for name, tt := range map[string]struct {
		challenge, token int
		want             pull.Reason
	}{
		"as large as may be":    {8 << 10, 16 << 10, pull.TagNotFound},
		"a challenge too large": {8<<10 + 1, 1 << 10, pull.RegistryError},
		"a token too large":     {1 << 10, 16<<10 + 1, pull.RegistryError},
		"a header too large":    {1 << 20, 1 << 10, pull.RegistryError},
	} {
		finding := (&inMemory{Handler: greedy(tt.challenge, tt.token)}).probe(t, pull.Query{Image: named(t, "registry.test/app:1")})
		if finding.Reason != tt.want {
			t.Errorf("%s: %+v, want %s", name, finding, tt.want)
		}
	}
}

// TestKeptBytesOfCRIO counts what nodes with CRI-O are made to keep.
func TestKeptBytesOfCRIO(t *testing.T) {
	const service, token = 4 << 10, 12 << 10
	r := newRig(t)
	r.single("manifest", "1", "linux/amd64")
	r.wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			switch {
			case req.URL.Path == "/token":
				_, _ = fmt.Fprintf(w, `{"token": %q}`, strings.Repeat("t", token))
			case req.Header.Get("Authorization") == "":
				w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="%s"`, req.Host, strings.Repeat("s", service)))
				w.WriteHeader(http.StatusUnauthorized)
			default:
				next.ServeHTTP(w, req)
			}
		})
	})
	c := client(t, "")
	finding := c.Probe(t.Context(), pull.Query{Image: named(t, r.host+"/app:1"), Runtimes: pull.CRIO})
	if finding.Reason != pull.ReasonPullable {
		t.Fatalf("%+v", finding)
	}
	if kept := c.crio.kept.Bytes(); kept < service+token {
		t.Errorf("%d bytes are counted for a challenge of %d and a token of %d", kept, service, token)
	}
}
