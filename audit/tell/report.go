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
		"source": self, "scope": scope, "summary": summary(w.Findings), "results": results(w.Findings, self, now),
	}}
	report.SetGroupVersionKind(kind)
	report.SetNamespace(w.Namespace)
	report.SetName(reportName(w.UID))
	report.SetLabels(map[string]string{managedBy: self})
	report.SetAnnotations(map[string]string{findingsKey: hash})
	report.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: w.APIVersion, Kind: w.Kind, Name: w.Name, UID: w.UID}})
	return report
}

// summary counts all findings, be there more than results.
func summary(findings []Finding) map[string]any {
	counts := map[string]any{"pass": int64(0), "fail": int64(0), "warn": int64(0), "error": int64(0), "skip": int64(0)}
	for _, f := range findings {
		n, _ := counts[outcome(f)].(int64)
		counts[outcome(f)] = n + 1
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

func results(findings []Finding, self string, now time.Time) []any {
	all := make([]any, 0, min(len(findings), maxResults))
	for _, f := range findings[:min(len(findings), maxResults)] {
		all = append(all, result(f, self, now))
	}
	return all
}

// result is one finding, its message cut to what fits.
func result(f Finding, self string, now time.Time) map[string]any {
	message := f.Message
	if f.Hint != "" {
		message += "; " + f.Hint
	}
	one := map[string]any{
		"source": self, "policy": rule, "rule": string(f.Reason), "category": "Availability", "severity": severity(f), "result": outcome(f),
		"scored": true, "timestamp": map[string]any{"seconds": now.Unix(), "nanos": int64(0)},
		"properties": map[string]any{"container": f.Container, "image": shortened(f.Image, maxImage)},
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
