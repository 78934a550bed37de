package main

import (
	"fmt"
)

// Exit codes, as the contract has them.
const (
	exitFound  = 1 // something that was asked for was found
	exitFailed = 1 // serving failed
	exitUsage  = 2 // wrong usage, or input that cannot be read
)

// failedError is a failure that no other command line or input would have
// prevented.
type failedError struct{ err error }

func (e *failedError) Error() string { return e.err.Error() }
func (e *failedError) Unwrap() error { return e.err }

// hintedError is an error with a thing to do about it.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }

// exitError is an exit code other than that for wrong usage.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func notOneOf(flag, value string, set []string) error {
	return &hintedError{err: fmt.Errorf("%s %q is unknown", flag, value), hint: fmt.Sprintf("write one of %v", set)}
}
