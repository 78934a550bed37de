package check

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// decided is a result with what is done about it.
type decided struct {
	resolver.Result
	action policy.Action
	mode   policy.Mode
}

// decisions pairs the results of an outcome with what is done about them.
func decisions(outcome engine.Outcome) []decided {
	all := make([]decided, 0, len(outcome.Report.Results))
	for i, result := range outcome.Report.Results {
		all = append(all, decided{result, outcome.Decision.Actions[i], outcome.Decision.Modes[i]})
	}
	return all
}

// results makes lines of the report.
func (c *Check) results(ctx context.Context, in *Input, from *found, all []decided) []report.Result {
	var lines []report.Result
	for _, r := range all {
		secrets := in.secretsOf(ctx, from, r.Image.Field)
		line := c.result(from, r)
		if r.Reason == pull.NodeCredentialsUnknown {
			line.Hint = cmp.Or(secrets.unfilledHint(), r.Hint, loginHint(r), c.Hint)
		}
		secrets.annotate(&line)
		lines = append(lines, line)
	}
	return lines
}

// secretsOf returns the pull secrets that count for an image.
func (in *Input) secretsOf(ctx context.Context, from *found, field string) podSecrets {
	i := slices.IndexFunc(from.Templates, func(t workload.Template) bool {
		return slices.ContainsFunc(t.Images, func(image workload.Image) bool { return image.Field == field })
	})
	if i < 0 {
		return podSecrets{source: in.source}
	}
	return podSecretsOf(ctx, in.source, from.Object.Namespace, &from.Templates[i])
}

// result makes a line of the report.
func (c *Check) result(from *found, r decided) report.Result {
	result := report.Result{
		Object: from.Object, Field: r.Image.Field, Container: r.Image.Container, Image: r.Image.Reference,
		Resolved: r.Resolved, Digest: r.Digest, Verdict: r.Verdict, Reason: r.Reason,
		Mode: r.mode, Action: r.action, Failed: c.FailOn.Fails(r.Verdict, r.action, r.mode),
		Message: r.Message, Node: r.Node, Hint: r.Hint, Suggestions: r.Suggestions,
		Credentials: r.Credentials, Notes: r.Notes,
	}
	if from.object != nil {
		result.Source = report.Source(from.object.Find(r.Image.Field, r.Image.Reference))
	}
	return result
}

// loginHint is what to do where the user's own login was refused.
func loginHint(r decided) string {
	host, _, _ := strings.Cut(r.Resolved, "/")
	for _, attempt := range r.Credentials {
		if attempt.Source.Kind == pull.FromDocker && attempt.Outcome == pull.Rejected {
			return "log in again with `docker login " + host + "`, or ask for pull access"
		}
	}
	return ""
}

// Fails tells whether a run is to fail for a verdict: only where the mode is
// enforce, since in others admission would not refuse.
func (f FailOn) Fails(verdict pull.Verdict, action policy.Action, mode policy.Mode) bool {
	if mode != policy.Enforce {
		return false
	}
	switch f {
	case OnBroken:
		return action == policy.Deny
	case OnUnknown:
		return verdict == pull.Broken || verdict == pull.Unknown
	default:
		return false
	}
}
