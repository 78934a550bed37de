package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/pull"
)

// many is n times one image, or n different ones where the format says so.
func many(n int, format string) []string {
	images := make([]string, n)
	for i := range images {
		images[i] = format
		if strings.Contains(format, "%d") {
			images[i] = fmt.Sprintf(format, i)
		}
	}
	return images
}

func TestUsesOfOneImageAreOneCheck(t *testing.T) {
	for _, reason := range []pull.Reason{pull.ReasonPullable, pull.TagNotFound, pull.RateLimited} {
		from, registry, seen := shop(nil), &registries{answers: map[string]pull.Reason{private: reason}}, &observer{}
		resolver := newResolver(from, registry)
		resolver.Observer = seen
		report := resolver.Resolve(t.Context(), deployment([]string{"a"}, many(100, private)...))
		if got := registry.probes(); len(got) != 1 {
			t.Errorf("%s: %d probes", reason, len(got))
		}
		if from.reads != 1 || len(seen.checked) != 1 {
			t.Errorf("%s: %d reads and %d checks", reason, from.reads, len(seen.checked))
		}
		for i, result := range report.Results {
			if result.Reason != reason || result.Image.Container != fmt.Sprintf("c%d", i) {
				t.Errorf("result %d is %s of %s", i, result.Reason, result.Image.Container)
			}
		}
	}
}

// The same image by two pull policies, or in two templates, has two fates.
func TestWhatTellsUsesApart(t *testing.T) {
	w := deployment(nil, private, private)
	w.Templates[0].Images[1].Policy = corev1.PullNever
	second := deployment(nil, private).Templates[0]
	second.PullSecrets = []string{"a"}
	w.Templates = append(w.Templates, second)
	report := newResolver(shop(map[string]*corev1.Secret{"a": pullSecret("reg.example.com", "ann")}), &registries{answers: map[string]pull.Reason{
		private: pull.CredentialsRequired, private + " as ann": pull.ReasonPullable,
	}}).Resolve(t.Context(), w)
	for i, want := range []pull.Reason{pull.CredentialsRequired, pull.NeverPresent, pull.ReasonPullable} {
		wantReason(t, report.Results[i], want)
	}
}

// Equal questions in flight are one request, over admissions too; equal images
// with other credentials are not.
func TestEqualChecksInFlightAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		prober := &registries{answers: map[string]pull.Reason{private: pull.ReasonPullable},
			during: func(context.Context, pull.Query) *pull.Finding { <-release; return nil }}
		resolver := newResolver(shop(map[string]*corev1.Secret{"a": pullSecret("reg.example.com", "ann")}), prober)
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { wantReason(t, resolveOne(t, resolver, deployment(nil, private)), pull.ReasonPullable) })
		}
		group.Go(func() {
			wantReason(t, resolveOne(t, resolver, deployment([]string{"a"}, private)), pull.ReasonPullable)
		})
		synctest.Wait()
		close(release)
		group.Wait()
		got := prober.probes()
		slices.Sort(got)
		if want := []string{private + " as ", private + " as ann"}; !slices.Equal(got, want) {
			t.Errorf("asked %q, want %q", got, want)
		}
	})
}

// A question that was under way when a request came may have been answered
// before it: a refusal is asked for again, once for all who joined.
func TestSharedRefusalIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		prober := &registries{answers: map[string]pull.Reason{private: pull.TagNotFound},
			during: func(context.Context, pull.Query) *pull.Finding { <-release; return nil }}
		resolver := newResolver(shop(nil), prober)
		results := make(chan Result, 3)
		for range 3 {
			go func() { results <- resolveOne(t, resolver, deployment(nil, private)) }()
			synctest.Wait()
		}
		prober.set(private, pull.ReasonPullable) // pushed meanwhile
		release <- struct{}{}
		synctest.Wait()
		close(release)
		var reasons []string
		for range 3 {
			reasons = append(reasons, string((<-results).Reason))
		}
		slices.Sort(reasons)
		if want := []string{"Pullable", "Pullable", "TagNotFound"}; !slices.Equal(reasons, want) {
			t.Errorf("results %v, want %v", reasons, want)
		}
		if got := prober.probes(); len(got) != 2 {
			t.Errorf("%d probes, want 2", len(got))
		}
	})
}

// One refusal costs one probe where nothing was remembered or shared.
func TestRefusalCostsOneProbe(t *testing.T) {
	from := shop(map[string]*corev1.Secret{"a": pullSecret("reg.example.com", "ann")})
	prober := &registries{answers: map[string]pull.Reason{private: pull.CredentialsRejected}}
	resolver := newResolver(from, prober)
	resolver.Fresh = &keyring.Keyring{Source: from}
	wantReason(t, resolveOne(t, resolver, deployment([]string{"a"}, private)), pull.CredentialsRejected)
	if got := prober.probes(); len(got) != 1 {
		t.Errorf("asked %q", got)
	}
}

func TestParallelIsBounded(t *testing.T) {
	for _, test := range []struct{ parallel, want int }{{0, defaultParallel}, {1, 1}, {5, 5}, {-1, defaultParallel}} {
		synctest.Test(t, func(t *testing.T) {
			var inFlight, most atomic.Int64
			prober := &registries{during: func(context.Context, pull.Query) *pull.Finding {
				now := inFlight.Add(1)
				defer inFlight.Add(-1)
				most.Store(max(most.Load(), now))
				time.Sleep(20 * time.Millisecond)
				return &pull.Finding{Reason: pull.ReasonPullable}
			}}
			resolver := newResolver(shop(nil), prober)
			resolver.Parallel = test.parallel
			start := time.Now()
			report := resolver.Resolve(t.Context(), deployment(nil, many(500, "reg.example.com/app:%d")...))
			rounds := (500 + test.want - 1) / test.want
			if took := time.Since(start); took != time.Duration(rounds)*20*time.Millisecond {
				t.Errorf("parallel %d: took %s, want %d rounds of 20ms", test.parallel, took, rounds)
			}
			if most.Load() != int64(test.want) || len(report.Results) != 500 {
				t.Errorf("parallel %d: %d in flight, want %d; %d results", test.parallel, most.Load(), test.want, len(report.Results))
			}
		})
	}
}

// At the deadline everything that is known is told, and the rest is Timeout.
func TestDeadline(t *testing.T) {
	stuck := func(hung chan struct{}, host string) func(context.Context, pull.Query) *pull.Finding {
		return func(_ context.Context, query pull.Query) *pull.Finding {
			if strings.HasPrefix(query.Image.Name(), host) {
				<-hung // whatever the context says
			}
			return nil
		}
	}
	tests := []struct {
		name string
		r    func(hung chan struct{}) *Resolver
		want []pull.Reason
	}{
		{"a registry that hangs", func(hung chan struct{}) *Resolver {
			return newResolver(shop(nil), &registries{answers: map[string]pull.Reason{"fast.example.com/app:1": pull.ReasonPullable},
				during: stuck(hung, "slow.example.com")})
		}, []pull.Reason{pull.Timeout, pull.ReasonPullable, pull.TagNotFound}},
		{"an API server that hangs", func(hung chan struct{}) *Resolver {
			from := shop(nil)
			from.during = func(context.Context) { <-hung }
			return newResolver(from, &registries{answers: map[string]pull.Reason{"fast.example.com/app:1": pull.ReasonPullable}})
		}, []pull.Reason{pull.Timeout}},
		{"a tag list that hangs", func(hung chan struct{}) *Resolver {
			return newResolver(shop(nil), &hangingTags{registries: registries{answers: map[string]pull.Reason{"fast.example.com/app:1": pull.ReasonPullable}}, hung: hung})
		}, []pull.Reason{pull.TagNotFound, pull.ReasonPullable, pull.TagNotFound}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hung := make(chan struct{})
				resolver := test.r(hung)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				start := time.Now()
				images := []string{"slow.example.com/app:1", "fast.example.com/app:1", "fast.example.com/app:2"}
				report := resolver.Resolve(ctx, deployment([]string{"a"}, images[:len(test.want)]...))
				if took := time.Since(start); took > 3*time.Second+lastWords {
					t.Errorf("took %s", took)
				}
				for i, want := range test.want {
					wantReason(t, report.Results[i], want)
					if report.Results[i].Image.Container != fmt.Sprintf("c%d", i) || want != pull.ReasonPullable && report.Results[i].Message == "" {
						t.Errorf("result %d: %+v", i, report.Results[i])
					}
				}
				close(hung)
			})
		})
	}
}

// hangingTags is a registry whose tag lists hang and heed no context.
type hangingTags struct {
	registries
	hung chan struct{}
}

func (h *hangingTags) Tags(context.Context, reference.Named, pull.Credential) ([]string, error) {
	<-h.hung
	return nil, context.Canceled
}

// After the deadline no registry is asked any more.
func TestNoProbesAfterTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prober := &registries{during: func(ctx context.Context, _ pull.Query) *pull.Finding {
			<-ctx.Done()
			return &pull.Finding{Reason: pull.Timeout}
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		report := newResolver(shop(nil), prober).Resolve(ctx, deployment(nil, many(200, "reg.example.com/app:%d")...))
		for _, result := range report.Results {
			wantReason(t, result, pull.Timeout)
			if !strings.Contains(result.Message, "reg.example.com did not answer in time") {
				t.Fatalf("message %q", result.Message)
			}
		}
		time.Sleep(questionLimit) // by then the last flight is over
		if got := prober.probes(); len(got) != defaultParallel {
			t.Errorf("%d probes", len(got))
		}
	})
}

// Nobody waits any more, and so nobody asks.
func TestLeavingEndsALonelyFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan time.Duration, 1)
		start := time.Now()
		prober := &registries{during: func(ctx context.Context, _ pull.Query) *pull.Finding {
			<-ctx.Done()
			ended <- time.Since(start)
			return &pull.Finding{Reason: pull.Timeout}
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		newResolver(shop(nil), prober).Resolve(ctx, deployment(nil, private))
		if took := <-ended; took > 2*time.Second {
			t.Errorf("the question ended after %s", took)
		}
	})
}

// A host that hangs leaves room for the others, and is asked so much at a time.
func TestBoundPerHost(t *testing.T) {
	t.Run("shared", func(t *testing.T) { testBoundPerHost(t, false, maxHostShare) })
	t.Run("alone", func(t *testing.T) { testBoundPerHost(t, true, maxPerHost) })
}

func testBoundPerHost(t *testing.T, alone bool, want int32) {
	synctest.Test(t, func(t *testing.T) {
		var at, most atomic.Int32
		prober := &registries{during: func(ctx context.Context, query pull.Query) *pull.Finding {
			if reference.Domain(query.Image) == "quick.example.com" {
				return &pull.Finding{Reason: pull.ReasonPullable}
			}
			most.Store(max(most.Load(), at.Add(1)))
			defer at.Add(-1)
			<-ctx.Done()
			return &pull.Finding{Reason: pull.Timeout}
		}}
		resolver := newResolver(shop(nil), prober)
		resolver.Parallel, resolver.Alone = 3*maxPerHost, alone
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		images := append(many(2*maxPerHost, "hangs.example.com/app:%d"), "quick.example.com/app:1")
		report := resolver.Resolve(ctx, deployment(nil, images...))
		wantReason(t, report.Results[len(images)-1], pull.ReasonPullable)
		wantReason(t, report.Results[0], pull.Timeout)
		synctest.Wait()
		if most.Load() != want {
			t.Errorf("%d questions at a time, want %d", most.Load(), want)
		}
		if left := len(resolver.questions.limit.hosts); left != 0 {
			t.Errorf("%d entries are left", left)
		}
	})
}

// A request that ends early does not take the answer from those who joined it.
func TestLeavingDoesNotEndAFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		prober := &registries{during: func(ctx context.Context, _ pull.Query) *pull.Finding {
			select {
			case <-release:
				return &pull.Finding{Reason: pull.ReasonPullable}
			case <-ctx.Done():
				return &pull.Finding{Reason: pull.Timeout}
			}
		}}
		resolver := newResolver(shop(nil), prober)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first, second := make(chan Result, 1), make(chan Result, 1)
		go func() { first <- resolver.Resolve(short, deployment(nil, private)).Results[0] }()
		synctest.Wait()
		go func() { second <- resolver.Resolve(t.Context(), deployment(nil, private)).Results[0] }()
		wantReason(t, <-first, pull.Timeout)
		close(release)
		wantReason(t, <-second, pull.ReasonPullable)
	})
}

// What a question waits for others is not the registry's fault: with answers
// that come after six seconds, the last of three rounds comes after eighteen.
func TestTheQueueIsNobodysFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prober := &registries{during: func(ctx context.Context, _ pull.Query) *pull.Finding {
			select {
			case <-time.After(6 * time.Second):
				return &pull.Finding{Reason: pull.ReasonPullable}
			case <-ctx.Done():
				return &pull.Finding{Reason: pull.Timeout}
			}
		}}
		resolver := newResolver(shop(nil), prober)
		resolver.Parallel = 3 * maxHostShare
		report := resolver.Resolve(t.Context(), deployment(nil, many(3*maxHostShare, "slow.example.com/app:%d")...))
		for _, result := range report.Results {
			wantReason(t, result, pull.ReasonPullable)
		}
	})
}
