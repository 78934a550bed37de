package main

import (
	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/wiring"
)

// newEngine makes of a configuration what answers requests.
func newEngine(configuration policy.Configuration, in wiring.Dependencies) (*engine.Engine, error) {
	components, err := wiring.New(configuration, in)
	if err != nil {
		return nil, err
	}
	return components.Engine(components.Platforms), nil
}
