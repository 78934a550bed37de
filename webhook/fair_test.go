package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/pull"
)

// anonymous are the credentials of nobody.
type anonymous struct{}

func (anonymous) Open(context.Context, keyring.Pod) *keyring.Ring { return &keyring.Ring{} }

// distant is a registry that answers after a moment: what is named good is
// there. Where bad hangs, what is named bad is never answered.
type distant struct {
	moment time.Duration
	hangs  bool
}

// Probe answers after a moment.
func (d distant) Probe(ctx context.Context, query pull.Query) pull.Finding {
	bad := strings.Contains(query.Image.String(), "bad")
	if bad && d.hangs {
		<-ctx.Done()
		return pull.Finding{Reason: pull.Timeout}
	}
	time.Sleep(d.moment)
	if bad {
		return pull.Finding{Reason: pull.TagNotFound, Detail: "manifest unknown"}
	}
	return pull.Finding{Reason: pull.ReasonPullable, Digest: digest.FromString(query.Image.String())}
}

// Tags are not given out.
func (d distant) Tags(context.Context, reference.Named, pull.Credential) ([]string, error) {
	time.Sleep(d.moment)
	return nil, errors.New("not given out")
}

// A namespace that creates 10,000 bad Pods a minute, of four images each, lets
// another's wait no more than twice as long as if it were alone: 99 in 100, of
// 100 Pods each. The clock is the test's, so that what is measured is whose turn
// it is, not the machine.
func TestFloodOfBadPods(t *testing.T) {
	const moment, flood = 100 * time.Millisecond, time.Minute / 10_000
	for name, test := range map[string]struct {
		hangs bool
		bad   string // format of an image's name
	}{
		"at the same registry": {bad: "reg.example.com/bad:%d"},
		"at one that hangs":    {hangs: true, bad: "hangs.example.com/bad:%d"},
		"at many that hang":    {hangs: true, bad: "r%d.example.com/bad"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rig := newRig(t)
				rig.engine.Resolver = &resolver.Resolver{Credentials: anonymous{}, Registry: distant{moment: moment, hangs: test.hangs}, GivesUp: true}
				alone := rig.slowest(t, "reg.example.com/good:%d")
				stop := make(chan struct{})
				var group sync.WaitGroup
				group.Go(func() { rig.flood(t, test.bad, flood, stop) })
				time.Sleep(5 * time.Second) // until it is as bad as it gets
				beside := rig.slowest(t, "reg.example.com/good:%d")
				close(stop)
				group.Wait()
				if beside > 2*alone {
					t.Errorf("99 in 100 took up to %s, alone %s", beside, alone)
				}
			})
		})
	}
}

// slowest is what 99 in 100 Pods of a namespace take at most, of ten a second
// for 10 seconds.
func (r *rig) slowest(t *testing.T, image string) time.Duration {
	took := make([]time.Duration, 100)
	var group sync.WaitGroup
	for i := range took {
		group.Go(func() {
			start := time.Now()
			r.post(encoded(t, creation(deployment(fmt.Sprintf(image, i)), in("modest"))), "?timeout=10s")
			took[i] = time.Since(start)
		})
		time.Sleep(100 * time.Millisecond)
	}
	group.Wait()
	slices.Sort(took)
	return took[len(took)*99/100]
}

// flood creates Pods of four images each, one after a pause, until it is stopped.
func (r *rig) flood(t *testing.T, image string, pause time.Duration, stop <-chan struct{}) {
	var group sync.WaitGroup
	defer group.Wait()
	for n := 0; ; n += 4 {
		select {
		case <-stop:
			return
		case <-time.After(pause):
		}
		group.Go(func() {
			var images []string
			for i := range 4 {
				images = append(images, fmt.Sprintf(image, n+i))
			}
			r.post(encoded(t, creation(deployment(images...), in("greedy"))), "?timeout=10s")
		})
	}
}
