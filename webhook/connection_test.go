package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/workload"
)

// line is a listener for connections in memory, which heed deadlines by the
// clock of a synctest bubble.
type line struct {
	made   chan net.Conn
	closed chan struct{}
}

func (l line) Accept() (net.Conn, error) {
	select {
	case connection := <-l.made:
		return connection, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l line) Close() error   { close(l.closed); return nil }
func (l line) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

// dial makes a connection.
func (l line) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	l.made <- server
	return client, nil
}

// serveOn serves a rig until the test ends, and returns where and how.
func serveOn(t *testing.T, handler http.Handler) (line, *http.Client) {
	l := line{made: make(chan net.Conn), closed: make(chan struct{})}
	server, transport := &http.Server{Handler: handler}, &http.Transport{DialContext: l.dial}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		time.Sleep(time.Minute) // by the bubble's clock, in which connections end
	})
	return l, &http.Client{Transport: transport}
}

// idler is a connection on which a body of some size was announced, of which
// so much was sent.
func idler(t *testing.T, l line, announced, sent int) net.Conn {
	t.Helper()
	connection, err := l.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(connection, "POST /validate?timeout=10s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", announced); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(connection, strings.Repeat(" ", sent)) }() // the server may stop to read
	return connection
}

// asked is what a client is answered, and after how long.
func asked(t *testing.T, client *http.Client, object string, change ...func(*admissionv1.AdmissionRequest)) (status int, took time.Duration) {
	t.Helper()
	start := time.Now()
	response, err := client.Post("http://x/validate?timeout=10s", "application/json", strings.NewReader(string(encoded(t, creation(object, change...)))))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode, time.Since(start)
}

// What connections announce keeps nobody waiting, be it that they go on to send
// nearly all of it.
func TestSlowBodiesDelayNobody(t *testing.T) {
	tests := map[string]struct {
		connections, sent int
		delay             time.Duration
	}{
		"nothing is sent":                    {100, 0, 0},
		"one byte is sent":                   {1000, 1, 0},
		"all but a byte, for as many as fit": {maxHeld / maxReview, maxReview - 1, grace},
		"all but a byte, for more":           {3 * maxHeld / maxReview, maxReview - 1, 3 * grace},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, client := serveOn(t, newRig(t))
				for range test.connections {
					connection := idler(t, l, maxReview, test.sent)
					t.Cleanup(func() { _ = connection.Close() })
				}
				synctest.Wait()
				if status, took := asked(t, client, deployment("app:1")); status != http.StatusOK || took > test.delay {
					t.Errorf("%d after %s", status, took)
				}
			})
		})
	}
}

// A body that stops coming is waited for no longer than for a time of its own.
func TestBodyThatStopsComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := serveOn(t, newRig(t))
		start := time.Now()
		answer, err := io.ReadAll(idler(t, l, 100, 1))
		if took := time.Since(start); took != maxBodyTime || !strings.HasPrefix(string(answer), "HTTP/1.1 400") {
			t.Errorf("after %s, %v: %s", took, err, answer)
		}
	})
}

// Who finds no room is turned away early, and room is given back.
func TestTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rig, hung := newRig(t), make(chan struct{})
		rig.resolve = func(_ context.Context, w workload.Workload) resolver.Report {
			<-hung
			return byTag(w)
		}
		_, client := serveOn(t, rig)
		statuses := make(chan int)
		const tooMany = 10
		for i := range maxHeld/minShare + tooMany {
			go func() {
				status, took := asked(t, client, deployment("app:1"), in(fmt.Sprint(i%4)))
				if status == http.StatusServiceUnavailable && took > time.Second {
					t.Errorf("turned away after %s", took)
				}
				statuses <- status
			}()
		}
		for range tooMany {
			if status := <-statuses; status != http.StatusServiceUnavailable {
				t.Errorf("%d", status)
			}
		}
		close(hung)
		for range maxHeld / minShare {
			if status := <-statuses; status != http.StatusOK {
				t.Errorf("%d", status)
			}
		}
		if away := rig.counted(t, "pullgate_admission_turned_away_total")[""]; away != tooMany {
			t.Errorf("%v counted", away)
		}
		if status, took := asked(t, client, deployment("app:1")); status != http.StatusOK || took != 0 {
			t.Errorf("afterwards %d after %s", status, took)
		}
	})
}

// Time counts from a request's arrival: who waited in a queue for long is
// answered sooner, and for whom nobody waits any more is not looked at.
func TestTimeCountsFromArrival(t *testing.T) {
	for _, queued := range []time.Duration{0, 3 * time.Second, 8 * time.Second, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			rig := newRig(t)
			rig.resolve = func(ctx context.Context, w workload.Workload) resolver.Report {
				<-ctx.Done()
				return byTag(w)
			}
			rig.Arrived = func(*http.Request) time.Time { return time.Now().Add(-queued) }
			_, client := serveOn(t, rig)
			status, took := asked(t, client, deployment("app:timeout"))
			switch {
			case queued < 10*time.Second && (status != http.StatusOK || took+queued != 9*time.Second):
				t.Errorf("queued for %s: %d after %s", queued, status, took)
			case queued >= 10*time.Second && (status != http.StatusServiceUnavailable || took != 0):
				t.Errorf("queued for %s: %d after %s", queued, status, took)
			}
		})
	}
}

// An answer goes out in time though the review heeds no deadline, and the
// connection serves no other request then.
func TestDeadline(t *testing.T) {
	for _, timeout := range []time.Duration{time.Second, 10 * time.Second, 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			rig, hung := newRig(t), make(chan struct{})
			limits := make(chan time.Duration, 1)
			rig.resolve = func(ctx context.Context, w workload.Workload) resolver.Report {
				deadline, _ := ctx.Deadline()
				limits <- time.Until(deadline)
				<-hung
				return byTag(w)
			}
			_, client := serveOn(t, rig)
			start := time.Now()
			answer, err := client.Post("http://x/validate?timeout="+timeout.String(), "application/json", strings.NewReader(string(encoded(t, creation(deployment("app:tagnotfound"))))))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(answer.Body)
			if err := errors.Join(err, answer.Body.Close()); err != nil || !answer.Close {
				t.Errorf("%v, closes: %t", err, answer.Close)
			}
			told := <-limits
			if took := time.Since(start); took <= told || took > timeout-50*time.Millisecond || told != workingTime(timeout) {
				t.Errorf("timeout %s: answered after %s, told %s", timeout, took, told)
			}
			if !strings.Contains(string(text), `"allowed":true`) || !strings.Contains(string(text), `"warnings":["pullgate: not checked in time"]`) {
				t.Errorf("%s", text)
			}
			close(hung)
			synctest.Wait()
			if counts := rig.counted(t, "pullgate_admission_requests_total"); len(counts) != 1 {
				t.Errorf("what comes too late is counted, too: %v", counts)
			}
			if entries := strings.Count(rig.log.String(), `"msg":"decision"`); entries != 1 {
				t.Errorf("%d entries in the log", entries)
			}
		})
	}
}
