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
	"sync"
	"syscall"

	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/node"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

func main() {
	binary := flag.String("containerd", "../../bin/containerd", "the containerd to ask")
	out := flag.String("out", "testdata/oracle.json", "where to record")
	old := flag.Bool("old", false, "it is older than 2.1, which has one path alone, the local one")
	crio := flag.Bool("crio", false, "the scenarios that are about CRI-O's ways")
	only := flag.String("run", "", "only the scenarios whose names match; prints, and records nothing")
	flag.Parse()
	if err := run(*binary, *out, *only, *old, *crio); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(binary, out, only string, old, crio bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := node.Able(); err != nil {
		return err
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return fmt.Errorf("find containerd: %w", err)
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("find containerd: %w (`make oracle` builds it)", err)
	}
	scenarios, err := chosen(only, crio)
	if err != nil {
		return err
	}
	paths := []*path{{binary: binary}, {binary: binary, local: true}}
	if old {
		paths = []*path{{binary: binary, local: true, old: true}}
	}
	for _, p := range paths {
		p.apart = crio
	}
	file, err := record(ctx, scenarios, paths)
	if err != nil {
		return err
	}
	if only != "" {
		return file.Encode(os.Stdout)
	}
	fmt.Printf("%d scenarios recorded in %s\n", len(file.Records), out)
	return file.Write(out)
}

func chosen(only string, crio bool) ([]scenario.Scenario, error) {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return nil, fmt.Errorf("-run %q: %w", only, err)
	}
	all := scenario.All()
	if crio {
		all = scenario.CRIO()
	}
	var scenarios []scenario.Scenario
	for _, s := range all {
		if pattern.MatchString(s.Name) {
			scenarios = append(scenarios, s)
		}
	}
	return scenarios, nil
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
