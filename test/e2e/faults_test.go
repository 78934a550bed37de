package e2e

import (
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/e2e/lab"
	"github.com/pullgate/pullgate/test/e2e/rig"
)

// testFaults lets registries break. Each object is let in, with a warning that
// only Pullgate can have given: in time, that is.
func testFaults(t *testing.T, r *rig.Rig) {
	s := newStage(t, r, "faults")
	type fault struct{ name, image, reason string }
	faults := []fault{
		{"down", r.Lab.Down + "/shop/cart:7", "RegistryUnreachable"},
		{"unknown-host", "registry.invalid/shop/cart:7", "RegistryUnreachable"},
	}
	if r.Lab.Elsewhere != nil {
		faults = append(faults, fault{"loopback", r.Lab.Elsewhere.Ref("elsewhere:1.0"), "AddressForbidden"})
	}
	for repository, reason := range map[string]string{
		"silent": "Timeout", "stuck": "Timeout",
		"429": "RateLimited", "500": "RegistryError", "502": "RegistryError", "teapot": "RegistryError", "html": "RegistryError",
		"redirects": "RegistryError", "huge-header": "RegistryError",
		"to-metadata": "AddressForbidden", "to-loopback": "AddressForbidden",
	} {
		faults = append(faults, fault{repository, r.Lab.Faulty.Ref("fault/" + repository + ":1.0"), reason})
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := s.with(t)
			result := s.kubectl("create", "deployment", f.name, "--image="+f.image)
			want := `Warning: pullgate: "` + f.image + `": not checked`
			if result.Code != 0 || !strings.HasPrefix(result.Stderr, want) {
				t.Errorf("exit code %d: %s\nwant %q", result.Code, result.Output, want)
			}
			if got := s.recorded(f.name); got.reason() != f.reason || got["verdict"] != "unknown" || got["decision"] != "warn" {
				t.Errorf("recorded %v, want reason %s", got, f.reason)
			}
			if s.must("get", "deployment", f.name, "-o", "name") == "" {
				t.Error("the object is not there")
			}
		})
	}
}

// testConfiguration changes the configuration of a running Pullgate.
func testConfiguration(t *testing.T, r *rig.Rig) {
	s := newStage(t, r, "configuration")
	defer s.configure(rolloutsConfig)
	image := r.Lab.Open.Ref("shop/web:1.99")
	create := func() (denied bool, printed string) {
		result := s.kubectl("create", "deployment", "web", "--image="+image, "--dry-run=server")
		return result.Code != 0, result.Stderr
	}
	if denied, printed := create(); !denied {
		t.Errorf("before: %s", printed)
	}
	s.configure(rolloutsConfig + "mode: warn\n")
	if denied, printed := create(); denied || !strings.Contains(printed, "tag not found") {
		t.Errorf("in mode warn: %s", printed)
	}
	if taken, err := r.Gate.Configure(t.Context(), rolloutsConfig+"mode: wran\n"); taken || err != nil {
		t.Errorf("a bad configuration: taken up %t, %v", taken, err)
	}
	if current, err := r.Gate.Metric(t.Context(), "pullgate_configuration_current"); err != nil || current != 0 {
		t.Errorf("pullgate_configuration_current is %v, %v, want 0", current, err)
	}
	if denied, printed := create(); denied || !strings.Contains(printed, "tag not found") {
		t.Errorf("after a bad configuration: %s", printed)
	}
	s.configure(strings.Replace(rolloutsConfig, "[127.0.0.1/32]", "[]", 1))
	if denied, printed := create(); denied || !strings.Contains(printed, "loopback") {
		t.Errorf("without allowed addresses: %s", printed)
	}
}

// testNoRights takes the right to read secrets away.
func testNoRights(t *testing.T, r *rig.Rig) {
	s := newStage(t, r, "no-rights")
	s.secret("stale", r.Lab.Token.Host, "last-years-password")
	s.secret("regcred", r.Lab.Token.Host, lab.Password)
	rule := s.must("get", "clusterrole", r.Gate.Account, "-o", "jsonpath={.rules[0]}")
	change := func(patch string) { s.must("patch", "clusterrole", r.Gate.Account, "--type=json", "-p", patch) }
	change(`[{"op": "remove", "path": "/rules/0"}]`)
	s.awaitRight("no")
	private := r.Lab.Token.Ref("shop/private:1.1")
	for _, secret := range []string{"stale", "regcred", "missing"} {
		result := s.apply(deployment("denied-"+secret, private, withSecrets(secret)))
		if result.Code != 0 || !strings.Contains(result.Stderr, "Warning: pullgate: ") {
			t.Errorf("with %s: exit code %d: %s", secret, result.Code, result.Output)
		}
		if got := s.recorded("denied-" + secret); got["verdict"] != "unknown" || got.reason() != "NodeCredentialsUnknown" {
			t.Errorf("with %s: recorded %v", secret, got)
		}
	}
	change(`[{"op": "add", "path": "/rules/0", "value": ` + rule + `}]`)
	s.awaitRight("yes")
	if result := s.apply(deployment("again", private, withSecrets("stale"))); !strings.Contains(result.Stderr, "denied the request") {
		t.Errorf("with the right back: exit code %d: %s", result.Code, result.Output)
	}
	if result := s.apply(deployment("again", private, withSecrets("regcred"))); result.Code != 0 || result.Stderr != "" {
		t.Errorf("with the right back: exit code %d: %s", result.Code, result.Output)
	}
}

// awaitRight waits until the API server says whether Pullgate may read secrets.
func (s stage) awaitRight(want string) {
	s.Helper()
	account := "system:serviceaccount:" + s.rig.Gate.Namespace + ":" + s.rig.Gate.Account
	s.await("the right to read secrets to be "+want, func() bool {
		return strings.TrimSpace(s.kubectl("auth", "can-i", "get", "secrets", "--as="+account).Stdout) == want
	})
}

// testFailurePolicyFail makes the API server refuse what it cannot ask of.
func testFailurePolicyFail(t *testing.T, r *rig.Rig) {
	s := newStage(t, r, "fail")
	newStage(t, r, "fail-off", "pullgate.dev/mode=off")
	good, bad := "--image="+r.Lab.Open.Ref("shop/web:1.27"), "--image="+r.Lab.Open.Ref("shop/web:1.99")
	s.setFailurePolicy("Fail")
	defer s.setFailurePolicy("Ignore")
	s.must("create", "deployment", "web", good)
	if result := s.kubectl("create", "deployment", "bad", bad); !strings.Contains(result.Stderr, "denied the request: ") {
		t.Errorf("a missing tag: exit code %d: %s", result.Code, result.Output)
	}
	r.Gate.Stop()
	var last cluster.Result
	s.await("the API server to refuse by itself", func() bool {
		last = s.kubectl("create", "deployment", "meanwhile", good, "--dry-run=server")
		return last.Code != 0
	})
	if !strings.Contains(last.Stderr, `failed calling webhook "templates.pullgate.dev"`) || strings.Contains(last.Stderr, "denied the request") {
		t.Errorf("while Pullgate is gone: %s", last.Output)
	}
	s.must("scale", "deployment/web", "--replicas=2") // changes no image
	s.must("delete", "deployment", "web")
	for _, namespace := range []string{"kube-system", r.Gate.Namespace, "fail-off"} {
		outside := stage{T: t, rig: r, namespace: namespace}
		outside.must("create", "deployment", "bad", bad)
		outside.must("delete", "deployment", "bad")
	}
	if err := r.Gate.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.must("create", "deployment", "later", good)
}

// setFailurePolicy says what is to become of requests while Pullgate is gone.
func (s stage) setFailurePolicy(policy string) {
	s.Helper()
	s.patchEntries(`{"op": "replace", "path": "/webhooks/%d/failurePolicy", "value": "` + policy + `"}`)
}

// testCrash ends Pullgate as nobody should.
func testCrash(t *testing.T, r *rig.Rig) {
	s := newStage(t, r, "crash")
	image := "--image=" + r.Lab.Open.Ref("shop/web:1.99")
	certificate := func() string { return s.must("-n", r.Gate.Namespace, "get", "secret", "pullgate-certs", "-o", "json") }
	before := certificate()
	r.Gate.Kill()
	if result := s.kubectl("create", "deployment", "meanwhile", image); result.Code != 0 {
		t.Errorf("while Pullgate is gone: exit code %d: %s", result.Code, result.Output)
	}
	if err := r.Gate.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if result := s.kubectl("create", "deployment", "later", image); result.Code == 0 {
		t.Errorf("after it has come back: %s", result.Output)
	}
	if certificate() != before {
		t.Error("a new certificate was made, though the old one was good")
	}
}
