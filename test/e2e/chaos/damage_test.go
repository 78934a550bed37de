//go:build linux

package chaos

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// hang says nothing until whoever asks goes away.
func hang(_ http.ResponseWriter, r *http.Request) { silence(r.Context()) }

// reset ends the connection without a word.
func reset(w http.ResponseWriter, _ *http.Request) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if secured, ok := connection.(*tls.Conn); ok {
		connection = secured.NetConn()
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// halfClosed ends its own half of the connection, and listens on.
func halfClosed(w http.ResponseWriter, r *http.Request) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = connection.Close() }()
	if secured, ok := connection.(*tls.Conn); ok {
		if tcp, ok := secured.NetConn().(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}
	silence(r.Context())
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

// late answers after up to half a second.
func (s *saboteur) late(w http.ResponseWriter, r *http.Request) {
	time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
	s.sound(w, r)
}

// half answers as the sound one would, up to the middle of the body, and goes on
// in this way.
func (s *saboteur) half(then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		whole := s.header(w, r)
		w.WriteHeader(max(whole.status, http.StatusOK))
		if r.Method == http.MethodHead {
			return
		}
		_, _ = w.Write(whole.body.Bytes()[:whole.body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		then(w, r)
	}
}

// changed answers with another body under the sound one's header.
func (s *saboteur) changed(body func([]byte) []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		whole := s.header(w, r)
		other := body(whole.body.Bytes())
		if r.Method != http.MethodHead {
			w.Header().Set("Content-Length", strconv.Itoa(len(other)))
		}
		w.WriteHeader(max(whole.status, http.StatusOK))
		if r.Method != http.MethodHead {
			_, _ = w.Write(other)
		}
	}
}

// header keeps the sound answer, and has written its header.
func (s *saboteur) header(w http.ResponseWriter, r *http.Request) *held {
	whole := &held{header: http.Header{}}
	s.sound(whole, r)
	for name, values := range whole.header {
		w.Header()[name] = values
	}
	return whole
}

// forTokens takes no token any more that was shown before, and does something to
// requests for others.
func (s *saboteur) forTokens(fault http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/token"):
			fault(w, r)
		case r.Header.Get("Authorization") != "":
			s.challenge(w, r)
		default:
			s.sound(w, r)
		}
	}
}

// refusing takes no token at all, however fresh, of the token server that gives them.
func (s *saboteur) refusing(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/token") {
		s.sound(w, r)
		return
	}
	s.challenge(w, r)
}

// firstTime does something to the first that is read of an image, and nothing to what
// is read of it then.
func (s *saboteur) firstTime(fault http.HandlerFunc) http.HandlerFunc {
	var asked sync.Map
	return func(w http.ResponseWriter, r *http.Request) {
		repository, _, content := strings.Cut(r.URL.Path, "/manifests/")
		if !content || r.Method != http.MethodGet {
			s.sound(w, r)
			return
		}
		if _, again := asked.LoadOrStore(repository, true); again {
			s.sound(w, r)
			return
		}
		fault(w, r)
	}
}

// shortLived takes a token for as long as this alone, once for 0.
func (s *saboteur) shortLived(life time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		shown := r.Header.Get("Authorization")
		if !strings.HasPrefix(shown, "Bearer ") {
			s.sound(w, r)
			return
		}
		s.mu.Lock()
		first, known := s.tokens[shown]
		if !known {
			s.tokens[shown] = time.Now()
		}
		s.mu.Unlock()
		if known && time.Since(first) > life {
			s.challenge(w, r)
			return
		}
		s.sound(w, r)
	}
}

// oneOf does the one thing, and then another.
func oneOf(all ...http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { all[rand.IntN(len(all))](w, r) }
}

func status(code int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
	}
}

// page is what load balancers say.
func page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<html>back soon</html>") // who went away needs no answer
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

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}
