// Package lab runs the registries, mirrors and token servers of the scenarios,
// on loopback.
package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pullgate/pullgate/test/pulloracle/content"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// closedAddress is one on which nobody listens: tcpmux, which nobody runs.
const closedAddress = "127.0.0.1:1"

// Lab is a set of running servers with the scenarios that they play.
type Lab struct {
	addresses map[string]string // by role
	files     map[string]string // {ca} and others: paths, and {capem}
	stages    map[string]*stage // by repository
	byName    map[string]*stage
	settings  map[string]*tls.Config // of the servers of HTTPS, by role
	apart     bool

	closers []io.Closer
	stopped chan struct{}
	serving sync.WaitGroup
}

// stage is one scenario under way.
type stage struct {
	scenario.Scenario
	lab     *Lab
	content *content.Store
	own     string
	// addresses are those of servers that are the scenario's alone, by role.
	addresses map[string]string
	lost      atomic.Bool
	pushed    atomic.Pointer[content.Store] // nil: content still is what there is
	mended    chan struct{}
	mend      func() // closes mended; more than once is as good as once

	mu    sync.Mutex
	seen  map[int]int // by fault: how many requests it bore on
	asked Asked
}

// Start runs the servers. Dir is where the certificates are written that a
// node's certs.d names.
func Start(ctx context.Context, scenarios []scenario.Scenario, dir string) (*Lab, error) {
	return open(ctx, &Lab{}, scenarios, dir)
}

// open runs the servers of a Lab.
func open(ctx context.Context, l *Lab, scenarios []scenario.Scenario, dir string) (*Lab, error) {
	l.addresses, l.files = map[string]string{scenario.Closed: closedAddress}, map[string]string{}
	l.stages, l.byName, l.stopped = map[string]*stage{}, map[string]*stage{}, make(chan struct{})
	if err := l.start(ctx, scenarios, dir); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Lab) start(ctx context.Context, scenarios []scenario.Scenario, dir string) error {
	for _, role := range []string{scenario.Plain, scenario.Mirror, scenario.Mirror2, scenario.CDN, scenario.Auth} {
		if err := l.serve(ctx, role, nil); err != nil {
			return err
		}
	}
	settings, err := l.certify(dir)
	if err != nil {
		return err
	}
	l.settings = settings
	for role, config := range settings {
		if err := l.serve(ctx, role, config); err != nil {
			return err
		}
	}
	if err := l.misbehave(ctx); err != nil {
		return err
	}
	for _, s := range scenarios {
		if err := l.play(ctx, s); err != nil {
			return fmt.Errorf("scenario %s: %w", s.Name, err)
		}
	}
	return nil
}

// play makes a scenario's content and, where it has one, its own server.
func (l *Lab) play(ctx context.Context, s scenario.Scenario) error {
	store, err := content.New(s.Holds, s.Name)
	if err != nil {
		return err
	}
	st := &stage{Scenario: s, lab: l, content: store, seen: map[int]int{}, mended: make(chan struct{})}
	st.mend = sync.OnceFunc(func() { close(st.mended) })
	if l.byName[s.Name] != nil || l.stages[s.Repository] != nil {
		return fmt.Errorf("its name or its repository %s is taken", s.Repository)
	}
	l.byName[s.Name], l.stages[s.Repository] = st, st
	if err := l.playApart(ctx, st); err != nil {
		return err
	}
	if !uses(s, "{"+scenario.Own+"}") {
		return nil
	}
	listener, err := l.listen(ctx)
	if err != nil {
		return err
	}
	st.own = listener.Addr().String()
	l.run(listener, l.handler(scenario.Own, st), nil)
	return nil
}

// uses tells whether a scenario names something where it says what is asked.
func uses(s scenario.Scenario, what string) bool {
	if strings.Contains(s.Image, what) {
		return true
	}
	for file, text := range s.Certs {
		if strings.Contains(file+text, what) {
			return true
		}
	}
	return false
}

func (l *Lab) listen(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	return listener, nil
}

// serve runs a server of HTTP, or of HTTPS if there are settings.
func (l *Lab) serve(ctx context.Context, role string, settings *tls.Config) error {
	listener, err := l.listen(ctx)
	if err != nil {
		return err
	}
	l.addresses[role] = listener.Addr().String()
	l.run(listener, l.handler(role, nil), settings)
	return nil
}

func (l *Lab) run(listener net.Listener, handler http.Handler, settings *tls.Config) {
	server := &http.Server{
		Handler: handler, TLSConfig: settings, ErrorLog: log.New(io.Discard, "", 0),
		ReadHeaderTimeout: time.Minute,
		// One protocol for all: containerd's transport speaks HTTP/1.1.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	l.closers = append(l.closers, server)
	l.serving.Go(func() {
		if settings == nil {
			_ = server.Serve(listener) // ends when the server is closed
			return
		}
		_ = server.ServeTLS(listener, "", "")
	})
}

// Close ends all servers and what they are busy with.
func (l *Lab) Close() {
	close(l.stopped)
	for _, closer := range l.closers {
		_ = closer.Close()
	}
	l.serving.Wait()
}

// Image returns the reference that a scenario pulls.
func (l *Lab) Image(name string) string {
	st := l.byName[name]
	return st.fill(st.Image)
}

// Fill puts a scenario's addresses, digests and paths into a text.
func (l *Lab) Fill(name, text string) string { return l.byName[name].fill(text) }

// Archive writes a scenario's image as a file to load onto a node.
func (l *Lab) Archive(to io.Writer, name, image string) error {
	if err := l.byName[name].content.Archive(to, image); err != nil {
		return fmt.Errorf("write the image of %s into a file: %w", name, err)
	}
	return nil
}

// Lose has a scenario's registry forget what it holds.
func (l *Lab) Lose(name string) { l.byName[name].lost.Store(true) }

// Mend has a scenario's registry find what it lost and answer as it should.
func (l *Lab) Mend(name string) {
	l.byName[name].lost.Store(false)
	l.byName[name].mend()
}

// Push has a scenario's registry hold something else from now on.
func (l *Lab) Push(name string, holds content.Content) error {
	store, err := content.New(holds, name+"-again")
	if err != nil {
		return fmt.Errorf("push to %s: %w", name, err)
	}
	l.byName[name].pushed.Store(store)
	return nil
}

// holds is what there is now.
func (st *stage) holds() *content.Store {
	if pushed := st.pushed.Load(); pushed != nil {
		return pushed
	}
	return st.content
}

// Digests lists what a scenario's registry holds.
func (l *Lab) Digests(name string) []string { return l.byName[name].content.Digests() }

// Manifests counts the manifests and indexes of a scenario.
func (l *Lab) Manifests(name string) int { return l.byName[name].content.Manifests() }

// WriteCerts writes a scenario's part of certs.d and returns how to remove it.
func (l *Lab) WriteCerts(name, dir string) (remove func(), err error) {
	st := l.byName[name]
	var made []string
	remove = func() {
		for _, folder := range made {
			_ = os.RemoveAll(folder)
		}
	}
	for file, text := range st.Certs {
		path := filepath.Join(dir, st.fill(file))
		made = append(made, filepath.Dir(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return remove, err
		}
		if err := replace(path, st.fill(text)); err != nil {
			return remove, err
		}
	}
	return remove, nil
}

// replace writes a file in one go: scenarios that share a folder of certs.d
// write the same into it while others read.
func replace(path, text string) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// fill puts addresses, digests and paths into a text.
func (st *stage) fill(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	pairs := []string{
		"{repo}", st.Repository, "{name}", st.Name, "{own}", st.own,
		"{realm}", "http://" + st.lab.addresses[scenario.Auth] + "/" + st.Repository + "/token",
		"{port}", port(st.address(scenario.Plain)), "{tlsport}", port(st.address(scenario.TLS)),
	}
	for role := range st.lab.addresses {
		pairs = append(pairs, "{"+role+"}", st.address(role))
	}
	for name, path := range st.lab.files {
		pairs = append(pairs, "{"+name+"}", path)
	}
	for _, part := range []string{"digest", "sha384", "sha512", "config", "layer", "child"} {
		pairs = append(pairs, "{"+part+"}", st.content.Part(part).String())
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// Normalise puts the names back where a text has what they stand for, so that
// what was recorded twice is the same.
func (l *Lab) Normalise(name, text string) string {
	st := l.byName[name]
	var pairs []string
	for _, part := range []string{"digest", "sha384", "sha512", "config", "layer", "child"} {
		if d := st.content.Part(part); d != "" {
			pairs = append(pairs, d.String(), "{"+part+"}", strings.ReplaceAll(d.String(), ":", "%3A"), "{"+part+"}")
		}
	}
	if st.own != "" {
		pairs = append(pairs, st.own, "{own}")
	}
	for role := range l.addresses {
		address := st.address(role)
		pairs = append(pairs, address, "{"+role+"}", strings.ReplaceAll(address, ":", "%3A"), "{"+role+"}")
	}
	for file, path := range l.files {
		pairs = append(pairs, path, "{"+file+"}")
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
