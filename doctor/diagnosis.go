package doctor

import (
	"fmt"
	"slices"

	"github.com/pullgate/pullgate/advice"
)

// APIVersion and Kind are what a diagnosis says of itself.
const (
	APIVersion = "pullgate.dev/v1alpha1"
	Kind       = "Diagnosis"
)

// State is how it stands with what was looked at.
type State string

// The states, a closed set.
const (
	// Fine: nothing is the matter.
	Fine State = "ok"
	// Wrong: something is to be mended.
	Wrong State = "problem"
	// Untold: it could not be found out, as the text says.
	Untold State = "unknown"
)

// Diagnosis is what was found. As JSON, fields are only ever added.
type Diagnosis struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Cluster is the API server's URL, and Namespace the dry run's.
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	// State is Wrong if one of the checks is; Fine, if the dry run came by; else
	// Untold.
	State  State   `json:"state"`
	Checks []Check `json:"checks"`
}

// Check is one thing that was looked at.
type Check struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Code names a problem.
	Code Code   `json:"code,omitempty"`
	Text string `json:"text"`
	// Evidence is what says so, one line each.
	Evidence []string        `json:"evidence"`
	Remedies []advice.Remedy `json:"remedies"`
}

func fine(text string, args ...any) Check {
	return Check{State: Fine, Text: fmt.Sprintf(text, args...)}
}

func wrong(code Code, text string, args ...any) Check {
	return Check{State: Wrong, Code: code, Text: fmt.Sprintf(text, args...)}
}

func untold(text string, args ...any) Check {
	return Check{State: Untold, Text: fmt.Sprintf(text, args...)}
}

// because adds evidence.
func (c Check) because(lines ...string) Check {
	c.Evidence = append(c.Evidence, lines...)
	return c
}

// and adds another problem to one, whose code stays: what it says, and what to do
// besides.
func (c Check) and(other Check) Check {
	c.Text += "; " + other.Text
	c.Evidence = append(c.Evidence, other.Evidence...)
	for _, remedy := range other.Remedies {
		if !slices.Contains(c.Remedies, remedy) {
			c.Remedies = append(c.Remedies, remedy)
		}
	}
	return c
}

// look adds a command that changes nothing.
func (c Check) look(text, command string) Check {
	c.Remedies = append(c.Remedies, advice.Remedy{Text: text, Command: command, Effect: advice.Looks, Applicable: true})
	return c
}

// change adds a command that mends it as it stands.
func (c Check) change(text, command string) Check {
	c.Remedies = append(c.Remedies, advice.Remedy{Text: text, Command: command, Effect: advice.Changes, Applicable: true})
	return c
}

// destroy adds a command that removes something.
func (c Check) destroy(text, command string) Check {
	c.Remedies = append(c.Remedies, advice.Remedy{Text: text, Command: command, Effect: advice.Destroys, Applicable: true})
	return c
}

// fill adds a command in which something is to be filled in.
func (c Check) fill(text, command string) Check {
	c.Remedies = append(c.Remedies, advice.Remedy{Text: text, Command: command, Effect: advice.Changes})
	return c
}

// advise adds what no command does.
func (c Check) advise(text string) Check {
	c.Remedies = append(c.Remedies, advice.Remedy{Text: text})
	return c
}
