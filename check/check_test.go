package check

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/manifest"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// private refuses who does not come as bob.
func private(_ context.Context, query pull.Query) pull.Finding {
	switch name, _ := query.Credential.Basic(); {
	case strings.Contains(query.Image.Name(), "public"), name == "bob":
		return pull.Finding{Reason: pull.ReasonPullable}
	case name == "":
		return pull.Finding{Reason: pull.CredentialsRequired}
	default:
		return pull.Finding{Reason: pull.CredentialsRejected}
	}
}

// checked is what a run over manifests came to.
type checked struct {
	*Input
	results []report.Result
}

// check runs over one file with a private registry.
func check(t *testing.T, text string) checked {
	t.Helper()
	c, in, _ := checkOf(t, text, &prober{answer: private})
	return checked{in, c.Run(t.Context(), in)}
}

// checkOf is a run over one file with a registry.
func checkOf(t *testing.T, text string, registry *prober) (*Check, *Input, *OnceProber) {
	t.Helper()
	source := NewManifestSource(nil)
	kinds, err := workload.NewKinds(nil)
	if err != nil {
		t.Fatal(err)
	}
	stream := manifest.Read(t.Context(), manifest.Input{Files: []string{"-"}, Stdin: strings.NewReader(text)})
	in := NewInput(stream, kinds, source, "shop")
	once := NewOnceProber(t.Context(), registry)
	c := &Check{Platforms: NewPlatforms(nil), FailOn: OnBroken, Hint: "the general hint"}
	c.Engine = func(platforms []ocispec.Platform) *engine.Engine {
		return &engine.Engine{Policy: policy.Default(), Kinds: kinds, Resolver: &resolver.Resolver{
			Credentials: &keyring.Keyring{Source: source}, Registry: once, Platforms: platforms,
		}}
	}
	return c, in, once
}

// podWith is a Pod with an image and pull secrets.
func podWith(image string, secrets ...string) string {
	text := "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers: [{name: a, image: \"" + image + "\"}]\n"
	if len(secrets) > 0 {
		text += "  imagePullSecrets: [{name: " + strings.Join(secrets, "}, {name: ") + "}]\n"
	}
	return text
}

// secretOf is a pull secret for the registry; the user's password is s3cret.
func secretOf(name, user string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Secret\nmetadata: {name: %s}\ntype: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: '{\"auths\":{\"reg.example\":{\"auth\":%q}}}'\n",
		name, base64.StdEncoding.EncodeToString([]byte(user+":s3cret")))
}

const sealed = "---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: regcred}\nspec: {encryptedData: {a: AgB}}\n"

// TestRun: what follows of the Secrets among the manifests.
func TestRun(t *testing.T) {
	const private, public = "reg.example/shop/web:1", "reg.example/public:1"
	account := "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default}\nimagePullSecrets: [{name: %s}]\n"
	external := "---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: es}\nspec: {target: {name: regcred}}\n"
	placeholder := strings.Replace(secretOf("regcred", "bob"), "'{", "'<path:a#b>{", 1)
	refused := strings.Replace(secretOf("regcred", "bob"), "'{", "'", 1)
	tests := map[string]struct {
		manifests string
		reason    pull.Reason
		failed    bool
		message   string // of the result
		notes     string // all of them
		hint      string
		warning   string
		problem   string
	}{
		"given":               {manifests: podWith(private, "regcred") + secretOf("regcred", "bob"), reason: pull.ReasonPullable},
		"of the account":      {manifests: podWith(private) + fmt.Sprintf(account, "regcred") + secretOf("regcred", "bob"), reason: pull.ReasonPullable},
		"another's":           {manifests: podWith(private, "regcred") + secretOf("regcred", "eve"), reason: pull.CredentialsRejected, failed: true, message: "; pull secret shop/regcred (-:9)"},
		"none":                {manifests: podWith(private), reason: pull.CredentialsRequired, failed: true},
		"missing":             {manifests: podWith(private, "regcred"), reason: pull.NodeCredentialsUnknown, message: "it is not among the manifests, and no cluster", notes: "PullSecretMissing", hint: "the general hint"},
		"missing, public":     {manifests: podWith(public, "regcred"), reason: pull.ReasonPullable, notes: "pull secret shop/regcred: it is not among the manifests"},
		"one letter away":     {manifests: podWith(private, "regcred") + secretOf("regcreds", "bob"), reason: pull.NodeCredentialsUnknown, message: "(shop/regcreds is, one letter away: -:9)", notes: "one letter away"},
		"another namespace":   {manifests: podWith(private, "regcred") + strings.Replace(secretOf("regcred", "bob"), "{name", "{namespace: prod, name", 1), reason: pull.NodeCredentialsUnknown, message: "(one of that name is, in namespace prod: -:9)", notes: "in namespace prod"},
		"a placeholder":       {manifests: podWith(private, "regcred") + placeholder, reason: pull.NodeCredentialsUnknown, message: "a placeholder that nobody filled in (-:9)", hint: "decrypted and filled in"},
		"placeholder, public": {manifests: podWith(public, "regcred") + placeholder, reason: pull.ReasonPullable},
		"encrypted":           {manifests: podWith(private, "regcred") + secretOf("regcred", "eve") + "sops: {mac: x}\n", reason: pull.NodeCredentialsUnknown, message: "is encrypted (-:9)"},
		"sealed":              {manifests: podWith(private, "regcred") + sealed, reason: pull.NodeCredentialsUnknown, message: "it is made of a SealedSecret (-:9)", hint: "decrypted and filled in"},
		"external":            {manifests: podWith(private, "regcred") + external, reason: pull.NodeCredentialsUnknown, message: "it is made of a ExternalSecret (-:9)"},
		"refused":             {manifests: podWith(private, "regcred") + refused, reason: pull.NodeCredentialsUnknown, message: "the API server would refuse its manifest (-:9)", problem: "-:14: Secret shop/regcred: the API server would refuse it"},
		"twice the same":      {manifests: podWith(private, "regcred") + secretOf("regcred", "bob") + secretOf("regcred", "bob"), reason: pull.ReasonPullable},
		"twice":               {manifests: podWith(private, "regcred") + secretOf("regcred", "eve") + secretOf("regcred", "bob"), reason: pull.NodeCredentialsUnknown, message: "(-:9 and -:16)", warning: "Secret shop/regcred is given twice, with different content: -:9 and -:16"},
		"two accounts":        {manifests: podWith(private) + fmt.Sprintf(account, "regcred") + fmt.Sprintf(account, "other") + secretOf("regcred", "bob"), reason: pull.NodeCredentialsUnknown, warning: "ServiceAccount shop/default is given twice"},
		"a bad account":       {manifests: podWith(private) + "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default}\nimagePullSecrets: [regcred]\n", reason: pull.NodeCredentialsUnknown, problem: "-:11: ServiceAccount shop/default: imagePullSecrets is not as it is"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := check(t, test.manifests)
			if len(got.results) != 1 {
				t.Fatalf("results %+v", got.results)
			}
			result := got.results[0]
			if result.Reason != test.reason || result.Failed != test.failed || !strings.Contains(result.Message, test.message) || !strings.Contains(result.Hint, test.hint) {
				t.Errorf("%s, failed %t: %s\nhint: %s", result.Reason, result.Failed, result.Message, result.Hint)
			}
			wantTexts(t, "notes", fmt.Sprint(result.Notes), len(result.Notes), test.notes)
			wantTexts(t, "warnings", strings.Join(got.Warnings, "\n"), len(got.Warnings), test.warning)
			problems := ""
			for _, p := range got.Problems {
				problems += p.Source.String() + ": " + p.Message
			}
			wantTexts(t, "problems", problems, len(got.Problems), test.problem)
			if all := fmt.Sprintf("%+v", got.results) + problems; strings.Contains(all, "s3cret") {
				t.Errorf("a password is shown: %s", all)
			}
		})
	}
}

// wantTexts compares the only one of some texts; "" wants none.
func wantTexts(t *testing.T, what, texts string, n int, want string) {
	t.Helper()
	if (want == "") != (n == 0) || n > 1 || !strings.Contains(texts, want) {
		t.Errorf("%d %s: %s; want %q", n, what, texts, want)
	}
}

// TestRunUnrendered: what a tool is still to fill in is no broken image.
func TestRunUnrendered(t *testing.T) {
	got := check(t, podWith("{{ .Values.image }}")+podWith("reg.example/public:${TAG}")+podWith("ko://x")+podWith("Bad Name"))
	if len(got.Warnings) != 1 || !strings.HasPrefix(got.Warnings[0], "3 images are not rendered, and skipped: placeholders stand in the place of names, first in -:6; check what") {
		t.Errorf("warnings %q", got.Warnings)
	}
	for _, result := range got.results[:3] {
		if result.Reason != pull.Exempt || result.Failed || result.Hint == "" || result.Source.Line == 0 {
			t.Errorf("%s: %s, %s", result.Image, result.Reason, result.Message)
		}
	}
	if last := got.results[3]; last.Reason != pull.InvalidImageName || !last.Failed {
		t.Errorf("%s: %s", last.Image, last.Reason)
	}
	in := &Input{source: NewManifestSource(nil)}
	in.AddImages([]string{"${IMAGE}"}, "shop")
	if named, unrendered := in.workloads[0].rendered(); len(unrendered.Templates) > 0 || len(named.Templates[0].Images) != 1 {
		t.Error("what is named on the command line is passed over")
	}
}

// TestPassedOver: kinds that plainly hold containers are said, in one line.
func TestPassedOver(t *testing.T) {
	got := check(t, `
{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: a}, spec: {template: {spec: {containers: [{image: "reg.example/Bad:1"}]}}}}
---
{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: b}, spec: {template: {spec: {containers: [{image: a}]}}}}
---
{apiVersion: x.example/v1, kind: Pools, spec: {pools: [{template: {spec: {containers: [{image: a}]}}}], head: {containers: [{image: b}]}}}
---
{apiVersion: kyverno.io/v1, kind: Policy, spec: {pattern: {spec: {containers: [{image: "!*:latest"}]}}}}
---
{apiVersion: v1, kind: ConfigMap, data: {containers: "a"}}
---
{kind: Deployment, spec: {template: {spec: {containers: [{image: a}]}}}}
`)
	const want = "containers were passed over in objects of kinds that are not known: 1 Deployment without apiVersion, 1 Pools (x.example), 2 Rollout (argoproj.io); " +
		`to check them put into the configuration (--config): workloads: [{group: x.example, kind: Pools, podTemplates: ["spec.head", "spec.pools[*].template"]}, ` +
		`{group: argoproj.io, kind: Rollout, podTemplates: ["spec.template"]}]`
	if len(got.Warnings) != 1 {
		t.Fatalf("warnings %q, want one", got.Warnings)
	}
	if got.Warnings[0] != want {
		t.Errorf("warning\n%s, want\n%s", got.Warnings[0], want)
	}
}
