package webhook

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
)

// Whatever comes, there is an answer, and no refusal unless the resolver said
// that an image is broken.
func FuzzServeHTTP(f *testing.F) {
	for _, seed := range []*admissionv1.AdmissionRequest{
		creation(deployment("a:1", "a:tagnotfound")), creation(deployment("a:ratelimited"), dryRun),
		creation(deployment("a:2"), update(deployment("a:1"))), creation(pod(`"ownerReferences":[{"controller":true}]`, "a:neverpresent")),
		creation(`{"apiVersion":"argoproj.io/v1","kind":"Rollout","spec":{"template":{"spec":{"containers":[{"image":""}]}}}}`),
	} {
		f.Add(encoded(f, seed), "?timeout=10s")
	}
	f.Add([]byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"operation":"CREATE","object":{"kind":"Pod"}}}`), "")
	f.Fuzz(func(t *testing.T, text []byte, query string) {
		if strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r > '~' }) {
			query = ""
		}
		rig := newRig(t, func(c *policy.Configuration) { c.OnUnknown = policy.UnknownWarn })
		recorder := rig.post(text, "?"+strings.TrimPrefix(query, "?"))
		switch recorder.Code {
		case http.StatusOK:
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			return
		case http.StatusServiceUnavailable: // the time that the query gives is over
			if strings.Contains(query, "timeout") && len(rig.asked) == 0 {
				return
			}
			t.Fatal("turned away for want of room")
		default:
			t.Fatalf("status %d", recorder.Code)
		}
		var sent admissionv1.AdmissionReview
		if err := json.Unmarshal(text, &sent); err != nil {
			t.Fatalf("an answer to what is no AdmissionReview: %v", err)
		}
		response := read(t, recorder, string(sent.Request.UID))
		if !response.Allowed && !rig.saidBroken() {
			t.Errorf("refused without reason: %s", recorder.Body)
		}
		if rig.counted(t, "pullgate_panics_total")[""] > 0 {
			t.Errorf("a panic: %s", rig.log.String())
		}
	})
}

// saidBroken tells whether any image that was asked about is broken.
func (r *rig) saidBroken() bool {
	for _, w := range r.asked {
		for _, result := range byTag(w).Results {
			if result.Verdict == pull.Broken {
				return true
			}
		}
	}
	return false
}
