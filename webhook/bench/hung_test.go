package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// patience is what an API server has by default.
const patience = 10 * time.Second

// BenchmarkHung sends many requests at once, from one client on a connection
// each, about images of a registry that says nothing. What counts is when the
// last answer comes, the client's time for connections included, and what
// memory Pullgate takes. Five namespaces send them.
func BenchmarkHung(b *testing.B) {
	for _, inFlight := range []int{500, 2000, 5000} {
		b.Run(fmt.Sprintf("inflight=%d", inFlight), func(b *testing.B) {
			host := silent(b)
			gate := startChild(b, host)
			var all answers
			for turn := 0; b.Loop(); turn++ {
				all.send(b, gate.url, host, inFlight, turn)
			}
			all.report(b)
			b.ReportMetric(gate.megabytes(b, "VmHWM"), "most-MB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// inNamespace makes a review one of a namespace of that number.
func inNamespace(review []byte, n int64) []byte {
	return bytes.Replace(review, []byte(`"namespace":"shop"`), fmt.Appendf(nil, `"namespace":"shop-%d"`, n), 1)
}

// answers are what many requests came to.
type answers struct {
	mu                                 sync.Mutex
	took                               []time.Duration
	allowed, away, late, cut, unwarned int
}

func (a *answers) send(b *testing.B, url, host string, n, turn int) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: n}
	defer transport.CloseIdleConnections()
	var group sync.WaitGroup
	for i := range n {
		text := review(b, "Pod", podOf(fmt.Sprintf("%s/public/%d-%d:1", host, turn, i)))
		group.Go(func() { a.ask(&http.Client{Transport: transport}, url, inNamespace(text, int64(i%5))) })
	}
	group.Wait()
}

// ask sends one request, with the API server's patience.
func (a *answers) ask(client *http.Client, url string, text []byte) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"?timeout=10s", bytes.NewReader(text))
	if err != nil {
		panic(err) // the URL is ours
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	var answer []byte
	if err == nil {
		answer, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.took = append(a.took, time.Since(start))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		a.late++
	case err != nil:
		a.cut++
	case response.StatusCode != http.StatusOK:
		a.away++
	case bytes.Contains(answer, []byte(`"allowed":true`)):
		a.allowed++
		if !bytes.Contains(answer, []byte("warnings")) {
			a.unwarned++
		}
	}
}

func (a *answers) report(b *testing.B) {
	slices.Sort(a.took)
	b.ReportMetric(a.took[len(a.took)/2].Seconds(), "median-s")
	b.ReportMetric(a.took[len(a.took)-1].Seconds(), "last-s")
	b.ReportMetric(float64(a.allowed), "allowed")
	b.ReportMetric(float64(a.away), "turned-away")
	b.ReportMetric(float64(a.late), "too-late")
	b.ReportMetric(float64(a.cut), "cut-off")
	b.ReportMetric(float64(a.unwarned), "unwarned")
}
