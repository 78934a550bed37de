package server

import (
	"context"
	"net"
	"net/http"
	"time"
)

// arrivals is a listener whose connections know when requests arrive.
type arrivals struct{ net.Listener }

// Accept returns a connection whose first request is arriving: the client's time
// for it includes the handshake's.
func (a arrivals) Accept() (net.Conn, error) {
	connection, err := a.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &arrival{Conn: connection, at: time.Now()}, nil
}

// arrival is a connection that knows when its request began to arrive. net/http
// reads from one goroutine at a time, and waits for it before it goes on.
type arrival struct {
	net.Conn
	at, last time.Time
	// awaited says that the next bytes are another request's.
	awaited bool
}

// Read reads, and looks at the clock.
func (a *arrival) Read(into []byte) (int, error) {
	n, err := a.Conn.Read(into)
	if n > 0 {
		a.last = time.Now()
	}
	if n > 0 && a.awaited {
		a.at, a.awaited = a.last, false
	}
	return n, err
}

// arrived says that a request's header is there. Where no byte of it was awaited,
// all had come before the connection was idle: net/http looks for the client's end
// while it answers (net/http/server.go, startBackgroundRead), and TLS then reads as
// much as there is.
func (a *arrival) arrived() {
	if a.awaited {
		a.at, a.awaited = a.last, false
	}
}

// connectionKey is for the connection of a request.
type connectionKey struct{}

// withConnection is for http.Server.ConnContext.
func withConnection(ctx context.Context, connection net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, underneath(connection))
}

// Arrived returns when a request began to arrive, the time that it waited to be
// handled and for TLS included; the zero value where that is not known.
func Arrived(r *http.Request) time.Time {
	if arrival, ok := r.Context().Value(connectionKey{}).(*arrival); ok {
		return arrival.at
	}
	return time.Time{}
}
