package live

import (
	"cmp"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// maxMissSeries is how many series Pods that fail to pull have: the largest.
const maxMissSeries = 1000

// missCollector shows misses.
type missCollector struct {
	current     func() *misses
	pods, holds *prometheus.Desc
}

func newMissCollector(current func() *misses) *missCollector {
	return &missCollector{
		current: current,
		pods: prometheus.NewDesc("pullgate_pods_failing_to_pull",
			"Pods that wait for an image that their node cannot get, by the kubelet's reason and by what was said of the image.",
			[]string{"namespace", "reason", "said"}, nil),
		holds: prometheus.NewDesc("pullgate_pods_failing_to_pull_requests",
			"What they have requested and hold meanwhile: cpu in cores, memory in bytes, and gpu.",
			[]string{"said", "resource"}, nil),
	}
}

// Describe lists the metrics.
func (c *missCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.pods
	out <- c.holds
}

// Collect counts the Pods of now.
func (c *missCollector) Collect(out chan<- prometheus.Metric) {
	m := c.current()
	if m == nil {
		return
	}
	pods, holds := m.count()
	keys := slices.SortedFunc(maps.Keys(pods), func(a, b missKey) int {
		return cmp.Or(pods[b]-pods[a], cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.reason, b.reason), cmp.Compare(a.said, b.said))
	})
	for _, key := range keys[:min(len(keys), maxMissSeries)] {
		out <- prometheus.MustNewConstMetric(c.pods, prometheus.GaugeValue, float64(pods[key]), key.namespace, key.reason, key.said)
	}
	for said, sum := range holds {
		for resource, value := range map[string]float64{"cpu": sum.CPU, "memory": sum.Memory, "gpu": sum.GPUs} {
			out <- prometheus.MustNewConstMetric(c.holds, prometheus.GaugeValue, value, said, resource)
		}
	}
}

// collectors are several as one.
type collectors []prometheus.Collector

// Describe lists all metrics.
func (all collectors) Describe(out chan<- *prometheus.Desc) {
	for _, one := range all {
		one.Describe(out)
	}
}

// Collect collects all.
func (all collectors) Collect(out chan<- prometheus.Metric) {
	for _, one := range all {
		one.Collect(out)
	}
}
