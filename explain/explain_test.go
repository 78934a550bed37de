package explain

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/advice"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/wording"
	"github.com/pullgate/pullgate/workload"
)

const image = "reg.example.com/shop/web:1.99"

var now = time.Date(2026, 11, 1, 14, 2, 0, 0, time.UTC)

// waitingPod is a Pod of which one container waits.
func waitingPod(reason, message string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web-1", Namespace: "shop", UID: "pod", CreationTimestamp: metav1.NewTime(now.Add(-time.Hour))},
		Spec:       corev1.PodSpec{NodeName: "node-a", Containers: []corev1.Container{{Name: "web", Image: image}}},
		Status: corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "web", Image: image, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
		}}},
	}
}

// recordOf is what was read of a Pod.
func recordOf(pod *corev1.Pod, events ...corev1.Event) *Record {
	return &Record{Object: podObject(pod), Meta: &pod.ObjectMeta, Pod: pod, Spec: &pod.Spec, Events: events, At: now}
}

// resultOf is what the registry says now of the container's image.
func resultOf(reason pull.Reason) []resolver.Result {
	return []resolver.Result{{
		Image:  workload.Image{Container: "web", Role: workload.Container, Reference: image, Field: "spec.containers[0].image"},
		Reason: reason, Verdict: reason.Verdict(), Words: wording.Words{Summary: "summary", Message: "summary: the registry said so", Hint: "a hint"},
	}}
}

func event(reason, message string, ago time.Duration, count int32) corev1.Event {
	return corev1.Event{
		InvolvedObject: corev1.ObjectReference{UID: "pod", Name: "web-1"}, Source: corev1.EventSource{Host: "node-a"},
		Reason: reason, Message: message, LastTimestamp: metav1.NewTime(now.Add(-ago)), Count: count,
	}
}

const notFound = `rpc error: code = NotFound desc = failed to pull and unpack image "reg.example.com/shop/web:1.99": failed to resolve image: reg.example.com/shop/web:1.99: not found`

func TestExplain(t *testing.T) {
	backOff := fmt.Sprintf("Back-off pulling image %q: ErrImagePull: %s", image, notFound)
	for _, test := range []struct {
		name    string
		record  *Record
		results []resolver.Result
		state   State
		code    string
		answer  string
	}{
		{"broken", recordOf(waitingPod("ImagePullBackOff", backOff)), resultOf(pull.TagNotFound), Broken, "TagNotFound", "container web cannot start: " + image + ": summary"},
		{"healed", recordOf(waitingPod("ImagePullBackOff", backOff)), resultOf(pull.ReasonPullable), Healed, "TagNotFound", image + " can be pulled now; the kubelet tries again by 14:07:15 UTC at the latest"},
		{"healed, and the last try is known", recordOf(waitingPod("ErrImagePull", notFound), event("Failed", fmt.Sprintf("Failed to pull image %q: %s", image, notFound), time.Minute, 3)),
			resultOf(pull.ReasonPullable), Healed, "TagNotFound", image + " can be pulled now; the kubelet tries again by 14:06:15 UTC at the latest"},
		{"healed, and few tries failed", recordOf(waitingPod("ErrImagePull", notFound), event("Failed", fmt.Sprintf("Failed to pull image %q: %s", image, notFound), time.Minute, 4)),
			resultOf(pull.ReasonPullable), Healed, "TagNotFound", image + " can be pulled now; the kubelet tries again by 14:02:35 UTC at the latest"},
		{"not known", recordOf(waitingPod("ErrImagePull", "dial tcp: lookup reg.example.com: no such host")), resultOf(pull.RegistryUnreachable), Unknown, "RegistryUnreachable", "container web waits for " + image + ": summary"},
		{"not asked", recordOf(waitingPod("ErrImagePull", notFound)), nil, Unknown, "TagNotFound", "container web waits for " + image},
		{"a full disk", recordOf(waitingPod("ErrImagePull", "write /var/lib/x: no space left on device")), resultOf(pull.ReasonPullable), Broken, "NoSpace", "node node-a has no room for " + image},
		{"layers that are no layers", recordOf(waitingPod("ErrImagePull", "failed to extract layer sha256:0: wrong diff id")), resultOf(pull.ReasonPullable), Broken, "NotUnpacked", image + " was pulled, and node node-a cannot unpack it"},
		{"the kubelet's own limit", recordOf(waitingPod("ErrImagePull", "pull QPS exceeded")), resultOf(pull.ReasonPullable), Healed, "PullRateOnNode", "node node-a pulled too many images at a time"},
		{"a policy of signatures", recordOf(waitingPod("SignatureValidationFailed", "SignatureValidationFailed: Source image rejected: x")), resultOf(pull.ReasonPullable), Broken, "SignatureRefused", "node node-a has a policy"},
		{"a secret that nothing can read", recordOf(waitingPod("illegal base64 data at input byte 0", "")), resultOf(pull.PullSecretMalformed), Broken, "PullSecretMalformed", "container web cannot start"},
		{"pull policy Never", recordOf(waitingPod("ErrImageNeverPull", fmt.Sprintf("Container image %q is not present with pull policy of Never", image))), resultOf(pull.NeverPresent), Broken, "NeverPresent", "container web cannot start"},
		{"a pull that hangs", recordOf(waitingPod("ContainerCreating", ""), event("Pulling", fmt.Sprintf("Pulling image %q", image), 10*time.Minute, 1)), resultOf(pull.ReasonPullable), Unknown, "Hanging", "node node-a has been pulling " + image + " for 10m0s, and only it knows how far it is"},
		{"a sandbox", recordOf(waitingPod("ContainerCreating", ""), event("FailedCreatePodSandBox", `Failed to create pod sandbox: rpc error: failed to get sandbox image "registry.k8s.io/pause:3.10": failed to pull image "registry.k8s.io/pause:3.10": x`, time.Minute, 7)),
			resultOf(pull.ReasonPullable), Broken, "Sandbox", "node node-a cannot get the image of its Pods' sandboxes, registry.k8s.io/pause:3.10"},
		{"a container that creates", recordOf(waitingPod("ContainerCreating", "")), resultOf(pull.ReasonPullable), Healthy, "", "nothing is the matter with its images"},
		{"another error", recordOf(waitingPod("CreateContainerConfigError", "secret \"x\" not found")), resultOf(pull.ReasonPullable), Healthy, "", "nothing is the matter with its images"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := Explain(test.record, test.results)
			if e.State != test.state || e.Code != test.code || !strings.HasPrefix(e.Answer, test.answer) {
				t.Errorf("got %s[%s]: %s", e.State, e.Code, e.Answer)
			}
			for _, word := range []string{"likely", "probably", "usually"} {
				if strings.Contains(fmt.Sprintf("%+v", e), word) {
					t.Errorf("it says %q", word)
				}
			}
		})
	}
}

// TestQueued: a pull that waits behind another names it.
func TestQueued(t *testing.T) {
	r := recordOf(waitingPod("ContainerCreating", ""), event("Pulling", fmt.Sprintf("Pulling image %q", image), time.Minute, 1))
	other := event("Pulling", `Pulling image "reg.example.com/big:1"`, 5*time.Minute, 1)
	other.InvolvedObject = corev1.ObjectReference{UID: "other", Name: "big-1"}
	done := other
	done.InvolvedObject.Name, done.InvolvedObject.UID = "done-1", "done"
	ended := done
	ended.Reason = "Pulled"
	elsewhere := other
	elsewhere.InvolvedObject.Name, elsewhere.InvolvedObject.UID, elsewhere.Source.Host = "far-1", "far", "node-b"
	r.Pulls = []corev1.Event{done, elsewhere, other, ended}
	e := Explain(r, resultOf(pull.ReasonPullable))
	if e.State != Unknown || e.Code != string(Queued) || !strings.Contains(e.Answer, "behind reg.example.com/big:1 of Pod big-1") {
		t.Errorf("got %s[%s]: %s", e.State, e.Code, e.Answer)
	}
	later := done
	later.LastTimestamp = metav1.NewTime(now.Add(-2 * time.Minute))
	r.Pulls = []corev1.Event{elsewhere, other, later, ended}
	if e := Explain(r, resultOf(pull.ReasonPullable)); e.Code != string(Hanging) {
		t.Errorf("the node pulls several at a time, and got %s[%s]: %s", e.State, e.Code, e.Answer)
	}
}

// TestNoPod: where no Pod exists, the controller's own words count.
func TestNoPod(t *testing.T) {
	r := &Record{Object: workload.Object{Kind: "Deployment", Namespace: "shop", Name: "web"}, At: now, Conditions: []Condition{
		{Type: "ReplicaFailure", Reason: "FailedCreate", Message: `pods "web-1" is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2`, At: now},
	}}
	e := Explain(r, resultOf(pull.ReasonPullable))
	if e.State != Broken || e.Code != string(NotCreated) || !strings.Contains(e.Answer, "quota") {
		t.Errorf("got %s[%s]: %s", e.State, e.Code, e.Answer)
	}
}

// TestHistory: who set the image, and what was there before.
func TestHistory(t *testing.T) {
	pod := waitingPod("ErrImagePull", notFound)
	r := recordOf(pod)
	at := metav1.NewTime(now.Add(-30 * time.Minute))
	r.Owner = workload.Object{Kind: "Deployment", Namespace: "shop", Name: "web"}
	r.OwnerMeta = &metav1.ObjectMeta{Name: "web", Namespace: "shop", ManagedFields: []metav1.ManagedFieldsEntry{
		{Manager: "someone-else", Operation: "Update", Time: &at, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`)},
		{Manager: "ci", Operation: "Apply", Time: &at, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{"f:image":{}}}}}}}`)},
	}}
	r.Revisions = []Revision{revision(image, 30*time.Minute), revision("reg.example.com/shop/web:1.28", 24*time.Hour)}
	text := fmt.Sprint(Explain(r, resultOf(pull.TagNotFound)).Timeline)
	for _, want := range []string{"ci set the image " + image + " (Apply)", "before that, it was reg.example.com/shop/web:1.28"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
	if strings.Contains(text, "someone-else") {
		t.Errorf("somebody who set another field is named: %s", text)
	}
}

func revision(image string, ago time.Duration) Revision {
	return Revision{At: now.Add(-ago), Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: image}}}}
}

// TestRemediesAreSafe: what another tool owns is not changed behind its back,
// and a command without a placeholder is one that can be run.
func TestRemediesAreSafe(t *testing.T) {
	for _, test := range []struct {
		name        string
		annotations map[string]string
		suggestion  string
		command     string
		applicable  bool
	}{
		{"a suggestion", nil, "reg.example.com/shop/web:1.29", "kubectl set image deployment/web web=reg.example.com/shop/web:1.29 -n shop", true},
		{"none", nil, "", "kubectl set image deployment/web web=IMAGE -n shop", false},
		{"Argo CD's", map[string]string{"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}, "reg.example.com/shop/web:1.29", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := recordOf(waitingPod("ErrImagePull", notFound))
			r.Owner = workload.Object{Kind: "Deployment", Namespace: "shop", Name: "web"}
			r.OwnerMeta = &metav1.ObjectMeta{Annotations: test.annotations}
			results := resultOf(pull.TagNotFound)
			if test.suggestion != "" {
				results[0].Suggestions = []string{test.suggestion}
			}
			e := Explain(r, results)
			set := ""
			for _, remedy := range e.Remedies {
				if strings.Contains(remedy.Command, "set image") {
					set = remedy.Command
					if remedy.Applicable != test.applicable || remedy.Effect != advice.Changes {
						t.Errorf("%+v", remedy)
					}
				}
				if strings.Contains(remedy.Command, ":latest") {
					t.Errorf("it proposes %s", remedy.Command)
				}
			}
			if set != test.command {
				t.Errorf("got %q, want %q", set, test.command)
			}
			if test.command == "" && !strings.Contains(fmt.Sprint(e.Remedies), "Argo CD owns Deployment web: change spec.template.spec.containers[0].image in the source of its Application shop") {
				t.Errorf("got %+v", e.Remedies)
			}
		})
	}
}

// TestNothingPaintsTheTerminal: what registries and objects say is text.
func TestNothingPaintsTheTerminal(t *testing.T) {
	results := resultOf(pull.TagNotFound)
	results[0].Message = "a\x1b[31mred\u202eback\nline"
	var text strings.Builder
	if err := Explain(recordOf(waitingPod("ErrImagePull", "x\x1b]0;title\x07: not found")), results).WriteText(&text, Style{}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(text.String(), "\x1b\x07\u202e") || !strings.Contains(text.String(), "a[31mredback line") {
		t.Errorf("got %q", text.String())
	}
}

// TestKubeletsWords: what a real kubelet said in each case of docs/agreement.md
// is understood, with its events and without.
func TestKubeletsWords(t *testing.T) {
	page, err := os.ReadFile("../docs/agreement.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| ([^|]*) \\| `(broken|unknown)/(\\w+)` \\| `([^`]*)` \\| `` (.*) `` \\|$")
	cases := row.FindAllStringSubmatch(string(page), -1)
	if len(cases) < 80 {
		t.Fatalf("found %d cases", len(cases))
	}
	for _, c := range cases {
		name, state, reason, waiting, words := c[1], State(c[2]), c[3], c[4], c[5]
		if waiting == "present" { // the kubelet had it
			continue
		}
		t.Run(name, func(t *testing.T) {
			without := waitingPod("ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q: %s: %s", image, waiting, words))
			if waiting == words { // an error's own text
				without = waitingPod(words, "")
			}
			with := recordOf(waitingPod("ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q", image)),
				event("Failed", fmt.Sprintf("Failed to pull image %q: %s", image, words), time.Minute, 2))
			results := resultOf(pull.Reason(reason))
			first, second := Explain(recordOf(without), results), Explain(with, results)
			if pull.Reason(reason) == pull.PresentOnNodes {
				reason = string(KeptFromPod)
			}
			if first.State != state || first.Code != reason || second.State != first.State || second.Code != first.Code {
				t.Errorf("without events %s[%s], with %s[%s]", first.State, first.Code, second.State, second.Code)
			}
			if cause := causeOf(words); cause == NoCause || cause.OnNode() {
				t.Errorf("%q is taken for %q", words, cause)
			}
		})
	}
}

// TestOthers: who else of the namespace suffers from the same is counted.
func TestOthers(t *testing.T) {
	elsewhere := func(name, reason, message, of, node string) corev1.Pod {
		other := waitingPod(reason, message)
		other.Name, other.UID, other.Spec.NodeName = name, types.UID(name), node
		other.Spec.Containers[0].Image, other.Status.ContainerStatuses[0].Image = of, of
		return *other
	}
	well := elsewhere("well", "", "", image, "node-a")
	well.Status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	const full = "failed to pull and unpack image: failed to copy: write /var/lib/x: no space left on device"
	r := recordOf(waitingPod("ErrImagePull", notFound))
	r.Neighbours = []corev1.Pod{
		elsewhere("same", "ImagePullBackOff", "", image, "node-b"), elsewhere("other", "ErrImagePull", notFound, "reg.example.com/other:1", "node-a"), well,
	}
	if e := Explain(r, resultOf(pull.TagNotFound)); e.Others != 1 {
		t.Errorf("%d suffer from a missing tag", e.Others)
	}
	r = recordOf(waitingPod("ErrImagePull", full))
	r.Neighbours = []corev1.Pod{
		elsewhere("here", "ErrImagePull", full, "reg.example.com/other:1", "node-a"), elsewhere("there", "ErrImagePull", full, "reg.example.com/other:1", "node-b"),
	}
	if e := Explain(r, resultOf(pull.ReasonPullable)); e.Code != string(NoSpace) || e.Others != 1 {
		t.Errorf("%d suffer from %s", e.Others, e.Code)
	}
}
