package child

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// FreePort returns a port of 127.0.0.1 on which nobody listens. It lies below
// the range from which systems take the ports of outgoing connections, so that
// nothing grabs it by accident before the program that it is for.
func FreePort(ctx context.Context) (int, error) {
	const low, high, tries = 10240, 32000, 200
	var listen net.ListenConfig
	for range tries {
		port := low + rand.IntN(high-low) //nolint:gosec // a port is no secret
		listener, err := listen.Listen(ctx, "tcp", Loopback(port))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("no free port on 127.0.0.1")
}

// Loopback is the address of a port on this machine.
func Loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// Await asks until the answer is yes. It gives up when the program has ended,
// or at the deadline.
func (c *Child) Await(what string, deadline time.Time, ready func() bool) error {
	const pause = 25 * time.Millisecond
	for time.Now().Before(deadline) {
		if ready() {
			return nil
		}
		select {
		case <-c.done:
			return c.Failure("did not become " + what)
		case <-time.After(pause):
		}
	}
	return c.Failure("did not become " + what + " in time")
}
