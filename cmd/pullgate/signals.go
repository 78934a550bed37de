package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// exitSignal is added to a signal's number for the exit code of what it ended,
// as shells do.
const exitSignal = 128

// interruption is the cause of a context that a signal ended.
type interruption struct{ signal syscall.Signal }

// name is the signal's.
func (i *interruption) name() string {
	if i.signal == syscall.SIGTERM {
		return "SIGTERM"
	}
	return "SIGINT"
}

func (i *interruption) Error() string { return "interrupted by " + i.name() }

func (i *interruption) code() exitError { return exitError(exitSignal + int(i.signal)) }

// interruptionOf returns what ended a context, if it was a signal.
func interruptionOf(ctx context.Context) (*interruption, bool) {
	var by *interruption
	return by, errors.As(context.Cause(ctx), &by)
}

// untilSignal returns a context that the first SIGINT or SIGTERM ends. The
// second one ends the program, whatever it is doing.
func untilSignal(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for {
			number, ok := (<-signals).(syscall.Signal)
			if !ok {
				continue
			}
			by := &interruption{number}
			if ctx.Err() != nil {
				os.Exit(int(by.code()))
			}
			cancel(by)
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}

// leave runs what heeds no context, and leaves it behind when the context ends;
// it is for a program that then ends, too. The error is the context's cause.
func leave[T any](ctx context.Context, work func() (T, error)) (T, error) {
	type outcome struct {
		result T
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := work()
		done <- outcome{result, err}
	}()
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		var nothing T
		return nothing, context.Cause(ctx)
	}
}
