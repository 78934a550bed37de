package webhook

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pullgate/pullgate/metrics"
	"github.com/pullgate/pullgate/resolver/pull"
)

// Metrics count requests for admission. A nil one counts nothing.
type Metrics struct {
	requests *prometheus.CounterVec
	images   *prometheus.CounterVec
	duration prometheus.Histogram
	inFlight prometheus.Gauge
	away     prometheus.Counter
	crowded  prometheus.Counter
	panics   prometheus.Counter
	// namespaces bounds those with series of their own.
	namespaces metrics.Bounded
	// strangers are counted from outside: they do not get as far as a Handler.
	strangers prometheus.Counter
}

// NewMetrics registers the metrics.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pullgate_admission_requests_total", Help: "Requests for admission, by the namespace's mode, the worst verdict and the decision.",
		}, []string{"mode", "verdict", "decision"}),
		images: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pullgate_admission_images_total", Help: "Images in requests for admission that are not plainly pullable, by the object's namespace, the mode that counted for the image, why, and what was done.",
		}, []string{"namespace", "mode", "verdict", "reason", "decision"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pullgate_admission_duration_seconds", Help: "Time to answer a request for admission.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pullgate_admission_in_flight", Help: "Requests that are being read or answered.",
		}),
		away: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pullgate_admission_turned_away_total", Help: "Requests for which there was no room; the webhook's failurePolicy decides on them.",
		}),
		crowded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pullgate_admission_crowded_total", Help: "Requests let in unchecked, with a warning, since their namespace had too many at a time.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pullgate_panics_total", Help: "Internal errors; each let an object in with a warning.",
		}),
	}
	m.strangers = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "pullgate_admission_strangers_total", Help: "Requests of those who have not shown to be an API server; they were answered by 401.",
	})
	registerer.MustRegister(m.requests, m.images, m.duration, m.inFlight, m.away, m.crowded, m.panics, m.strangers)
	return m
}

// entered counts a request in, and returns what counts it out.
func (m *Metrics) entered() (left func()) {
	if m == nil {
		return func() {}
	}
	m.inFlight.Inc()
	return m.inFlight.Dec
}

// Stranger counts a request that was refused before it was read.
func (m *Metrics) Stranger() { m.strangers.Inc() }

func (m *Metrics) turnedAway() {
	if m != nil {
		m.away.Inc()
	}
}

func (m *Metrics) tooMany() {
	if m != nil {
		m.crowded.Inc()
	}
}

func (m *Metrics) panicked() {
	if m != nil {
		m.panics.Inc()
	}
}

// answered counts an answer, and what of it is or would be a refusal.
func (m *Metrics) answered(namespace string, r ruling, took time.Duration) {
	if m == nil {
		return
	}
	verdict, action := r.summary()
	m.requests.WithLabelValues(string(r.Decision.Mode), verdict.String(), string(action)).Inc()
	m.duration.Observe(took.Seconds())
	for i, result := range r.Report.Results {
		if result.Verdict == pull.Broken || result.Verdict == pull.Unknown {
			m.images.WithLabelValues(m.namespaces.Of(namespace), string(r.Decision.Modes[i]), result.Verdict.String(),
				string(result.Reason), string(r.Decision.Actions[i])).Inc()
		}
	}
}
