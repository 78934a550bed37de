// Command oracle pulls every scenario with a real containerd, once along each
// of its two pull paths, and records what it answered.
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

func main() {
	binary := flag.String("containerd", "../../bin/containerd", "the containerd to ask")
	out := flag.String("out", "testdata/oracle.json", "where to record")
	only := flag.String("run", "", "only the scenarios whose names match; prints, and records nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *binary, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary, out, only string) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return fmt.Errorf("find containerd: %w", err)
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("find containerd: %w (`make bin/containerd` builds it)", err)
	}
	scenarios, err := chosen(only)
	if err != nil {
		return err
	}
	file := golden.File{Platform: "linux/" + runtime.GOARCH, Records: map[string]golden.Record{}}
	for _, local := range []bool{false, true} {
		if err := record(ctx, &file, scenarios, node.Options{Binary: binary, Local: local}); err != nil {
			return err
		}
	}
	if only != "" {
		return file.Encode(os.Stdout)
	}
	fmt.Printf("%d scenarios recorded in %s\n", len(file.Records), out)
	return file.Write(out)
}

func chosen(only string) ([]scenario.Scenario, error) {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return nil, fmt.Errorf("-run %q: %w", only, err)
	}
	var scenarios []scenario.Scenario
	for _, s := range scenario.All() {
		if pattern.MatchString(s.Name) {
			scenarios = append(scenarios, s)
		}
	}
	return scenarios, nil
}

// session is one containerd with the registries that it pulls from.
type session struct {
	node  *node.Node
	lab   *lab.Lab
	certs string
	file  *golden.File
	local bool

	mu sync.Mutex
}

// record pulls all scenarios along one path.
func record(ctx context.Context, file *golden.File, scenarios []scenario.Scenario, options node.Options) (err error) {
	dir, err := os.MkdirTemp("", "pullgate-oracle-")
	if err != nil {
		return fmt.Errorf("make a folder for the certificates: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &session{file: file, local: options.Local, certs: dir + "/certs.d"}
	if s.lab, err = lab.Start(scenarios, dir); err != nil {
		return err
	}
	defer s.lab.Close()
	options.Certs = s.certs
	if s.node, err = node.Start(ctx, options); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.node.Close()) }()
	if file.Containerd, err = s.node.Version(ctx); err != nil {
		return err
	}
	return s.pullAll(ctx, scenarios)
}

// pullAll pulls at the same time what does not get into each other's way.
func (s *session) pullAll(ctx context.Context, scenarios []scenario.Scenario) error {
	start := time.Now()
	var group sync.WaitGroup
	slots := make(chan struct{}, parallel)
	errs := make(chan error, len(scenarios))
	for _, one := range scenarios {
		if one.Alone {
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			errs <- s.pull(ctx, one, false)
		})
	}
	group.Wait()
	close(errs)
	var failed error
	for err := range errs {
		failed = errors.Join(failed, err)
	}
	for _, one := range scenarios {
		if one.Alone {
			failed = errors.Join(failed, s.pull(ctx, one, true))
		}
	}
	fmt.Fprintf(os.Stderr, "%d scenarios pulled in %s (transfer service: %t)\n", len(scenarios), time.Since(start).Round(time.Millisecond), !s.local)
	return errors.Join(failed, ctx.Err())
}

// pull pulls one scenario and records it.
func (s *session) pull(ctx context.Context, one scenario.Scenario, tidy bool) error {
	remove, err := s.lab.WriteCerts(one.Name, s.certs)
	if tidy {
		defer remove()
	}
	if err != nil {
		return fmt.Errorf("scenario %s: %w", one.Name, err)
	}
	answers := s.node.Pull(ctx, s.lab.Image(one.Name), one.Credentials)
	for i := range answers {
		answers[i].Text = normalise(s.lab.Normalise(one.Name, answers[i].Text))
	}
	recipe, err := golden.Recipe(one, s.lab.Digests(one.Name))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	record := s.file.Records[one.Name]
	record.Recipe = recipe
	if s.local {
		record.Local = answers
	} else {
		record.Transfer = answers
	}
	s.file.Records[one.Name] = record
	return nil
}

// normalise takes out of a text what differs from one run to the next.
func normalise(text string) string {
	for _, change := range []struct{ pattern, with string }{
		{`sha256:[0-9a-f]{64}`, "sha256:…"},
		{`127\.0\.0\.1:\d+->`, ""},
		{`lookup (\S+)( on \S+)?: .*`, "lookup $1: no such host"},
		{`containerd-mount\d+`, "containerd-mount"},
		{`current time \S+ is after \S+`, "current time is after its end"},
	} {
		text = regexp.MustCompile(change.pattern).ReplaceAllString(text, change.with)
	}
	return strings.TrimSpace(text)
}
