package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// resultOf is a result with an image and a reason.
func resultOf(image string, reason pull.Reason) resolver.Result {
	return resolver.Result{Image: workload.Image{Reference: image}, Reason: reason, Verdict: reason.Verdict()}
}

func reportOf(results ...resolver.Result) resolver.Report { return resolver.Report{Results: results} }

// labelled is a place whose Namespace has the mode's label.
func labelled(mode Mode) Where {
	return Where{Namespace: "shop", Labels: map[string]string{ModeLabel: string(mode), "other": "off"}}
}

// Every mode does with every verdict what the contract says, whatever
// onUnknown and the rest may be.
func TestDecideEveryReason(t *testing.T) {
	for _, entry := range pull.Standard().Reasons {
		verdict, reason := entry.Verdict, entry.Reason
		for _, onUnknown := range []OnUnknown{UnknownWarn, UnknownDeny, UnknownAllow} {
			c := Default()
			c.OnUnknown = onUnknown
			for mode, want := range wantActions(verdict, reason, onUnknown) {
				decision := c.Decide(reportOf(resultOf("nginx:1", reason)), labelled(mode))
				if decision.Actions[0] != want || decision.Modes[0] != mode || decision.Mode != mode {
					t.Errorf("%s, onUnknown %s: %s does %s under %s, want %s", reason, onUnknown, mode, decision.Actions[0], decision.Modes[0], want)
				}
				if denied := want == Deny; decision.Denied() != denied {
					t.Errorf("%s, onUnknown %s, mode %s: denied = %t", reason, onUnknown, mode, !denied)
				}
			}
		}
	}
}

func wantActions(verdict pull.Verdict, reason pull.Reason, onUnknown OnUnknown) map[Mode]Action {
	switch {
	case verdict == pull.Pullable, verdict == pull.Skipped:
		return map[Mode]Action{Enforce: Allow, Warn: Allow, Audit: Allow, Off: Allow}
	case reason == pull.NeverPresent:
		return map[Mode]Action{Enforce: WarnOf, Warn: WarnOf, Audit: Record, Off: Allow}
	case verdict == pull.Broken:
		return map[Mode]Action{Enforce: Deny, Warn: WarnOf, Audit: Record, Off: Allow}
	case onUnknown == UnknownDeny:
		return map[Mode]Action{Enforce: Deny, Warn: WarnOf, Audit: Record, Off: Allow}
	case onUnknown == UnknownAllow:
		return map[Mode]Action{Enforce: Allow, Warn: Allow, Audit: Record, Off: Allow}
	default:
		return map[Mode]Action{Enforce: WarnOf, Warn: WarnOf, Audit: Record, Off: Allow}
	}
}

// What nobody gave a proper reason for denies nothing, not even by accident.
func TestDecideNeverDeniesWithoutReason(t *testing.T) {
	slips := []resolver.Result{
		{},
		{Verdict: pull.Broken},
		{Verdict: pull.Broken, Reason: "tagNotFound"},
		{Verdict: pull.Broken, Reason: pull.ReasonPullable},
		{Verdict: pull.Broken, Reason: pull.NeverPresent},
		{Verdict: 200},
	}
	for _, onUnknown := range []OnUnknown{UnknownWarn, UnknownDeny, UnknownAllow} {
		c := Default()
		c.OnUnknown = onUnknown
		for i, slip := range slips {
			if c.Decide(reportOf(slip), Where{}).Denied() {
				t.Errorf("onUnknown %s denies slip %d", onUnknown, i)
			}
		}
	}
}

func TestDecideOrder(t *testing.T) {
	rules := []Rule{
		{Namespaces: []string{"team-*"}, Mode: Warn},
		{Images: []string{"ghcr.io/acme/*"}, Mode: Audit},
		{Reasons: []string{"TagNotFound"}, Images: []string{"nginx"}, Mode: Off},
		{Namespaces: []string{"strict"}, Mode: Enforce},
		{Namespaces: []string{"team-*"}, Mode: Enforce}, // never reached
	}
	tests := []struct {
		name       string
		mode       Mode
		dryRunMode Mode
		where      Where
		image      string
		want       Mode
	}{
		{name: "the file's mode", mode: Audit, where: Where{Namespace: "shop"}, want: Audit},
		{name: "a label beats the file", mode: Audit, where: labelled(Enforce), want: Enforce},
		{name: "a label that is no mode", mode: Audit, where: labelled("Enforce"), want: Audit},
		{name: "an empty label", mode: Audit, where: labelled(""), want: Audit},
		{name: "a rule beats the file", mode: Enforce, where: Where{Namespace: "team-a"}, want: Warn},
		{name: "a rule beats a label", mode: Enforce, where: Where{Namespace: "team-a", Labels: map[string]string{ModeLabel: "enforce"}}, want: Warn},
		{name: "a rule is stricter than a label", mode: Off, where: Where{Namespace: "strict", Labels: map[string]string{ModeLabel: "off"}}, want: Enforce},
		{name: "the first rule wins", mode: Off, where: Where{Namespace: "team-a"}, image: "ghcr.io/acme/app:1", want: Warn},
		{name: "the second one elsewhere", mode: Enforce, where: Where{Namespace: "shop"}, image: "ghcr.io/acme/app:1", want: Audit},
		{name: "all of a rule has to match", mode: Enforce, where: Where{Namespace: "shop"}, image: "nginx:1.99", want: Off},
		{name: "and one part does not", mode: Enforce, where: Where{Namespace: "shop"}, image: "nginxinc/nginx:1.99", want: Enforce},
		{name: "a dry run like the rest", mode: Enforce, where: Where{Namespace: "team-a", DryRun: true}, want: Warn},
		{name: "a dry run's own mode beats all", mode: Enforce, dryRunMode: Audit,
			where: Where{Namespace: "team-a", DryRun: true, Labels: map[string]string{ModeLabel: "enforce"}}, want: Audit},
		{name: "which is for dry runs alone", mode: Enforce, dryRunMode: Audit, where: Where{Namespace: "shop"}, want: Enforce},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := Default()
			c.Mode, c.DryRunMode, c.Rules = test.mode, test.dryRunMode, rules
			image := test.image
			if image == "" {
				image = "redis:99"
			}
			if got := c.Decide(reportOf(resultOf(image, pull.TagNotFound)), test.where).Modes[0]; got != test.want {
				t.Errorf("mode %s, want %s", got, test.want)
			}
		})
	}
}

// One object's images are decided one by one.
func TestDecideEachImage(t *testing.T) {
	c := Default()
	c.Rules = []Rule{{Reasons: []string{"RateLimited"}, Mode: Audit}, {Images: []string{"old/*"}, Mode: Warn}}
	decision := c.Decide(reportOf(
		resultOf("nginx:1", pull.ReasonPullable),
		resultOf("hub/app:1", pull.RateLimited),
		resultOf("old/app:1", pull.TagNotFound),
		resultOf("new/app:1", pull.TagNotFound),
	), Where{Namespace: "shop"})
	if want := []Action{Allow, Record, WarnOf, Deny}; !slices.Equal(decision.Actions, want) {
		t.Errorf("actions %v, want %v", decision.Actions, want)
	}
	if want := []Mode{Enforce, Audit, Warn, Enforce}; !slices.Equal(decision.Modes, want) {
		t.Errorf("modes %v, want %v", decision.Modes, want)
	}
	if !decision.Denied() || decision.Mode != Enforce {
		t.Errorf("denied %t in mode %s", decision.Denied(), decision.Mode)
	}
}

func TestLooks(t *testing.T) {
	narrow := []Rule{{Namespaces: []string{"strict-*"}, Images: []string{"x"}, Mode: Warn}, {Namespaces: []string{"quiet"}, Mode: Off}}
	tests := []struct {
		mode, dryRunMode Mode
		rules            []Rule
		where            Where
		want             bool
	}{
		{mode: Enforce, want: true},
		{mode: Audit, want: true},
		{mode: Off, want: false},
		{mode: Off, where: labelled(Audit), want: true},
		{mode: Enforce, where: labelled(Off), want: false},
		{mode: Off, rules: narrow, where: Where{Namespace: "strict-a"}, want: true},
		{mode: Off, rules: narrow, where: Where{Namespace: "quiet"}, want: false},
		{mode: Off, rules: narrow, where: Where{Namespace: "other"}, want: false},
		{mode: Off, rules: narrow, dryRunMode: Off, where: Where{Namespace: "strict-a", DryRun: true}, want: false},
		{mode: Off, rules: narrow, where: Where{Namespace: "strict-a", DryRun: true}, want: true},
		{mode: Enforce, dryRunMode: Off, where: Where{DryRun: true}, want: false},
		{mode: Off, dryRunMode: Warn, where: Where{DryRun: true}, want: true},
	}
	for i, test := range tests {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			c := Default()
			c.Mode, c.DryRunMode, c.Rules = test.mode, test.dryRunMode, test.rules
			if got := c.Looks(test.where); got != test.want {
				t.Errorf("Looks = %t", got)
			}
		})
	}
}

func TestExemptImage(t *testing.T) {
	const digest = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	tests := []struct {
		glob, image string
		want        bool
	}{
		{"nginx", "nginx", true},
		{"nginx", "nginx:1.29", true},
		{"nginx", "nginx:1.29" + digest, true},
		{"nginx", "docker.io/library/nginx:1.29", true},
		{"nginx:1.29", "docker.io/library/nginx:1.29", true},
		{"nginx:1.29", "nginx:1.29" + digest, true},
		{"nginx:latest", "nginx", true},
		{"nginx:latest", "nginx" + digest, false},
		{"nginx" + digest, "index.docker.io/nginx:1" + digest, true},
		{"docker.io/library/nginx", "nginx", true},
		{"docker.io/library/nginx:*", "nginx:1", true},
		{"docker.io/*", "acme/app:1", true},
		{"index.docker.io/acme/app", "index.docker.io/acme/app:1", true},
		{"acme/*", "acme/app", true},
		{"ghcr.io/acme/*", "ghcr.io/acme/team/app:2", true},
		{"localhost:5000/*", "localhost:5000/app", true},
		{"*:latest", "redis", true},
		{"nginx", "nginxinc/nginx", false},
		{"nginx", "ghcr.io/acme/nginx", false},
		{"ghcr.io/acme/*", "ghcr.io.evil.example/acme/app", false},
		{"acme/*", "ghcr.io/acme/app", false},
		{"Not An Image*", "Not An Image at all", true},            // what cannot be parsed: as written
		{"*.io/x", strings.Repeat("a", 1<<20) + ".io/x:1", false}, // likewise, for its length
		{"*", "", true},
	}
	for _, test := range tests {
		c := Default()
		c.Exempt.Images = []string{"unrelated", test.glob}
		if got := c.ExemptImage(test.image); got != test.want {
			t.Errorf("glob %q exempts %.99q: %t", test.glob, test.image, got)
		}
	}
	c := Default()
	if c.ExemptImage("nginx") {
		t.Error("without globs an image is exempt")
	}
}

func TestExemptNamespaceAndUser(t *testing.T) {
	c := Default()
	if !c.ExemptNamespace("kube-system") || c.ExemptNamespace("kube-systems") || c.ExemptNamespace("shop") || c.ExemptUser("") {
		t.Error("by default kube-system alone is exempt")
	}
	c.Exempt.Users = []string{"system:serviceaccount:argocd:*"}
	if !c.ExemptUser("system:serviceaccount:argocd:server") || c.ExemptUser("system:serviceaccount:argo:server") {
		t.Error("users are not matched by their globs")
	}
}
