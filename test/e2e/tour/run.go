package tour

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/e2e/rig"
)

// settleTimeout bounds a command that is repeated until it prints what it
// must.
const settleTimeout = 30 * time.Second

// Prepare makes what the tour needs in the cluster.
func Prepare(ctx context.Context, r *rig.Rig) error {
	for name, labels := range Namespaces() {
		if err := r.Namespace(ctx, name, labels...); err != nil {
			return err
		}
	}
	return nil
}

// Report is what came of a step.
type Report struct {
	Step   Step
	Result cluster.Result
	// Calls and Requests are how often, during the step, the API server called
	// Pullgate and somebody called a registry.
	Calls, Requests int
	// Faults is what was not as said; empty when all was.
	Faults []string
}

// Walker does the steps one after another.
type Walker struct {
	Rig *rig.Rig

	// last is what was counted at the end of the step before, so that what
	// controllers do between two steps counts for the second.
	last *counts
}

// Run does one step. The error is for a step that could not be done at all.
func (w *Walker) Run(ctx context.Context, step Step) (Report, error) {
	before, err := count(ctx, w.Rig, step)
	if err != nil {
		return Report{}, err
	}
	if w.last != nil {
		before.calls, before.requests = w.last.calls, w.last.requests
	}
	result, err := do(ctx, w.Rig, step)
	if err != nil {
		return Report{}, err
	}
	after, err := count(ctx, w.Rig, step)
	if err != nil {
		return Report{}, err
	}
	w.last = &after
	report := Report{
		Step: step, Result: result,
		Calls: after.calls - before.calls, Requests: after.requests - before.requests,
	}
	report.Faults = append(outcomeFaults(report), textFaults(step, result)...)
	if step.Reason != "" && after.reason == before.reason {
		report.fault("Pullgate counted no image as %s", step.Reason)
	}
	if step.Recorded != "" && after.recorded == before.recorded {
		report.fault("Pullgate counted no request with %s", step.Recorded)
	}
	return report, nil
}

func (r *Report) fault(format string, args ...any) {
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

// do runs the command, again and again where the step says until when.
func do(ctx context.Context, r *rig.Rig, step Step) (cluster.Result, error) {
	deadline := time.Now().Add(settleTimeout)
	for {
		result, err := r.KubectlWith(ctx, step.Stdin, step.Args...)
		if err != nil || step.Until == nil || step.Until.MatchString(result.Output) || time.Now().After(deadline) {
			return result, err
		}
	}
}

// counts are the counters that a step is judged by.
type counts struct {
	calls, requests  int
	reason, recorded float64
}

func count(ctx context.Context, r *rig.Rig, step Step) (counts, error) {
	c := counts{requests: r.Lab.Requests()}
	var err error
	if c.calls, err = r.Gate.Calls(ctx); err != nil {
		return c, err
	}
	if step.Reason != "" {
		if c.reason, err = r.Gate.Metric(ctx, "pullgate_checks_total", `reason="`+step.Reason+`"`); err != nil {
			return c, err
		}
	}
	if step.Recorded != "" {
		c.recorded, err = r.Gate.Metric(ctx, "pullgate_admission_requests_total", `mode="audit"`, step.Recorded)
	}
	return c, err
}

// outcomeFaults tells where the outcome is not the one that was said.
func outcomeFaults(report Report) []string {
	var faults []string
	check := func(holds bool, format string, args ...any) {
		if !holds {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	result := report.Result
	warned := strings.Contains(result.Stderr, "Warning:")
	refused := strings.Contains(result.Stderr, "pullgate.dev\" denied the request")
	switch report.Step.Want {
	case Accepted, Done:
		check(result.Code == 0 && !warned, "expected no refusal and no warning")
	case Warned:
		check(result.Code == 0 && warned, "expected a warning and no refusal")
	case Refused:
		check(result.Code != 0 && refused, "expected Pullgate to refuse it")
	case Unasked:
		check(result.Code == 0 && !warned, "expected no refusal and no warning")
		check(report.Calls == 0, "Pullgate was called %d times", report.Calls)
		check(report.Requests == 0, "registries had %d requests", report.Requests)
	case Absent:
		check(result.Code != 0 && strings.Contains(result.Stderr, "(NotFound)"), "expected it not to be there")
	default:
		check(false, "no outcome %q is known", report.Step.Want)
	}
	return faults
}

// textFaults tells what should have been printed and was not.
func textFaults(step Step, result cluster.Result) []string {
	var faults []string
	for _, text := range step.Says {
		if !strings.Contains(result.Output, text) {
			faults = append(faults, fmt.Sprintf("expected it to say %q", text))
		}
	}
	if step.Until != nil && !step.Until.MatchString(result.Output) {
		faults = append(faults, fmt.Sprintf("expected it to print what matches %s", step.Until))
	}
	return faults
}
