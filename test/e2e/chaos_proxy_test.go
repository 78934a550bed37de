package e2e

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// saboteur stands before a registry, and does to it what networks and servers do.
type saboteur struct {
	host  string
	sound http.Handler
	fault atomic.Pointer[http.HandlerFunc] // nil: none
	// frozen says that nobody takes connections, nor answers on those there are.
	frozen atomic.Bool
}

// newSaboteur stands before the registry at host.
func newSaboteur(t *testing.T, host string) *saboteur {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &saboteur{host: listener.Addr().String(), sound: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})}
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(blackHole{listener, s}) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// ServeHTTP does what is the matter now.
func (s *saboteur) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.frozen.Load() {
		hang(w, r)
		return
	}
	if fault := s.fault.Load(); fault != nil {
		(*fault)(w, r)
		return
	}
	s.sound.ServeHTTP(w, r)
}

// blackHole takes connections and reads nothing of them while it is frozen.
type blackHole struct {
	net.Listener
	of *saboteur
}

func (b blackHole) Accept() (net.Conn, error) {
	for {
		connection, err := b.Listener.Accept()
		if err != nil || !b.of.frozen.Load() {
			return connection, err
		}
		time.AfterFunc(time.Minute, func() { _ = connection.Close() })
	}
}

// disturbance is something that happens to a registry, and when it is over.
type disturbance struct {
	name string
	do   http.HandlerFunc
}

// disturbances of a registry. What each does to a request is chosen anew.
func (s *saboteur) disturbances() []disturbance {
	return []disturbance{
		{"latency and jitter", func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
			s.sound.ServeHTTP(w, r)
		}},
		{"hangs before the header", hang},
		{"hangs in the body", func(w http.ResponseWriter, r *http.Request) { half(w, r, s.sound, hang) }},
		{"a slow body", func(w http.ResponseWriter, r *http.Request) { half(w, r, s.sound, slowly) }},
		{"resets", reset},
		{"closes half way", func(w http.ResponseWriter, r *http.Request) { half(w, r, s.sound, reset) }},
		{"another's content", func(w http.ResponseWriter, r *http.Request) {
			s.changed(w, r, []byte(`{"schemaVersion":2,"layers":[]}`))
		}},
		{"truncated JSON", func(w http.ResponseWriter, r *http.Request) { s.changed(w, r, []byte(`{"schemaVersion":2,"lay`)) }},
		{"429", status(http.StatusTooManyRequests, "")},
		{"429 with Retry-After", status(http.StatusTooManyRequests, "1")},
		{"500", status(http.StatusInternalServerError, "")},
		{"502", status(http.StatusBadGateway, "")},
		{"503 with Retry-After", status(http.StatusServiceUnavailable, "30")},
		{"a page of a load balancer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>back soon</html>") // who went away needs no answer
		}},
		{"now this, now that", func(w http.ResponseWriter, r *http.Request) {
			all := []http.HandlerFunc{s.sound.ServeHTTP, s.sound.ServeHTTP, reset, status(http.StatusBadGateway, ""), hang}
			all[rand.IntN(len(all))](w, r)
		}},
	}
}

// hang says nothing until whoever asks goes away.
func hang(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(time.Minute):
	}
}

// reset ends the connection without a word.
func reset(w http.ResponseWriter, _ *http.Request) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// slowly sends a byte now and then.
func slowly(w http.ResponseWriter, r *http.Request) {
	for range 30 {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(time.Second):
			_, _ = w.Write([]byte(" ")) // who went away needs no answer
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// half answers as the sound one would, up to the middle of the body.
func half(w http.ResponseWriter, r *http.Request, sound http.Handler, then http.HandlerFunc) {
	whole := &held{header: http.Header{}}
	sound.ServeHTTP(whole, r)
	for name, values := range whole.header {
		w.Header()[name] = values
	}
	w.WriteHeader(max(whole.status, http.StatusOK))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(whole.body.Bytes()[:whole.body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	then(w, r)
}

// changed answers with another body under the sound one's header.
func (s *saboteur) changed(w http.ResponseWriter, r *http.Request, body []byte) {
	whole := &held{header: http.Header{}}
	s.sound.ServeHTTP(whole, r)
	for name, values := range whole.header {
		w.Header()[name] = values
	}
	if r.Method != http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(max(whole.status, http.StatusOK))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

func status(code int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
	}
}

// held is an answer that is kept.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header            { return h.header }
func (h *held) WriteHeader(status int)         { h.status = status }
func (h *held) Write(text []byte) (int, error) { return h.body.Write(text) }
