// Package lab runs the registries of the tests and the demo on loopback
// addresses: one that is open, two that want credentials, and one that breaks
// in every way that a registry can. They live in the calling process.
package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pullgate/pullgate/test/e2e/child"
	"github.com/pullgate/pullgate/test/e2e/pki"
)

// The accounts of the registries that want credentials. Nobody else has one.
const (
	// User may pull what lies below shop/.
	User = "shop"
	// Password is User's.
	Password = "open-sesame"
	// Stranger may log in and pull nothing.
	Stranger = "stranger"
	// StrangerPassword is Stranger's.
	StrangerPassword = "let-me-in"
)

// Options say how the registries behave.
type Options struct {
	// Dir is a folder for what the registries need on disk.
	Dir string
	// Latency is added to every request.
	Latency time.Duration
}

// Lab is a set of running registries.
type Lab struct {
	// Open asks for nothing; plain HTTP.
	Open *Registry
	// Token wants tokens, which it gives itself; TLS.
	Token *Registry
	// Basic wants a user name and a password; TLS.
	Basic *Registry
	// Faulty breaks; which way, the repository's name says. Plain HTTP.
	Faulty *Registry
	// Elsewhere is where Faulty redirects to on another loopback address; nil
	// where the system has but one.
	Elsewhere *Registry
	// Down is an address at which nobody listens.
	Down string
	// Authority signs the certificates of Token and Basic.
	Authority *pki.Authority
}

// Start runs the registries and fills them. Close must be called.
func Start(ctx context.Context, options Options) (*Lab, error) {
	l := &Lab{}
	if err := l.start(ctx, options); err != nil {
		return nil, errors.Join(fmt.Errorf("start the registries: %w", err), l.Close())
	}
	return l, nil
}

func (l *Lab) start(ctx context.Context, options Options) error {
	var err error
	if l.Authority, err = pki.NewAuthority("lab"); err != nil {
		return err
	}
	if l.Open, err = startOpen(ctx, options); err != nil {
		return err
	}
	if l.Token, err = startToken(ctx, options, l.Authority); err != nil {
		return err
	}
	if l.Basic, err = startBasic(ctx, options, l.Authority); err != nil {
		return err
	}
	if l.Faulty, l.Elsewhere, err = startFaulty(ctx, options); err != nil {
		return err
	}
	port, err := child.FreePort(ctx)
	l.Down = child.Loopback(port)
	return err
}

// Close ends the registries.
func (l *Lab) Close() error {
	var err error
	for _, registry := range l.Registries() {
		err = errors.Join(err, registry.close())
	}
	return err
}

// Registries lists those that run.
func (l *Lab) Registries() []*Registry {
	var running []*Registry
	for _, registry := range []*Registry{l.Open, l.Token, l.Basic, l.Faulty, l.Elsewhere} {
		if registry != nil {
			running = append(running, registry)
		}
	}
	return running
}

// Requests is how many requests all of them have had.
func (l *Lab) Requests() int {
	count := 0
	for _, registry := range l.Registries() {
		count += len(registry.Requests())
	}
	return count
}
