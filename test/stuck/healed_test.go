package stuck

import (
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// alone are the images of Pods that nobody controls.
func alone() []scenario.Scenario {
	return []scenario.Scenario{{Name: "bare"}, {Name: "debugged"}}
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
