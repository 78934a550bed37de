package tell

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

const (
	// managedBy is the label by which Reports of ours are found.
	managedBy = "app.kubernetes.io/managed-by"
	// findingsKey is the annotation that tells what a Report reports.
	findingsKey = "pullgate.dev/findings"
	// reportsPage is how many Reports are read at a time.
	reportsPage = 500
)

// ErrNoReports is that the API server has no kind of Report that is known here.
var ErrNoReports = errors.New("the API server serves neither openreports.io/v1alpha1 nor wgpolicyk8s.io/v1alpha2")

// reportKinds are the kinds of Reports, the better one first.
func reportKinds() []schema.GroupVersionKind {
	return []schema.GroupVersionKind{
		{Group: "openreports.io", Version: "v1alpha1", Kind: "Report"},
		{Group: "wgpolicyk8s.io", Version: "v1alpha2", Kind: "PolicyReport"},
	}
}

// Reports keeps a Report for each workload that has findings. It is safe for
// concurrent use; Open comes first.
type Reports struct {
	// Client writes them.
	Client dynamic.Interface
	// Self is the name of the label's value and of who writes.
	Self string

	mapping *meta.RESTMapping
	mu      sync.Mutex
	written map[types.UID]string // what is reported, by the workload
}

// Open finds out which kind of Report the API server has, and what is reported
// already. ErrNoReports: it has none.
func (r *Reports) Open(ctx context.Context, mapper meta.RESTMapper) error {
	for _, kind := range reportKinds() {
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look for %s: %w", kind.GroupKind(), err)
		}
		r.mapping, r.written = mapping, map[types.UID]string{}
		return r.each(ctx, func(report *unstructured.Unstructured) error {
			for _, owner := range report.GetOwnerReferences() {
				r.written[owner.UID] = report.GetAnnotations()[findingsKey]
			}
			return nil
		})
	}
	return ErrNoReports
}

// each reads all Reports of ours.
func (r *Reports) each(ctx context.Context, do func(*unstructured.Unstructured) error) error {
	for next := ""; ; {
		page, err := r.Client.Resource(r.mapping.Resource).List(ctx, metav1.ListOptions{
			LabelSelector: managedBy + "=" + r.Self, Limit: reportsPage, Continue: next,
		})
		if err != nil {
			return fmt.Errorf("list %s: %w", r.mapping.Resource.GroupResource(), err)
		}
		for i := range page.Items {
			if err := do(&page.Items[i]); err != nil {
				return err
			}
		}
		if next = page.GetContinue(); next == "" {
			return nil
		}
	}
}

// Tell writes a workload's Report if its verdicts have changed, and removes it
// when all is well. While nothing is known for certain it stays.
func (r *Reports) Tell(ctx context.Context, w Workload, now time.Time) error {
	fresh, before := w.hash(), r.reported(w.UID)
	if fresh == before || fresh == "" && !w.Sound {
		return nil
	}
	reports := r.Client.Resource(r.mapping.Resource).Namespace(w.Namespace)
	var err error
	if fresh == "" {
		if err = reports.Delete(ctx, reportName(w.UID), metav1.DeleteOptions{}); apierrors.IsNotFound(err) {
			err = nil // somebody was quicker
		}
	} else {
		report := newReport(r.mapping.GroupVersionKind, w, r.Self, fresh, now)
		_, err = reports.Apply(ctx, report.GetName(), report, metav1.ApplyOptions{FieldManager: r.Self, Force: true})
	}
	if err != nil {
		return fmt.Errorf("report on %s %s/%s: %w", w.Kind, w.Namespace, w.Name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written[w.UID] = fresh
	if fresh == "" {
		delete(r.written, w.UID)
	}
	return nil
}

func (r *Reports) reported(uid types.UID) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.written[uid]
}

// Forget lets a workload go, with which the API server removes its Report.
func (r *Reports) Forget(uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.written, uid)
}

// Remove removes all Reports.
func (r *Reports) Remove(ctx context.Context) error {
	return r.each(ctx, func(report *unstructured.Unstructured) error {
		err := r.Client.Resource(r.mapping.Resource).Namespace(report.GetNamespace()).Delete(ctx, report.GetName(), metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("remove %s/%s: %w", report.GetNamespace(), report.GetName(), err)
		}
		return nil
	})
}

// hash stands for the verdicts, when they hurt and what else there is; empty: there is nothing to report. What people
// read of them does not count, since it may differ with every look.
func (w *Workload) hash() string {
	if len(w.Findings)+len(w.Notices) == 0 {
		return ""
	}
	sum := fnv.New64a()
	for _, f := range w.Findings {
		_, _ = fmt.Fprintf(sum, "%s\x00%s\x00%s\x00%s\x00%s", f.Container, f.Image, f.Verdict, f.Reason, f.When) // it never fails
	}
	for _, n := range w.Notices {
		_, _ = fmt.Fprintf(sum, "\x00%s\x00%s\x00%s", n.Container, n.Image, n.Reason)
	}
	return strconv.FormatUint(sum.Sum64(), 36)
}
