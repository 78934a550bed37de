package auditor

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/markers"
	"github.com/pullgate/pullgate/test/e2e/rig"
)

// marked is a cluster with a marker in every place of a credential, and Pods that
// pull with them.
type marked struct {
	*world
	*markers.Surroundings
}

// newMarked makes one with Reports of a kind.
func newMarked(t *testing.T, reports, group string) marked {
	t.Helper()
	m := marked{newWorldWith(t, reports, group), markers.New(t)}
	m.feed("apiVersion: v1\nkind: Node\nmetadata: {name: worker}\n", "apply", "-f", "-")
	m.must("create", "role", "tokens", "-n", "shop", "--verb=create", "--resource=serviceaccounts/token")
	m.must("create", "rolebinding", "tokens", "-n", "shop", "--role=tokens", "--serviceaccount="+namespace+":"+account)
	m.must("create", "serviceaccount", "puller", "-n", "shop")
	m.feed(m.SecretManifest("shop"), "create", "-f", "-")
	m.feed(markers.PodManifest("shop", "all", m.Images...), "create", "-f", "-")
	m.must("patch", "pod", "all", "-n", "shop", "--subresource=status", "-p",
		`{"status":{"phase":"Running","containerStatuses":[{"name":"c0","image":"x","imageID":"`+strings.TrimSuffix(m.Images[0], ":1")+`@sha256:1111111111111111111111111111111111111111111111111111111111111111","ready":true,"restartCount":0,"state":{"running":{}}}]}}`)
	for i, image := range m.Images {
		m.feed(markers.PodManifest("shop", pod(i), image), "create", "-f", "-")
		m.waits(pod(i))
	}
	return m
}

// misses makes a Pod that waits for what can be pulled, of which the log has all.
func (m marked) misses() {
	m.Helper()
	m.registry.Password(markers.Secret)
	if err := m.registry.Push("private/api:1", "there"); err != nil {
		m.Fatal(err)
	}
	m.must("create", "secret", "docker-registry", "other", "-n", "shop", "--docker-server="+m.registry.Host, "--docker-username=user", "--docker-password="+markers.Secret)
	m.feed(strings.Replace(markers.PodManifest("shop", "misses", m.registry.Ref("private/api:1")), "regcred", "other", 1), "create", "-f", "-")
	m.waits("misses")
}

// waits has a kubelet say that a Pod waits for its image.
func (m marked) waits(name string) {
	m.Helper()
	m.must("patch", "pod", name, "-n", "shop", "--subresource=status", "-p",
		`{"status":{"phase":"Pending","containerStatuses":[{"name":"c0","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ErrImagePull","message":"it cannot be pulled"}}}]}}`)
}

// pod is the name of the one with one image alone.
func pod(i int) string { return fmt.Sprintf("image-%d", i) }

// issued has the real tokens looked for that the API server issued, and nothing told
// of a provider's processes.
func (m marked) issued() {
	m.Helper()
	tokens, processes := m.ProviderTokens(m.T)
	if len(tokens) == 0 {
		m.Error("the provider was shown no token")
	}
	for _, token := range tokens {
		m.Also(token)
	}
	m.Told(m.T, "the provider's processes", processes, markers.InEnvironment()...)
}

// configured is the configuration with credentials of every kind.
func (m marked) configured(interval time.Duration) policy.Configuration {
	m.Helper()
	text, err := os.ReadFile(m.Configuration)
	if err != nil {
		m.Fatal(err)
	}
	with, err := policy.Parse(text)
	if err != nil {
		m.Fatal(err)
	}
	c := configuration(interval, 1000)
	with.Audit, with.Cache, with.Nodes.Platforms = c.Audit, c.Cache, c.Nodes.Platforms
	return with
}

// program runs a command line of Pullgate, and looks at all that it writes.
func (m marked) program() func(args ...string) {
	m.Helper()
	binaries, err := rig.FindBinaries(root)
	if err != nil {
		m.Fatal(err)
	}
	return func(args ...string) {
		m.Helper()
		cmd := exec.CommandContext(m.Context(), binaries.Pullgate, args...)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+m.Kubeconfig())
		written, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			m.Fatal(err)
		}
		m.Logf("%s: exit code %d: %.1000s", args, cmd.ProcessState.ExitCode(), written)
		if cmd.ProcessState.ExitCode() == 2 {
			m.Errorf("%s: %s", args, written)
		}
		m.Told(m.T, fmt.Sprint(args), string(written))
	}
}

// unpacked is what a ConfigMap of the auditor's keeps, and the object around it.
func (m marked) unpacked(name string) string {
	m.Helper()
	object := m.must("get", "configmap", name, "-n", namespace, "-o", "json")
	var kept struct{ BinaryData map[string][]byte }
	if err := json.Unmarshal([]byte(object), &kept); err != nil {
		m.Fatal(err)
	}
	for _, packed := range kept.BinaryData {
		reader, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			m.Fatal(err)
		}
		document, err := io.ReadAll(reader)
		if err != nil {
			m.Fatal(err)
		}
		object += string(document)
	}
	return object
}

// writing is a log that several write.
type writing struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *writing) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(line)
}

func (w *writing) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// Values of credentials of every kind, shown to registries that repeat them, are in
// nothing that the auditor writes: Events, Reports of either kind, the two ConfigMaps
// in which it keeps what it knows, metrics, and its log at debug.
func TestMarkersInAuditor(t *testing.T) {
	for reports, group := range map[string]string{"reports": "openreports.io", "policyreports": "wgpolicyk8s.io"} {
		t.Run(reports, func(t *testing.T) {
			m := newMarked(t, reports, group)
			m.misses()
			log := &writing{}
			m.log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			a := m.start(m.configured(30 * time.Minute))
			m.await("the Lease", func() bool { return a.value(t, "audit_workloads") >= 8 })
			m.advance(time.Hour)
			m.await("broken images", func() bool { return a.value(t, "image_pullable", "reason=CredentialsRejected") == 0 })
			families, err := a.metrics.Gather()
			if err != nil {
				t.Fatal(err)
			}
			a.stop() // which keeps all
			m.issued()
			m.Travelled(t, markers.Secret, markers.Token, markers.Config, markers.Provider, markers.Cloud, markers.Proxy, markers.Header)
			for what, written := range map[string]struct{ text, says string }{
				"Events":                  {m.must("get", "events", "-n", "shop", "--field-selector", "source=pullgate", "-o", "json"), m.Hosts[0]},
				"Reports":                 {m.must("get", reports+"."+group, "-n", "shop", "-o", "json"), m.Hosts[0]},
				"metrics":                 {fmt.Sprint(families), m.Hosts[0]},
				"pullgate-audit-findings": {m.unpacked("pullgate-audit-findings"), "CredentialsRejected"},
				"pullgate-audit-requests": {m.unpacked("pullgate-audit-requests"), m.Hosts[0]},
				"log":                     {log.String(), "secret/shop/other"},
			} {
				m.Told(t, what, written.text)
				if !strings.Contains(written.text, written.says) {
					t.Errorf("%s say nothing of %s: %s", what, written.says, written.text)
				}
			}
		})
	}
}

// Nor are they in anything that is written by the commands that look at a cluster or
// a node, in any format, to standard output, standard error or the cluster.
func TestMarkersInCommands(t *testing.T) {
	m := newMarked(t, "reports", "openreports.io")
	run := m.program()
	for _, format := range []string{"text", "json", "sarif", "junit", "html", "images"} {
		run("audit", "-n", "shop", "--config", m.Configuration, "-o", format)
	}
	for _, format := range []string{"text", "json"} {
		for i := range m.Images {
			run("explain", "pod/"+pod(i), "-n", "shop", "--config", m.Configuration, "-o", format)
		}
		run("explain", "-n", "shop", "--config", m.Configuration, "-o", format)
		run("doctor", "-n", "shop", "--config", m.Configuration, "--registry", m.Hosts[0], "--registry", "proxied.example", "-o", format)
	}
	printed := filepath.Join(t.TempDir(), "printed.yaml")
	if err := os.WriteFile(printed, []byte(markers.PodManifest("shop", "all", m.Images...)+"\n---\n"+m.SecretManifest("shop")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run("explain", "-f", printed, "--config", m.Configuration)
	run("check", "--cluster", "-f", printed, "--config", m.Configuration)
	for _, format := range []string{"yaml", "json"} {
		run("config", "print", m.Configuration, "-o", format)
	}
	m.issued()
	m.Travelled(t, markers.Secret, markers.Token, markers.Config, markers.Provider, markers.Cloud, markers.Proxy, markers.Header)

	t.Log("a proxy at which nobody is")
	t.Setenv("HTTPS_PROXY", "http://user:"+markers.Proxy+"@127.0.0.1:1")
	run("doctor", "-n", "shop", "--registry", "proxied.example")
	run("audit", "-n", "shop", "--config", m.Configuration)

	t.Log("a node's files, which are full of another one")
	m.Also("marker-secret-7fd1")
	for _, node := range []string{"containerd", "k3s", "kind", "microk8s", "openshift"} {
		m.must("create", "configmap", node, "-n", "shop")
		of := []string{"node-profile", "--root", absolute(t, root, "nodeprofile", "testdata", node), "--node", node}
		run(of...)
		run(append(of, "--publish", node, "--namespace", "shop", "--kubeconfig", m.Kubeconfig())...)
		m.Told(t, "the ConfigMap of "+node, m.must("get", "configmap", node, "-n", "shop", "-o", "json"))
	}
}
