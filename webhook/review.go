package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	kjson "sigs.k8s.io/json"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/probe"
	"github.com/pullgate/pullgate/workload"
)

// review is what is read of an AdmissionReview.
type review struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Request    *request `json:"request"`
}

// request is what is read of an AdmissionRequest. The objects are read along where they
// can be.
type request struct {
	UID  types.UID `json:"uid"`
	Kind struct {
		Kind string `json:"kind"`
	} `json:"kind"`
	SubResource string                `json:"subResource"`
	Name        string                `json:"name"`
	Namespace   string                `json:"namespace"`
	Operation   admissionv1.Operation `json:"operation"`
	UserInfo    struct {
		Username string `json:"username"`
	} `json:"userInfo"`
	Object    workload.Embedded `json:"object"`
	OldObject workload.Embedded `json:"oldObject"`
	DryRun    bool              `json:"dryRun"`

	room int64 // that its body takes
}

// admission returns what an engine is to look at, if it is anything at all.
func (r *request) admission() (engine.Admission, bool) {
	operation, relevant := r.operation()
	return engine.Admission{
		Namespace: r.Namespace, User: r.UserInfo.Username, Operation: operation,
		Object: r.Object, Old: r.OldObject, DryRun: r.DryRun,
	}, relevant
}

// probe returns the token of a dry run that asks whether it comes by. Who could
// not read it cannot be told.
func (r *request) probe() string {
	if !r.DryRun || !bytes.Contains(r.Object.Raw, []byte(probe.Label)) {
		return ""
	}
	token, _ := probe.Token(r.Object.Raw) // that it cannot be read the review says
	return token
}

// operation says what is being done to what has pod templates.
func (r *request) operation() (workload.Operation, bool) {
	switch {
	case r.SubResource == "ephemeralcontainers" && r.Operation == admissionv1.Update:
		return workload.EphemeralContainers, true
	case r.SubResource != "":
		return 0, false
	case r.Operation == admissionv1.Create:
		return workload.Create, true
	case r.Operation == admissionv1.Update:
		return workload.Update, true
	default:
		return 0, false
	}
}

// refusal is why something is no request for admission.
type refusal struct {
	status int
	err    error
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status, fmt.Errorf(format, args...)}
}

// readReview reads a request for admission as API servers read JSON: names have
// their case, and of two values of one name the last counts.
func readReview(text []byte) (*request, *refusal) {
	if len(text) == 0 {
		return nil, refuse(http.StatusBadRequest, "the request is empty: an AdmissionReview is expected")
	}
	read, ok := readStrictly(text)
	if !ok { // it is no API server's, or no review
		read = review{}
		if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &read); err != nil {
			return nil, refuse(http.StatusBadRequest, "not an AdmissionReview: %s", cut(err.Error(), maxWarning))
		}
	}
	if got := schema.FromAPIVersionAndKind(read.APIVersion, read.Kind); got != admissionv1.SchemeGroupVersion.WithKind("AdmissionReview") {
		return nil, refuse(http.StatusBadRequest, "kind %.80q of %.80q is not understood: only AdmissionReview of %s is (admissionReviewVersions: [v1])",
			read.Kind, read.APIVersion, admissionv1.SchemeGroupVersion)
	}
	if read.Request == nil {
		return nil, refuse(http.StatusBadRequest, "the AdmissionReview has no request")
	}
	return read.Request, nil
}

// readStrictly reads a review that can be read in one way alone, and its objects
// with it.
func readStrictly(text []byte) (read review, ok bool) {
	if workload.TooLarge(text) {
		return read, false
	}
	read, ok = workload.Strictly[review](text)
	if ok && read.Request != nil {
		read.Request.Object.Locate(text)
		read.Request.OldObject.Locate(text)
	}
	return read, ok
}

// unreadable says why a body did not come.
func unreadable(err error) *refusal {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, errNoRoom):
		return &refusal{http.StatusServiceUnavailable, err}
	case errors.As(err, &tooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "the AdmissionReview is larger than %d bytes", tooLarge.Limit)
	default:
		return refuse(http.StatusBadRequest, "the AdmissionReview did not arrive whole: %w", err)
	}
}
