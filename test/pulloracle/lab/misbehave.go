package lab

import (
	"context"
	"net"

	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// misbehave runs the servers that do not speak HTTP at all.
func (l *Lab) misbehave(ctx context.Context) error {
	for role, answer := range map[string]func(net.Conn){
		scenario.Dropping: func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096)) // unread, it would be a reset
			_ = conn.Close()
		},
		scenario.Garbage: func(conn net.Conn) {
			_, _ = conn.Write([]byte("SSH-2.0-OpenSSH_9.2p1\r\n")) // whoever has gone needs no greeting
			_, _ = conn.Read(make([]byte, 1024))
			_ = conn.Close()
		},
		scenario.Silent: func(conn net.Conn) {
			<-l.stopped
			_ = conn.Close()
		},
	} {
		listener, err := l.listen(ctx)
		if err != nil {
			return err
		}
		l.addresses[role] = listener.Addr().String()
		l.closers = append(l.closers, listener)
		l.serving.Go(func() { l.accept(listener, answer) })
	}
	return nil
}

func (l *Lab) accept(listener net.Listener, answer func(net.Conn)) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return // the lab has closed
		}
		l.serving.Go(func() { answer(conn) })
	}
}
