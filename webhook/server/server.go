package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/healthz"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
)

const (
	// maxConnections is how many there are at a time. An API server keeps up to
	// 25 that are idle, and has one for each request in flight.
	maxConnections = 4096
	// headerTimeout is how long a connection may take for the TLS handshake,
	// and again for a request's header; API servers wait no longer by default.
	headerTimeout = 10 * time.Second
	// idleTimeout is longer than API servers keep connections (90 s, apimachinery
	// pkg/util/net/http.go, SetTransportDefaults): who sends a request on one
	// that is being closed gets no answer.
	idleTimeout = 2 * time.Minute
	// maxHeader bounds a request's header.
	maxHeader = 64 << 10
	// lastWait is how long requests that were begun may take when the server
	// stops: as long as the API server's longest patience.
	lastWait = 30 * time.Second
)

// Server is controller-runtime's webhook server, made to stop without a request
// being lost. It must not be copied.
type Server struct {
	ctrlwebhook.Server
	// Address is HOST:PORT.
	Address string
	// TLS has the certificates.
	TLS *tls.Config
	// DrainFor is how long the server goes on taking requests after it was told
	// to stop: until nobody sends any more.
	DrainFor time.Duration
	// Log is told of connections that fail.
	Log *slog.Logger

	server   atomic.Pointer[http.Server]
	draining atomic.Bool
}

// Start serves until the context ends or the server has drained.
func (s *Server) Start(ctx context.Context) error {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", s.Address)
	if err != nil {
		return err
	}
	connections := newConnections(maxConnections)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	server := &http.Server{
		Handler: s.handler(), Protocols: &protocols,
		ConnState: connections.changed, ConnContext: withConnection,
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: errorLog(s.Log),
	}
	config := s.TLS.Clone()
	config.NextProtos = []string{"http/1.1"}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(tls.NewListener(arrivals{listener}, config)) }()
	s.server.Store(server)
	select {
	case err := <-ended:
		if !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("the webhook's server: %w", err)
		}
	case <-ctx.Done():
	}
	return s.shutdown(server) //nolint:contextcheck // the context has ended; what has begun has not
}

// Drain stops the server so that nobody notices: it is ready no longer, and
// tells connections to close, while whoever has not heard of it is answered as
// before; then nothing new is taken, and what has begun is finished.
func (s *Server) Drain() error {
	s.draining.Store(true)
	server := s.server.Load()
	if server == nil {
		return nil // it never took any request
	}
	time.Sleep(s.DrainFor)
	return s.shutdown(server)
}

// shutdown waits for what has begun.
func (s *Server) shutdown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), lastWait)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("stop the webhook's server: %w", err)
	}
	return nil
}

// StartedChecker tells whether requests are to be sent here.
func (s *Server) StartedChecker() healthz.Checker {
	return func(*http.Request) error {
		switch {
		case s.draining.Load():
			return errors.New("the webhook's server is about to stop")
		case s.server.Load() == nil:
			return errors.New("the webhook's server has not started")
		default:
			return nil
		}
	}
}

// handler serves the paths, and tells connections to close while it drains.
func (s *Server) handler() http.Handler {
	paths := s.WebhookMux()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths.ServeHTTP(&farewell{ResponseWriter: w, draining: &s.draining}, r)
	})
}

// farewell closes a connection after an answer that is written while draining.
type farewell struct {
	http.ResponseWriter
	draining *atomic.Bool
	written  bool
}

// WriteHeader adds what closes the connection.
func (f *farewell) WriteHeader(status int) {
	if f.written = true; f.draining.Load() {
		f.Header().Set("Connection", "close")
	}
	f.ResponseWriter.WriteHeader(status)
}

// Write writes the header first.
func (f *farewell) Write(text []byte) (int, error) {
	if !f.written {
		f.WriteHeader(http.StatusOK)
	}
	return f.ResponseWriter.Write(text)
}

// Unwrap is for http.ResponseController.
func (f *farewell) Unwrap() http.ResponseWriter { return f.ResponseWriter }
