// Command agreement runs a kubelet and a containerd beside an API server that
// calls Pullgate, makes Pods, and compares what Pullgate said of each image with
// what the kubelet did.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/pullgate/pullgate/test/pulloracle/node"
	"github.com/pullgate/pullgate/test/pulloracle/pods"
)

// options are the flags.
type options struct {
	root, containerd, shim, ctr, sleeper string
	update, logs                         bool
	only                                 *regexp.Regexp
}

func main() {
	var o options
	var only string
	flag.StringVar(&o.root, "root", "../..", "the repository")
	flag.StringVar(&o.containerd, "containerd", "", "the containerd to run")
	flag.StringVar(&o.shim, "shim", "", "its shim for runc")
	flag.StringVar(&o.ctr, "ctr", "", "its client, which loads images")
	flag.StringVar(&o.sleeper, "sleeper", "", "what runs in the containers")
	flag.StringVar(&only, "run", "", "only the Pods whose names match; compares with no file")
	flag.BoolVar(&o.update, "update", false, "record docs/agreement.md anew")
	flag.BoolVar(&o.logs, "logs", false, "print what the kubelet and Pullgate printed")
	whyNot := flag.Bool("why-not", false, "print why this machine cannot do it, if so, and end")
	flag.Parse()
	if *whyNot {
		if err := able(); err != nil {
			fmt.Println(err)
		}
		return
	}
	var err error
	if o.only, err = regexp.Compile(only); err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// able says why this machine cannot do it; nil if it can, once runc is there.
func able() error {
	if err := node.AbleToRun(); err != nil {
		return err
	}
	_, runcErr := exec.LookPath("runc")
	if _, err := exec.LookPath("apt-get"); err != nil && runcErr != nil {
		return fmt.Errorf("there is no runc, and no apt-get to install it: %w", runcErr)
	}
	return nil
}

func run(o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := able(); err != nil {
		return err
	}
	if _, err := exec.LookPath("runc"); err != nil {
		return fmt.Errorf("%w: run `apt-get install -y --no-install-recommends runc`", err)
	}
	var cases []pods.Case
	for _, c := range pods.All() {
		if o.only.MatchString(c.Name) || c.Of != "" && o.only.MatchString(c.Of) {
			cases = append(cases, c)
		}
	}
	rows, versions, err := compare(ctx, o, cases)
	if err != nil {
		return err
	}
	count, differ := counted(rows)
	fmt.Printf("%d Pods: %d pullable, %d broken, %d unknown, %d skipped\n",
		len(rows), count["pullable"], count["broken"], count["unknown"], count["skipped"])
	page := filepath.Join(o.root, "docs", "agreement.md")
	switch {
	case differ != nil || o.only.String() != "":
		return differ
	case o.update:
		return write(page, rows, versions)
	default:
		return check(page, rows)
	}
}
