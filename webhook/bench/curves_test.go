package bench

import (
	"bytes"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// counter gives each a number of its own.
type counter struct{ atomic.Int64 }

func (c *counter) next() string { return strconv.FormatInt(c.Add(1), 10) }

// BenchmarkRoundTrips tells how many round trips' time a Pod with new images
// takes at a registry that is 20 ms away, the connection being warm. A known
// token is that of a repository of which another tag was asked for.
func BenchmarkRoundTrips(b *testing.B) {
	const far = 20 * time.Millisecond
	for registry, numbers := range map[string][]int{"open": {1, 20, 100}, "token": {1, 20, 100}, "known-token": {1}} {
		for _, n := range numbers {
			b.Run(fmt.Sprintf("%s/images=%d", registry, n), func(b *testing.B) {
				images := &images{delay: far, tokens: registry != "open"}
				host := images.start(b)
				images.host = host
				url, client := serve(b, gate(b, host), true), newClient(b)
				post(b, client, url, newPod(b, host, "warm", n))
				images.requests.Store(0)
				var pods load
				for turn := 0; b.Loop(); turn++ {
					review := newPod(b, host, fmt.Sprintf("new-%d", turn), n)
					if registry == "known-token" {
						review = bytes.ReplaceAll(newPod(b, host, "warm", n), []byte(`-0:1"`), fmt.Appendf(nil, `-0:own-%d"`, turn))
					}
					pods.run(1, 1, func() { post(b, client, url, review) })
				}
				b.ReportMetric(pods.percentile(50).Seconds()/far.Seconds(), "round-trips")
				b.ReportMetric(pods.percentile(50).Seconds()*1000, "p50-ms")
				b.ReportMetric(float64(images.requests.Load())/float64(b.N), "registry-req/op")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkCurves tells how the cost of an admission grows, one thing at a time.
func BenchmarkCurves(b *testing.B) {
	near := &images{}
	host := near.start(b)
	handler := gate(b, host)
	url, client := serve(b, handler, true), newClient(b)
	measure := func(name string, inFlight int, review func() []byte) {
		b.Run(name, func(b *testing.B) {
			for range 5 {
				post(b, client, url, review())
			}
			var all load
			b.ResetTimer()
			all.run(b.N, inFlight, func() { post(b, client, url, review()) })
			all.report(b, "")
			b.ReportMetric(0, "ns/op")
		})
	}
	same := func(text []byte) func() []byte { return func() []byte { return text } }
	for _, n := range []int{1, 5, 10, 20, 50, 100} {
		measure(fmt.Sprintf("images/%d", n), 1, same(cachedReview(b, host, n)))
	}
	for _, n := range []int{1, 4, 16, 64, 256} {
		measure(fmt.Sprintf("inflight/%d", n), n, same(cachedReview(b, host, 1)))
	}
	for _, n := range []int{1, 100, 1000, 10000} {
		var turn atomic.Int64
		measure(fmt.Sprintf("distinct/%d", n), 4, func() []byte {
			return review(b, "Pod", podOf(fmt.Sprintf("%s/public/distinct-%d:1", host, turn.Add(1)%int64(n))))
		})
	}
	for _, n := range []int{1, 10, 100, 1000} {
		var turn atomic.Int64
		measure(fmt.Sprintf("namespaces/%d", n), 4, func() []byte {
			return inNamespace(cachedReview(b, host, 1), turn.Add(1)%int64(n))
		})
	}
	for _, delay := range []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond} {
		far := &images{delay: delay}
		farHost := far.start(b)
		var turn counter
		measure(fmt.Sprintf("latency/%d", delay.Milliseconds()), 1, func() []byte { return newPod(b, farHost, delay.String()+turn.next(), 1) })
	}
}
