package engine

import (
	"context"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// broken resolves every image to a missing tag, and remembers which.
type broken struct{ asked []string }

func (b *broken) Resolve(_ context.Context, w workload.Workload) resolver.Report {
	report := resolver.Skip(w, pull.TagNotFound, "tag not found")
	for _, result := range report.Results {
		b.asked = append(b.asked, result.Image.Reference)
	}
	return report
}

func web(images ...string) workload.Workload {
	w := workload.Workload{Object: workload.Object{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "web"}, Templates: []workload.Template{{}}}
	for _, image := range images {
		w.Templates[0].Images = append(w.Templates[0].Images, workload.Image{Reference: image})
	}
	return w
}

func TestReview(t *testing.T) {
	yes := true
	owned := web("nginx")
	owned.Controller = &metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Controller: &yes}
	ownedByUnknown := web("nginx")
	ownedByUnknown.Controller = &metav1.OwnerReference{APIVersion: "example.com/v1", Kind: "Thing", Controller: &yes}
	skipping := web("nginx")
	skipping.Annotations = map[string]string{policy.SkipAnnotation: "side-loaded"}

	mirror := web("nginx")
	mirror.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"}

	tests := map[string]struct {
		w      workload.Workload
		change func(*policy.Configuration)
		labels map[string]string
		want   pull.Reason
		action policy.Action
		words  string
	}{
		"plain":                {web("nginx"), nil, nil, pull.TagNotFound, policy.Deny, "tag not found"},
		"owned":                {owned, nil, nil, pull.OwnedByController, policy.Allow, "checked on the ReplicaSet that controls it"},
		"owned by a stranger":  {ownedByUnknown, nil, nil, pull.TagNotFound, policy.Deny, "tag not found"},
		"a mirror Pod":         {mirror, nil, nil, pull.Exempt, policy.Allow, "a mirror Pod shows what a kubelet runs from a file"},
		"skip is not honoured": {skipping, nil, nil, pull.TagNotFound, policy.Deny, "tag not found"},
		"skip is honoured":     {skipping, func(c *policy.Configuration) { c.AllowSkipAnnotation = true }, nil, pull.Exempt, policy.Allow, "pullgate.dev/skip: side-loaded"},
		"exempt namespace":     {web("nginx"), func(c *policy.Configuration) { c.Exempt.Namespaces = []string{"sh*"} }, nil, pull.Exempt, policy.Allow, "the configuration exempts the namespace"},
		"exempt image":         {web("nginx"), func(c *policy.Configuration) { c.Exempt.Images = []string{"nginx"} }, nil, pull.Exempt, policy.Allow, "the configuration exempts the image"},
		"off by label":         {web("nginx"), nil, map[string]string{policy.ModeLabel: "off"}, pull.Exempt, policy.Allow, "the mode is off here"},
		"warn by label":        {web("nginx"), nil, map[string]string{policy.ModeLabel: "warn"}, pull.TagNotFound, policy.WarnOf, "tag not found"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			registry := &broken{}
			e := Engine{Policy: policy.Default(), Kinds: &workload.Kinds{}, Resolver: registry}
			if test.change != nil {
				test.change(&e.Policy)
			}
			outcome := e.Review(context.Background(), test.w, policy.Where{Namespace: "shop", Labels: test.labels})
			if n := len(outcome.Report.Results); n != 1 || len(outcome.Decision.Actions) != 1 {
				t.Fatalf("%d results and %d actions, want one each", n, len(outcome.Decision.Actions))
			}
			result := outcome.Report.Results[0]
			if result.Reason != test.want || outcome.Decision.Actions[0] != test.action || result.Message != test.words {
				t.Errorf("%s, %s, %q", result.Reason, outcome.Decision.Actions[0], result.Message)
			}
			if skipped := len(registry.asked) == 0; skipped != (test.want.Verdict() == pull.Skipped) {
				t.Errorf("asked for %v", registry.asked)
			}
		})
	}
}

func TestResolveLeavesOutExemptImagesAlone(t *testing.T) {
	registry := &broken{}
	e := Engine{Policy: policy.Default(), Kinds: &workload.Kinds{}, Resolver: registry}
	e.Policy.Exempt.Images = []string{"internal/*"}
	outcome := e.Review(context.Background(), web("a", "internal/b", "c"), policy.Where{Namespace: "shop"})
	if !slices.Equal(registry.asked, []string{"a", "c"}) || len(outcome.Report.Results) != 3 || !outcome.Decision.Denied() {
		t.Errorf("asked for %v, %d results, denied %t", registry.asked, len(outcome.Report.Results), outcome.Decision.Denied())
	}
}

// TestUpdatesAreLookedAt: a Pod that exists and gets another image is looked at,
// whoever controls it.
func TestUpdatesAreLookedAt(t *testing.T) {
	yes := true
	owned := web("nginx")
	owned.Controller = &metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Controller: &yes}
	e := Engine{Policy: policy.Default(), Kinds: &workload.Kinds{}}
	if _, pass := e.passes(owned, policy.Where{Namespace: "shop"}, workload.Update); pass {
		t.Error("an update is skipped")
	}
}
