package registry

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"
)

// TestMain lets names end in the addresses of these tests, and fails where a
// goroutine outlives them.
func TestMain(m *testing.M) {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go nameServer(server)
		return client, nil
	}}
	goleak.VerifyTestMain(running(func() int {
		defer close(over) // names are waited for longer than by those who ask
		return m.Run()
	}))
}

// over is closed when all tests have run.
var over = make(chan struct{})

// running are the tests, as goleak runs them.
type running func() int

// Run runs the tests and returns the exit code.
func (r running) Run() int { return r() }

// resolve is the zone of these tests: names in loop.test and example.com, for
// which the certificates of httptest are, lead to this machine.
func resolve(name string) (address [4]byte, ok bool) {
	switch {
	case strings.HasSuffix(name, ".loop.test."), name == "example.com.":
		return [4]byte{127, 0, 0, 1}, true
	case name == "metadata.test.":
		return [4]byte{169, 254, 169, 254}, true
	default:
		return address, false
	}
}

// nameServer answers one connection, over which messages go as over TCP.
func nameServer(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for {
		var size uint16
		if binary.Read(conn, binary.BigEndian, &size) != nil {
			return
		}
		query := make([]byte, size)
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		answer := answerName(query)
		if answer == nil || binary.Write(conn, binary.BigEndian, uint16(len(answer))) != nil {
			return
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// answerName answers a query; nil for silent.test, of which nobody hears
// before all is over.
func answerName(query []byte) []byte {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil
	}
	question, err := parser.Question()
	if err != nil {
		return nil
	}
	header.Response, header.RecursionAvailable = true, true
	message := dnsmessage.Message{Questions: []dnsmessage.Question{question}}
	address, known := resolve(question.Name.String())
	switch {
	case question.Name.String() == "silent.test.":
		<-over
		return nil
	case !known:
		header.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA:
		message.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class, TTL: 1},
			Body:   &dnsmessage.AResource{A: address},
		}}
	}
	message.Header = header
	answer, err := message.Pack()
	if err != nil {
		return nil
	}
	return answer
}
