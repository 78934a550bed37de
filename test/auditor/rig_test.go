package auditor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distribution/reference"
	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/dynamic"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	fakeclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/pullgate/pullgate/audit/live"
	"github.com/pullgate/pullgate/cluster"
	"github.com/pullgate/pullgate/metrics"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	kube "github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/wiring"
)

const (
	root      = "../.."
	namespace = "pullgate-system"
	account   = "pullgate"
)

// world is a cluster with Pullgate's rights, a registry, and a clock.
type world struct {
	*testing.T
	*kube.Cluster
	registry   *Registry
	clock      *fakeclock.FakeClock
	kubeconfig string       // of Pullgate's account
	log        *slog.Logger // nil: warnings alone, to standard error

	mu     sync.Mutex
	writes []string     // to the API server by replicas
	asking atomic.Int32 // registries and the API server, but for watches and the Lease
}

// newWorld installs the chart's rights and the kind of Reports.
func newWorld(t *testing.T) *world { t.Helper(); return newWorldWith(t, "reports", "openreports.io") }

// newWorldWith has Reports of one kind, as a file of testdata has it.
func newWorldWith(t *testing.T, reports, group string) *world {
	t.Helper()
	binaries, err := rig.FindBinaries(root)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, clock: fakeclock.NewFakeClock(time.Now())}
	if w.Cluster, err = kube.Start(t.Context(), binaries.Kube); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Stop() })
	w.registry = NewRegistry(w.clock.Now)
	t.Cleanup(w.registry.Close)
	w.must("apply", "-f", absolute(t, root, "deploy", "install.yaml"))
	w.must("delete", "validatingwebhookconfiguration", "pullgate")
	w.must("delete", "deployment", "pullgate", "-n", namespace)
	w.must("apply", "-n", namespace, "-f", absolute(t, root, "test", "e2e", "testdata", "audit.yaml"))
	w.must("apply", "-f", absolute(t, "testdata", reports+".yaml"))
	w.must("wait", "--for=condition=Established", "crd/"+reports+"."+group, "--timeout=60s")
	if w.kubeconfig, err = w.ServiceAccountKubeconfig(t.Context(), namespace, account); err != nil {
		t.Fatal(err)
	}
	if err := w.Namespace(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	return w
}

// absolute is the path of a file for programs that run elsewhere.
func absolute(t *testing.T, elements ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (w *world) must(args ...string) string { w.Helper(); return w.feed("", args...) }

func (w *world) feed(stdin string, args ...string) string {
	w.Helper()
	out, err := w.Must(w.Context(), stdin, args...)
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// deploy makes a Deployment without replicas in the namespace shop.
func (w *world) deploy(name, image, more string) string {
	return fmt.Sprintf("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s, namespace: shop}\n"+
		"spec: {replicas: 0, selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: app, image: '%s'}]%s}}}\n",
		name, w.registry.Ref(image), more)
}

// poll is how often is asked whether it is so.
const poll = 2 * time.Millisecond

// await asks until the answer is yes, or go test is about to give up.
func (w *world) await(what string, done func() bool) {
	w.Helper()
	limit, limited := w.Deadline()
	for !done() {
		if limited && time.Until(limit) < 20*time.Second {
			w.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(poll)
	}
}

// advance lets time go by, minute by minute, when nobody has anything to do.
func (w *world) advance(lasts time.Duration) {
	w.Helper()
	for end := w.clock.Now().Add(lasts); w.clock.Now().Before(end); {
		w.idle()
		w.clock.Step(time.Minute)
	}
	w.idle()
}

// idle awaits that the auditor has nothing to do: it asks nobody, several times
// in a row, for between two requests of a look it asks nobody either.
func (w *world) idle() {
	w.Helper()
	calm := 0
	w.await("an idle auditor", func() bool {
		if calm++; w.asking.Load() != 0 || w.clock.Waiters() < 3 {
			calm = 0
		}
		return calm == 3
	})
}

// replica is one of Pullgate's.
type replica struct {
	metrics *prometheus.Registry
	stop    context.CancelFunc
	ended   chan struct{}
	// configure has it take another configuration up.
	configure func(policy.Configuration) error
	// cut off, it does not reach the API server any more.
	cut atomic.Bool
}

// busy counts who asks.
type busy struct {
	resolver.Prober
	asking *atomic.Int32
}

func (b busy) Probe(ctx context.Context, query pull.Query) pull.Finding {
	b.asking.Add(1)
	defer b.asking.Add(-1)
	return b.Prober.Probe(ctx, query)
}

func (b busy) Tags(ctx context.Context, image reference.Named, credential pull.Credential) ([]string, error) {
	b.asking.Add(1)
	defer b.asking.Add(-1)
	return b.Prober.Tags(ctx, image, credential)
}

// noting notes what is written to the API server.
type noting struct {
	http.RoundTripper
	world *world
	cut   *atomic.Bool
}

func (n noting) RoundTrip(req *http.Request) (*http.Response, error) {
	if n.cut.Load() {
		return nil, errors.New("the API server cannot be reached")
	}
	if strings.Contains(req.URL.Path, "/leases") || req.URL.Query().Has("watch") {
		return n.RoundTripper.RoundTrip(req)
	}
	n.world.asking.Add(1)
	defer n.world.asking.Add(-1)
	if req.Method != http.MethodGet {
		n.world.mu.Lock()
		n.world.writes = append(n.world.writes, req.Method+" "+req.URL.Path)
		n.world.mu.Unlock()
	}
	return n.RoundTripper.RoundTrip(req)
}

// written counts writes to what the path contains.
func (w *world) written(part string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.writes {
		if strings.Contains(one, part) {
			n++
		}
	}
	return n
}

// configuration is that of all replicas. Nothing is remembered by another clock
// than the world's.
func configuration(interval time.Duration, budget int) policy.Configuration {
	c := policy.Default()
	c.Audit.Enabled = true
	c.Audit.Interval.Duration = interval
	c.Audit.RequestsPerHour = budget
	c.Registries.AllowAddresses = []string{"127.0.0.1/32"}
	c.Nodes.Platforms = []string{"linux/amd64"}
	c.Cache.PositiveTTL.Duration = 0
	return c
}

// start starts a replica with Pullgate's rights.
func (w *world) start(c policy.Configuration) *replica {
	w.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", w.kubeconfig)
	if err != nil {
		w.Fatal(err)
	}
	config.QPS, config.Burst = 500, 1000
	r := &replica{metrics: prometheus.NewRegistry(), ended: make(chan struct{})}
	config.Wrap(func(base http.RoundTripper) http.RoundTripper { return noting{base, w, &r.cut} })
	auditor, configure, err := w.newAuditor(config, c)
	if err == nil {
		err = configure(c)
	}
	if err != nil {
		w.Fatal(err)
	}
	r.configure = configure
	r.metrics.MustRegister(auditor.Collector())
	ctx, stop := context.WithCancel(context.Background())
	r.stop = func() { stop(); <-r.ended }
	w.Cleanup(r.stop)
	go func() {
		defer close(r.ended)
		_ = auditor.Start(ctx) // it ends with the context
	}()
	return r
}

func (w *world) newAuditor(config *rest.Config, c policy.Configuration) (auditor *live.Auditor, configure func(policy.Configuration) error, err error) {
	web, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, nil, err
	}
	mapper, err := apiutil.NewDynamicRESTMapper(config, web)
	if err != nil {
		return nil, nil, err
	}
	objects, err := dynamic.NewForConfigAndClient(config, web)
	if err != nil {
		return nil, nil, err
	}
	leases, err := coordinationv1.NewForConfigAndClient(config, web)
	if err != nil {
		return nil, nil, err
	}
	core, err := typedcorev1.NewForConfigAndClient(config, web)
	if err != nil {
		return nil, nil, err
	}
	reader, err := client.New(config, client.Options{HTTPClient: web, Mapper: mapper})
	if err != nil {
		return nil, nil, err
	}
	log := w.log
	if log == nil {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	klog.SetSlogLogger(log)
	pacer := live.NewPacer(c.Audit, w.clock, log)
	auditor = &live.Auditor{
		Objects: objects, Mapper: mapper, Leases: leases, Events: core, Maps: core, Namespace: namespace,
		Nodes: func() []nodes.Node { return []nodes.Node{{Name: "worker", Runtime: "containerd"}} },
		Clock: w.clock, Pacer: pacer, Log: log,
	}
	return auditor, func(c policy.Configuration) error {
		parts, err := wiring.New(c, wiring.Dependencies{
			Secrets: cluster.Source{Reader: reader}, Fresh: cluster.Source{Reader: reader}, Log: log, Tokens: cluster.Tokens{Client: reader}.Issue,
			Observer: metrics.New(prometheus.NewRegistry(), log),
			Asking:   func(prober resolver.Prober) resolver.Prober { return busy{pacer.Asking(prober), &w.asking} },
			Labels:   cluster.Namespaces{Cache: reader, Direct: reader}.Labels,
		})
		if err == nil {
			auditor.Configure(parts.Engine(parts.Platforms), func() {})
		}
		return err
	}, nil
}

// value is a metric's, added up over the series with all these labels, written
// name=value; -1: there is none.
func (r *replica) value(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum, there := 0.0, false
	for _, family := range families {
		if family.GetName() != "pullgate_"+name {
			continue
		}
		for _, metric := range family.GetMetric() {
			has := " "
			for _, label := range metric.GetLabel() {
				has += label.GetName() + "=" + label.GetValue() + " "
			}
			matches := true
			for _, label := range labels {
				matches = matches && strings.Contains(has, " "+label+" ")
			}
			if matches {
				sum, there = sum+metric.GetGauge().GetValue(), true
			}
		}
	}
	if !there {
		return -1
	}
	return sum
}
