package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/wiring"
)

// loads are metrics of what the engine in use is busy with and keeps.
func loads(parts func() *wiring.Components) []prometheus.Collector {
	gauge := func(name, help string, labels prometheus.Labels, of func(resolver.Load) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return of(parts().Load()) })
	}
	const questions, about = "pullgate_registry_questions", "Questions to registries, by state: asking, or waiting for room because too many are asked at a time."
	return []prometheus.Collector{
		gauge(questions, about, prometheus.Labels{"state": "asking"}, func(l resolver.Load) float64 { return float64(l.Asking) }),
		gauge(questions, about, prometheus.Labels{"state": "waiting"}, func(l resolver.Load) float64 { return float64(l.Waiting) }),
		gauge("pullgate_registry_questions_namespaces", "Namespaces whose questions wait for room.", nil, func(l resolver.Load) float64 { return float64(l.Namespaces) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "pullgate_registry_questions_unasked_total", Help: "Questions that were not put, since their registry had not answered for some time.",
		}, func() float64 { return float64(parts().Load().Unasked) }),
		gauge("pullgate_cache_entries", "Positive answers that are kept.", nil, func(l resolver.Load) float64 { return float64(l.Kept) }),
		gauge("pullgate_cache_bytes", "What the positive answers take in memory, about.", nil, func(l resolver.Load) float64 { return float64(l.KeptBytes) }),
	}
}
