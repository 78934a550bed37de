// Command progress runs `go build` and shows how far it is:
//
//	progress -name "the program" -typical 5m -memo FILE -- go build ARGS
//
// It counts the packages that are to be compiled, and remembers in FILE how
// long they took, for the next time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/pullgate/pullgate/test/e2e/compile"
	"github.com/pullgate/pullgate/test/e2e/screen"
)

func main() {
	b := compile.Build{Out: screen.New(os.Stderr)}
	flag.StringVar(&b.Name, "name", "the program", "what is being built")
	flag.DurationVar(&b.Typical, "typical", 0, "how long that takes on 2 cores with nothing built before")
	flag.StringVar(&b.Memo, "memo", "", "file that keeps how long it took")
	flag.Parse()
	if err := run(&b, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(b *compile.Build, args []string) error {
	if len(args) < 2 || args[0] != "go" || args[1] != "build" {
		return errors.New("what is to be run must be `go build …`, after --")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	b.Args = args[2:]
	b.Start(ctx)
	return b.Wait()
}
