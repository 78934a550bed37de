package live

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxSeries is how many images have series of their own: those that matter
	// most.
	maxSeries = 10_000
	// maxLabel is how much of an image's name a label has: nobody else bounds it.
	maxLabel = 512
)

// collector shows a record. Nothing is shown of what was not looked at, and
// nothing at all by a replica that does not look.
type collector struct {
	record *record
	// configured is the interval; 0: nobody is to look.
	configured func() time.Duration

	pullable, unknown                *prometheus.Desc
	leading, workloads, seen, oldest *prometheus.Desc
	fullPass, dropped, accepted      *prometheus.Desc
	expiry, interval, hurts, moved   *prometheus.Desc
}

func newCollector(r *record, configured func() time.Duration) *collector {
	image := []string{"namespace", "kind", "name", "container", "image", "reason"}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("pullgate_"+name, help, labels, nil)
	}
	return &collector{
		record: r, configured: configured,
		interval:  desc("audit_interval_seconds", "After how long everything is to be looked at again; absent where the configuration has no auditor."),
		pullable:  desc("image_pullable", "1 for an image that new Pods could pull, 0 for one that they could not for 10 minutes at least.", image...),
		unknown:   desc("image_unknown", "1 for an image of which nothing is known, or that is broken for less than 10 minutes.", image...),
		leading:   desc("audit_leading", "1 on the replica that looks at what the cluster runs."),
		workloads: desc("audit_workloads", "Workloads that are to be looked at."),
		seen:      desc("audit_workloads_seen", "Of them, those that were looked at."),
		oldest:    desc("audit_oldest_check_seconds", "Age of the oldest look."),
		fullPass:  desc("audit_last_full_pass_timestamp_seconds", "Since when all workloads were looked at; absent before."),
		accepted:  desc("audit_accepted", "Broken images that the configuration accepts, which have no series."),
		expiry:    desc("pull_secret_expiry_seconds", "Time until a pull secret that tells its end is of no use any more.", "namespace", "secret"),
		hurts:     desc("image_hurts", "1 for an image that could not be pulled for 10 minutes at least, or that nodes alone have, with when it keeps Pods from running.", "namespace", "kind", "name", "container", "image", "when"),
		moved:     desc("image_tag_moved", "1 for an image whose tag leads to another one than Pods run.", "namespace", "kind", "name", "container", "image"),
		dropped:   desc("audit_series_dropped", "Images without a series of their own, because there are too many."),
	}
}

// Describe lists the metrics.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.pullable, c.unknown, c.leading, c.workloads, c.seen, c.oldest, c.fullPass, c.dropped, c.accepted, c.expiry, c.interval, c.hurts, c.moved} {
		out <- desc
	}
}

// series is one image.
type series struct {
	desc   *prometheus.Desc
	value  float64
	labels [6]string
}

// Collect shows what is known now.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	if interval := c.configured(); interval > 0 {
		gauge(c.interval, interval.Seconds())
	}
	c.record.mu.Lock()
	defer c.record.mu.Unlock()
	if !c.record.leading {
		gauge(c.leading, 0)
		return
	}
	gauge(c.leading, 1)
	all, oldest, seen := c.series()
	gauge(c.accepted, float64(c.acceptances()))
	gauge(c.workloads, float64(len(c.record.of)))
	gauge(c.seen, float64(seen))
	if seen > 0 {
		gauge(c.oldest, c.record.clock.Since(oldest).Seconds())
	}
	if seen > 0 && seen == len(c.record.of) {
		gauge(c.fullPass, float64(oldest.Unix()))
	}
	for _, one := range c.record.ends() {
		gauge(c.expiry, one.at.Sub(c.record.clock.Now()).Seconds(), one.namespace, one.name)
	}
	gauge(c.dropped, float64(max(0, len(all)-maxSeries)))
	for _, one := range all[:min(len(all), maxSeries)] {
		gauge(one.desc, one.value, one.labels[:]...)
	}
	c.foreseen(gauge)
}

// foreseen shows what will hurt and what has moved, up to as many as images have
// series of their own.
func (c *collector) foreseen(gauge func(desc *prometheus.Desc, value float64, labels ...string)) {
	shown, containerd := map[[6]string]bool{}, c.record.foresight.containerd()
	show := func(desc *prometheus.Desc, labels [6]string, n int) {
		if !shown[labels] && len(shown) < maxSeries {
			shown[labels] = true
			gauge(desc, 1, labels[:n]...)
		}
	}
	for key, one := range c.record.of {
		if one == nil {
			continue
		}
		v := c.record.foresight.viewOf(key, one, containerd)
		for i := range one.images {
			labels := [6]string{one.object.Namespace, one.object.Kind, one.object.Name, one.images[i].container, shortened(one.images[i].image)}
			if v.moved(&one.images[i]) != "" {
				show(c.moved, labels, 5)
			}
			if at, _ := v.hurts(&one.images[i]); at != "" {
				labels[5] = string(at)
				show(c.hurts, labels, 6)
			}
		}
	}
}

// series lists images, those that matter most first, and says how many workloads
// were looked at, and when the first of them was. Uses of one image in containers
// of one name are one.
func (c *collector) series() (all []series, oldest time.Time, seen int) {
	known := map[[6]string]bool{}
	for _, one := range c.record.of {
		if one == nil {
			continue
		}
		seen++
		if oldest.IsZero() || one.at.Before(oldest) {
			oldest = one.at
		}
		for _, claim := range one.images {
			s, told := c.seriesOf(one, claim)
			if told && !known[s.labels] {
				known[s.labels] = true
				all = append(all, s)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b series) int {
		return int(2*a.value) - int(2*b.value) // 0, then what is unknown or fine
	})
	return all, oldest, seen
}

// acceptances counts the broken images that are accepted.
func (c *collector) acceptances() (n int) {
	for _, one := range c.record.of {
		if one == nil {
			continue
		}
		for _, claim := range one.images {
			if claim.accepted {
				n++
			}
		}
	}
	return n
}

// seriesOf is that of one image; none of what nobody looks at, or is accepted.
func (c *collector) seriesOf(one *looked, claim claim) (series, bool) {
	s := series{labels: [6]string{
		one.object.Namespace, one.object.Kind, one.object.Name, claim.container, shortened(claim.image), string(claim.reason),
	}}
	switch {
	case claim.verdict == pull.Skipped, claim.accepted:
		return s, false
	case claim.verdict == pull.Pullable:
		s.desc, s.value = c.pullable, 1
	case claim.verdict == pull.Broken && claim.confirmed:
		s.desc, s.value = c.pullable, 0
	default:
		s.desc, s.value = c.unknown, 1
	}
	return s, true
}

func shortened(image string) string {
	if len(image) <= maxLabel {
		return image
	}
	return strings.ToValidUTF8(image[:maxLabel], "") + "…"
}
