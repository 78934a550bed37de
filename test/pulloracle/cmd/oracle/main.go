// Command oracle pulls every scenario with a real containerd, once along each
// of its pull paths, and records what it answered.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/node"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// request is what is to be recorded.
type request struct {
	binary, out, only string
	old, crio         bool
	from, seeds       uint64
}

func main() {
	var r request
	flag.StringVar(&r.binary, "containerd", "../../bin/containerd", "the containerd to ask")
	flag.StringVar(&r.out, "out", "testdata/oracle.json", "where to record")
	flag.BoolVar(&r.old, "old", false, "it is older than 2.1, which has one path alone, the local one")
	flag.BoolVar(&r.crio, "crio", false, "the scenarios that are about CRI-O's ways")
	flag.Uint64Var(&r.seeds, "seeds", 0, "so many scenarios that are drawn by lot, instead of those that are listed")
	flag.Uint64Var(&r.from, "from", 0, "the first of their seeds")
	flag.StringVar(&r.only, "run", "", "only the scenarios whose names match; prints, and records nothing")
	flag.Parse()
	if err := r.run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func (r request) run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := node.Able(); err != nil {
		return err
	}
	binary, err := filepath.Abs(r.binary)
	if err != nil {
		return fmt.Errorf("find containerd: %w", err)
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("find containerd: %w (`make oracle` builds it)", err)
	}
	scenarios, err := r.chosen()
	if err != nil {
		return err
	}
	paths := []*path{{binary: binary}, {binary: binary, local: true}}
	if r.old {
		paths = []*path{{binary: binary, local: true, old: true}}
	}
	for _, p := range paths {
		p.apart = r.crio
	}
	file, err := record(ctx, scenarios, paths)
	if err != nil {
		return err
	}
	if r.only != "" {
		return file.Encode(os.Stdout)
	}
	fmt.Printf("%d scenarios recorded in %s\n", len(file.Records), r.out)
	return file.Write(r.out)
}

func (r request) chosen() ([]scenario.Scenario, error) {
	pattern, err := regexp.Compile(r.only)
	if err != nil {
		return nil, fmt.Errorf("-run %q: %w", r.only, err)
	}
	all := scenario.All()
	switch {
	case r.seeds > 0:
		all = scenario.Randoms(r.from, r.seeds)
	case r.crio:
		all = scenario.CRIO()
	}
	return slices.DeleteFunc(all, func(s scenario.Scenario) bool { return !pattern.MatchString(s.Name) }), nil
}

// record pulls along all paths at the same time; most of the time goes by with
// waiting for registries that do not answer.
func record(ctx context.Context, scenarios []scenario.Scenario, paths []*path) (golden.File, error) {
	errs := make([]error, len(paths))
	var group sync.WaitGroup
	for i, p := range paths {
		group.Go(func() { errs[i] = p.record(ctx, scenarios) })
	}
	group.Wait()
	file := golden.File{Containerd: paths[0].version, Platform: "linux/" + runtime.GOARCH, Records: map[string]golden.Record{}}
	for _, s := range scenarios {
		one := golden.Record{Recipe: paths[0].recipes[s.Name]}
		for _, p := range paths {
			if p.local {
				one.Local = p.answers[s.Name]
			} else {
				one.Transfer = p.answers[s.Name]
			}
		}
		file.Records[s.Name] = one
	}
	return file, errors.Join(errs...)
}
