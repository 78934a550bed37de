package tell

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// scribe keeps the Events that are written.
type scribe struct {
	typedcorev1.EventInterface
	written []*corev1.Event
	err     error
}

func (s *scribe) Events(string) typedcorev1.EventInterface { return s }

func (s *scribe) Create(_ context.Context, event *corev1.Event, _ metav1.CreateOptions) (*corev1.Event, error) {
	if s.err != nil {
		return nil, s.err
	}
	s.written = append(s.written, event)
	return event, nil
}

func web() Workload {
	return Workload{Object: workload.Object{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}, UID: "u"}
}

func found(reason pull.Reason) Finding {
	return Finding{Container: "c", Image: "web:1", Verdict: reason.Verdict(), Reason: reason, Message: "tag not found"}
}

// There is one Event in 6 h at most, and the last word is the true one.
func TestEvents(t *testing.T) {
	broken, unknown, sound := web(), web(), web()
	broken.Findings = []Finding{found(pull.RegistryUnreachable), found(pull.TagNotFound)}
	unknown.Findings = []Finding{found(pull.RegistryUnreachable)}
	sound.Sound = true
	s := &scribe{}
	e := &Events{Client: s}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, step := range []struct {
		after time.Duration
		w     Workload
		want  string // the reason of an Event
	}{
		{0, sound, ""},
		{0, unknown, ""},
		{time.Hour, broken, broke},
		{time.Hour, broken, ""},
		{time.Hour, sound, ""},  // too soon
		{time.Hour, broken, ""}, // and so nothing has changed
		{time.Hour, sound, ""},
		{2 * time.Hour, unknown, ""}, // nobody knows
		{0, sound, recovered},
		{time.Hour, broken, ""},
		{5 * time.Hour, broken, broke},
		{7 * time.Hour, sound, recovered},
		{7 * time.Hour, sound, ""},
	} {
		now = now.Add(step.after)
		before := len(s.written)
		if err := e.Tell(t.Context(), step.w, now); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, event := range s.written[before:] {
			got += event.Reason
		}
		if got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	first := s.written[0]
	if first.Message != "new Pods cannot pull web:1 (TagNotFound): tag not found" || first.Type != corev1.EventTypeWarning ||
		first.InvolvedObject.UID != "u" || first.InvolvedObject.APIVersion != "apps/v1" || first.Namespace != "shop" || !first.FirstTimestamp.Equal(&first.LastTimestamp) {
		t.Errorf("%+v", first)
	}
	if len(e.told) != 0 {
		t.Errorf("%v is kept of what is well", e.told)
	}
}

// What could not be written is written next time.
func TestEventsThatFail(t *testing.T) {
	broken := web()
	broken.Findings = []Finding{found(pull.TagNotFound)}
	broken.Findings[0].Message = strings.Repeat("ü", maxText)
	broken.Name = strings.Repeat("n", maxName-1) + "-" + strings.Repeat("n", 53)
	s := &scribe{err: errors.New("forbidden")}
	e := &Events{Client: s}
	if err := e.Tell(t.Context(), broken, time.Unix(0, 0)); !errors.Is(err, s.err) {
		t.Errorf("%v", err)
	}
	s.err = nil
	if err := e.Tell(t.Context(), broken, time.Unix(9, 0)); err != nil || len(s.written) != 1 {
		t.Fatalf("%v: %v", err, s.written)
	}
	if event := s.written[0]; len(event.Message) > maxText || len(event.Name) > 253 || strings.Contains(event.Name, "-.") {
		t.Errorf("%d bytes as %s", len(event.Message), event.Name)
	}
	e.Forget(broken.UID)
	if e.Last(broken.UID).Broken {
		t.Error("it is not forgotten")
	}
}

// Of a notice there is one Event as long as it lasts, and none instead of that an
// image broke; what only nodes have is broken, too.
func TestNotices(t *testing.T) {
	moved, cached, both, sound := web(), web(), web(), web()
	moved.Sound, sound.Sound = true, true
	moved.Notices = []Notice{{Reason: pull.TagMoved, Image: "web:1", Message: "the tag 1 has moved"}}
	cached.Findings = []Finding{found(pull.PresentOnNodes)}
	cached.Findings[0].Hurts = "it hurts when a Pod lands on another node"
	both.Findings, both.Notices = cached.Findings, []Notice{moved.Notices[0], {Reason: pull.PullSecretExpires, Image: "secret/shop/ecr", Message: "it ends"}}
	s := &scribe{}
	e := &Events{Client: s}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, step := range []struct {
		after time.Duration
		w     Workload
		want  string
	}{
		{0, moved, "Normal TagMoved "},
		{time.Minute, moved, ""},
		{24 * time.Hour, moved, ""},
		{time.Minute, sound, ""},
		{time.Minute, moved, ""}, // too soon
		{time.Minute, sound, ""},
		{7 * time.Hour, sound, ""},
		{time.Minute, moved, "Normal TagMoved "},
		{time.Minute, cached, "Warning ImageNotPullable "},
		{time.Minute, both, "Warning PullSecretExpires "},
		{7 * time.Hour, sound, "Normal ImagePullable "},
		{7 * time.Hour, sound, ""},
	} {
		now = now.Add(step.after)
		before, got := len(s.written), ""
		if err := e.Tell(t.Context(), step.w, now); err != nil {
			t.Fatal(err)
		}
		for _, event := range s.written[before:] {
			got += event.Type + " " + event.Reason + " "
		}
		if got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
		restarted := &Events{Client: s}
		restarted.Restore("u", e.Last("u"))
		e = restarted
	}
	if m := s.written[2].Message; m != "new Pods cannot pull web:1 (PresentOnNodes): it hurts when a Pod lands on another node; tag not found" {
		t.Errorf("%s", m)
	}
	if len(e.told) != 0 {
		t.Errorf("%v is kept of what is well", e.told)
	}
}
