package webhook

import (
	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
)

// ruling is what became of a request, to be told to the API server.
type ruling struct {
	engine.Outcome
	// probed is the token of a dry run that asks whether it came by; empty: it
	// does not.
	probed string
}

// unread is the ruling where nothing could be looked at: a warning.
func unread(trouble string) ruling { return ruling{Outcome: engine.Outcome{Trouble: trouble}} }

// summary is what a request came to: the worst verdict and the strictest
// action of its images.
func (r ruling) summary() (pull.Verdict, policy.Action) {
	if r.Trouble != "" {
		return pull.Unknown, policy.WarnOf
	}
	verdict, action := pull.Skipped, policy.Allow
	for i, result := range r.Report.Results {
		if result.Verdict.Compare(verdict) > 0 {
			verdict = result.Verdict
		}
		if r.Decision.Actions[i].Compare(action) > 0 {
			action = r.Decision.Actions[i]
		}
	}
	return verdict, action
}

// reason is why a request came to that: of its images, the one that is done most
// about.
func (r ruling) reason() string {
	if r.Trouble != "" {
		return "not checked"
	}
	worst := -1
	for i, result := range r.Report.Results {
		if worst < 0 || r.Decision.Actions[i].Compare(r.Decision.Actions[worst]) > 0 ||
			r.Decision.Actions[i] == r.Decision.Actions[worst] && result.Verdict.Compare(r.Report.Results[worst].Verdict) > 0 {
			worst = i
		}
	}
	if worst < 0 {
		return ""
	}
	return string(r.Report.Results[worst].Reason)
}
