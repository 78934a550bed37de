package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/lab"
	"github.com/pullgate/pullgate/test/pulloracle/node"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// parallel is how many pulls run at a time; most of them wait.
const parallel = 16

// path is one of containerd's two ways to pull: a containerd, the registries
// that it pulls from, and what came of it.
type path struct {
	binary string
	local  bool
	old    bool // older than 2.1, which has the local path alone
	apart  bool // each scenario has its own registries

	version string
	answers map[string][]golden.Answer
	recipes map[string]string

	node  *node.Node
	lab   *lab.Lab
	certs string
	mu    sync.Mutex
}

// record pulls all scenarios.
func (p *path) record(ctx context.Context, scenarios []scenario.Scenario) (err error) {
	dir, err := os.MkdirTemp("", "pullgate-oracle-")
	if err != nil {
		return fmt.Errorf("make a folder for the certificates: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p.certs = filepath.Join(dir, "certs.d")
	p.answers, p.recipes = map[string][]golden.Answer{}, map[string]string{}
	start := lab.Start
	if p.apart {
		start = lab.StartApart
	}
	if p.lab, err = start(ctx, scenarios, dir); err != nil {
		return err
	}
	defer p.lab.Close()
	if p.node, err = node.Start(ctx, node.Options{Binary: p.binary, Local: p.local, Old: p.old, Certs: p.certs}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.node.Close()) }()
	if p.version, err = p.node.Version(ctx); err != nil {
		return err
	}
	return p.pullAll(ctx, scenarios)
}

// pullAll pulls at the same time what does not get into each other's way.
func (p *path) pullAll(ctx context.Context, scenarios []scenario.Scenario) error {
	start := time.Now()
	var group sync.WaitGroup
	slots := make(chan struct{}, parallel)
	errs := make([]error, len(scenarios))
	for i, one := range scenarios {
		if one.Alone {
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			errs[i] = p.pull(ctx, one)
		})
	}
	group.Wait()
	for i, one := range scenarios {
		if one.Alone {
			errs[i] = p.pull(ctx, one)
		}
	}
	fmt.Fprintf(os.Stderr, "%s: %d scenarios pulled in %s\n", p, len(scenarios), time.Since(start).Round(time.Second))
	return errors.Join(append(errs, ctx.Err())...)
}

// String names the path.
func (p *path) String() string {
	if p.local {
		return "local pull"
	}
	return "transfer service"
}

// pull pulls one scenario.
func (p *path) pull(ctx context.Context, one scenario.Scenario) error {
	remove, err := p.lab.WriteCerts(one.Name, p.certs)
	if one.Alone {
		defer remove()
	}
	if err != nil {
		return fmt.Errorf("scenario %s: %w", one.Name, err)
	}
	answers := p.node.Pull(ctx, p.lab.Image(one.Name), one.Credentials)
	for i := range answers {
		answers[i].Text = golden.Normalise(p.lab.Normalise(one.Name, answers[i].Text))
	}
	recipe, err := golden.Recipe(one, p.lab.Digests(one.Name))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[one.Name], p.recipes[one.Name] = answers, recipe
	return err
}
