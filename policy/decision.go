package policy

import (
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// Where is what a decision depends on besides the report.
type Where struct {
	// Namespace is the namespace's name, and Labels are its labels.
	Namespace string
	Labels    map[string]string
	// DryRun says that nothing will be persisted.
	DryRun bool
}

// Action is what is done about one image.
type Action string

// The actions, a closed set.
const (
	// Allow lets it pass in silence.
	Allow Action = "allow"
	// Record lets it pass and records it.
	Record Action = "audit"
	// WarnOf lets it pass with a warning.
	WarnOf Action = "warn"
	// Deny refuses the object.
	Deny Action = "deny"
)

// Actions lists them in the order of their strictness, the mildest first.
func Actions() []Action { return []Action{Allow, Record, WarnOf, Deny} }

// Compare orders actions by their strictness: Deny is the most.
func (a Action) Compare(other Action) int {
	return slices.Index(Actions(), a) - slices.Index(Actions(), other)
}

// Decision is what is done about a report.
type Decision struct {
	// Mode is that of the namespace, before rules.
	Mode Mode
	// Actions are one for each result of the report, in its order.
	Actions []Action
	// Modes are the mode that applied to each result.
	Modes []Mode
}

// Denied tells whether the object is refused.
func (d Decision) Denied() bool {
	for _, action := range d.Actions {
		if action == Deny {
			return true
		}
	}
	return false
}

// Decide says what is done about each result of a report.
func (c *Configuration) Decide(report resolver.Report, where Where) Decision {
	decision := Decision{Mode: c.ModeFor(where)}
	for _, result := range report.Results {
		mode := c.modeOf(result, where, decision.Mode)
		decision.Modes = append(decision.Modes, mode)
		decision.Actions = append(decision.Actions, c.action(result, mode))
	}
	return decision
}

// ModeFor returns the mode of a namespace: dryRunMode for a dry run, else the
// Namespace's label, else the file's. A label that is no mode counts as none.
func (c *Configuration) ModeFor(where Where) Mode {
	if where.DryRun && c.DryRunMode != "" {
		return c.DryRunMode
	}
	for _, mode := range modes() {
		if where.Labels[ModeLabel] == string(mode) {
			return mode
		}
	}
	return c.Mode
}

// WrongLabel returns the namespace's mode label if it is no mode, else "".
func (w Where) WrongLabel() string {
	label := w.Labels[ModeLabel]
	if slices.Contains(modes(), Mode(label)) {
		return ""
	}
	return label
}

// Looks tells whether anything of a namespace has to be looked at: not in mode
// off, unless a rule might say otherwise.
func (c *Configuration) Looks(where Where) bool {
	if c.ModeFor(where) != Off {
		return true
	}
	if where.DryRun && c.DryRunMode != "" {
		return false
	}
	for _, rule := range c.Rules {
		if rule.Mode != Off && rule.inNamespace(where.Namespace) {
			return true
		}
	}
	return false
}

// modeOf returns the mode for one result: that of the first rule that matches,
// which is narrower than the namespace's.
func (c *Configuration) modeOf(result resolver.Result, where Where, mode Mode) Mode {
	if where.DryRun && c.DryRunMode != "" {
		return mode
	}
	for _, rule := range c.Rules {
		if rule.inNamespace(where.Namespace) && rule.hasImage(result) && rule.hasReason(result.Reason) {
			return rule.Mode
		}
	}
	return mode
}

func (r *Rule) inNamespace(namespace string) bool {
	return len(r.Namespaces) == 0 || matchAny(r.Namespaces, namespace)
}

func (r *Rule) hasImage(result resolver.Result) bool {
	return len(r.Images) == 0 || matchAny(r.Images, spellings(result.Image.Reference)...)
}

func (r *Rule) hasReason(reason pull.Reason) bool {
	if len(r.Reasons) == 0 {
		return true
	}
	for _, name := range r.Reasons {
		if name == string(reason) {
			return true
		}
	}
	return false
}

// action is what a mode does about a result. The verdict that counts is the
// reason's: one that nobody gave a reason for is unknown.
func (c *Configuration) action(result resolver.Result, mode Mode) Action {
	reason, _ := result.Reason.Entry()
	verdict := reason.Verdict
	switch {
	case mode == Off || verdict == pull.Pullable || verdict == pull.Skipped:
		return Allow
	case mode == Audit:
		return Record
	case verdict == pull.Unknown:
		return c.actionOnUnknown(result.Reason, mode)
	case mode == Warn || reason.Mild:
		return WarnOf
	default:
		return Deny
	}
}

// actionOnUnknown is what a mode does where nothing is known. A reason outside
// the closed set is a slip of ours, which denies under no configuration.
func (c *Configuration) actionOnUnknown(reason pull.Reason, mode Mode) Action {
	switch {
	case c.OnUnknown == UnknownAllow:
		return Allow
	case c.OnUnknown == UnknownDeny && mode == Enforce && reason.Known():
		return Deny
	default:
		return WarnOf
	}
}

// ExemptNamespace tells whether a namespace is let through without a look.
func (c *Configuration) ExemptNamespace(namespace string) bool {
	return matchAny(c.Exempt.Namespaces, namespace)
}

// ExemptUser tells whether a user's requests are let through without a look.
func (c *Configuration) ExemptUser(name string) bool { return matchAny(c.Exempt.Users, name) }

// ExemptImage tells whether an image is let through without a look.
func (c *Configuration) ExemptImage(written string) bool {
	return len(c.Exempt.Images) > 0 && matchAny(c.Exempt.Images, spellings(written)...)
}

// spellings are the ways to write an image that a glob may mean: the name as
// written, in short and in full, each with and without tag and digest.
func spellings(written string) []string {
	named, err := workload.ParseReference(written)
	if err != nil {
		return []string{written}
	}
	named = reference.TagNameOnly(named)
	base, suffixes := written, []string{""}
	if digested, ok := named.(reference.Digested); ok {
		suffix := "@" + digested.Digest().String()
		base, suffixes = strings.TrimSuffix(base, suffix), append(suffixes, suffix)
	}
	if tagged, ok := named.(reference.Tagged); ok {
		suffix := ":" + tagged.Tag()
		base = strings.TrimSuffix(base, suffix)
		for _, behind := range suffixes {
			suffixes = append(suffixes, suffix+behind)
		}
	}
	var all []string
	for _, name := range []string{base, reference.FamiliarName(named), named.Name()} {
		for _, suffix := range suffixes {
			all = append(all, name+suffix)
		}
	}
	return all
}
