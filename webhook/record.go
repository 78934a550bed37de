package webhook

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
)

// Metrics count requests for admission.
type Metrics struct {
	requests *prometheus.CounterVec
	duration prometheus.Histogram
	panics   prometheus.Counter
}

// NewMetrics registers the metrics.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pullgate_admission_requests_total", Help: "Requests for admission, by the namespace's mode, the worst verdict and the decision.",
		}, []string{"mode", "verdict", "decision"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pullgate_admission_duration_seconds", Help: "Time to answer a request for admission.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pullgate_panics_total", Help: "Internal errors; each let an object in with a warning.",
		}),
	}
	registerer.MustRegister(m.requests, m.duration, m.panics)
	return m
}

func (m *Metrics) panicked() {
	if m != nil {
		m.panics.Inc()
	}
}

// record counts and logs a decision.
func (h *Handler) record(ctx context.Context, request *admissionv1.AdmissionRequest, o outcome, took time.Duration) {
	verdict, action := o.summary()
	if h.Metrics != nil {
		h.Metrics.requests.WithLabelValues(string(o.decision.Mode), verdict.String(), string(action)).Inc()
		h.Metrics.duration.Observe(took.Seconds())
	}
	level := slog.LevelDebug
	if action != policy.Allow || verdict != pull.Skipped {
		level = slog.LevelInfo // what was looked at; the rest is of no interest
	}
	if !h.log().Enabled(ctx, level) {
		return
	}
	found, _ := o.findings()
	h.log().LogAttrs(ctx, level, "decision",
		slog.String("uid", string(request.UID)), slog.String("operation", string(request.Operation)),
		slog.String("kind", request.Kind.Kind), slog.String("namespace", request.Namespace), slog.String("name", request.Name),
		slog.String("subResource", request.SubResource), slog.String("user", request.UserInfo.Username),
		slog.Bool("dryRun", request.DryRun != nil && *request.DryRun), slog.String("mode", string(o.decision.Mode)),
		slog.String("verdict", verdict.String()), slog.String("decision", string(action)), slog.String("trouble", plain(o.trouble, maxMessage)),
		slog.Duration("took", took), slog.Any("images", found))
}
