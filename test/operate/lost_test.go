package operate

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/operate/ground"
)

// alone are the endpoints that are ready when one of three replicas is not.
const alone = 2

// awaitOut waits until a replica is no endpoint any more.
func awaitOut(t *testing.T) error {
	t.Helper()
	_, err := await(t, "out of the endpoints", time.Minute, func() bool {
		return strings.Count(must(t, "-n", namespace, "get", "endpointslices", "-o", "jsonpath={.items[*].endpoints[*].conditions.ready}"), "true") == alone
	})
	return err
}

// A replica whose packets are lost, as when its node has lost its network: nobody
// is told, so that an API server waits in vain for what it asks over connections
// to it that it has kept, up to 25, each once. A request goes over another
// connection when it is asked again.
func TestPacketsLost(t *testing.T) {
	installed(t)
	replica := replicas(t)[0]
	drop := func(rule string) error {
		return within(replica, "nft", rule)
	}
	count := during(t, func() error {
		if err := drop("table inet lost { chain in { type filter hook input priority 0; policy drop; }; chain out { type filter hook output priority 0; policy drop; }; }"); err != nil {
			return err
		}
		err := awaitOut(t)
		time.Sleep(15 * time.Second) // what waits on kept connections has failed by then
		return err
	})
	if err := drop("delete table inet lost"); err != nil {
		t.Error(err)
	}
	if count.LetIn+count.RefusedGood > 0 || count.Failed > 25 {
		t.Errorf("more failed than an API server has connections to one replica: %v", count)
	}
	must(t, "-n", namespace, "rollout", "status", "deployment/pullgate", "--timeout=2m")
	unharmed(t, func() error { return nil })
}

// within runs a program in the network namespace of a process.
func within(pid int, program string, args ...string) error {
	all := append([]string{"--net", "--target", strconv.Itoa(pid), program}, args...)
	out, err := exec.Command("nsenter", all...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s in the network namespace of a replica: %w: %s", program, err, out)
	}
	return nil
}

// Evicted replicas, as by a drain, one after the other as the budget allows.
func TestEvicted(t *testing.T) {
	installed(t)
	unharmed(t, func() error {
		for pod := range strings.Lines(ofReplicas(t, "{.metadata.name}")) {
			pod = strings.TrimSpace(pod)
			eviction := fmt.Sprintf(`{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": %q, "namespace": %q}}`, pod, namespace)
			var refused error
			_, err := await(t, "allowed by the budget", time.Minute, func() bool { // which hears of new replicas a little later
				_, refused = on.Must(t.Context(), eviction, "create", "--raw", "/api/v1/namespaces/"+namespace+"/pods/"+pod+"/eviction", "-f", "-")
				return refused == nil || !strings.Contains(refused.Error(), "TooManyRequests")
			})
			if err := errors.Join(err, refused, kubectl(t, "-n", namespace, "rollout", "status", "deployment/pullgate", "--timeout=1m")); err != nil {
				return err
			}
		}
		return nil
	})
}

// system is what every cluster has something of, made of the one image that is
// there.
const system = `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "dns"}, "spec": {
	"selector": {"matchLabels": {"app": "dns"}}, "template": {"metadata": {"labels": {"app": "dns"}}, "spec": {
		"terminationGracePeriodSeconds": 0,
		"containers": [{"name": "dns", "image": %q, "imagePullPolicy": "Never"}]}}}}`

// The whole cluster starts: API server, etcd, Nodes, and not one Pod runs. Under
// Fail nothing that the start needs waits for Pullgate, and nothing waits for
// long.
func TestColdStart(t *testing.T) {
	installed(t)
	if _, err := on.Must(t.Context(), fmt.Sprintf(system, ground.Sandbox), "-n", "kube-system", "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	defer must(t, "-n", "kube-system", "delete", "deployment", "dns")
	must(t, "-n", "kube-system", "rollout", "status", "deployment/dns", "--timeout=1m")
	all := replicas(t)
	on.StopKubelet()
	for _, replica := range all {
		if err := syscall.Kill(replica, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	for _, in := range []string{"kube-system", namespace} {
		must(t, "-n", in, "delete", "pods", "--all", "--force", "--grace-period=0")
	}
	on.StopAll()
	if err := on.StartAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if serving(t) {
		t.Error("something was created under Fail though no replica runs")
	}
	start := time.Now()
	if err := on.StartNode(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, "-n", "kube-system", "rollout", "status", "deployment/dns", "--timeout=1m")
	t.Logf("kube-system runs after %v", time.Since(start).Round(time.Millisecond))
	if _, err := await(t, "serving", time.Minute, func() bool { return serving(t) }); err != nil {
		t.Errorf("%v\n%s", err, state())
	}
	t.Logf("serving after %v", time.Since(start).Round(time.Millisecond))
	must(t, "-n", namespace, "rollout", "status", "deployment/pullgate", "--timeout=1m")
	unharmed(t, func() error { return nil })
}
