package e2e

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/pki"
	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/rig/rigtest"
)

// doctored is what pullgate doctor says as JSON.
type doctored struct {
	State  string
	Checks []struct {
		Name, State, Code, Text string
		Remedies                []struct {
			Command, Effect string
			Applicable      bool
		}
	}
	text string
}

// codes are those of the problems.
func (d doctored) codes() []string {
	var codes []string
	for _, check := range d.Checks {
		if check.State == "problem" {
			codes = append(codes, check.Code)
		}
	}
	return codes
}

// doctor runs pullgate doctor in the namespace, with more in its environment.
func (s stage) doctor(env []string, args ...string) doctored {
	s.Helper()
	binaries := rigtest.Binaries(s, root)
	cmd := exec.CommandContext(s.Context(), binaries.Pullgate, append([]string{"doctor", "-n", s.namespace, "-o", "json"}, args...)...)
	cmd.Env = append(append(os.Environ(), "KUBECONFIG="+s.rig.Kubeconfig()), env...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.Fatal(err)
	}
	said := doctored{text: string(out)}
	if err := json.Unmarshal(out, &said); err != nil {
		s.Fatalf("%v: %s", err, exit.Stderr)
	}
	return said
}

// awaitDoctor waits until the doctor finds these problems; none: that all is well.
func (s stage) awaitDoctor(want []string, env []string, args ...string) doctored {
	s.Helper()
	var said doctored
	s.await(fmt.Sprintf("the doctor to find %q", want), func() bool {
		said = s.doctor(env, args...)
		return slices.Equal(said.codes(), want) && (len(want) > 0 || said.State == "ok")
	})
	return said
}

// TestDoctor makes faults for which no Service and no kubelet is needed; those
// are in test/operate.
func TestDoctor(t *testing.T) {
	t.Parallel()
	r := rigtest.Start(t, root, rig.Options{CertDir: true})
	s := newStage(t, r, "shop")
	s.awaitDoctor(nil, nil)
	t.Run("Modes", func(t *testing.T) {
		for _, mode := range []string{"enforce", "warn", "audit"} {
			s := newStage(t, r, "doctor-"+mode, "pullgate.dev/mode="+mode)
			said := s.awaitDoctor(nil, nil)
			if want := "PodTemplate, Pod, Deployment, CronJob came by in namespace " + s.namespace + ", mode " + mode; !strings.Contains(said.text, want) {
				t.Errorf("no %q in %s", want, said.text)
			}
		}
	})
	t.Run("Label", func(t *testing.T) {
		s := newStage(t, r, "doctor-off", "pullgate.dev/mode=off")
		said := s.awaitDoctor([]string{"NamespaceExcluded", "NamespaceExcluded"}, nil)
		s.mend(said)
		s.awaitDoctor(nil, nil)
	})
	for _, policy := range []string{"Fail", "Ignore"} {
		t.Run(policy, func(t *testing.T) {
			s := s.with(t)
			s.setFailurePolicy(policy)
			word := func(code string) string {
				if policy == "Ignore" {
					return "DidNotComeBy" // the API server keeps its words to itself
				}
				return code
			}
			t.Run("DNS", func(t *testing.T) {
				s := s.with(t)
				lead := func(to string) {
					s.must("-n", r.Gate.Namespace, "patch", "service", "pullgate", "-p", `{"spec": {"externalName": "`+to+`"}}`)
				}
				r.Gate.Stop() // connections that are kept alive need no name
				lead("nowhere.invalid")
				said := s.awaitDoctor([]string{word("NameNotResolved")}, nil)
				if policy == "Ignore" && !strings.Contains(said.text, "apiserver_admission_webhook_fail_open_count") {
					t.Errorf("what the API server counted is not said: %s", said.text)
				}
				lead("localhost")
				if err := r.Gate.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.awaitDoctor(nil, nil)
			})
			t.Run("Gone", func(t *testing.T) {
				s := s.with(t)
				r.Gate.Stop()
				s.awaitDoctor([]string{word("WrongPort")}, nil)
				if err := r.Gate.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.awaitDoctor(nil, nil)
			})
			t.Run("Certificates", func(t *testing.T) { testCertificates(s.with(t), word) })
			t.Run("Caller", func(t *testing.T) { testCaller(s.with(t), word("CallerRefused")) })
			t.Run("Authority", func(t *testing.T) {
				s := s.with(t)
				bundle := s.bundle()
				other, err := pki.NewAuthority("other")
				if err != nil {
					t.Fatal(err)
				}
				s.setBundle(base64.StdEncoding.EncodeToString(other.PEM))
				s.awaitDoctor([]string{word("Untrusted")}, nil)
				s.setBundle(bundle)
				s.awaitDoctor(nil, nil)
			})
		})
	}
	t.Run("Selector", func(t *testing.T) {
		s := s.with(t)
		s.patchEntries(`{"op": "add", "path": "/webhooks/%d/objectSelector", "value": {"matchLabels": {"only": "these"}}}`)
		s.awaitDoctor([]string{"ObjectExcluded", "ObjectExcluded"}, nil)
		s.patchEntries(`{"op": "remove", "path": "/webhooks/%d/objectSelector"}`)
		s.awaitDoctor(nil, nil)
	})
	t.Run("Removed", func(*testing.T) {
		configuration := s.must("get", "validatingwebhookconfiguration", "pullgate", "-o", "json")
		s.must("delete", "validatingwebhookconfiguration", "pullgate")
		s.awaitDoctor([]string{"NotInstalled", "NotInstalled"}, nil)
		s.feed(configuration, "create", "-f", "-")
		s.awaitDoctor(nil, nil)
	})
	t.Run("Clock", func(t *testing.T) { testClock(s.with(t)) })
	t.Run("Registries", func(t *testing.T) { testRegistries(s.with(t)) })
	t.Run("Profiles", func(t *testing.T) { testProfiles(s.with(t)) })
	t.Run("FewRights", func(t *testing.T) { testFewRights(s.with(t)) })
}

// mend runs the first command that the doctor gives for the first problem.
func (s stage) mend(said doctored) {
	s.Helper()
	for _, check := range said.Checks {
		for _, remedy := range check.Remedies {
			if check.State != "problem" || remedy.Effect == "look" || !remedy.Applicable {
				continue
			}
			cmd := exec.CommandContext(s.Context(), "sh", "-c", remedy.Command)
			cmd.Env = append(os.Environ(), "KUBECONFIG="+s.rig.Kubeconfig(), "PATH="+s.rig.Bin()+":"+os.Getenv("PATH"))
			if out, err := cmd.CombinedOutput(); err != nil {
				s.Errorf("%s: %v: %s", remedy.Command, err, out)
			}
			return
		}
	}
	s.Errorf("there is no command: %s", said.text)
}

// testClock has an API server that goes an hour behind.
func testClock(s stage) {
	client, address, err := s.rig.Connect()
	if err != nil {
		s.Fatal(err)
	}
	target, err := url.Parse(address)
	if err != nil {
		s.Fatal(err)
	}
	late := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(request *httputil.ProxyRequest) { request.SetURL(target) },
		Transport: client.Transport,
		ModifyResponse: func(response *http.Response) error {
			response.Header.Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			return nil
		},
	})
	defer late.Close()
	file := filepath.Join(s.TempDir(), "kubeconfig")
	config := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "late",
		"clusters": [{"name": "late", "cluster": {"server": %q}}], "contexts": [{"name": "late", "context": {"cluster": "late", "user": ""}}]}`, late.URL)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		s.Fatal(err)
	}
	said := s.doctor(nil, "--kubeconfig", file)
	if codes := said.codes(); len(codes) == 0 || codes[0] != "ClockWrong" || !strings.Contains(said.text, " ahead of the API server's") {
		s.Errorf("%q: %s", codes, said.text)
	}
}

// testRegistries has registries that cannot be reached, each in another way.
func testRegistries(s stage) {
	lab := s.rig.Lab
	authority := filepath.Join(s.TempDir(), "ca.crt")
	if err := os.WriteFile(authority, lab.Authority.PEM, 0o600); err != nil {
		s.Fatal(err)
	}
	for name, test := range map[string]struct {
		host string
		env  []string
		want []string
	}{
		"without TLS":          {lab.Open.Host, nil, nil},
		"a known authority":    {lab.Token.Host, []string{"SSL_CERT_FILE=" + authority}, nil},
		"an unknown authority": {lab.Token.Host, nil, []string{"RegistryUntrusted"}},
		"no such name":         {"registry.invalid", nil, []string{"RegistryNotFound"}},
		"nobody there":         {lab.Down, nil, []string{"RegistryNoRoute"}},
		"no proxy there":       {"registry.example", []string{"HTTPS_PROXY=http://" + lab.Down}, []string{"ProxyUnreachable"}},
		"through a proxy":      {"registry.example", []string{"HTTPS_PROXY=" + proxy(s, lab.Token.Host), "SSL_CERT_FILE=" + authority}, []string{"RegistryUntrusted"}},
	} {
		if said := s.doctor(test.env, "--registry", test.host); !slices.Equal(said.codes(), test.want) {
			s.Errorf("%s: %q, want %q: %s", name, said.codes(), test.want, said.text)
		}
	}
}

// proxy leads every host to one.
func proxy(s stage, to string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := tunnel(w, to); err != nil {
			s.Error(err)
		}
	}))
	s.Cleanup(server.Close)
	return server.URL
}

// tunnel connects who sent CONNECT.
func tunnel(w http.ResponseWriter, to string) error {
	far, err := net.Dial("tcp", to)
	if err != nil {
		return err
	}
	defer func() { _ = far.Close() }()
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	defer func() { _ = near.Close() }()
	if _, err := io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return err
	}
	go func() { _, _ = io.Copy(far, near) }() // it ends with the connections
	_, _ = io.Copy(near, far)
	return nil
}

// testProfiles has a profile for one of two nodes.
func testProfiles(s stage) {
	if result := s.feed(`{"apiVersion": "v1", "kind": "List", "items": [
		{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-a"}}, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-b"}}]}`,
		"apply", "-f", "-"); result.Code != 0 {
		s.Fatal(result.Output)
	}
	dir := s.TempDir()
	profile := func(node string) string {
		file := filepath.Join(dir, node+".yaml")
		text := "apiVersion: pullgate.dev/v1alpha1\nkind: NodeProfile\nnodes: [" + node + "]\nruntime: {name: containerd}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			s.Fatal(err)
		}
		return file
	}
	config := filepath.Join(dir, "config.yaml")
	for files, want := range map[string][]string{profile("node-a"): {"ProfileMissing"}, profile("node-a") + ", " + profile("node-b"): nil} {
		if err := os.WriteFile(config, []byte(rig.DefaultConfig+"  profiles: ["+files+"]\n"), 0o600); err != nil {
			s.Fatal(err)
		}
		said := s.doctor(nil, "--config", config)
		if !slices.Equal(said.codes(), want) || len(want) > 0 && !strings.Contains(said.text, "sudo pullgate node-profile --node node-b > node-b.yaml") {
			s.Errorf("%q, want %q: %s", said.codes(), want, said.text)
		}
	}
}

// testFewRights: who may only make PodTemplates learns whether they come by, and
// who may make nothing that it is not known.
func testFewRights(s stage) {
	for account, want := range map[string]string{"some": "ok", "none": "unknown"} {
		s.must("create", "serviceaccount", account)
		if account == "some" {
			s.must("create", "role", account, "--verb=create", "--resource=podtemplates")
			s.must("create", "rolebinding", account, "--role="+account, "--serviceaccount="+s.namespace+":"+account)
		}
		file, err := s.rig.ServiceAccountKubeconfig(s.Context(), s.namespace, account)
		if err != nil {
			s.Fatal(err)
		}
		said := s.doctor(nil, "--kubeconfig", file)
		s.await("the right", func() bool { said = s.doctor(nil, "--kubeconfig", file); return said.State == want })
	}
}
