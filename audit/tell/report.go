package tell

import (
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxResults is how many results a Report has at most, and maxResult how many
	// bytes one takes as JSON.
	maxResults = 50
	maxResult  = 1024
	// maxImage bounds an image's name in it.
	maxImage = 300
	// rule is what the results are results of.
	rule = "image-pullable"
)

// reportName is that of a workload's Report.
func reportName(uid types.UID) string { return "pullgate-" + string(uid) }

// newReport is a workload's Report (openreports/reports-api apis/openreports.io/
// v1alpha1/report_types.go; that of wgpolicyk8s.io has the same fields but for
// the source).
func newReport(kind schema.GroupVersionKind, w Workload, self, hash string, now time.Time) *unstructured.Unstructured {
	scope := map[string]any{"apiVersion": w.APIVersion, "kind": w.Kind, "namespace": w.Namespace, "name": w.Name, "uid": string(w.UID)}
	report := &unstructured.Unstructured{Object: map[string]any{
		"scope": scope, "summary": summary(w), "results": results(w, self, now),
	}}
	if kind.Kind == "Report" {
		report.Object["source"] = self
	}
	report.SetGroupVersionKind(kind)
	report.SetNamespace(w.Namespace)
	report.SetName(reportName(w.UID))
	report.SetLabels(map[string]string{managedBy: self})
	report.SetAnnotations(map[string]string{findingsKey: hash})
	report.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: w.APIVersion, Kind: w.Kind, Name: w.Name, UID: w.UID}})
	return report
}

// summary counts all, be there more than results.
func summary(w Workload) map[string]any {
	counts := map[string]any{"pass": int64(0), "fail": int64(0), "warn": int64(0), "error": int64(0), "skip": int64(0)}
	for _, f := range w.Findings {
		n, _ := counts[outcome(f)].(int64)
		counts[outcome(f)] = n + 1
	}
	if more := int64(len(w.Notices)); more > 0 {
		n, _ := counts["warn"].(int64)
		counts["warn"] = n + more
	}
	return counts
}

// outcome says fail of what is broken, and warn of what is unknown, as enforce
// does.
func outcome(f Finding) string {
	if f.Verdict == pull.Broken {
		return "fail"
	}
	return "warn"
}

func results(w Workload, self string, now time.Time) []any {
	all := make([]any, 0, min(len(w.Findings)+len(w.Notices), maxResults))
	for _, f := range w.Findings[:min(len(w.Findings), maxResults)] {
		all = append(all, ofFinding(f, self, now))
	}
	for _, n := range w.Notices[:min(len(w.Notices), maxResults-len(all))] {
		all = append(all, result(string(n.Reason), "info", "warn", n.Message, map[string]any{"container": n.Container, "image": shortened(n.Image, maxImage)}, self, now))
	}
	return all
}

// ofFinding is one finding, with when it hurts.
func ofFinding(f Finding, self string, now time.Time) map[string]any {
	properties := map[string]any{"container": f.Container, "image": shortened(f.Image, maxImage)}
	message := f.Message
	for _, more := range []string{f.Hurts, f.Hint} {
		if more != "" {
			message += "; " + more
		}
	}
	if f.When != "" {
		properties["hurts"] = f.When
	}
	return result(string(f.Reason), severity(f), outcome(f), message, properties, self, now)
}

// result is one of a Report's, its message cut to what fits.
func result(reason, severity, outcome, message string, properties map[string]any, self string, now time.Time) map[string]any {
	one := map[string]any{
		"source": self, "policy": rule, "rule": reason, "category": "Availability", "severity": severity, "result": outcome,
		"scored": true, "timestamp": map[string]any{"seconds": now.Unix(), "nanos": int64(0)}, "properties": properties,
	}
	for {
		one["message"] = message
		raw, err := json.Marshal(one)
		if excess := len(raw) - maxResult; err == nil && excess > 0 && message != "" {
			message = shortened(message, max(0, len(message)-excess))
			continue
		}
		return one
	}
}

func severity(f Finding) string {
	if f.Verdict == pull.Broken {
		return "high"
	}
	return "low"
}
