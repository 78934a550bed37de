package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/workload"
)

// Admission is an object that is about to be written.
type Admission struct {
	Namespace string
	// User is the name of who writes it.
	User      string
	Operation workload.Operation
	// Object and Old are the object as it is to be, and as it is.
	Object, Old workload.Embedded
	// DryRun says that nothing will be persisted.
	DryRun bool
}

// Admit says what becomes of an object that is about to be written, cheapest
// questions first.
func (e *Engine) Admit(ctx context.Context, a Admission) Outcome {
	where := policy.Where{Namespace: a.Namespace, DryRun: a.DryRun}
	if e.passesUnread(a.Namespace, a.User) {
		return e.unread(where, "")
	}
	var unlabelled error
	if e.Labels != nil {
		where.Labels, unlabelled = e.labels(ctx, where)
	}
	if !e.Policy.Looks(where) {
		return Outcome{Decision: policy.Decision{Mode: policy.Off}, Unlabelled: unlabelled}
	}
	outcome := e.admit(ctx, a, where)
	outcome.WrongLabel, outcome.Unlabelled = where.WrongLabel(), unlabelled
	return outcome
}

// labels returns a namespace's labels. While they cannot be read, one of them
// may say not to deny, so that the file's enforce is no more than a warning.
func (e *Engine) labels(ctx context.Context, where policy.Where) (map[string]string, error) {
	labels, err := e.Labels(ctx, where.Namespace)
	if err != nil && e.Policy.ModeFor(where) == policy.Enforce {
		return map[string]string{policy.ModeLabel: string(policy.Warn)}, err
	}
	return labels, err
}

// admit reads the object and looks at what of it is new.
func (e *Engine) admit(ctx context.Context, a Admission, where policy.Where) Outcome {
	if len(a.Object.Raw) == 0 {
		return e.unread(where, "not checked: the request holds no object")
	}
	w, err := e.Kinds.ReadEmbedded(a.Object, a.Operation)
	switch {
	case errors.Is(err, workload.ErrUnknownKind):
		return e.unread(where, "")
	case err != nil:
		return e.unread(where, fmt.Sprintf("not checked: the object cannot be read: %v", err))
	}
	w.Object.Namespace = a.Namespace
	if why, pass := e.passes(w, where, a.Operation); pass {
		return e.skip(w, where, why)
	}
	if a.Operation != workload.Create {
		old, err := e.Kinds.ReadEmbedded(a.Old, a.Operation)
		if err == nil { // else all of it counts as new
			changed := workload.Changed(old, w)
			if len(changed.Templates) == 0 {
				return e.skip(w, where, passesUnchanged())
			}
			w = changed
		}
	}
	return e.resolve(ctx, w, where)
}

// unread is the outcome where the object was not read; trouble says why that is
// not as it should be.
func (e *Engine) unread(where policy.Where, trouble string) Outcome {
	return Outcome{Trouble: trouble, Decision: policy.Decision{Mode: e.Policy.ModeFor(where)}}
}
