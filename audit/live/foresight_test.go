package live

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/audit/tell"
	"github.com/pullgate/pullgate/imminence"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

const (
	oldDigest = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	newDigest = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

// podOf is a Pod of a ReplicaSet's of which a node says something.
func podOf(name, image, id string, waits bool) *entry {
	e := owned(podKind, name, "web-1")
	e.runs = imminence.NewPod("worker")
	e.runs.Add("c0", image, id, waits)
	return e
}

// lastWord keeps what was told of each workload last, and how often that was new.
type lastWord struct {
	of  map[types.UID]tell.Workload
	new int
}

func (l *lastWord) Tell(_ context.Context, w tell.Workload, _ time.Time) error {
	if fmt.Sprint(l.of[w.UID]) != fmt.Sprint(w) {
		l.new++
	}
	l.of[w.UID] = w
	return nil
}

func (l *lastWord) Forget(uid types.UID) { delete(l.of, uid) }

// What is broken, or there only where nodes have it, is told with when it hurts, by
// what Pods do at the time.
func TestHurts(t *testing.T) {
	for _, reason := range []pull.Reason{pull.TagNotFound, pull.PresentOnNodes} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, policy.Auditing{})
			heard := &lastWord{of: map[types.UID]tell.Workload{}}
			r.tellers = []teller{heard}
			r.registry.set("web", reason)
			r.seen(deployment("web", "r.example/web:1"), true)
			r.seen(owned("ReplicaSet", "web-1", "web"), true)
			r.runFor(t, 7*time.Hour)
			expect := func(when, words string) {
				t.Helper()
				r.runFor(t, 2*time.Minute)
				want := fmt.Sprintf(`pullgate_image_hurts{container="c0",image="r.example/web:1",kind="Deployment",name="web",namespace="shop",when=%q} 1`, when)
				if got := r.metrics(t, "hurts"); got != want {
					t.Errorf("%s: %s, want %s", reason, got, want)
				}
				found := heard.of["web"].Findings
				if len(found) != 1 || found[0].When != when || !strings.HasPrefix(found[0].Hurts, words) {
					t.Errorf("%s: told %+v, want %s", reason, found, when)
				}
			}
			expect("next_pod", "it hurts with the next Pod")
			r.seen(podOf("web-1-a", "r.example/web:1", "r.example/web@"+oldDigest, false), false)
			expect("reschedule", "it hurts when a Pod lands on another node")
			r.seen(podOf("web-1-b", "r.example/web:1", "", true), false)
			expect("already", "it hurts already: 1 Pod waits")
			r.gone(podOf("web-1-b", "r.example/web:1", "", true))
			expect("reschedule", "it hurts when a Pod lands on another node")
			r.registry.set("web", pull.ReasonPullable)
			r.runFor(t, 2*time.Hour)
			if got := r.metrics(t, "hurts"); got != "" {
				t.Errorf("%s: of what is well: %s", reason, got)
			}
		})
	}
}

// Of a CronJob it is said by its schedule.
func TestHurtsACronJob(t *testing.T) {
	for suspended, when := range map[bool]string{false: "cronjob", true: "resume"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, policy.Auditing{})
			r.registry.set("web", pull.TagNotFound)
			e := deployment("web", "r.example/web:1")
			e.cron = &imminence.CronJob{Schedule: "0 3 * * *", Suspended: suspended}
			r.seen(e, true)
			r.runFor(t, 7*time.Hour)
			if got := r.metrics(t, "hurts"); !strings.Contains(got, fmt.Sprintf("when=%q", when)) {
				t.Errorf("%s, want %s", got, when)
			}
		})
	}
}

// A tag that has moved is told until Pods run what it leads to now.
func TestTagMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, policy.Auditing{})
		heard := &lastWord{of: map[types.UID]tell.Workload{}}
		r.tellers = []teller{heard}
		r.registry.digest = newDigest
		r.seen(deployment("web", "r.example/web:1"), true)
		r.seen(owned("ReplicaSet", "web-1", "web"), true)
		r.seen(podOf("web-1-a", "r.example/web:1", "r.example/web@"+oldDigest, false), true)
		r.runFor(t, 7*time.Hour)
		want := `pullgate_image_tag_moved{container="c0",image="r.example/web:1",kind="Deployment",name="web",namespace="shop"} 1`
		if got := r.metrics(t, "tag_moved"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		notices := heard.of["web"].Notices
		if len(notices) != 1 || notices[0].Reason != pull.TagMoved || !strings.Contains(notices[0].Message, oldDigest) || !heard.of["web"].Sound {
			t.Errorf("told %+v", heard.of["web"])
		}
		before := heard.new
		r.runFor(t, time.Hour)
		if heard.new != before {
			t.Errorf("told %d times anew of what has not changed", heard.new-before)
		}
		r.seen(podOf("web-1-b", "r.example/web:1", "r.example/web@"+newDigest, false), false)
		r.gone(podOf("web-1-a", "r.example/web:1", "", false))
		r.runFor(t, 2*time.Minute)
		if got := r.metrics(t, "tag_moved"); got != "" || len(heard.of["web"].Notices) != 0 {
			t.Errorf("after a rollout: %s, %+v", got, heard.of["web"].Notices)
		}
	})
}

// A pull secret is looked at shortly before its end and after, and told of if nobody
// has renewed it.
func TestExpiringSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, policy.Auditing{})
		one := deployment("web", "r.example/web:1")
		key := keyOf(one)
		r.record.expect(key)
		look := func(left time.Duration) *looked {
			attempts := []pull.Attempt{{Source: pull.Secret("shop", "ecr"), Expires: time.Now().Add(left)}}
			return r.record.take(key, "web", resolver.Report{Object: one.workload.Object, Results: []resolver.Result{{Verdict: pull.Pullable, Credentials: attempts}}})
		}
		for left, again := range map[time.Duration]time.Duration{12 * time.Hour: 11 * time.Hour, 30 * time.Minute: 30*time.Minute + time.Second, -time.Hour: 0} {
			got := look(left).lookAgain(time.Now())
			if again == 0 && !got.IsZero() || again > 0 && !got.Equal(time.Now().Add(again)) {
				t.Errorf("%s before its end: looked at again at %s, want in %s", left, got, again)
			}
		}
		for left, told := range map[time.Duration]bool{2 * time.Hour: false, 59 * time.Minute: true, -time.Hour: true} {
			w := r.foresight.toTell(key, look(left), r.foresight.containerd(), time.Now())
			if so := len(w.Notices) == 1 && w.Notices[0].Reason == pull.PullSecretExpires && strings.HasPrefix(w.Notices[0].Message, "secret/shop/ecr is of no use from "); so != told {
				t.Errorf("%s before its end: %+v", left, w.Notices)
			}
		}
	})
}

// What a Pod runs, and a CronJob's schedule, are kept of it.
func TestSlimKeepsWhatRuns(t *testing.T) {
	image := deployment("web", "web:1").workload.Templates[0].Images[0]
	image.Container = "c"
	containerd := func(node string) bool { return node == "worker" }
	for status, want := range map[string]imminence.Moment{
		`"imageID":"docker.io/library/web@` + oldDigest + `","state":{"running":{}}`: imminence.AtReschedule,
		`"imageID":"","state":{"waiting":{"reason":"ImagePullBackOff"}}`:             imminence.Already,
		`"imageID":"","state":{"waiting":{"reason":"ContainerCreating"}}`:            imminence.AtNextPod,
	} {
		for _, list := range []string{"containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"} {
			kept, err := slim(&workload.Kinds{})(read(t, "v1", "Pod", `},"spec":{"nodeName":"worker","containers":[{"name":"c","image":"web:1"}]},"status":{"`+list+`":[{"name":"c",`+status+`}]}}`))
			if err != nil {
				t.Fatal(err)
			}
			e, _ := kept.(*entry)
			use := imminence.Of([]*imminence.Pod{e.runs}, image, containerd)
			if got := use.Moment(corev1.PullIfNotPresent, nil); got != want {
				t.Errorf("%s in %s: %s, want %s", status, list, got, want)
			}
		}
	}
	kept, err := slim(&workload.Kinds{})(read(t, "batch/v1", "CronJob", `},"spec":{"schedule":"0 3 * * *","timeZone":"Etc/UTC","suspend":true,"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"web:1"}]}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if e, _ := kept.(*entry); e.cron == nil || *e.cron != (imminence.CronJob{Schedule: "0 3 * * *", TimeZone: "Etc/UTC", Suspended: true}) {
		t.Errorf("%+v", e.cron)
	}
}
