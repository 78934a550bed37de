package check

import (
	"cmp"
	"strings"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
)

// decided is a result with what is done about it.
type decided struct {
	resolver.Result
	action policy.Action
	mode   policy.Mode
}

// result makes a line of the report.
func (c *Check) result(from *found, r decided) report.Result {
	result := report.Result{
		Object: from.Object, Field: r.Image.Field, Container: r.Image.Container, Image: r.Image.Reference,
		Resolved: r.Resolved, Digest: r.Digest, Verdict: r.Verdict, Reason: r.Reason,
		Mode: string(r.mode), Action: string(r.action), Failed: c.fails(r.Verdict, r.action, r.mode),
		Message: r.Message, Node: r.Node, Hint: r.Hint, Suggestions: r.Suggestions,
		Credentials: r.Credentials, Notes: r.Notes,
	}
	if r.Reason == pull.NodeCredentialsUnknown {
		result.Hint = cmp.Or(r.Hint, loginHint(r), c.Hint)
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
