package main

import (
	"log/slog"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/wiring"
)

// built is an engine with what it is made of.
type built struct {
	*engine.Engine
	parts *wiring.Components
	log   *slog.Logger
}

// newEngine makes of a configuration what answers requests.
func newEngine(configuration policy.Configuration, in wiring.Dependencies) (*built, error) {
	parts, err := wiring.New(configuration, in)
	if err != nil {
		return nil, err
	}
	return &built{parts.Engine(parts.Platforms), parts, in.Log}, nil
}

// retire frees what the engine is made of, once it is used no more.
func (b *built) retire() {
	if err := b.parts.Close(); err != nil {
		b.log.Warn("what a replaced configuration had written stays", "error", err.Error())
	}
}
