package check

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver/pull"
)

// pushed is a registry to which "late" is pushed some time after the start, and
// which has "never" at no time and everything else at once. It takes down when it
// was asked for each.
type pushed struct {
	start time.Time
	after time.Duration

	mu    sync.Mutex
	asked map[string][]time.Duration
}

func (p *pushed) answer(_ context.Context, query pull.Query) pull.Finding {
	p.mu.Lock()
	defer p.mu.Unlock()
	name, since := query.Image.Name(), time.Since(p.start)
	p.asked[name] = append(p.asked[name], since)
	switch {
	case strings.HasSuffix(name, "/never"), strings.HasSuffix(name, "/late") && since < p.after:
		return pull.Finding{Reason: pull.TagNotFound}
	case strings.HasSuffix(name, "/private"):
		return pull.Finding{Reason: pull.CredentialsRequired}
	default:
		return pull.Finding{Reason: pull.ReasonPullable}
	}
}

// TestAwait: what is missing alone is asked for anew, at most once in 30 s, for as
// long as it may bring something.
func TestAwait(t *testing.T) {
	const late, there, never, private = "reg.example/late", "reg.example/there", "reg.example/never", "reg.example/private"
	for _, test := range []struct {
		name    string
		images  []string
		patient time.Duration
		took    time.Duration
		asked   int // for the first image
		want    pull.Reason
	}{
		{"it comes", []string{late, there}, 5 * time.Minute, 2 * time.Minute, 5, pull.ReasonPullable},
		{"it comes too late", []string{late, there}, time.Minute, time.Minute, 3, pull.TagNotFound},
		{"it never comes", []string{never, there}, 2*time.Minute + time.Second, 2 * time.Minute, 5, pull.TagNotFound},
		{"nothing is missing", []string{there}, time.Hour, 0, 1, pull.ReasonPullable},
		{"nobody waits", []string{late}, 0, 0, 1, pull.TagNotFound},
		{"waiting cannot mend it", []string{late, private}, time.Hour, 0, 1, pull.TagNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				registry := &pushed{start: time.Now(), after: 100 * time.Second, asked: map[string][]time.Duration{}}
				text := ""
				for _, image := range test.images {
					text += podWith(image + ":1")
				}
				c, in, once := checkOf(t, text, &prober{answer: registry.answer})
				told := 0
				results := c.Await(t.Context(), in, Waiting{For: test.patient, Once: once, Told: func(missing []report.Result, pause, left time.Duration) {
					told++
					if len(missing) != 1 || missing[0].Image != test.images[0]+":1" || pause != MinWait || left < pause {
						t.Errorf("told of %v, %s, %s", missing, pause, left)
					}
				}})
				asked := registry.asked[test.images[0]]
				if took := time.Since(registry.start); took != test.took || len(asked) != test.asked || told != test.asked-1 || results[0].Reason != test.want {
					t.Errorf("after %s, asked at %s, told %d times: %s", took, asked, told, results[0].Reason)
				}
				if n := len(registry.asked[there]); n > 1 {
					t.Errorf("what is there was asked for %d times", n)
				}
			})
		})
	}
}

// TestAwaitEnds: who is told to end does not wait on.
func TestAwaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		registry := &pushed{start: time.Now(), after: time.Hour, asked: map[string][]time.Duration{}}
		c, in, once := checkOf(t, podWith("reg.example/late:1"), &prober{answer: registry.answer})
		time.AfterFunc(45*time.Second, cancel)
		results := c.Await(ctx, in, Waiting{For: time.Hour, Once: once})
		if took := time.Since(registry.start); took != 45*time.Second || len(results) != 1 || results[0].Reason != pull.TagNotFound {
			t.Errorf("after %s: %v", took, results)
		}
	})
}
