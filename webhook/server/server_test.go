package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
)

// started is a server that serves a handler at /validate, and a client that
// trusts it.
func started(t *testing.T, handler http.HandlerFunc) (*Server, *http.Client) {
	t.Helper()
	other := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(other.Close)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	s := &Server{
		Server: ctrlwebhook.NewServer(ctrlwebhook.Options{}), Address: free.Addr().String(),
		TLS: &tls.Config{Certificates: other.TLS.Certificates}, Log: slog.New(slog.DiscardHandler),
	}
	s.Register("/validate", handler)
	if s.StartedChecker()(nil) == nil {
		t.Error("ready before it has started")
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for s.StartedChecker()(nil) != nil {
		time.Sleep(time.Millisecond)
	}
	t.Cleanup(other.Client().CloseIdleConnections)
	return s, other.Client()
}

// get asks once.
func get(t *testing.T, client *http.Client, s *Server) (text string, protocol int, closes bool) {
	t.Helper()
	response, err := client.Get("https://" + s.Address + "/validate")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return string(body), response.ProtoMajor, response.Close
}

// Whoever offers HTTP/2 gets HTTP/1.1, on a connection that is kept, with the
// time of arrival.
func TestServer(t *testing.T) {
	s, client := started(t, func(w http.ResponseWriter, r *http.Request) {
		if at := Arrived(r); at.IsZero() || time.Since(at) < 0 {
			t.Errorf("arrived at %s", at)
		}
		_, _ = io.WriteString(w, r.RemoteAddr)
	})
	if transport, ok := client.Transport.(*http.Transport); ok {
		transport.ForceAttemptHTTP2 = true
	}
	first, protocol, _ := get(t, client, s)
	second, _, _ := get(t, client, s)
	if protocol != 1 || first != second {
		t.Errorf("HTTP/%d, %s then %s", protocol, first, second)
	}
	if at := Arrived(httptest.NewRequest(http.MethodPost, "/", nil)); !at.IsZero() {
		t.Errorf("a request without a connection arrived at %s", at)
	}
}

// A server that drains is not ready, answers as before, tells connections to
// close, and ends when what has begun is finished, whose context goes on.
func TestDrain(t *testing.T) {
	begun, finish := make(chan struct{}, 1), make(chan struct{})
	s, client := started(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		select {
		case <-finish:
		case <-r.Context().Done():
			t.Error("the request's context has ended")
		}
		_, _ = io.WriteString(w, "answered")
	})
	s.DrainFor = time.Second
	texts := make(chan string)
	ask := func() {
		text, _, closes := get(t, client, s)
		if !closes {
			t.Error("the connection is kept")
		}
		texts <- text
	}
	go ask()
	<-begun
	ended := make(chan error, 1)
	go func() { ended <- s.Drain() }()
	for s.StartedChecker()(nil) == nil {
		time.Sleep(time.Millisecond)
	}
	go ask() // on a connection of its own
	<-begun
	select {
	case err := <-ended:
		t.Errorf("ended with requests in flight: %v", err)
	case <-time.After(2 * s.DrainFor): // a server that does not wait would have ended
	}
	close(finish)
	for range 2 {
		if text := <-texts; text != "answered" {
			t.Errorf("%q", text)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A port in use is an error, and no hang.
func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	s := &Server{Server: ctrlwebhook.NewServer(ctrlwebhook.Options{}), Address: taken.Addr().String(), TLS: &tls.Config{}}
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Error(err)
	}
	if err := s.Drain(); err != nil {
		t.Error(err)
	}
}

// However many connections fail, the log has two lines a second: one of them, and
// how many more there were.
func TestErrorLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		to := errorLog(slog.New(slog.NewTextHandler(&text, nil)))
		for range 3 {
			for range 1000 {
				to.Print("http: TLS handshake error from 192.0.2.1:1: EOF")
			}
			time.Sleep(logEvery)
			synctest.Wait()
		}
		if lines := strings.Count(text.String(), "\n"); lines != 6 || strings.Count(text.String(), "TLS handshake error") != 3 || strings.Count(text.String(), "count=999") != 3 {
			t.Errorf("%d lines: %s", lines, text.String())
		}
	})
}
