// Command oraclecrio pulls every scenario with a real CRI-O and records what it
// answered.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/lab"
	"github.com/pullgate/pullgate/test/pulloracle/node"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// parallel is how many pulls run at a time; most of them wait.
const parallel = 16

// patience is how long a pull may take: for minutes CRI-O waits for a registry
// that says nothing, and nothing else comes of it.
const patience = 3 * time.Minute

func main() {
	binary := flag.String("crio", "../../bin/crio", "the CRI-O to ask")
	out := flag.String("out", "testdata/crio.json", "where to record")
	only := flag.String("run", "", "only the scenarios whose names match; prints, and records nothing")
	flag.Parse()
	if *only != "" {
		*out = "-"
	}
	if err := run(*binary, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(binary, out, only string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := node.AbleCRIO(); err != nil {
		return err
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return fmt.Errorf("find CRI-O: %w", err)
	}
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-run %q: %w", only, err)
	}
	dir, err := os.MkdirTemp("", "pullgate-oracle-")
	if err != nil {
		return fmt.Errorf("make a folder for the certificates: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	scenarios := append(scenario.All(), scenario.CRIO()...)
	registries, err := lab.StartApart(ctx, scenarios, dir)
	if err != nil {
		return err
	}
	defer registries.Close()
	r := recorder{lab: registries, records: map[string]golden.CRIORecord{}}
	if err := r.start(ctx, binary, scenarios); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.node.Close()) }()
	version, err := r.node.Version(ctx)
	if err != nil {
		return err
	}
	if err := r.pullAll(ctx, scenarios, pattern); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d scenarios pulled with CRI-O %s\n", len(r.records), version)
	return golden.CRIOFile{CRIO: version, Platform: "linux/" + runtime.GOARCH, Records: r.records}.Write(out)
}

// recorder is a CRI-O, the registries that it pulls from, and what came of it.
type recorder struct {
	lab  *lab.Lab
	node *node.Node

	mu      sync.Mutex
	records map[string]golden.CRIORecord
}

// start runs CRI-O with the settings of all scenarios. Short names are Docker
// Hub's, as in most clusters.
func (r *recorder) start(ctx context.Context, binary string, scenarios []scenario.Scenario) (err error) {
	registries, certs := []string{"unqualified-search-registries = [\"docker.io\"]\n"}, map[string]string{}
	for _, one := range scenarios {
		settings := r.lab.CRIO(one.Name)
		registries = append(registries, settings.Registries)
		maps.Copy(certs, settings.Certs)
	}
	r.node, err = node.StartCRIO(ctx, node.CRIOOptions{Binary: binary, Registries: strings.Join(registries, ""), Certs: certs})
	return err
}

// pullAll pulls all scenarios whose names match.
func (r *recorder) pullAll(ctx context.Context, scenarios []scenario.Scenario, pattern *regexp.Regexp) error {
	var group sync.WaitGroup
	slots := make(chan struct{}, parallel)
	errs := make([]error, len(scenarios))
	for i, one := range scenarios {
		if !pattern.MatchString(one.Name) {
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			errs[i] = r.pull(ctx, one)
		})
	}
	group.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

// pull pulls one scenario.
func (r *recorder) pull(ctx context.Context, one scenario.Scenario) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	settings := r.lab.CRIO(one.Name)
	answers := r.node.Pull(ctx, settings.Image, one.Credentials)
	for i := range answers {
		answers[i].Text = golden.Normalise(r.lab.Normalise(one.Name, answers[i].Text))
	}
	recipe, err := golden.Recipe(one, r.lab.Digests(one.Name))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records[one.Name] = golden.CRIORecord{Recipe: recipe, Led: settings.Led, Answers: answers}
	return err
}
