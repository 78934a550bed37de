// Command scale measures the auditor of serve with many workloads, Pods and
// images on a real API server: how long the first pass takes and what it asks,
// memory, CPU at rest, and how long /metrics takes. Run it by `make scale`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pullgate/pullgate/test/auditor"
	"github.com/pullgate/pullgate/test/e2e/rig"
)

// restFor is for how long the CPU is watched at rest.
const restFor = time.Minute

func main() {
	var s size
	root := flag.String("root", "../..", "the repository")
	flag.IntVar(&s.workloads, "workloads", 1000, "how many Deployments there are")
	flag.IntVar(&s.pods, "pods", 20_000, "how many Pods")
	flag.IntVar(&s.images, "images", 2000, "how many images, of which each Deployment uses ten")
	interval := flag.Duration("interval", 10*time.Minute, "after how long everything is looked at again")
	budget := flag.Int("budget", 20_000, "requests to the registry in an hour")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, *root, s, *interval, *budget)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, s size, interval time.Duration, budget int) (err error) {
	binaries, err := rig.FindBinaries(root)
	if err != nil {
		return err
	}
	r, err := rig.Start(ctx, rig.Options{Binaries: binaries, Manifest: filepath.Join(root, "deploy", "install.yaml"), Config: quiet, Progress: os.Stderr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Stop()) }()
	registry := auditor.NewRegistry(time.Now)
	defer registry.Close()
	rights, err := filepath.Abs(filepath.Join(root, "test", "e2e", "testdata", "audit.yaml"))
	if err != nil {
		return err
	}
	if _, err := r.Must(ctx, "", "apply", "-n", r.Gate.Namespace, "-f", rights); err != nil {
		return err
	}
	before, err := measure(ctx, r.Gate)
	if err != nil {
		return err
	}
	w := &watcher{rig: r, registry: registry, before: before, size: s}
	if err := w.getToKnow(ctx, interval, budget); err != nil {
		return err
	}
	if err := fill(ctx, r.Cluster, registry, s); err != nil {
		return err
	}
	return w.watch(ctx, interval, budget)
}

// quiet looks at nothing at admission, so that the auditor alone asks.
const quiet = `apiVersion: pullgate.dev/v1alpha1
kind: Configuration
exempt: {users: ["*"]}
registries: {allowAddresses: [127.0.0.1/32]}
nodes: {platforms: [linux/amd64]}
cache: {positiveTTL: 0s}
`

func auditing(interval time.Duration, budget int) string {
	return fmt.Sprintf("%saudit: {enabled: true, interval: %s, requestsPerHour: %d}\n", quiet, interval, budget)
}

// watcher prints what it measures.
type watcher struct {
	rig      *rig.Rig
	registry *auditor.Registry
	before   measured
	size     size
}

// getToKnow has the auditor know the cluster while it is empty. What comes while it
// rests is new to it then, and looked at as soon as the budget lets it; what it
// does not know at all is spread over the interval.
func (w *watcher) getToKnow(ctx context.Context, interval time.Duration, budget int) error {
	if _, err := w.rig.Gate.Configure(ctx, auditing(interval, budget)); err != nil {
		return err
	}
	if _, err := w.await(ctx, "pullgate_audit_leading", 1); err != nil {
		return err
	}
	if _, err := w.rig.Gate.Configure(ctx, quiet); err != nil {
		return err
	}
	for {
		leading, err := w.rig.Gate.Metric(ctx, "pullgate_audit_leading")
		if err != nil || leading == 0 {
			return err
		}
		time.Sleep(time.Second)
	}
}

func (w *watcher) watch(ctx context.Context, interval time.Duration, budget int) error {
	begin := time.Now()
	if _, err := w.rig.Gate.Configure(ctx, auditing(interval, budget)); err != nil {
		return err
	}
	seen, err := w.await(ctx, "pullgate_audit_workloads", float64(w.size.workloads))
	if err != nil {
		return err
	}
	fmt.Printf("all workloads are known after %s\n", seen.Sub(begin).Round(time.Second))
	done, err := w.await(ctx, "pullgate_audit_workloads_seen", float64(w.size.workloads))
	if err != nil {
		return err
	}
	after, err := measure(ctx, w.rig.Gate)
	if err != nil {
		return err
	}
	grown := after.memory - w.before.memory
	fmt.Printf("first pass: %s, at a budget of %d requests an hour\n", done.Sub(begin).Round(time.Second), budget)
	fmt.Printf("requests: %d to the registry, %.0f to the API server\n", len(w.registry.Asked()), after.requests-w.before.requests)
	fmt.Printf("CPU: %.1f s in all\n", (after.cpu - w.before.cpu).Seconds())
	fmt.Printf("memory: %.0f MiB before, %.0f MiB after; with 100,000 Pods and %d workloads that makes %.0f MiB\n", mebibytes(w.before.memory), mebibytes(after.memory),
		w.size.workloads*100_000/w.size.pods, mebibytes(w.before.memory+grown*100_000/int64(w.size.pods)))
	fmt.Printf("/metrics: %s, %d bytes, %.0f series of images\n", after.took.Round(time.Millisecond), after.bytes, after.series)
	return w.rest(ctx, budget)
}

// rest measures what it costs while hardly anything is due.
func (w *watcher) rest(ctx context.Context, budget int) error {
	if _, err := w.rig.Gate.Configure(ctx, auditing(6*time.Hour, budget)); err != nil {
		return err
	}
	begin := time.Now()
	seen, err := w.await(ctx, "pullgate_audit_workloads_seen", float64(w.size.workloads))
	if err != nil {
		return err
	}
	if err := pause(ctx); err != nil { // in which all Pods are read
		return err
	}
	asked := len(w.registry.Asked())
	fmt.Printf("another configuration: all is known again after %s\n", seen.Sub(begin).Round(time.Second))
	first, err := measure(ctx, w.rig.Gate)
	if err != nil {
		return err
	}
	if err := pause(ctx); err != nil {
		return err
	}
	last, err := measure(ctx, w.rig.Gate)
	if err != nil {
		return err
	}
	fmt.Printf("at rest: %.1f %% of a CPU, %d requests to the registry and %.0f to the API server in %s\n",
		100*(last.cpu-first.cpu).Seconds()/restFor.Seconds(), len(w.registry.Asked())-asked, last.requests-first.requests, restFor)
	return nil
}

func pause(ctx context.Context) error {
	select {
	case <-time.After(restFor):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// await waits until a metric has a value.
func (w *watcher) await(ctx context.Context, metric string, value float64) (time.Time, error) {
	for ctx.Err() == nil {
		got, err := w.rig.Gate.Metric(ctx, metric)
		if err != nil {
			return time.Time{}, err
		}
		if got >= value {
			return time.Now(), nil
		}
		time.Sleep(time.Second)
	}
	return time.Time{}, ctx.Err()
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }

// measured is what Pullgate has taken so far.
type measured struct {
	memory, bytes    int64
	cpu, took        time.Duration
	requests, series float64
}

// measure reads Pullgate's metrics.
func measure(ctx context.Context, g *rig.Gate) (m measured, err error) {
	begin := time.Now()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.MetricsURL, http.NoBody)
	if err != nil {
		return m, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return m, err
	}
	m.bytes, err = io.Copy(io.Discard, response.Body)
	m.took = time.Since(begin)
	err = errors.Join(err, response.Body.Close())
	value := func(name string) float64 {
		v, problem := g.Metric(ctx, name)
		err = errors.Join(err, problem)
		return v
	}
	m.memory = int64(value("process_resident_memory_bytes"))
	m.cpu = time.Duration(value("process_cpu_seconds_total") * float64(time.Second))
	m.requests = value("rest_client_requests_total")
	m.series = value("pullgate_image_pullable")
	return m, err
}
