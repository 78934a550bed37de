package metrics

import (
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxRegistries is how many registries have label values of their own; all
	// further ones are other, since anybody who may create a Pod can name one.
	maxRegistries = 100
	other         = "other"
	// maxHost is how long a host and its port can be.
	maxHost = 253 + len(":65535")
)

// Metrics counts checks, cache look-ups and requests to registries.
type Metrics struct {
	log       *slog.Logger
	checks    *prometheus.CounterVec
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	cache     *prometheus.CounterVec
	panics    prometheus.Counter

	mu         sync.Mutex
	registries map[string]bool
}

// New registers the metrics.
func New(registerer prometheus.Registerer, log *slog.Logger) *Metrics {
	m := &Metrics{
		log: log, registries: map[string]bool{},
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
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pullgate_check_panics_total", Help: "Internal errors in checks; each made a verdict unknown.",
		}),
	}
	registerer.MustRegister(m.checks, m.requests, m.durations, m.cache, m.panics)
	return m
}

// Checked counts a check.
func (m *Metrics) Checked(registry string, reason pull.Reason) {
	m.checks.WithLabelValues(m.bounded(registry), reason.Verdict().String(), string(reason)).Inc()
}

// Cached counts a look-up.
func (m *Metrics) Cached(hit bool) {
	result := "miss"
	if hit {
		result = "hit"
	}
	m.cache.WithLabelValues(result).Inc()
}

// Panicked counts and logs an internal error.
func (m *Metrics) Panicked(value any, stack []byte) {
	m.panics.Inc()
	m.log.Error("internal error in a check", "panic", fmt.Sprint(value), "stack", string(stack))
}

// Requested counts a request to a registry.
func (m *Metrics) Requested(host, method string, code int, took time.Duration) {
	registry := m.bounded(host)
	m.requests.WithLabelValues(registry, method, strconv.Itoa(code)).Inc()
	m.durations.WithLabelValues(registry).Observe(took.Seconds())
}

// bounded returns the label for a registry. A redirect can lead to a host that
// is no valid text, at which Prometheus' library panics.
func (m *Metrics) bounded(registry string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.registries[registry] {
		return registry
	}
	if len(m.registries) >= maxRegistries || len(registry) > maxHost || !utf8.ValidString(registry) {
		return other
	}
	m.registries[registry] = true
	return registry
}
