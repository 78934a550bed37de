package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/dynamic"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"

	"github.com/pullgate/pullgate/audit/tell"
	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/nodes"
)

const (
	// leaseName is the Lease's, in Pullgate's own namespace.
	leaseName = "pullgate-audit"
	// self is who writes Reports.
	self = "pullgate"
	// leaseLasts and the others are what client-go recommends.
	leaseLasts    = 15 * time.Second
	renewWithin   = 10 * time.Second
	retryElection = 2 * time.Second
	// configuredWithin is how long another configuration waits to be taken up.
	configuredWithin = 2 * time.Second
)

// Auditor looks at what a cluster runs while the configuration says so and this
// replica holds the Lease. That it loses the Lease stops nothing else.
type Auditor struct {
	// Objects and Mapper read the cluster's workloads, Leases the Lease.
	Objects dynamic.Interface
	Mapper  meta.RESTMapper
	Leases  coordinationv1.LeasesGetter
	// Namespace is where the Lease is.
	Namespace string
	// Events writes Events on workloads.
	Events typedcorev1.EventsGetter
	// Maps keeps in ConfigMaps of Namespace what is known for after a restart.
	Maps typedcorev1.ConfigMapsGetter
	// Nodes returns the cluster's; nil where none are known.
	Nodes func() []nodes.Node
	// Clock is what looks go by; the Lease goes by the machine's.
	Clock clock.Clock
	// Pacer is before what the engines ask.
	Pacer *Pacer
	Log   *slog.Logger

	current engine.Current
	terms   sync.Mutex // is held while this replica looks
	record  record
	misses  atomic.Pointer[misses] // of the term; nil: this replica rests
}

// setting is what a configuration says.
type setting struct {
	engine *engine.Engine
	policy.Auditing
}

// Configure takes an engine up that asks by way of Pacer, with its configuration.
// Another one begins a new term, in which nothing is known at first; retire is
// called when the one before is used no more.
func (a *Auditor) Configure(e *engine.Engine, retire func()) {
	a.Pacer.Configure(e.Policy.Audit)
	a.current.Replace(e, retire)
}

// Collector shows what was found out.
func (a *Auditor) Collector() prometheus.Collector {
	return collectors{newCollector(&a.record, a.interval), newMissCollector(a.misses.Load)}
}

// NeedLeaderElection says that the auditor has an election of its own.
func (a *Auditor) NeedLeaderElection() bool { return false }

// Start audits until the context ends; it makes an Auditor a controller-runtime
// Runnable.
func (a *Auditor) Start(ctx context.Context) error {
	defer a.current.Replace(nil, nil)
	for ctx.Err() == nil {
		now, done := a.current.Use()
		if now != nil && now.Policy.Audit.Enabled {
			if err := a.whileSet(ctx, &setting{now, now.Policy.Audit}); err != nil {
				a.Log.Error("the auditor stopped and tries again", "error", err.Error())
			}
			if ctx.Err() == nil && !a.enabled() {
				a.removeReports(ctx)
			}
		}
		done()
		pause(ctx, clock.RealClock{}, configuredWithin)
	}
	return nil
}

// interval is that of the configuration in use; 0: it lets no replica look.
func (a *Auditor) interval() time.Duration {
	now, done := a.current.Use()
	defer done()
	if now == nil || !now.Policy.Audit.Enabled {
		return 0
	}
	return now.Policy.Audit.Interval.Duration
}

// enabled tells whether the configuration in use lets a replica look.
func (a *Auditor) enabled() bool { return a.interval() > 0 }

// whileSet takes part in elections while the configuration stays. A term ends
// before its Lease is given back, so that the next one knows all.
func (a *Auditor) whileSet(ctx context.Context, set *setting) error {
	elected, resign := context.WithCancel(context.WithoutCancel(ctx))
	defer resign()
	terms, end := context.WithCancel(ctx)
	defer end()
	go func() {
		for terms.Err() == nil && a.current.Is(set.engine) {
			pause(terms, clock.RealClock{}, configuredWithin)
		}
		end()
		a.terms.Lock() // the term that there may be has ended
		defer a.terms.Unlock()
		resign()
	}()
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: a.lock(), LeaseDuration: leaseLasts, RenewDeadline: renewWithin, RetryPeriod: retryElection,
		ReleaseOnCancel: true, Name: leaseName,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) {
				leading, stop := context.WithCancel(leading)
				defer stop()
				defer context.AfterFunc(terms, stop)()
				a.lead(leading, set)
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return fmt.Errorf("take part in the election: %w", err)
	}
	elector.Run(elected)
	a.terms.Lock() // the term ends before the next begins
	defer a.terms.Unlock()
	return nil
}

// lock is the Lease, and who this replica is.
func (a *Auditor) lock() resourcelock.Interface {
	host, _ := os.Hostname() // the rest of the name is enough
	return &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: a.Namespace, Name: leaseName},
		Client:     a.Leases,
		LockConfig: resourcelock.ResourceLockConfig{Identity: host + "_" + string(uuid.NewUUID())},
	}
}

// lead looks until the context ends.
func (a *Auditor) lead(ctx context.Context, set *setting) {
	a.terms.Lock()
	defer a.terms.Unlock()
	sight := &foresight{newLineage(), a.knownNodes}
	a.record.lead(a.Clock, sight, set.Accepts)
	t := &term{
		engine: set.engine, pacer: a.Pacer, record: &a.record, clock: a.Clock, log: a.Log, subjects: map[string]subject{},
	}
	t.foresight, t.misses = sight, newMisses(a.Events, &a.record, sight.lineage, a.Log)
	a.misses.Store(t.misses)
	defer a.misses.Store(nil)
	t.events, t.tellers = a.tellers(ctx, set)
	t.schedule.Interval = set.Interval.Duration
	defer a.record.rest()
	kept := newKeeper(a.Maps.ConfigMaps(a.Namespace), t)
	kept.resume(ctx)
	a.Log.Info("this replica looks at what the cluster runs", "interval", t.schedule.Interval.String())
	if err := watch(ctx, a.Objects, a.Mapper, set.engine.Kinds, t, a.Log.Warn); err != nil {
		return // the term has ended
	}
	defer kept.end(ctx)
	var keeping sync.WaitGroup
	defer keeping.Wait()
	keeping.Go(func() { kept.run(ctx) })
	t.run(ctx)
}

// knownNodes are the cluster's, as far as they are known.
func (a *Auditor) knownNodes() []nodes.Node {
	if a.Nodes == nil {
		return nil
	}
	return a.Nodes()
}

// tellers write down what a term finds out, as the configuration says.
func (a *Auditor) tellers(ctx context.Context, set *setting) (events *tell.Events, all []teller) {
	if *set.Events {
		events = &tell.Events{Client: a.Events}
		all = append(all, events)
	}
	if !*set.Reports {
		a.removeReports(ctx)
		return events, all
	}
	reports := &tell.Reports{Client: a.Objects, Self: self}
	switch err := reports.Open(ctx, a.Mapper); {
	case err == nil:
		all = append(all, reports)
	case errors.Is(err, tell.ErrNoReports):
		a.Log.Info("no Reports are written", "why", err.Error())
	default:
		a.Log.Warn("no Reports are written", "error", err.Error())
	}
	return events, all
}

// removeReports removes the Reports of a time in which they were written.
func (a *Auditor) removeReports(ctx context.Context) {
	reports := &tell.Reports{Client: a.Objects, Self: self}
	err := reports.Open(ctx, a.Mapper)
	if err == nil {
		err = reports.Remove(ctx)
	}
	if err != nil && !errors.Is(err, tell.ErrNoReports) {
		a.Log.Warn("Reports cannot be removed", "error", err.Error())
	}
}
