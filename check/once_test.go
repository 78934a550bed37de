package check

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/clock"
	"github.com/pullgate/pullgate/resolver/pull"
)

// prober answers by what a test says.
type prober struct {
	probes, lists atomic.Int32
	answer        func(ctx context.Context, query pull.Query) pull.Finding
}

func (p *prober) Probe(ctx context.Context, query pull.Query) pull.Finding {
	p.probes.Add(1)
	return p.answer(ctx, query)
}

func (p *prober) Tags(context.Context, reference.Named, pull.Credential) ([]string, error) {
	p.lists.Add(1)
	return []string{"1"}, errors.New("partly")
}

func answering(reason pull.Reason) *prober {
	return &prober{answer: func(context.Context, pull.Query) pull.Finding { return pull.Finding{Reason: reason} }}
}

func query(t *testing.T, image string) pull.Query {
	t.Helper()
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		t.Fatal(err)
	}
	return pull.Query{Image: reference.TagNameOnly(named)}
}

// TestOnceProberAsksOnce: the same question is one, another credential,
// depth, platform or kind of node makes another.
func TestOnceProberAsksOnce(t *testing.T) {
	p := answering(pull.TagNotFound)
	prober := NewOnceProber(t.Context(), p)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if got := prober.Probe(t.Context(), query(t, "a")); got.Reason != pull.TagNotFound {
				t.Errorf("reason %s", got.Reason)
			}
			if tags, err := prober.Tags(t.Context(), query(t, "a").Image, pull.Credential{}); len(tags) != 1 || err == nil {
				t.Errorf("tags %v, %v", tags, err)
			}
		})
	}
	group.Wait()
	if p.probes.Load() != 1 || p.lists.Load() != 1 {
		t.Errorf("%d probes and %d lists, want one each", p.probes.Load(), p.lists.Load())
	}
	other := query(t, "a")
	other.Credential = pull.NewCredential(pull.Secret("ns", "s"), "u", "p")
	prober.Probe(t.Context(), other)
	other.Layers = true
	prober.Probe(t.Context(), other)
	other.Runtimes = pull.CRIO
	prober.Probe(t.Context(), other)
	other.Platforms = append(other.Platforms, platforms.MustParse("linux/arm64"))
	prober.Probe(t.Context(), other)
	if p.probes.Load() != 5 {
		t.Errorf("%d probes, want 5", p.probes.Load())
	}
}

// TestOnceProberGivesUpOnTheSilent: a registry that never answers costs a few
// time-outs and not one for each of its images; others go on.
func TestOnceProberGivesUpOnTheSilent(t *testing.T) {
	p := answering(pull.Timeout)
	prober := NewOnceProber(t.Context(), p)
	for i := range 20 {
		if got := prober.Probe(t.Context(), query(t, fmt.Sprintf("silent.example/a:%d", i))); got.Reason != pull.Timeout {
			t.Errorf("reason %s", got.Reason)
		}
	}
	if p.probes.Load() != maxSilence {
		t.Errorf("%d probes, want %d", p.probes.Load(), maxSilence)
	}
	prober.Probe(t.Context(), query(t, "other.example/a"))
	if p.probes.Load() != maxSilence+1 {
		t.Error("the other registry was not asked")
	}
	answers := answering(pull.RateLimited)
	prober = NewOnceProber(t.Context(), answers)
	for i := range 20 {
		prober.Probe(t.Context(), query(t, fmt.Sprintf("busy.example/a:%d", i)))
	}
	if answers.probes.Load() != 20 {
		t.Errorf("%d probes of a registry that answers, want 20", answers.probes.Load())
	}
}

// TestOnceProberLimitsQuestions: each has its time, without what it waits for a
// registry that wants to be asked later.
func TestOnceProberLimitsQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &prober{answer: func(ctx context.Context, _ pull.Query) pull.Finding {
			start := clock.Stop(ctx)
			time.Sleep(time.Minute)
			start()
			<-ctx.Done()
			return pull.Finding{Reason: pull.Timeout}
		}}
		began := time.Now()
		NewOnceProber(t.Context(), p).Probe(t.Context(), query(t, "a"))
		if took := time.Since(began); took != time.Minute+answerLimit {
			t.Errorf("it took %s", took)
		}
	})
}

// TestOnceProberBoundsItself: so many questions at a time, and none after the
// end.
func TestOnceProberBoundsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		release := make(chan struct{})
		p := &prober{answer: func(context.Context, pull.Query) pull.Finding {
			n := now.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			<-release
			now.Add(-1)
			return pull.Finding{Reason: pull.ReasonPullable}
		}}
		run, end := context.WithCancel(t.Context())
		prober := NewOnceProber(run, p)
		var group sync.WaitGroup
		for i := range 3 * maxQuestions {
			group.Go(func() { prober.Probe(t.Context(), query(t, fmt.Sprintf("a:%d", i))) })
		}
		synctest.Wait()
		time.Sleep(time.Second) // by the bubble's clock: they are slow
		close(release)
		group.Wait()
		if most.Load() != maxQuestions {
			t.Errorf("%d questions at a time, want %d", most.Load(), maxQuestions)
		}
		if name, took := prober.Slowest(); name != "docker.io" || took != time.Second {
			t.Errorf("slowest %s, %s", name, took)
		}
		end()
		for range maxQuestions {
			prober.slots <- struct{}{} // so that only the end is left to wait for
		}
		if got := prober.Probe(t.Context(), query(t, "late")); got.Reason != pull.Timeout {
			t.Errorf("after the end: %s", got.Reason)
		}
	})
}
