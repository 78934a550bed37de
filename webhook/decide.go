package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// outcome is what became of a request.
type outcome struct {
	report   resolver.Report
	decision policy.Decision
	// trouble says why nothing was looked at although it should have been.
	trouble string
	// wrongLabel is what the namespace's mode label says if that is no mode.
	wrongLabel string
}

// unread is the outcome where nothing could be looked at: a warning.
func unread(trouble string) outcome { return outcome{trouble: trouble} }

// decide says what becomes of a request, cheapest questions first.
func (h *Handler) decide(ctx context.Context, request *admissionv1.AdmissionRequest) outcome {
	engine := h.Engine()
	where := policy.Where{Namespace: request.Namespace, DryRun: request.DryRun != nil && *request.DryRun}
	operation, relevant := operationOf(request)
	switch {
	case !relevant:
		return outcome{}
	case request.Namespace == h.Self && h.Self != "", engine.Policy.ExemptNamespace(request.Namespace):
		return outcome{decision: policy.Decision{Mode: engine.Policy.ModeFor(where)}}
	case engine.Policy.ExemptUser(request.UserInfo.Username):
		return outcome{decision: policy.Decision{Mode: engine.Policy.ModeFor(where)}}
	}
	if h.Labels != nil {
		where.Labels = h.labels(ctx, engine, where)
	}
	if !engine.Policy.Looks(where) {
		return outcome{decision: policy.Decision{Mode: policy.Off}}
	}
	o := h.look(ctx, engine, where, request, operation)
	o.wrongLabel = where.WrongLabel()
	return o
}

// labels returns a namespace's labels. While they cannot be read, one of them
// may say not to deny, so that the file's enforce is no more than a warning.
func (h *Handler) labels(ctx context.Context, engine *Engine, where policy.Where) map[string]string {
	labels, err := h.Labels(ctx, where.Namespace)
	if err == nil {
		return labels
	}
	h.log().Warn("the namespace's labels are not known", "namespace", where.Namespace, "error", err.Error())
	if engine.Policy.ModeFor(where) == policy.Enforce {
		return map[string]string{policy.ModeLabel: string(policy.Warn)}
	}
	return nil
}

// operationOf says what is being done to what has pod templates.
func operationOf(request *admissionv1.AdmissionRequest) (workload.Operation, bool) {
	switch {
	case request.SubResource == "ephemeralcontainers" && request.Operation == admissionv1.Update:
		return workload.EphemeralContainers, true
	case request.SubResource != "":
		return 0, false
	case request.Operation == admissionv1.Create:
		return workload.Create, true
	case request.Operation == admissionv1.Update:
		return workload.Update, true
	default:
		return 0, false
	}
}

// look reads the object and checks what of it is new.
func (h *Handler) look(ctx context.Context, engine *Engine, where policy.Where, request *admissionv1.AdmissionRequest, operation workload.Operation) outcome {
	mode := engine.Policy.ModeFor(where)
	if len(request.Object.Raw) == 0 {
		return outcome{trouble: "not checked: the request holds no object", decision: policy.Decision{Mode: mode}}
	}
	w, err := engine.Kinds.Read(request.Object.Raw, operation)
	switch {
	case errors.Is(err, workload.ErrUnknownKind):
		return outcome{decision: policy.Decision{Mode: mode}}
	case err != nil:
		trouble := fmt.Sprintf("not checked: the object cannot be read: %v", err)
		return outcome{trouble: trouble, decision: policy.Decision{Mode: mode}}
	}
	w.Object.Namespace = request.Namespace
	if answer, skipped := engine.Skip(w, where, operation); skipped {
		return outcome{report: answer.Report, decision: answer.Decision}
	}
	if operation != workload.Create {
		old, err := engine.Kinds.Read(request.OldObject.Raw, operation)
		if err == nil { // else all of it counts as new
			changed := workload.Changed(old, w)
			if len(changed.Templates) == 0 {
				answer := engine.Unchanged(w, where)
				return outcome{report: answer.Report, decision: answer.Decision}
			}
			w = changed
		}
	}
	answer := engine.Resolve(ctx, w, where)
	return outcome{report: answer.Report, decision: answer.Decision}
}

// summary is what a request came to: the worst verdict and the strictest
// action of its images.
func (o outcome) summary() (pull.Verdict, policy.Action) {
	if o.trouble != "" {
		return pull.Unknown, policy.WarnOf
	}
	verdict, action := pull.Skipped, policy.Allow
	for i, result := range o.report.Results {
		if severity(result.Verdict) > severity(verdict) {
			verdict = result.Verdict
		}
		if strictness(o.decision.Actions[i]) > strictness(action) {
			action = o.decision.Actions[i]
		}
	}
	return verdict, action
}

func severity(verdict pull.Verdict) int {
	return slices.Index([]pull.Verdict{pull.Skipped, pull.Pullable, pull.Unknown, pull.Broken}, verdict)
}

func strictness(action policy.Action) int {
	return slices.Index([]policy.Action{policy.Allow, policy.Record, policy.WarnOf, policy.Deny}, action)
}
