package webhook

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/keyring"
)

// withheld are Secrets that do not come in one namespace.
type withheld struct{ namespace string }

// Open waits in vain, or finds nothing.
func (w withheld) Open(ctx context.Context, pod keyring.Pod) *keyring.Ring {
	if pod.Namespace == w.namespace {
		<-ctx.Done()
	}
	return &keyring.Ring{}
}

// While 500 admissions of a namespace hang, on a registry or on Secrets, be they
// small or large, another's wait for their own registry alone. The clock is the
// test's, so that what is measured is who waits for whom, not the machine.
func TestWhatHangsSlowsNobody(t *testing.T) {
	const moment = 20 * time.Millisecond
	for name, test := range map[string]struct {
		secrets withheld
		size    int
	}{
		"on a registry":        {},
		"on a registry, large": {size: 100 << 10},
		"on Secrets":           {secrets: withheld{"bad"}},
		"on Secrets, large":    {secrets: withheld{"bad"}, size: 100 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rig := newRig(t)
				rig.engine.Resolver = &resolver.Resolver{Credentials: test.secrets, Registry: distant{moment: moment, hangs: true}, GivesUp: true}
				labels := fmt.Sprintf(`"annotations":{"a":%q}`, strings.Repeat("x", test.size))
				var group sync.WaitGroup
				for i := range 500 {
					group.Go(func() {
						text := encoded(t, creation(pod(labels, fmt.Sprintf("hangs.example.com/bad:%d", i)), in("bad")))
						if answer := rig.post(text, "?timeout=10s"); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), "not checked") {
							t.Errorf("what hangs: %d %s", answer.Code, answer.Body)
						}
					})
				}
				synctest.Wait()
				for i := range 100 {
					start := time.Now()
					answer := rig.post(encoded(t, creation(pod("", fmt.Sprintf("reg.example.com/app:%d", i)), in("good"))), "?timeout=10s")
					if took := time.Since(start); took != moment || answer.Code != http.StatusOK || strings.Contains(answer.Body.String(), "warnings") {
						t.Errorf("another's: %d %s after %s", answer.Code, answer.Body, took)
						break
					}
				}
				group.Wait()
			})
		})
	}
}
