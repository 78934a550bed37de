package webhook

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/pullgate/pullgate/policy"
)

// in puts a request into a namespace.
func in(namespace string) func(*admissionv1.AdmissionRequest) {
	return func(r *admissionv1.AdmissionRequest) { r.Namespace = namespace }
}

// What would be refused counts like what is, by namespace, in each mode; and
// however many namespaces there are, few have series of their own.
func TestImagesAreCounted(t *testing.T) {
	for mode, decision := range map[policy.Mode]string{policy.Enforce: "deny", policy.Warn: "warn", policy.Audit: "audit"} {
		rig := newRig(t, func(c *policy.Configuration) {
			c.Mode = mode
			c.Rules = []policy.Rule{{Images: []string{"spared"}, Mode: policy.Warn}}
		})
		for i := range 150 {
			rig.ask(t, creation(deployment("a:tagnotfound", "fine:1", "spared:tagnotfound"), in(fmt.Sprintf("team-%d", i))))
		}
		got := rig.counted(t, "pullgate_admission_images_total")
		series := func(namespace, mode, decision string) float64 {
			return got["decision="+decision+",mode="+mode+",namespace="+namespace+",reason=TagNotFound,verdict=broken"]
		}
		own, others := 1.0, 50.0
		if mode == policy.Warn { // both images are the same to it
			own, others = 2, 100
		}
		if series("team-0", string(mode), decision) != own || series("team-99", "warn", "warn") != own || series("other", string(mode), decision) != others {
			t.Errorf("%s: %d series: %v", mode, len(got), got)
		}
	}
}

// A tenant whose Pods are refused ten thousand times fills no log, and keeps
// nobody else out of it; what is left out is counted.
func TestLogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rig := newRig(t)
		for range 10_000 {
			if rig.ask(t, creation(deployment("a:tagnotfound"), in("shop"))).Allowed {
				t.Fatal("it was let in")
			}
		}
		rig.ask(t, creation(deployment("a:ratelimited"), in("shop")))
		rig.ask(t, creation(deployment("a:tagnotfound"), in("crm")))
		lines := strings.Split(strings.TrimSpace(rig.log.String()), "\n")
		if len(lines) != logMost+2 {
			t.Errorf("%d lines", len(lines))
		}
		for _, part := range []string{`"namespace":"crm"`, `"reason":"RateLimited"`} {
			if strings.Count(rig.log.String(), part) != 1 {
				t.Errorf("not one line with %s", part)
			}
		}
		rig.log.Reset()
		rig.Flush()
		if text := rig.log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"namespace":"shop","reason":"TagNotFound","count":9990`) {
			t.Errorf("said in the end: %s", text)
		}
	})
}
