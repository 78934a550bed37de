package registry

import (
	"net/http"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// A tag that leads to what is gone by now is found by a look anew alone.
func TestProbeAnew(t *testing.T) {
	r := newRig(t)
	indexFor("linux/amd64")(r)
	c := client(t, "")
	query := pull.Query{Image: r.image("app:1"), Platforms: []ocispec.Platform{{OS: "linux", Architecture: "amd64"}}}
	look := func(anew bool) (pull.Reason, string) {
		r.asked()
		query.Anew = anew
		finding := c.Probe(t.Context(), query)
		return finding.Reason, strings.Join(r.asked(), ", ")
	}
	const whole = "HEAD 1, GET @index, GET @linux-amd64"
	for i, step := range []struct {
		anew     bool
		reason   pull.Reason
		requests string
	}{{false, pull.ReasonPullable, whole}, {false, pull.ReasonPullable, "HEAD 1"}, {true, pull.ReasonPullable, whole}} {
		if reason, requests := look(step.anew); reason != step.reason || requests != step.requests {
			t.Errorf("look %d: %s, %s", i, reason, requests)
		}
	}
	r.on("GET @linux-amd64", status(http.StatusNotFound))
	r.on("HEAD @linux-amd64", status(http.StatusNotFound))
	if reason, _ := look(false); reason != pull.ReasonPullable {
		t.Errorf("from memory: %s", reason)
	}
	if reason, _ := look(true); reason.Verdict() != pull.Broken {
		t.Errorf("anew: %s", reason)
	}
}

// What a registry says of when to ask again is told, whatever it says.
func TestRetryAfterIsTold(t *testing.T) {
	for said, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "soon": 0, "-5": 0, "485009h": 0, "1746032400": 24 * time.Hour, "99999999999999999999": 0,
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):       0,
		time.Now().Add(4000 * time.Hour).UTC().Format(http.TimeFormat): 24 * time.Hour,
	} {
		r := newRig(t)
		r.on("HEAD 1", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", said)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		finding := client(t, "").Probe(t.Context(), pull.Query{Image: r.image("app:1")})
		if finding.Reason != pull.RateLimited || finding.RetryAfter != want {
			t.Errorf("%q: %s, %s, want %s", said, finding.Reason, finding.RetryAfter, want)
		}
	}
	r := newRig(t)
	r.on("HEAD 1", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(90*time.Minute).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	})
	finding := client(t, "").Probe(t.Context(), pull.Query{Image: r.image("app:1")})
	if finding.RetryAfter <= time.Hour || finding.RetryAfter > 90*time.Minute {
		t.Errorf("at a date: %s", finding.RetryAfter)
	}
}
