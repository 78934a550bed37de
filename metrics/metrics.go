package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxValues is how many values a label has of its own that users' input
	// decides, such as registries: anybody who may create a Pod can name one.
	maxValues = 100
	other     = "other"
	// maxValue is how long one can be: a host and its port.
	maxValue = 253 + len(":65535")
)

// Bounded are the values of a label that users' input decides: the first ones as
// they are, all further ones as other. The zero value is ready.
type Bounded struct {
	mu    sync.Mutex
	known map[string]bool
}

// Of returns the label for a value. A redirect can lead to a host that is no
// valid text, at which Prometheus' library panics.
func (b *Bounded) Of(value string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known[value] {
		return value
	}
	if len(b.known) >= maxValues || len(value) > maxValue || !utf8.ValidString(value) {
		return other
	}
	if b.known == nil {
		b.known = map[string]bool{}
	}
	b.known[value] = true
	return value
}

// Metrics counts checks, cache look-ups and requests to registries.
type Metrics struct {
	log        *slog.Logger
	checks     *prometheus.CounterVec
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	cache      *prometheus.CounterVec
	reads      *prometheus.CounterVec
	panics     prometheus.Counter
	registries Bounded
}

// New registers the metrics.
func New(registerer prometheus.Registerer, log *slog.Logger) *Metrics {
	m := &Metrics{
		log: log,
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pullgate_checks_total", Help: "Images checked, by registry and outcome.",
		}, []string{"registry", "verdict", "reason"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pullgate_registry_requests_total", Help: "Requests to registries and token servers; code 0: no answer.",
		}, []string{"registry", "method", "code"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pullgate_registry_request_duration_seconds", Help: "Time to an answer's header.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"registry"}),
		cache: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pullgate_cache_requests_total", Help: "Look-ups of positive answers, by result: hit or miss.",
		}, []string{"result"}),
		reads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pullgate_secret_reads_total", Help: "Reads of Secrets and ServiceAccounts, by result: read, missing, forbidden or failed.",
		}, []string{"kind", "result"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pullgate_check_panics_total", Help: "Internal errors in checks; each made a verdict unknown.",
		}),
	}
	registerer.MustRegister(m.checks, m.requests, m.durations, m.cache, m.reads, m.panics)
	return m
}

// Checked counts a check.
func (m *Metrics) Checked(registry string, reason pull.Reason) {
	m.checks.WithLabelValues(m.registries.Of(registry), reason.Verdict().String(), string(reason)).Inc()
}

// Cached counts a look-up.
func (m *Metrics) Cached(hit bool) {
	result := "miss"
	if hit {
		result = "hit"
	}
	m.cache.WithLabelValues(result).Inc()
}

// Read counts a read of a Secret or a ServiceAccount, but those for which nobody
// waited any more.
func (m *Metrics) Read(kind string, err error) {
	result := "failed"
	switch {
	case err == nil:
		result = "read"
	case apierrors.IsNotFound(err):
		result = "missing"
	case apierrors.IsForbidden(err):
		result = "forbidden"
	case errors.Is(err, context.Canceled):
		return
	}
	m.reads.WithLabelValues(kind, result).Inc()
}

// Panicked counts and logs an internal error.
func (m *Metrics) Panicked(value any, stack []byte) {
	m.panics.Inc()
	m.log.Error("internal error in a check", "panic", fmt.Sprint(value), "stack", string(stack))
}

// Requested counts a request to a registry.
func (m *Metrics) Requested(host, method string, code int, took time.Duration) {
	registry := m.registries.Of(host)
	m.requests.WithLabelValues(registry, method, strconv.Itoa(code)).Inc()
	m.durations.WithLabelValues(registry).Observe(took.Seconds())
}
