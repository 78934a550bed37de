package stuck

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/stuck"
)

const patience = 90 * time.Second

// TestTroubles: what a real kubelet says is understood, with its events and
// without, and what is proposed mends it.
func TestTroubles(t *testing.T) {
	for _, trouble := range troubles() {
		t.Run(trouble.Name, func(t *testing.T) {
			t.Parallel()
			trouble.make(t)
			trouble.explain(t)
		})
	}
}

// TestNarrow: the same on a Node that pulls one image after the other, into little
// room; one trouble after the other, for they would be each other's.
func TestNarrow(t *testing.T) {
	for _, trouble := range narrow() {
		t.Run(trouble.Name, func(t *testing.T) {
			trouble.make(t)
			trouble.explain(t)
		})
	}
}

// make makes what is in trouble, and waits for the kubelet's words.
func (tr trouble) make(t *testing.T) {
	t.Helper()
	if err := on.Namespace(t.Context(), tr.Name); err != nil {
		t.Fatal(err)
	}
	if tr.before != nil {
		tr.before(t, tr)
	}
	if _, err := on.Must(t.Context(), tr.yaml(), "-n", tr.Name, "apply", "--field-manager=ci", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	tr.settle(t)
}

// settle waits until the kubelet has said what there is to say.
func (tr trouble) settle(t *testing.T) {
	t.Helper()
	settled := regexp.MustCompile(tr.settled)
	err := on.Await(t.Context(), tr.settled, patience, func() (bool, error) {
		text, err := tr.said(t)
		return settled.MatchString(text), err
	})
	if err != nil {
		text, _ := tr.said(t)
		t.Fatalf("%v in %s", err, text)
	}
}

// said is what there is of Pods and events, as JSON.
func (tr trouble) said(t *testing.T) (string, error) {
	t.Helper()
	var all strings.Builder
	for _, kind := range []string{"pods", "events"} {
		text, err := on.Get(t.Context(), "/api/v1/namespaces/"+tr.Name+"/"+kind)
		if err != nil {
			return "", err
		}
		all.Write(text)
	}
	return all.String(), nil
}

func (tr trouble) about() string {
	if tr.target == "" {
		return "deployment/" + tr.Name
	}
	return tr.target
}

func (tr trouble) explain(t *testing.T) {
	t.Helper()
	if slices.Contains([]string{failed, neverPulled, "FailedCreatePodSandBox"}, tr.settled) {
		tr.counted(t)
	}
	said, code := explained(t, on.Kubeconfig(), tr.about(), "-n", tr.Name)
	text, _ := pullgate(t, on.Kubeconfig(), "explain", tr.about(), "-n", tr.Name)
	if said.State != tr.state || said.Code != tr.code || code != exitCode(tr.state) {
		raw, _ := tr.said(t)
		t.Errorf("got %s[%s] and exit code %d, want %s[%s]\n%s\n%s", said.State, said.Code, code, tr.state, tr.code, text, raw)
	}
	if !strings.Contains(said.Answer, on.Lab.Fill(tr.Name, tr.names)) {
		t.Errorf("%q does not name %q", said.Answer, tr.names)
	}
	book.add(t, tr, said, string(text))
	tr.explainToFew(t)
	for _, word := range []string{"likely", "probably", "usually"} {
		if strings.Contains(string(text), word) {
			t.Errorf("%q is in\n%s", word, text)
		}
	}
	if tr.stays {
		return
	}
	if tr.outside != nil {
		tr.outside()
	}
	tr.mend(t, said.Remedies)
	tr.awaitRunning(t)
	if said, code := explained(t, on.Kubeconfig(), tr.about(), "-n", tr.Name); said.State != "healthy" || code != 0 {
		t.Errorf("mended, and it says %s[%s]: %s", said.State, said.Code, said.Answer)
	}
}

// explainToFew explains it to who may read no events, which says the same, and to
// who has the role view alone, which says what was not read.
func (tr trouble) explainToFew(t *testing.T) {
	t.Helper()
	want, state := tr.code, tr.state
	if tr.silent != "" {
		want, state = tr.silent, "unknown"
	}
	if said, _ := explained(t, silent, tr.about(), "-n", tr.Name); said.State != state || said.Code != want {
		t.Errorf("without events: got %s[%s]: %s, want %s[%s]", said.State, said.Code, said.Answer, state, want)
	}
	if said, _ := explained(t, on.Kubeconfig(), "-n", tr.Name); said.Code != tr.code { // the worst of the namespace
		t.Errorf("without a name: got %s[%s]: %s", said.State, said.Code, said.Answer)
	}
	tr.explainFile(t)
	if said, _ := explained(t, viewer, tr.about(), "-n", tr.Name); said.State == "healthy" || len(said.Unread) == 0 {
		t.Errorf("with the role view: got %s[%s]: %s; not read: %q", said.State, said.Code, said.Answer, said.Unread)
	}
}

// explainFile explains what kubectl prints of the Pod and the events, where there is
// no cluster: but for what others tell, it is the same.
func (tr trouble) explainFile(t *testing.T) {
	t.Helper()
	if slices.Contains([]string{"CredentialsRequired", "CredentialsRejected", "PullSecretMalformed", "KeptFromPod", "Queued", "NotCreated", "PullRateOnNode"}, tr.code) {
		return
	}
	printed, err := on.Must(t.Context(), "", "get", "pods,events", "-n", tr.Name, "-o", "yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "stuck.yaml")
	if err := os.WriteFile(file, []byte(printed), 0o600); err != nil {
		t.Fatal(err)
	}
	said, code := explained(t, "/nowhere", "-f", file)
	if said.State != tr.state || said.Code != tr.code || code != exitCode(tr.state) || len(said.Unread) != 1 {
		t.Errorf("from a file: got %s[%s]: %s; not read: %q", said.State, said.Code, said.Answer, said.Unread)
	}
}

func exitCode(state string) int {
	return map[string]int{"healthy": 0, "healed": 0, "broken": 1, "unknown": 3}[state]
}

// mend runs every command that is proposed.
func (tr trouble) mend(t *testing.T, remedies []remedy) {
	t.Helper()
	for _, r := range remedies {
		if r.Command == "" {
			continue
		}
		command := r.Command
		for placeholder, value := range tr.fill {
			command = regexp.MustCompile(`\b`+placeholder+`\b`).ReplaceAllString(command, on.Lab.Fill(tr.Name, value))
		}
		if r.Applicable != (command == r.Command) {
			t.Errorf("applicable is %t: %s", r.Applicable, r.Command)
		}
		out, err := tr.command(t, command).CombinedOutput()
		t.Logf("[%s] %s\n%s", r.Effect, command, out)
		if err != nil && !explains(command, err) && !strings.HasPrefix(command, toKubelet) {
			t.Errorf("%s: %v: %s", command, err, out)
		}
	}
}

// toKubelet begins a command that asks a kubelet, of which those of the stage serve
// nobody.
const toKubelet = "kubectl get --raw /api/v1/nodes/"

// explains tells whether a command has ended as one that explains what is wrong.
func explains(command string, err error) bool {
	var exit *exec.ExitError
	return strings.HasPrefix(command, "kubectl pullgate explain ") && errors.As(err, &exit) && (exit.ExitCode() == exitCode("broken") || exit.ExitCode() == exitCode("unknown"))
}

// counted tells whether what the kubelet says is understood where Pods that wait for
// an image are counted, by its status or else by its events.
func (tr trouble) counted(t *testing.T) {
	t.Helper()
	var pods corev1.PodList
	var events corev1.EventList
	for kind, into := range map[string]any{"pods": &pods, "events": &events} {
		text, err := on.Get(t.Context(), "/api/v1/namespaces/"+tr.Name+"/"+kind)
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range pods.Items {
		waits := stuck.Of(&pods.Items[i])
		if waits != nil && waits.Silent {
			if image := waits.FromEvents(events.Items); image != nil {
				waits.Images = append(waits.Images, *image)
			}
		}
		if waits == nil || len(waits.Images) == 0 || waits.Images[0].Reference == "" || waits.Images[0].Words == "" {
			t.Errorf("what the kubelet says is not understood: %+v", waits)
		}
	}
}

// awaitRunning waits until the workload's Pod runs.
func (tr trouble) awaitRunning(t *testing.T) {
	t.Helper()
	err := on.Await(t.Context(), "Pod that runs", patience, func() (bool, error) {
		text, err := on.Get(t.Context(), "/apis/apps/v1/namespaces/"+tr.Name+"/deployments/"+tr.Name)
		if err != nil {
			return false, err
		}
		var deployment struct {
			Metadata struct{ Generation int }
			Spec     struct{ Replicas int }
			Status   struct{ ObservedGeneration, UpdatedReplicas, Replicas, AvailableReplicas int }
		}
		err = json.Unmarshal(text, &deployment)
		s, all := deployment.Status, deployment.Spec.Replicas
		return s.ObservedGeneration == deployment.Metadata.Generation && s.UpdatedReplicas == all && s.Replicas == all && s.AvailableReplicas == all, err
	})
	if err != nil {
		text, _ := tr.said(t)
		t.Fatalf("%v in %s", err, text)
	}
}

// environment is that of a shell with kubectl, and crictl of a Node.
func environment(node string) []string {
	return append(os.Environ(), "KUBECONFIG="+on.Kubeconfig(), "HOME="+on.Dir(),
		"PATH="+on.Bin()+":"+os.Getenv("PATH"), "CONTAINER_RUNTIME_ENDPOINT="+on.Runtime(node))
}
