package registry

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pullgate/pullgate/resolver/pull"
)

// What is denied tells nobody whether somebody is there, be it as an image's
// registry, as a token server or as where a redirect leads: the words are the same
// to the letter, nobody is connected to, and it takes no longer. The times are
// medians of tries that alternate; one that waits for an answer takes a hundred
// times as long.
func TestDeniedTellsWhoAsksNothing(t *testing.T) {
	const tries = 201
	var connected atomic.Int64
	alive, dead := listening(t, &connected), listening(t, &connected)
	_ = dead.Close()
	for name, reach := range map[string]func(r *rig, at string) pull.Query{
		"registry": func(r *rig, at string) pull.Query { return pull.Query{Image: named(r.t, at+"/app:1")} },
		"token": func(r *rig, at string) pull.Query {
			r.bearer(bearer{realm: "http://" + at + "/token"})
			return pull.Query{Image: r.image("app:1")}
		},
		"redirect": func(r *rig, at string) pull.Query {
			r.on("HEAD", func(w http.ResponseWriter, req *http.Request) {
				http.Redirect(w, req, "http://"+at+"/", http.StatusTemporaryRedirect)
			})
			return pull.Query{Image: r.image("app:1")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			guard := loopback()
			guard.Deny = []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}
			texts, took := map[string]string{}, map[string][]time.Duration{}
			ask := map[string]func() string{}
			for state, listener := range map[string]net.Listener{"alive": alive, "dead": dead} {
				r := newRig(t)
				at := listener.Addr().String()
				query := reach(r, at)
				ask[state] = func() string {
					finding := NewClient(Options{Guard: guard}).Probe(t.Context(), query)
					return fmt.Sprint(finding.Reason, finding.Doubt, strings.NewReplacer(at, "THERE", r.host, "HERE").Replace(finding.Detail))
				}
			}
			for range tries {
				for state, ask := range ask {
					start := time.Now()
					texts[state] = ask()
					took[state] = append(took[state], time.Since(start))
				}
			}
			if texts["alive"] != texts["dead"] || texts["alive"] == "" {
				t.Errorf("alive: %s\ndead: %s", texts["alive"], texts["dead"])
			}
			if a, b := median(took["alive"]), median(took["dead"]); a > 2*b || b > 2*a {
				t.Errorf("alive %s, dead %s", a, b)
			}
		})
	}
	if connected.Load() != 0 {
		t.Errorf("%d connections", connected.Load())
	}
}

// listening is somebody at an address, who counts who comes by.
func listening(t *testing.T, connected *atomic.Int64) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			connected.Add(1)
			_ = connection.Close()
		}
	}()
	return listener
}

func median(of []time.Duration) time.Duration {
	slices.Sort(of)
	return of[len(of)/2]
}
