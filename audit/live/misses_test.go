package live

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/stuck"
)

// podEvents are those of all Pods.
type podEvents struct {
	typedcorev1.EventInterface
	items []corev1.Event
	asked []string
	err   error
}

func (p *podEvents) Events(string) typedcorev1.EventInterface { return p }

func (p *podEvents) List(_ context.Context, options metav1.ListOptions) (*corev1.EventList, error) {
	p.asked = append(p.asked, options.FieldSelector)
	return &corev1.EventList{Items: p.items}, p.err
}

// owned is what a controller made.
func owned(kind, name, controller string) *entry {
	return &entry{
		ObjectMeta: &metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name)},
		kind:       kind, controller: types.UID(controller),
	}
}

// waitingPod is a Pod of web's that waits for an image.
func waitingPod(name, image string) *entry {
	e := owned(podKind, name, "web-1")
	e.waits = &stuck.Pod{
		Namespace: "shop", Name: name, Node: "worker", Holds: stuck.Resources{CPU: 2, Memory: 1 << 30, GPUs: 1},
		Images: []stuck.Image{{Container: "c0", Reference: image, Reason: "ImagePullBackOff", Words: "not found"}},
	}
	return e
}

// Pods are counted by what was said of the image of whatever controls them, and
// what they wait for is asked for at once.
func TestMisses(t *testing.T) {
	for reason, want := range map[pull.Reason]string{
		pull.TagNotFound: "refused", pull.NeverPresent: "warned", pull.RegistryUnreachable: "unknown", pull.ReasonPullable: "pullable",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, policy.Auditing{})
			r.registry.set("web", reason)
			r.seen(deployment("web", "r.example/web:1"), true)
			r.seen(owned("ReplicaSet", "web-1", "web"), true)
			r.seen(waitingPod("web-1-a", "r.example/web:1"), true)
			r.seen(waitingPod("web-1-b", "r.example/web:1"), true)
			r.seen(waitingPod("web-1-c", "r.example/injected:1"), true)
			bare := deployment("bare", "r.example/web:1")
			bare.kind, bare.waits = podKind, waitingPod("bare", "r.example/web:1").waits
			r.seen(bare, true)
			r.runFor(t, time.Minute)
			if n := len(r.registry.times("r.example/web:1")); n != 1 {
				t.Errorf("%s: asked %d times", reason, n)
			}
			lines := r.metrics(t, "failing")
			for _, line := range []string{
				fmt.Sprintf(`pullgate_pods_failing_to_pull{namespace="shop",reason="ImagePullBackOff",said=%q} 3`, want),
				`pullgate_pods_failing_to_pull{namespace="shop",reason="ImagePullBackOff",said="never_asked"} 1`,
				fmt.Sprintf(`pullgate_pods_failing_to_pull_requests{resource="cpu",said=%q} 6`, want),
				fmt.Sprintf(`pullgate_pods_failing_to_pull_requests{resource="gpu",said=%q} 3`, want),
				`pullgate_pods_failing_to_pull_requests{resource="memory",said="never_asked"} 1.073741824e+09`,
			} {
				if !strings.Contains(lines+"\n", line+"\n") {
					t.Errorf("%s is not in\n%s", line, lines)
				}
			}
			r.seen(owned(podKind, "web-1-a", "web-1"), false) // it runs
			r.gone(waitingPod("web-1-b", ""))
			r.gone(waitingPod("web-1-c", ""))
			r.gone(bare)
			if lines := r.metrics(t, "failing"); lines != "" {
				t.Errorf("of what is well: %s", lines)
			}
		})
	}
}

// What was said to be pullable and is not is reported once, after the kubelet has
// had time to try again, with what is needed to do the same, and no secret.
func TestBugsOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, policy.Auditing{})
		var logged bytes.Buffer
		r.misses.log = slog.New(slog.NewTextHandler(&logged, nil))
		r.seen(deployment("web", "r.example/web:1"), false)
		r.seen(owned("ReplicaSet", "web-1", "web"), false)
		r.seen(deployment("healed", "r.example/healed:1"), false)
		r.runFor(t, time.Minute) // both are pullable
		r.seen(waitingPod("web-1-a", "r.example/web:1"), false)
		healed := waitingPod("healed-1-a", "r.example/healed:1")
		healed.controller = "healed"
		r.seen(healed, false)
		r.runFor(t, 9*time.Minute)
		if logged.Len() > 0 {
			t.Errorf("too soon: %s", &logged)
		}
		r.gone(healed)
		r.runFor(t, 12*time.Hour)
		got := logged.String()
		for _, want := range []string{"pod=web-1-a", "node=worker", "workload=Deployment/web", "image=r.example/web:1", "resolved=r.example/web:1", "waits=ImagePullBackOff", `kubelet="not found"`} {
			if strings.Count(got, want) != 1 {
				t.Errorf("%s is not once in %s", want, got)
			}
		}
	})
}

// The sandbox's image and those of volumes are found in events, of Pods that say
// nothing for a minute, time and again.
func TestSilentPods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, policy.Auditing{})
		r.podEvents.items = []corev1.Event{{Reason: "FailedCreatePodSandBox", Message: `Failed to create pod sandbox: failed to get sandbox image "r.example/pause:9": not found`}}
		silent := waitingPod("web-1-a", "")
		silent.waits.Images, silent.waits.Silent, silent.waits.Since = nil, true, time.Now()
		r.seen(silent, false)
		r.runFor(t, 30*time.Second)
		if len(r.podEvents.asked) != 0 {
			t.Error("it is not given time")
		}
		r.runFor(t, 3*time.Minute)
		const want = `pullgate_pods_failing_to_pull{namespace="shop",reason="SandboxImage",said="never_asked"} 1`
		if got := r.metrics(t, "to_pull{"); got != want || len(r.podEvents.asked) != 1 || r.podEvents.asked[0] != "involvedObject.uid=web-1-a" {
			t.Errorf("%s, asked %q", got, r.podEvents.asked)
		}
		r.seen(silent, false) // another condition, say
		if got := r.metrics(t, "to_pull{"); got != want {
			t.Errorf("after an update: %s", got)
		}
		r.runFor(t, 20*time.Minute)
		if n := len(r.podEvents.asked); n < 4 || n > 6 {
			t.Errorf("asked %d times", n)
		}
	})
}
