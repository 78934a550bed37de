package operate

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/cluster"
)

// finding is one check of a diagnosis.
type finding struct {
	Name, State, Code, Text string
	Evidence                []string
	Remedies                []struct {
		Text, Command, Effect string
		Applicable            bool
	}
}

// diagnosis is what pullgate doctor says as JSON.
type diagnosis struct {
	State  string
	Checks []finding
	text   string
}

// first is the first problem, which the others may come from.
func (d diagnosis) first() finding {
	for _, check := range d.Checks {
		if check.State == "problem" {
			return check
		}
	}
	return finding{}
}

// doctor asks for a diagnosis, and makes sure that the exit code fits.
func doctor(t *testing.T, args ...string) diagnosis {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), root+"/bin/pullgate", append([]string{"doctor", "-n", "default", "--registry", on.Registry.Host, "-o", "json"}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+on.Kubeconfig(), "SSL_CERT_FILE="+authorities(t))
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	said := diagnosis{text: string(out)}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("%v: exit code %d: %s%s", err, cmd.ProcessState.ExitCode(), out, exit.Stderr)
	}
	if want := map[string]int{"ok": 0, "problem": 1, "unknown": 1}[said.State]; cmd.ProcessState.ExitCode() != want {
		t.Errorf("exit code %d for %s", cmd.ProcessState.ExitCode(), said.State)
	}
	return said
}

// authorities is a file with the registry's.
func authorities(t *testing.T) string {
	t.Helper()
	file := on.Dir() + "/registry-ca.crt"
	if err := os.WriteFile(file, on.Registry.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// typed runs a command as a person would who has copied it.
func typed(t *testing.T, command string) error {
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+on.Kubeconfig(), "PATH="+on.Bin()+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, out)
	}
	return nil
}

// edited is a change of Pullgate's Service by a JSON patch.
func edited(patch string) func(t *testing.T) {
	return func(t *testing.T) {
		must(t, "-n", namespace, "patch", "service", "pullgate", "--type=json", "-p", patch)
	}
}

// everyEntry is the same operation on each entry of the webhook configuration.
func everyEntry(t *testing.T, format string) string {
	var all []string
	for i := range strings.Fields(must(t, "get", "validatingwebhookconfiguration", "pullgate", "-o", "jsonpath={.webhooks[*].name}")) {
		all = append(all, fmt.Sprintf(format, i))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// TestDoctor makes faults, has each named, and mends it by the command that is
// given, under either failurePolicy.
func TestDoctor(t *testing.T) {
	installed(t, "--set", "config.audit.enabled=true")                  // whose rights count, too
	defer helm(t, "uninstall", "pullgate", "--wait", "--timeout", "2m") // what is patched by hand no upgrade takes back
	for _, policy := range []string{"Fail", "Ignore"} {
		t.Run(policy, func(t *testing.T) {
			must(t, "patch", "validatingwebhookconfiguration", "pullgate", "--type=json", "-p",
				everyEntry(t, `{"op": "replace", "path": "/webhooks/%d/failurePolicy", "value": "`+policy+`"}`))
			healthy(t)
			for _, fault := range faults() {
				t.Run(fault.name, func(t *testing.T) { fault.test(t) })
			}
		})
	}
}

// healthy waits until the doctor finds nothing.
func healthy(t *testing.T) {
	t.Helper()
	var said diagnosis
	if _, err := await(t, "healthy", 2*time.Minute, func() bool { said = doctor(t); return said.State == "ok" }); err != nil {
		t.Fatalf("%v: %s", err, said.text)
	}
}

// fault is something that is done to a Pullgate that works.
type fault struct {
	name string
	do   func(t *testing.T)
	code string
	// also is the cause of it, which is named, too.
	also string
	// undo is for what no command mends.
	undo func(t *testing.T)
	// tidy takes away what the command made that is not as the chart has it.
	tidy func(t *testing.T)
}

// test makes the fault, has it named and mends it.
func (f fault) test(t *testing.T) {
	f.do(t)
	var said diagnosis
	if _, err := await(t, "named", time.Minute, func() bool { said = doctor(t); return said.first().Code == f.code }); err != nil {
		t.Errorf("%v: want %s: %s", err, f.code, said.text)
	}
	t.Logf("%s: %s", f.name, said.text)
	if f.undo != nil {
		f.undo(t)
	} else {
		for _, check := range said.Checks {
			for _, remedy := range check.Remedies {
				if (check.Code == f.code || check.Code == f.also) && remedy.Effect == "change" && remedy.Applicable {
					if err := typed(t, remedy.Command); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
	healthy(t)
	if f.tidy != nil {
		f.tidy(t)
	}
}

func faults() []fault {
	return []fault{
		{name: "the label", code: "NamespaceExcluded", do: func(t *testing.T) { must(t, "label", "namespace", "default", "pullgate.dev/mode=off") }},
		{name: "an excluded name", code: "NamespaceExcluded", do: func(t *testing.T) {
			must(t, "patch", "validatingwebhookconfiguration", "pullgate", "--type=json", "-p",
				everyEntry(t, `{"op": "add", "path": "/webhooks/%d/namespaceSelector/matchExpressions/0/values/-", "value": "default"}`))
		}},
		{name: "no such Service", code: "ServiceMissing", do: func(t *testing.T) { must(t, "-n", namespace, "delete", "service", "pullgate") }},
		{name: "another target port", code: "WrongPort", do: edited(`[{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 9444}]`)},
		{name: "another port", code: "WrongPort", do: func(t *testing.T) {
			must(t, "patch", "validatingwebhookconfiguration", "pullgate", "--type=json", "-p",
				everyEntry(t, `{"op": "replace", "path": "/webhooks/%d/clientConfig/service/port", "value": 444}`))
		}},
		{name: "another selector", code: "WrongSelector", do: edited(`[{"op": "add", "path": "/spec/selector/app", "value": "other"}]`)},
		{name: "no replica", code: "NoReplica", do: func(t *testing.T) { must(t, "-n", namespace, "scale", "deployment/pullgate", "--replicas=0") }},
		{name: "no right to read secrets", code: "RightMissing", do: func(t *testing.T) {
			must(t, "patch", "clusterrole", "pullgate", "--type=json", "-p", `[{"op": "replace", "path": "/rules/0/resources", "value": ["serviceaccounts"]}]`)
		}, tidy: func(t *testing.T) {
			must(t, "patch", "clusterrole", "pullgate", "--type=json", "-p", `[{"op": "replace", "path": "/rules/0/resources", "value": ["serviceaccounts", "secrets"]}]`)
			must(t, "-n", "default", "delete", "role,rolebinding", "pullgate-doctor-pull-secrets")
		}},
		// Pullgate would put it right at once.
		{name: "another authority", code: "Untrusted", do: func(t *testing.T) {
			must(t, "patch", "clusterrole", "pullgate", "--type=json", "-p", `[{"op": "replace", "path": "/rules/2/verbs", "value": ["get", "list", "watch"]}]`)
			bundle := encoded(on.Registry.CA)
			must(t, "patch", "validatingwebhookconfiguration", "pullgate", "--type=json", "-p",
				everyEntry(t, `{"op": "replace", "path": "/webhooks/%d/clientConfig/caBundle", "value": "`+bundle+`"}`))
		}, also: "RightMissing", tidy: func(t *testing.T) {
			must(t, "patch", "clusterrole", "pullgate", "--type=json", "-p", `[{"op": "replace", "path": "/rules/2/verbs", "value": ["get", "list", "watch", "patch"]}]`)
			must(t, "delete", "clusterrole,clusterrolebinding", "pullgate-doctor-ca-bundle")
		}},
		{name: "a firewall", code: "NoRoute", do: func(t *testing.T) { firewall(t, "add") }, undo: func(t *testing.T) { firewall(t, "delete") }},
	}
}

// firewall drops what API servers send to the replicas.
func firewall(t *testing.T, verb string) {
	t.Helper()
	script := "nft add table ip firewall && nft add chain ip firewall out '{ type filter hook output priority 100; }' && nft add rule ip firewall out tcp dport 9443 drop"
	if verb == "delete" {
		script = "nft delete table ip firewall"
	}
	if err := typed(t, script); err != nil {
		t.Fatal(err)
	}
}

// TestHelmTest: doctor runs in a Pod as it does elsewhere, with few rights, of
// which none stays, and tells what is the matter from there.
func TestHelmTest(t *testing.T) {
	installed(t)
	for name, run := range map[string]func() (string, error){
		"helm 3": func() (string, error) {
			return on.Helm3(t.Context(), "", "test", "pullgate", "--namespace", namespace, "--timeout", "2m")
		},
		"helm 4": func() (string, error) {
			return on.Helm(t.Context(), "", "test", "pullgate", "--namespace", namespace, "--timeout", "2m")
		},
	} {
		if out, err := run(); err != nil {
			t.Errorf("%s: %v: %s%s", name, err, out, testLog(t))
		}
		if left := testRights(t); left != "" {
			t.Errorf("%s leaves behind: %s", name, left)
		}
	}
	for name, fault := range map[string]struct{ set, want string }{
		"no authority":  {"extraCAs=", "problem[RegistryUntrusted]: the certificate of registry " + on.Registry.Host + " is not trusted by this Pod"},
		"no proxy":      {"extraEnv[0].name=HTTPS_PROXY,extraEnv[0].value=http://10.67.0.1:1,extraEnv[1].name=NO_PROXY,extraEnv[1].value=" + cluster.ServiceIP, "problem[ProxyUnreachable]: the proxy http://10.67.0.1:1"},
		"no DNS":        {"test.registries={registry.invalid}", "problem[RegistryNotFound]: the name of registry registry.invalid is not resolved from this Pod"},
		"its namespace": {"test.namespace=kube-system", "problem[NamespaceExcluded]: namespace kube-system is always left out"},
	} {
		t.Run(name, func(t *testing.T) {
			helm(t, "upgrade", "pullgate", chart, "--values", "-", "--wait", "--set", fault.set)
			out, err := on.Helm(t.Context(), "", "test", "pullgate", "--namespace", namespace, "--timeout", "2m")
			if log := testLog(t); err == nil || !strings.Contains(log, fault.want) {
				t.Errorf("%v: %s\nno %q in\n%s", err, out, fault.want, log)
			}
			if left := testRights(t); left != "" {
				t.Errorf("what failed leaves behind: %s", left)
			}
		})
	}
}

// testLog is what the test's Pod said.
func testLog(t *testing.T) string {
	t.Helper()
	result, err := on.Kubectl(t.Context(), "-n", namespace, "logs", "pullgate-test")
	if err != nil {
		t.Fatal(err)
	}
	return result.Output
}

// testRights are those that the test has.
func testRights(t *testing.T) string {
	t.Helper()
	return must(t, "get", "serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings", "-A", "-o", "name", "-l", "app.kubernetes.io/name=pullgate-test")
}
