package server

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// connections bounds how many there are. What is one too many costs the one
// that has been idle for longest, so that nobody keeps others out by
// connections that ask nothing.
type connections struct {
	most int

	mu   sync.Mutex
	idle *list.List // of net.Conn; at the front, the one that is idle for longest
	all  map[net.Conn]*list.Element
}

func newConnections(most int) *connections {
	return &connections{most: most, idle: list.New(), all: map[net.Conn]*list.Element{}}
}

// changed is for http.Server.ConnState. A connection is idle, too, until its
// first request's header has come.
func (c *connections) changed(connection net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if place := c.all[connection]; place != nil {
		c.idle.Remove(place)
	}
	arrival, timed := underneath(connection).(*arrival)
	switch state {
	case http.StateNew, http.StateIdle:
		if timed && state == http.StateIdle {
			arrival.awaited = true
		}
		c.all[connection] = c.idle.PushBack(connection)
	case http.StateActive:
		if timed {
			arrival.arrived()
		}
		c.all[connection] = nil
	default:
		delete(c.all, connection)
	}
	if len(c.all) > c.most {
		c.dropOldest()
	}
}

// dropOldest closes what has been idle for longest.
func (c *connections) dropOldest() {
	oldest := c.idle.Front()
	if oldest == nil {
		return // all are busy, be it for a moment
	}
	connection, _ := c.idle.Remove(oldest).(net.Conn)
	delete(c.all, connection)
	_ = underneath(connection).Close() // without TLS's farewell, which could wait
}

// underneath is the connection that TLS goes over.
func underneath(connection net.Conn) net.Conn {
	if secured, ok := connection.(*tls.Conn); ok {
		return secured.NetConn()
	}
	return connection
}
