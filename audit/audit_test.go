package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

const (
	old = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	now = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

// registry finds of every image what its tag says.
type registry struct{}

func (registry) Resolve(_ context.Context, w workload.Workload) resolver.Report {
	reports := resolver.Skip(w, pull.TagNotFound, "tag not found")
	for i := range reports.Results {
		r := &reports.Results[i]
		r.Resolved = "docker.io/library/" + r.Image.Reference
		switch _, tag, _ := strings.Cut(r.Image.Reference, ":"); tag {
		case "good":
			r.Reason, r.Digest = pull.ReasonPullable, now
		case "slow":
			r.Reason = pull.Timeout
		case "cached":
			r.Reason = pull.PresentOnNodes
		}
		r.Verdict = r.Reason.Verdict()
	}
	return reports
}

// objectOf is one of a kind, with what comes behind its metadata.
func objectOf(kind, name, owner, rest string) string {
	version := map[string]string{"Pod": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}[kind]
	if version == "" {
		version = "apps/v1"
	}
	owners := ""
	if owner != "" {
		kind, name, _ := strings.Cut(owner, "/")
		owners = fmt.Sprintf(`,"ownerReferences":[{"apiVersion":"apps/v1","kind":%q,"name":%q,"uid":"%s/%s","controller":true}]`, kind, name, kind, name)
		if kind == "Job" || kind == "CronJob" {
			owners = strings.Replace(owners, "apps/v1", "batch/v1", 1)
		}
	}
	return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"namespace":"shop","name":%q,"uid":"%s/%s"%s},%s}`, version, kind, name, kind, name, owners, rest)
}

func containers(image, more string) string {
	return fmt.Sprintf(`"containers":[{"name":"app","image":%q%s}]`, image, more)
}

func deployment(name, image, more string) string {
	return objectOf("Deployment", name, "", `"spec":{"template":{"spec":{`+containers(image, more)+`}}}`)
}

// rolledOut is a Deployment, its ReplicaSet and a Pod of it in some state.
func rolledOut(name, image, more, state string) []string {
	return []string{
		deployment(name, image, more),
		objectOf("ReplicaSet", name+"-1", "Deployment/"+name, `"spec":{"template":{"spec":{`+containers(image, more)+`}}}`),
		objectOf("Pod", name+"-1-a", "ReplicaSet/"+name+"-1", `"spec":{"nodeName":"c",`+containers(image, more)+`},"status":{"containerStatuses":[{"name":"app",`+state+`}]}`),
	}
}

func cronJob(name, more string) string {
	return objectOf("CronJob", name, "", `"spec":{"schedule":"0 3 * * *"`+more+`,"jobTemplate":{"spec":{"template":{"spec":{`+containers("web:bad", "")+`}}}}}`)
}

const (
	waiting = `"imageID":"","state":{"waiting":{"reason":"ImagePullBackOff"}}`
	creates = `"imageID":"","state":{"waiting":{"reason":"ContainerCreating"}}`
	runs    = `"imageID":"docker.io/library/web@` + old + `","state":{"running":{}}`
	always  = `,"imagePullPolicy":"Always"`
)

// run audits objects.
func run(t *testing.T, c policy.Configuration, mode string, objects ...string) Outcome {
	t.Helper()
	in := &Inventory{Kinds: &workload.Kinds{}}
	for _, raw := range append(slices.Clone(objects), objects...) { // a list that began again
		if err := in.Add([]byte(raw)); err != nil {
			t.Fatal(err)
		}
	}
	a := Audit{
		Engine: &engine.Engine{Policy: c, Kinds: in.Kinds, Resolver: registry{}},
		Labels: func(context.Context, string) map[string]string { return map[string]string{policy.ModeLabel: mode} },
		Fails: func(_ pull.Verdict, action policy.Action, _ policy.Mode) bool {
			return action == policy.Deny
		},
		Nodes:   []nodes.Node{{Name: "c", Runtime: "containerd"}, {Name: "o", Runtime: "cri-o"}},
		Kubectl: "kubectl",
	}
	return a.Run(t.Context(), in)
}

func note(r report.Result, reason pull.NoteReason) string {
	for _, note := range r.Notes {
		if note.Reason == reason {
			return note.Message
		}
	}
	return ""
}

func TestImminence(t *testing.T) {
	bare := func(image, state string) []string {
		return []string{objectOf("Pod", "bare", "", `"spec":{`+containers(image, "")+`},"status":{"containerStatuses":[{"name":"app",`+state+`}]}`)}
	}
	tests := map[string]struct {
		objects []string
		want    string
	}{
		"pullable":               {rolledOut("a", "web:good", "", runs), ""},
		"unknown":                {rolledOut("a", "web:slow", "", runs), ""},
		"waits":                  {rolledOut("a", "web:bad", "", waiting), "it hurts already: 1 Pod waits for it"},
		"two wait":               {append(rolledOut("a", "web:bad", "", waiting), strings.ReplaceAll(rolledOut("a", "web:bad", "", waiting)[2], "a-1-a", "a-1-b")), "it hurts already: 2 Pods wait for it"},
		"always":                 {rolledOut("a", "web:bad", always, runs), "it hurts at the next restart of a container: the pull policy is Always"},
		"cached":                 {rolledOut("a", "web:cached", "", runs), "it hurts when a Pod lands on another node or a node is replaced: where it runs, the image is there"},
		"broken, if not present": {rolledOut("a", "web:bad", "", runs), "it hurts when a Pod lands on another node or a node is replaced: where it runs, the image is there"},
		"is created":             {rolledOut("a", "web:bad", "", creates), "it hurts with the next Pod: none runs it"},
		"no replicas":            {[]string{deployment("a", "web:bad", "")}, "it hurts with the next Pod: none runs it"},
		"another image runs":     {append([]string{deployment("a", "web:bad", "")}, rolledOut("a", "web:0", "", runs)[1:]...), "it hurts with the next Pod: none runs it"},
		"a bare Pod":             {bare("web:bad", runs), "it hurts when a Pod lands on another node or a node is replaced: where it runs, the image is there"},
		"a CronJob":              {[]string{cronJob("n", "")}, "it hurts at the CronJob's next time: 2000-01-01T03:00:00Z, if the controller manager goes by UTC (0 3 * * *)"},
		"a CronJob elsewhere":    {[]string{cronJob("n", `,"timeZone":"Etc/UTC"`)}, "it hurts at the CronJob's next time: 2000-01-01T03:00:00Z (0 3 * * * Etc/UTC)"},
		"a suspended CronJob":    {[]string{cronJob("n", `,"suspend":true`)}, "it hurts when the CronJob is suspended no longer"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // in which it is the year 2000
				outcome := run(t, policy.Default(), "", test.objects...)
				if len(outcome.Results) != 1 {
					t.Fatalf("%d results", len(outcome.Results))
				}
				if got := note(outcome.Results[0], pull.Imminence); got != test.want {
					t.Errorf("%q, want %q", got, test.want)
				}
			})
		})
	}
}

func TestTagMoved(t *testing.T) {
	from := func(id string) string { return `"imageID":"` + id + `","state":{"running":{}}` }
	onCRIO := rolledOut("a", "web:good", "", runs)
	onCRIO[2] = strings.Replace(onCRIO[2], `"nodeName":"c"`, `"nodeName":"o"`, 1)
	tests := map[string]struct {
		objects []string
		moved   bool
	}{
		"moved":                 {rolledOut("a", "web:good", "", runs), true},
		"docker's way":          {rolledOut("a", "web:good", "", from("docker-pullable://docker.io/library/web@"+old)), true},
		"the same":              {rolledOut("a", "web:good", "", from("docker.io/library/web@"+now)), false},
		"of another repository": {rolledOut("a", "web:good", "", from("docker.io/library/other@"+old)), false},
		"loaded":                {rolledOut("a", "web:good", "", from(old)), false},
		"a node with CRI-O":     {onCRIO, false},
		"broken":                {rolledOut("a", "web:bad", "", runs), false},
		"no Pods":               {[]string{deployment("a", "web:good", "")}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := note(run(t, policy.Default(), "", test.objects...).Results[0], pull.TagMoved)
			if want := "the tag good has moved: Pods run " + old + ", a new one gets " + now; (got == want) != test.moved || !test.moved && got != "" {
				t.Errorf("%q", got)
			}
		})
	}
}

// What is finished, and what a checked controller made, is not looked at.
func TestSubjects(t *testing.T) {
	spec := `"spec":{` + containers("web:bad", "") + `}`
	template := `"spec":{"template":{` + spec + `}}`
	objects := append(rolledOut("a", "web:bad", "", runs),
		objectOf("Pod", "succeeded", "", spec+`,"status":{"phase":"Succeeded"}`),
		objectOf("Pod", "failed", "", spec+`,"status":{"phase":"Failed"}`),
		objectOf("Pod", "pending", "", spec+`,"status":{"phase":"Pending"}`),
		objectOf("Pod", "stranger", "Thing/x", spec),
		objectOf("Job", "complete", "", template+`,"status":{"conditions":[{"type":"Complete","status":"True"}]}`),
		objectOf("Job", "runs", "", template+`,"status":{"conditions":[{"type":"Suspended","status":"False"}]}`),
		objectOf("Job", "nightly-1", "CronJob/nightly", template),
		cronJob("nightly", ""),
		`{"apiVersion":"v1","kind":"Service","metadata":{"uid":"s"}}`,
	)
	var got []string
	for _, result := range run(t, policy.Default(), "", objects...).Results {
		got = append(got, result.Object.Kind+"/"+result.Object.Name)
	}
	want := []string{"Deployment/a", "Pod/pending", "Pod/stranger", "Job/runs", "CronJob/nightly"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestPlan(t *testing.T) {
	lenient := policy.Default()
	lenient.Rules = []policy.Rule{{Reasons: []string{"TagNotFound"}, Mode: policy.Warn}}
	denying := policy.Default()
	denying.OnUnknown = policy.UnknownDeny
	exempt := policy.Default()
	exempt.Exempt.Namespaces = []string{"shop"}
	command := "kubectl label namespace shop pullgate.dev/mode=enforce --overwrite"
	tests := map[string]struct {
		configuration policy.Configuration
		mode, image   string
		want          report.Namespace
		failed        bool
	}{
		"good":                {policy.Default(), "warn", "web:good", report.Namespace{Mode: "warn", Command: command}, false},
		"enforced already":    {policy.Default(), "enforce", "web:good", report.Namespace{Mode: "enforce"}, false},
		"off":                 {policy.Default(), "off", "web:bad", report.Namespace{Mode: "off", Refused: 1}, false},
		"broken":              {policy.Default(), "audit", "web:bad", report.Namespace{Mode: "audit", Refused: 1}, false},
		"broken and enforced": {policy.Default(), "", "web:bad", report.Namespace{Mode: "enforce", Refused: 1}, true},
		"a rule is narrower":  {lenient, "warn", "web:bad", report.Namespace{Mode: "warn", Command: command}, false},
		"unknown":             {policy.Default(), "warn", "web:slow", report.Namespace{Mode: "warn", Unknown: map[pull.Reason]int{"Timeout": 1}, Command: command}, false},
		"unknown and denied":  {denying, "warn", "web:slow", report.Namespace{Mode: "warn", Refused: 1}, false},
		"nobody looks at it":  {exempt, "warn", "web:bad", report.Namespace{Mode: "warn", Skipped: 1}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			outcome := run(t, test.configuration, test.mode, deployment("a", test.image, ""))
			test.want.Name, test.want.Images = "shop", 1
			if test.want.Unknown == nil {
				test.want.Unknown = map[pull.Reason]int{}
			}
			if got := fmt.Sprintf("%+v", outcome.Namespaces); got != fmt.Sprintf("%+v", []report.Namespace{test.want}) {
				t.Errorf("%s, want %+v", got, test.want)
			}
			if outcome.Results[0].Failed != test.failed {
				t.Errorf("failed: %t", outcome.Results[0].Failed)
			}
		})
	}
}

func TestImagesInUse(t *testing.T) {
	objects := append(rolledOut("a", "web:good", "", runs), append(rolledOut("b", "web:bad", "", runs), deployment("c", "api:good", ""))...)
	want := []string{"docker.io/library/api@" + now, "docker.io/library/web@" + old, "docker.io/library/web@" + now}
	if got := run(t, policy.Default(), "", objects...).Images; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	in := &Inventory{Kinds: &workload.Kinds{}}
	for _, raw := range []string{`{`, objectOf("Pod", "a", "", `"spec":{"containers":7}`)} {
		if err := in.Add([]byte(raw)); err == nil {
			t.Errorf("%s: no error", raw)
		}
	}
}
