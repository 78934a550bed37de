// Package tour is the walk through what Pullgate does, as data: each step is a
// kubectl command and what must come of it. The demo prints it and the
// end-to-end tests check it, so that they cannot differ.
package tour

import "regexp"

// Outcome is what must come of a step.
type Outcome string

// The outcomes, a closed set.
const (
	// Accepted: the object was let in without a word.
	Accepted Outcome = "accepted"
	// Warned: the object was let in with a warning.
	Warned Outcome = "accepted with a warning"
	// Refused: Pullgate denied the request.
	Refused Outcome = "refused"
	// Unasked: it was done, and nobody waited for Pullgate or a registry.
	Unasked Outcome = "done without a call to Pullgate or a registry"
	// Absent: what was asked for is not there.
	Absent Outcome = "not there"
	// Done: the command worked; whether Pullgate was asked is of no interest.
	Done Outcome = "done"
)

// Step is one kubectl command and what must come of it.
type Step struct {
	// Title says what is being shown; empty where a step only continues the
	// one before it.
	Title string
	// Args are kubectl's.
	Args []string
	// Stdin is a manifest for "-f -".
	Stdin string
	// Want is what must come of it.
	Want Outcome
	// Says are texts that must be printed.
	Says []string
	// Reason is what Pullgate must count the image under; empty: not looked
	// at.
	Reason string
	// Recorded is the decision that Pullgate must count although it says
	// nothing; empty: not looked at.
	Recorded string
	// Until, where given, repeats the command until what it prints matches.
	Until *regexp.Regexp
}
