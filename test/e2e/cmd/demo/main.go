// Command demo shows what Pullgate does: in CI first, while a local Kubernetes is
// built behind it, then on that, with registries of its own. On a terminal it
// leaves everything running for its user to play with. Run it by `make demo`,
// which says how the Kubernetes is built:
//
//	demo -root DIR -- ARGS OF GO BUILD
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/pullgate/pullgate/test/e2e/compile"
	"github.com/pullgate/pullgate/test/e2e/lab"
	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/screen"
	"github.com/pullgate/pullgate/test/e2e/tour"
)

// errInterrupted: the user has had enough.
var errInterrupted = errors.New("interrupted")

func main() {
	root := flag.String("root", "../..", "the repository")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, *root, flag.Args(), screen.New(os.Stdout))
	stop()
	switch {
	case errors.Is(err, errInterrupted):
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, build []string, out *screen.Screen) error {
	kube := compile.Build{
		Out: out, Name: "the local Kubernetes", Typical: 5 * time.Minute, Memo: filepath.Join(root, "bin", ".kube.took"),
		Dir: filepath.Join(root, "test", "kube"), Env: []string{"CGO_ENABLED=0"}, Args: build,
	}
	kube.Start(ctx)
	checked := check(ctx, root, out)
	if err := kube.Wait(); err != nil {
		return interrupted(ctx, err)
	}
	return errors.Join(interrupted(ctx, checked), onCluster(ctx, root, out))
}

// check shows what needs no cluster.
func check(ctx context.Context, root string, out *screen.Screen) (err error) {
	dir, err := os.MkdirTemp("", "pullgate-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	registries, err := lab.Start(ctx, lab.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, registries.Close()) }()
	for _, check := range tour.Checks(registries) {
		faults, failure := check.Run(ctx, filepath.Join(root, "bin", "pullgate"), out)
		if len(faults) > 0 {
			failure = fmt.Errorf("%s: %s", check.Title, strings.Join(faults, "; "))
		}
		err = errors.Join(err, failure)
	}
	out.Line(screen.Faint, "\nNow the same at kubectl apply.")
	return err
}

// onCluster shows the rest.
func onCluster(ctx context.Context, root string, out *screen.Screen) (err error) {
	binaries, err := rig.FindBinaries(root)
	if err != nil {
		return err
	}
	start := time.Now()
	r, err := rig.Start(ctx, rig.Options{
		Binaries: binaries, Manifest: filepath.Join(root, "deploy", "install.yaml"), Progress: out,
	})
	if err != nil {
		return interrupted(ctx, err)
	}
	defer func() {
		out.Line(screen.Faint, "\nRemoving everything")
		err = errors.Join(err, r.Stop())
	}()
	if err := tour.Prepare(ctx, r); err != nil {
		return interrupted(ctx, err)
	}
	out.Line(screen.Faint, "ready after %s", screen.Took(time.Since(start)))
	err = interrupted(ctx, walk(ctx, r, out))
	if out.Live && ctx.Err() == nil {
		stay(ctx, r, out)
	}
	return err
}

// walk does every step, whatever came of the one before.
func walk(ctx context.Context, r *rig.Rig, out *screen.Screen) error {
	var wrong []tour.Report
	walker := tour.Walker{Rig: r}
	steps := tour.Steps(r.Lab)
	for _, step := range steps {
		report, err := walker.Run(ctx, step)
		if err != nil {
			return err
		}
		report.Print(out)
		if len(report.Faults) > 0 {
			wrong = append(wrong, report)
		}
	}
	if len(wrong) == 0 {
		out.Line(screen.Green, "\nAll %d commands did as said.", len(steps))
		return nil
	}
	out.Line(screen.Bold, "\nNot as said:")
	for _, report := range wrong {
		out.Line(screen.Red, "  ✗ %s\n      %s", report.Step.Command(), strings.Join(report.Faults, "\n      "))
	}
	return fmt.Errorf("%d of %d commands of the tour did not do as said", len(wrong), len(steps))
}

// stay leaves everything running until the user ends it.
func stay(ctx context.Context, r *rig.Rig, out *screen.Screen) {
	out.Line(screen.Bold, "\nIt is yours until Ctrl-C. In another terminal:")
	out.Line(screen.Plain, `
  export KUBECONFIG=%s
  export PATH=%s:$PATH    # where kubectl is
  kubectl -n shop create deployment mine --image=%s

  images without a secret   %s with the tags 1.27, 1.28, 1.29, 1.29-alpine and latest
  images with one           %s (user %s, password %s)
  namespaces                shop, shop-warn, shop-audit
  Pullgate's configuration  %s
  Pullgate's metrics        %s`,
		r.Kubeconfig(), r.Bin(), r.Lab.Open.Ref("shop/web:1.92"), r.Lab.Open.Ref("shop/web"),
		r.Lab.Token.Ref("shop/private:1.0"), lab.User, lab.Password, r.Gate.ConfigFile, r.Gate.MetricsURL)
	<-ctx.Done()
}

// interrupted tells the user's own doing from a failure.
func interrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}
