package operate

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/operate/load"
)

func TestInstall(t *testing.T) {
	installed(t)
	unharmed(t, func() error { return nil })
	helm(t, "test", "pullgate")
}

// busy is a load that keeps more in flight, at a registry that takes its time.
func busy(t *testing.T) load.Load {
	t.Helper()
	on.Registry.Slow(300 * time.Millisecond)
	t.Cleanup(func() { on.Registry.Slow(0) })
	return load.Load{Cluster: on.Cluster, Images: on.Registry, Clients: 32, Every: 50 * time.Millisecond}
}

// Whoever is told to end answers what it was asked, and what comes until API
// servers have heard that it is gone.
func TestRollingRestart(t *testing.T) {
	installed(t)
	restart := func() error {
		return errors.Join(kubectl(t, "-n", namespace, "rollout", "restart", "deployment/pullgate"),
			kubectl(t, "-n", namespace, "rollout", "status", "deployment/pullgate", "--timeout=3m"))
	}
	count, err := busy(t).During(t.Context(), restart)
	t.Log(count)
	if err != nil || count.Wrong() > 0 {
		t.Errorf("%d of %d admissions went wrong: %v", count.Wrong(), count.Asked, err)
	}
}

// An upgrade that changes the Pods and adds an entry to the webhook
// configuration, which has no caBundle when Helm writes it.
func TestUpgrade(t *testing.T) {
	installed(t)
	unharmed(t, func() error {
		_, err := on.Helm(t.Context(), values(), "upgrade", "pullgate", chart, "--namespace", namespace, "--values", "-", "--wait", "--timeout", "3m",
			"--set", "podAnnotations.changed=yes",
			"--set-json", `config.workloads=[{"group":"argoproj.io","kind":"Rollout","podTemplates":["spec.template"]}]`)
		return err
	})
	if _, err := await(t, "trusting", 2*time.Second, func() bool { return trusting(t, secretValue(t, "ca.crt")) }); err != nil {
		t.Errorf("the new entry: %v", err)
	}
	unharmed(t, func() error {
		_, err := on.Helm(t.Context(), "", "rollback", "pullgate", "--namespace", namespace, "--wait", "--timeout", "3m")
		return err
	})
}

// replicas are the processes of all replicas.
func replicas(t *testing.T) []int {
	t.Helper()
	// Those of an upgrade before may still be about to end.
	pods := must(t, "-n", namespace, "get", "pods", "-l", "app.kubernetes.io/name=pullgate",
		"-o", `go-template={{range .items}}{{if not .metadata.deletionTimestamp}}pod/{{.metadata.name}}{{"\n"}}{{end}}{{end}}`)
	all, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is sound
	var found []int
	for _, file := range all {
		environment, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		for entry := range bytes.SplitSeq(environment, []byte{0}) {
			host, ok := strings.CutPrefix(string(entry), "HOSTNAME=")
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && ok && strings.Contains(pods, "pod/"+host+"\n") {
				found = append(found, pid)
			}
		}
	}
	if len(found) == 0 {
		t.Fatal("no replica runs")
	}
	return found
}

// A replica that is killed takes with it what it was asked, and what it is asked
// until the kubelet has noticed or has started it again.
func TestKilled(t *testing.T) {
	installed(t)
	count := during(t, func() error {
		if err := syscall.Kill(replicas(t)[0], syscall.SIGKILL); err != nil {
			return err
		}
		time.Sleep(3 * time.Second) // it is up again by then
		return nil
	})
	if took := count.Last.Sub(count.First); took > 2*time.Second || count.LetIn+count.RefusedGood > 0 {
		t.Errorf("it did harm for %v: %v", took, count)
	}
	must(t, "-n", namespace, "rollout", "status", "deployment/pullgate", "--timeout=1m")
}

// A replica that hangs fails what it is asked until it is no endpoint any more:
// three probes, five seconds apart, each a second long.
func TestHanging(t *testing.T) {
	installed(t)
	replica := replicas(t)[0]
	count := during(t, func() error {
		if err := syscall.Kill(replica, syscall.SIGSTOP); err != nil {
			return err
		}
		return errors.Join(awaitOut(t), syscall.Kill(replica, syscall.SIGCONT))
	})
	if count.LetIn+count.RefusedGood > 0 || count.Failed > 25 {
		t.Errorf("more failed than an API server has connections to one replica: %v", count)
	}
	must(t, "-n", namespace, "rollout", "status", "deployment/pullgate", "--timeout=1m")
}

// Replicas that start while no API server answers serve as soon as one does.
func TestStartWithoutAPIServer(t *testing.T) {
	installed(t)
	all, before := replicas(t), restarts(t)
	on.StopServer()
	for _, replica := range all {
		if err := syscall.Kill(replica, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	time.Sleep(5 * time.Second) // the kubelet has started them again
	if err := on.StartServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	took, err := await(t, "serving", time.Minute, func() bool { return serving(t) })
	t.Logf("serving after %v", took.Round(time.Millisecond))
	if err != nil {
		t.Errorf("%v\n%s", err, state())
	}
	// Until the kubelet has told of it, a replica that is not ready yet counts as
	// the one that was.
	if _, err := await(t, "all ready again", time.Minute, func() bool {
		return restarts(t) >= before+len(all) && strings.Count(ofReplicas(t, "{.status.containerStatuses[0].ready}"), "true") == len(all)
	}); err != nil {
		t.Errorf("%v\n%s", err, state())
	}
	must(t, "-n", namespace, "rollout", "status", "deployment/pullgate", "--timeout=1m")
	unharmed(t, func() error { return nil })
}

// restarts is how often the replicas that there are were started again.
func restarts(t *testing.T) int {
	t.Helper()
	total := 0
	for _, text := range strings.Fields(ofReplicas(t, "{.status.containerStatuses[0].restartCount}")) {
		count, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		total += count
	}
	return total
}

// ofReplicas is something that the API server tells of each replica.
func ofReplicas(t *testing.T, path string) string {
	t.Helper()
	return must(t, "-n", namespace, "get", "pods", "-l", "app.kubernetes.io/name=pullgate", "-o", `jsonpath={range .items[*]}`+path+`{"\n"}{end}`)
}
