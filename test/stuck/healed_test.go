package stuck

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/stuck"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// alone are the images of Pods that nobody controls.
func alone() []scenario.Scenario {
	return []scenario.Scenario{{Name: "bare"}, {Name: "debugged"}, {Name: "again"}}
}

// single is a Pod that nobody controls.
const single = `
apiVersion: v1
kind: Pod
metadata: {name: "{name}"}
spec: `

// TestHealed: of what failed and would work now it is said when the kubelet tries
// again; and what is given makes it try at once, with no controller either.
func TestHealed(t *testing.T) {
	t.Parallel()
	tr := trouble{Scenario: scenario.Scenario{Name: "bare"}, objects: single + pod, target: "pod/bare", settled: failed}
	on.Lab.Lose("bare")
	tr.make(t)
	on.Lab.Mend("bare")
	said, code := explained(t, on.Kubeconfig(), tr.target, "-n", tr.Name)
	if said.State != "healed" || said.Code != "TagNotFound" || code != 0 || !strings.Contains(said.Answer, "the kubelet tries again by ") {
		t.Errorf("got %s[%s]: %s", said.State, said.Code, said.Answer)
	}
	if len(said.Remedies) != 1 || !strings.Contains(said.Remedies[0].Command, "kubectl replace --force") {
		t.Fatalf("got %+v", said.Remedies)
	}
	tr.mend(t, said.Remedies)
	tr.settled = `"phase":"Running"`
	tr.settle(t)
}

// jitter is what there is between the end of a back-off and the kubelet's next look
// at the Pod (Kubernetes pkg/kubelet/pod_workers.go), and rounding is that of events'
// times.
const (
	jitter   = 15 * time.Second
	rounding = 2 * time.Second
)

// TestRetry: the kubelet tries again when it is said to, within its jitter, be it
// that it has failed more than once.
func TestRetry(t *testing.T) {
	t.Parallel()
	tr := trouble{Scenario: scenario.Scenario{Name: "again"}, objects: single + pod, target: "pod/again", settled: failed}
	on.Lab.Lose("again")
	tr.make(t)
	await := func(what string, ready func() bool) {
		t.Helper()
		if err := on.Await(t.Context(), what, patience, func() (bool, error) { return ready(), nil }); err != nil {
			t.Fatal(err)
		}
	}
	await("second failure", func() bool { n, _ := tr.pulls(t, "Failed"); return n >= 2 })
	on.Lab.Mend("again")
	said, _ := explained(t, on.Kubeconfig(), tr.target, "-n", tr.Name)
	_, last, found := strings.Cut(said.Answer, "the kubelet tries again by ")
	promised, err := time.Parse("15:04:05", strings.TrimSuffix(last, " UTC at the latest"))
	if !found || err != nil {
		t.Fatalf("got %s[%s]: %s: %v", said.State, said.Code, said.Answer, err)
	}
	_, before := tr.pulls(t, "Pulling")
	promised = promised.AddDate(before.Year(), int(before.Month())-1, before.Day()-1)
	if promised.Before(before) { // midnight came in between
		promised = promised.AddDate(0, 0, 1)
	}
	var tried time.Time
	await("another pull", func() bool { _, tried = tr.pulls(t, "Pulling"); return tried.After(before) })
	if early, late := promised.Add(-jitter-rounding), promised.Add(rounding); tried.Before(early) || tried.After(late) {
		t.Errorf("the kubelet tried again at %s, and was said to by %s", tried, promised)
	}
}

// pulls is how often there was an event about the image, and when last.
func (tr trouble) pulls(t *testing.T, reason string) (n int, last time.Time) {
	t.Helper()
	text, err := on.Get(t.Context(), "/api/v1/namespaces/"+tr.Name+"/events")
	var events corev1.EventList
	if err == nil {
		err = json.Unmarshal(text, &events)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range events.Items {
		e := &events.Items[i]
		if e.Reason != reason || !strings.Contains(e.Message, " image ") {
			continue
		}
		n += int(max(e.Count, 1))
		if at := stuck.Told(e).UTC(); at.After(last) {
			last = at
		}
	}
	return n, last
}

// TestEphemeral: a debugger whose image is not there fails alone, and is found.
func TestEphemeral(t *testing.T) {
	t.Parallel()
	tr := trouble{Scenario: scenario.Scenario{Name: "debugged"}, objects: single + pod, target: "pod/debugged", settled: `"phase":"Running"`}
	tr.make(t)
	tr.run(t, "kubectl debug pod/debugged -n debugged -c look --image="+strings.Replace(on.Lab.Image("debugged"), ":1", ":2", 1)+" -- /true")
	tr.settled = failed
	err := on.Await(t.Context(), tr.settled, patience, func() (bool, error) {
		text, err := tr.said(t)
		return strings.Contains(text, `ephemeralContainerStatuses`) && strings.Contains(text, `ErrImagePull`), err
	})
	if err != nil {
		t.Fatal(err)
	}
	said, _ := explained(t, on.Kubeconfig(), tr.target, "-n", tr.Name)
	if said.Code != "TagNotFound" || !strings.HasPrefix(said.Answer, "ephemeral container look cannot start: ") {
		t.Errorf("got %s[%s]: %s", said.State, said.Code, said.Answer)
	}
}
