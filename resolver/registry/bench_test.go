package registry

import (
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
)

// BenchmarkProbeKnown is what a known image costs, on a registry of loopback.
func BenchmarkProbeKnown(b *testing.B) {
	for name, demand := range map[string]func(r *rig){
		"open":   func(*rig) {},
		"basic":  func(r *rig) { r.basic() },
		"bearer": func(r *rig) { r.bearer(bearer{}) },
	} {
		b.Run(name, func(b *testing.B) {
			r := newRig(b)
			indexFor("linux/amd64", "linux/arm64")(r)
			demand(r)
			c, query := client(b, ""), row{credential: right()}.query(r)
			c.Probe(b.Context(), query)
			r.asked()
			b.ResetTimer()
			for b.Loop() {
				if finding := c.Probe(b.Context(), query); finding.Reason != pull.ReasonPullable {
					b.Fatalf("%+v", finding)
				}
			}
			b.ReportMetric(float64(len(r.asked()))/float64(b.N), "requests/op")
		})
	}
}

// BenchmarkProbeNew is what an image costs that nobody asked for before.
func BenchmarkProbeNew(b *testing.B) {
	r := newRig(b)
	indexFor("linux/amd64", "linux/arm64")(r)
	r.asked()
	for b.Loop() {
		if finding := client(b, "").Probe(b.Context(), row{}.query(r)); finding.Reason != pull.ReasonPullable {
			b.Fatalf("%+v", finding)
		}
	}
	b.ReportMetric(float64(len(r.asked()))/float64(b.N), "requests/op")
}
