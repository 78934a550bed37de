package server

import (
	"errors"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// pipes are connections in memory; closed tells of each whether it was closed.
func pipes(t *testing.T, n int) (connections []net.Conn, closed func(int) bool) {
	t.Helper()
	clients := make([]net.Conn, n)
	connections = make([]net.Conn, n)
	for i := range connections {
		clients[i], connections[i] = net.Pipe()
		t.Cleanup(func() { _, _ = clients[i].Close(), connections[i].Close() })
	}
	return connections, func(i int) bool {
		_ = clients[i].SetReadDeadline(time.Now())
		_, err := clients[i].Read(make([]byte, 1))
		return !errors.Is(err, os.ErrDeadlineExceeded)
	}
}

// What is one too many costs what has been idle for longest, be it that it never
// asked anything, and nothing that is busy.
func TestConnectionsAreBounded(t *testing.T) {
	const most = 3
	all, closed := pipes(t, 6)
	c := newConnections(most)
	for _, connection := range all[:most] {
		c.changed(connection, http.StateNew)
		c.changed(connection, http.StateActive)
	}
	c.changed(all[1], http.StateIdle)
	c.changed(all[0], http.StateIdle)
	for i, step := range []struct{ comes, goes int }{{3, 1}, {4, 0}, {5, 3}} {
		c.changed(all[step.comes], http.StateNew)
		for j := range all {
			if gone := j == step.goes; closed(j) != gone && (gone || c.all[all[j]] != nil) {
				t.Errorf("step %d: connection %d closed: %t", i, j, !gone)
			}
		}
		c.changed(all[step.goes], http.StateClosed)
	}
	if closed(2) || len(c.all) != most {
		t.Errorf("the busy one closed: %t, %d connections", closed(2), len(c.all))
	}
	for _, connection := range all {
		c.changed(connection, http.StateClosed)
	}
	if len(c.all) != 0 || c.idle.Len() != 0 {
		t.Errorf("%d connections and %d idle ones are kept", len(c.all), c.idle.Len())
	}
}

// Where everybody is busy, who comes is turned away.
func TestNoConnectionIsFree(t *testing.T) {
	all, closed := pipes(t, 2)
	c := newConnections(1)
	c.changed(all[0], http.StateNew)
	c.changed(all[0], http.StateActive)
	c.changed(all[1], http.StateNew)
	if closed(0) || !closed(1) {
		t.Errorf("closed: %t and %t", closed(0), closed(1))
	}
}

// A request arrives with the connection, and each further one with its bytes.
func TestArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, served := net.Pipe()
		defer func() { _, _ = client.Close(), served.Close() }()
		connection, c := &arrival{Conn: served, at: time.Now()}, newConnections(1)
		read := func() {
			t.Helper()
			if _, err := connection.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		send := func() { _, _ = client.Write([]byte("ab")) }
		start := time.Now()
		c.changed(connection, http.StateNew)
		time.Sleep(time.Second)
		go send()
		read()
		c.changed(connection, http.StateActive)
		if !connection.at.Equal(start) {
			t.Errorf("the first request arrived %s after its connection", connection.at.Sub(start))
		}
		read()
		c.changed(connection, http.StateIdle)
		time.Sleep(time.Second)
		go send()
		read()
		arrived := time.Now()
		time.Sleep(time.Second)
		read() // what follows
		if !connection.at.Equal(arrived) {
			t.Errorf("the second request arrived %s after its first byte", connection.at.Sub(arrived))
		}
		c.changed(connection, http.StateActive)
		time.Sleep(time.Second)
		go send()
		read() // all of the third, while the second is answered
		read()
		arrived = time.Now()
		c.changed(connection, http.StateIdle)
		time.Sleep(time.Second)
		c.changed(connection, http.StateActive)
		if !connection.at.Equal(arrived) {
			t.Errorf("the third request, which nobody had awaited, arrived %s after its bytes", connection.at.Sub(arrived))
		}
	})
}
