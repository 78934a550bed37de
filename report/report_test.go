package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample has a result of every kind, and texts that every format must escape.
func sample() *Report {
	object := func(kind, name string) workload.Object {
		return workload.Object{APIVersion: "apps/v1", Kind: kind, Namespace: "shop", Name: name}
	}
	at := func(file string, line int) Source { return Source{File: file, Line: line} }
	missing := Result{
		Object: object("Deployment", "web"), Source: at("deploy/web.yaml", 21), Field: "spec.template.spec.containers[0].image",
		Container: "web", Image: "nginx:1.99", Resolved: "docker.io/library/nginx:1.99",
		Verdict: pull.Broken, Reason: pull.TagNotFound, Mode: "enforce", Action: "deny", Failed: true,
		Message: "tag not found: registry-1.docker.io answered 404 MANIFEST_UNKNOWN: manifest unknown (asked without credentials)",
		Node:    "failed to pull and unpack image: not found", Hint: "did you mean nginx:1.29?", Suggestions: []string{"nginx:1.29"},
		Credentials: []pull.Attempt{{Source: pull.Source{}, Outcome: pull.Accepted}},
		Notes:       []pull.Note{{Reason: pull.PullSecretMissing, Message: "pull secret shop/regcred does not exist", Secret: pull.Secret("shop", "regcred")}},
	}
	again := missing
	again.Object, again.Source = object("CronJob", "nightly"), at("deploy/100% new, job.yaml", 9)
	lenient := missing
	lenient.Image, lenient.Resolved = "nginx:1.98", "docker.io/library/nginx:1.98"
	lenient.Mode, lenient.Action, lenient.Failed, lenient.Source.Line = "warn", "warn", false, 30
	audited := lenient
	audited.Mode, audited.Action, audited.Image = "audit", "audit", "nginx:1.97"
	limited := Result{
		Object: object("StatefulSet", "db"), Source: at("-", 7), Field: "spec.template.spec.containers[0].image", Container: "db",
		Image: "ghcr.io/acme/db:2", Resolved: "ghcr.io/acme/db:2", Verdict: pull.Unknown, Reason: pull.RateLimited,
		Mode: "enforce", Action: "warn", Message: "not checked: ghcr.io limits the rate of requests",
	}
	nasty := Result{
		Object: object("Pod", "<b>&\"x\"</b>"), Source: at("a b/<script>.yaml", 1), Field: "spec.containers[0].image",
		Container: "\x1b[31m", Image: "\x1b[31m<script>alert(1)</script>\n::error::x", Verdict: pull.Broken, Reason: pull.InvalidImageName,
		Mode: "enforce", Action: "deny", Failed: true, Message: "not an image name: \"<img src=x>\" ]]> 'q'", Hint: "write\n::set-output it",
	}
	fine := Result{
		Object: object("Deployment", "web"), Source: at("deploy/web.yaml", 23), Field: "spec.template.spec.containers[1].image",
		Container: "proxy", Image: "envoy:1", Resolved: "docker.io/library/envoy:1", Digest: "sha256:0123", Verdict: pull.Pullable, Reason: pull.ReasonPullable,
		Mode: "enforce", Action: "allow", Credentials: []pull.Attempt{{Source: pull.Secret("shop", "old"), Outcome: pull.Rejected}, {Source: pull.Secret("shop", "new"), Outcome: pull.Accepted}},
		Notes: []pull.Note{{Reason: pull.SomeNodesMismatch, Message: "nodes of linux/arm64 could not pull it: the index has no entry for them"}},
	}
	plain := fine
	plain.Notes, plain.Source.Line = nil, 25
	skipped := Result{
		Object: object("Pod", "web-1"), Source: at("pods.json", 1), Field: "spec.containers[0].image", Image: "envoy:1",
		Verdict: pull.Skipped, Reason: pull.OwnedByController, Mode: "enforce", Action: "allow", Message: "checked on the ReplicaSet that controls it",
	}
	bare := Result{Field: "--image", Image: " ", Verdict: pull.Broken, Reason: pull.InvalidImageName, Action: "deny", Failed: true, Message: "no image name"}
	problems := []Problem{{Source: at("deploy/bad.yaml", 3), Message: "not YAML: did not find expected key", Hint: "render it"}}
	return New([]Result{fine, missing, limited, nasty, plain, lenient, again, audited, skipped, bare}, problems, 12, Vantage{
		Credentials: []string{"manifests: 1 Secret"}, Platforms: []string{"linux/amd64", "linux/arm64"},
		Configuration: "pullgate.yaml", Cluster: "kind <kind>", Warnings: []string{"Nodes may not be listed"},
	})
}

func render(t *testing.T, r *Report, format Format, style Style) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b, format, style); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	var known []string
	for _, format := range Formats() {
		name := "sample." + string(format)
		known = append(known, name)
		t.Run(string(format), func(t *testing.T) {
			got := render(t, sample(), format, Style{Version: "v1"})
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("differs from %s (-update writes it anew):\n%s", path, got)
			}
		})
	}
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !slices.Contains(known, file.Name()) {
			t.Errorf("testdata/%s is nobody's golden file", file.Name())
		}
	}
}

func TestSummary(t *testing.T) {
	want := Summary{Images: 10, Pullable: 2, Broken: 6, Unknown: 1, Skipped: 1, Failed: 4, Objects: 12}
	if got := sample().Summary; got != want {
		t.Errorf("summary %+v, want %+v", got, want)
	}
	for want, r := range map[string]*Report{
		"no images found in 1 object":                                                      New(nil, nil, 1, Vantage{}),
		"no images found in 0 objects; 1 input could not be read":                          New(nil, make([]Problem, 1), 0, Vantage{}),
		"1 image: 1 pullable":                                                              New([]Result{{Verdict: pull.Pullable}}, nil, 1, Vantage{}),
		"2 images: 1 unknown, 1 skipped; 2 inputs could not be read":                       New([]Result{{}, {Verdict: pull.Skipped}}, make([]Problem, 2), 1, Vantage{}),
		"10 images: 6 broken, 1 unknown, 2 pullable, 1 skipped; 1 input could not be read": sample(),
	} {
		if got := r.sentence(); got != want {
			t.Errorf("sentence %q, want %q", got, want)
		}
	}
}

// TestJSONHasNoNulls: programs iterate over lists without asking.
func TestJSONHasNoNulls(t *testing.T) {
	for _, r := range []*Report{New(nil, nil, 0, Vantage{}), New([]Result{{}}, nil, 0, Vantage{})} {
		if text := render(t, r, JSON, Style{}); strings.Contains(text, "null") {
			t.Errorf("null in %s", text)
		}
	}
}

func TestJSONReadsBack(t *testing.T) {
	var back struct {
		APIVersion, Kind string
		Summary          Summary
		Results          []struct{ Image, Verdict, Reason, Action string }
	}
	if err := json.Unmarshal([]byte(render(t, sample(), JSON, Style{})), &back); err != nil {
		t.Fatal(err)
	}
	if back.APIVersion != "pullgate.dev/v1alpha1" || back.Kind != "Report" || back.Summary != sample().Summary {
		t.Errorf("read back %+v", back)
	}
	if first := back.Results[1]; first.Image != "nginx:1.99" || first.Verdict != "broken" || first.Reason != "TagNotFound" || first.Action != "deny" {
		t.Errorf("the second result is %+v: the order of the manifests is to be kept", first)
	}
}

func TestTextWrapsToWidth(t *testing.T) {
	const width = 60
	for _, line := range strings.Split(render(t, sample(), Text, Style{Width: width}), "\n") {
		if words := strings.Fields(line); len([]rune(line)) > width && len(words) > 3 {
			t.Errorf("%d characters: %q", len([]rune(line)), line)
		}
	}
	if got := wrap("", 10); len(got) != 1 {
		t.Errorf("an empty text makes %d lines, want 1", len(got))
	}
}

func TestTextColours(t *testing.T) {
	plain, coloured := render(t, sample(), Text, Style{}), render(t, sample(), Text, Style{Color: true})
	if strings.Contains(plain, "\x1b") {
		t.Errorf("escape sequences without colour:\n%q", plain)
	}
	for _, want := range []string{"\x1b[1;31mbroken\x1b[0m", "\x1b[1;33munknown\x1b[0m", "\x1b[36mhint: \x1b[0m"} {
		if !strings.Contains(coloured, want) {
			t.Errorf("%q is not in\n%q", want, coloured)
		}
	}
	if strings.Contains(coloured, "\x1b[31m<script>") {
		t.Error("an image's name reaches the terminal with its escape sequences")
	}
}

// TestTextFolds: equal images are one block with all their places.
func TestTextFolds(t *testing.T) {
	results := make([]Result, 25)
	for i := range results {
		results[i] = Result{Image: "a", Verdict: pull.Broken, Reason: pull.TagNotFound, Message: "tag not found", Action: "deny", Source: Source{File: "f", Line: i + 1}}
	}
	text := render(t, New(results, nil, 1, Vantage{}), Text, Style{})
	if strings.Count(text, "error:") != 1 || strings.Count(text, "f:") != maxPlaces || !strings.Contains(text, "and 15 more places") {
		t.Errorf("not folded:\n%s", text)
	}
}

// TestTextOfAnOutage: a registry that is down is one thing to say, whatever
// comes of the images of others.
func TestTextOfAnOutage(t *testing.T) {
	var results []Result
	add := func(n int, registry string, verdict pull.Verdict, reason pull.Reason) {
		for i := range n {
			image := fmt.Sprintf("%s/app-%d:1", registry, i)
			results = append(results, Result{Image: image, Verdict: verdict, Reason: reason, Message: "no answer about " + image, Action: policy.WarnOf, Source: Source{File: "f", Line: i + 1}})
		}
	}
	add(5000, "down.example", pull.Unknown, pull.RegistryUnreachable)
	add(maxApart, "slow.example", pull.Unknown, pull.Timeout)
	add(20, "up.example", pull.Broken, pull.TagNotFound)
	text := render(t, New(results, nil, 1, Vantage{}), Text, Style{})
	for want, n := range map[string]int{
		"unknown 5000 images of down.example (RegistryUnreachable)\n  down.example/app-0:1  f:1\n": 1, "and 4990 more places": 1,
		"no answer about down.example": 1, "no answer about slow.example": maxApart, "no answer about up.example": 20,
	} {
		if got := strings.Count(text, want); got != n {
			t.Errorf("%q is there %d times, want %d", want, got, n)
		}
	}
	if lines := strings.Count(text, "\n"); lines > 120 {
		t.Errorf("%d lines", lines)
	}
}

// TestTextOfNotes: what is skipped is told of where there is a note on it.
func TestTextOfNotes(t *testing.T) {
	skipped := Result{Image: "a", Verdict: pull.Skipped, Reason: pull.Exempt, Message: "it starts without it", Action: "allow"}
	noted := skipped
	noted.Image, noted.Notes = "b", []pull.Note{{Reason: pull.VolumeNotMounted, Message: "tag not found"}}
	const want = "skipped b (Exempt)\n  note: it starts without it\n  note: tag not found\n\n2 images: 2 skipped\n"
	if got := render(t, New([]Result{skipped, noted}, nil, 1, Vantage{}), Text, Style{}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestGitHubCommandsCannotBeForged(t *testing.T) {
	for _, line := range strings.Split(strings.TrimSuffix(render(t, sample(), GitHub, Style{}), "\n"), "\n") {
		ok := strings.HasPrefix(line, "::error ") || strings.HasPrefix(line, "::warning ") || strings.HasPrefix(line, "::notice ") || strings.HasPrefix(line, "10 images")
		if !ok {
			t.Errorf("line %q is none of ours", line)
		}
	}
}

func TestJUnitCounts(t *testing.T) {
	var back suites
	if err := xml.Unmarshal([]byte(render(t, sample(), JUnit, Style{})), &back); err != nil {
		t.Fatal(err)
	}
	if back.Tests != 11 || back.Failures != 4 || back.Errors != 1 || back.Skipped != 4 {
		t.Errorf("%d tests, %d failures, %d errors, %d skipped", back.Tests, back.Failures, back.Errors, back.Skipped)
	}
	sum := 0
	for _, s := range back.Suites {
		sum += len(s.Cases)
		if s.Tests != len(s.Cases) {
			t.Errorf("suite %s says %d tests and has %d", s.Name, s.Tests, len(s.Cases))
		}
	}
	if sum != back.Tests {
		t.Errorf("%d tests in the suites, want %d", sum, back.Tests)
	}
}

func TestHTMLEscapes(t *testing.T) {
	text := render(t, sample(), HTML, Style{Version: "<v>"})
	for _, bad := range []string{"<script>alert", "<img src=x>", "<b>&", "kind <kind>", "<v>", "ZgotmplZ", "http://", "https://", "url("} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in the page", bad)
		}
	}
	if !strings.Contains(text, html.EscapeString("not an image name: \"<img src=x>\" ]]> 'q'")) {
		t.Error("the message is not in the page")
	}
}

// TestRulesExplainEverything: a reason or note that is added to the closed set
// needs an explanation here.
func TestRulesExplainEverything(t *testing.T) {
	seen := map[string]bool{}
	for _, rule := range rules(pull.Standard()) {
		if seen[rule.ID] || rule.Short == "" || rule.Help == "" {
			t.Errorf("%s is explained twice or not at all", rule.ID)
		}
		seen[rule.ID] = true
	}
	for _, entry := range pull.Standard().Reasons {
		verdict, reason := entry.Verdict, entry.Reason
		if wanted := verdict == pull.Broken || verdict == pull.Unknown; seen[string(reason)] != wanted {
			t.Errorf("%s: explained %t, want %t", reason, seen[string(reason)], wanted)
		}
	}
}

func TestSARIFFingerprints(t *testing.T) {
	prints := func(r *Report) []string {
		var all []string
		for _, result := range r.sarifResults() {
			all = append(all, result.Fingerprints[fingerprintName])
			if result.RuleIndex < 0 {
				t.Errorf("%s is no rule", result.RuleID)
			}
		}
		return all
	}
	before, moved := sample(), sample()
	for i := range moved.Results {
		moved.Results[i].Source.Line += 40
		moved.Results[i].Message += " at another time"
	}
	if a, b := prints(before), prints(moved); !slices.Equal(a, b) {
		t.Error("fingerprints change with lines or messages")
	}
	all := prints(before)
	slices.Sort(all)
	if n := len(all); len(slices.Compact(all)) != n {
		t.Error("two findings have the same fingerprint")
	}
}

// TestSARIFPlaces: GitHub refuses a result without a file and a line.
func TestSARIFPlaces(t *testing.T) {
	for name, test := range map[string]struct {
		at    Source
		image string
		uri   string
		line  int
	}{
		"a file":                    {Source{File: "./deploy/web.yaml", Line: 3}, "a", "deploy/web.yaml", 3},
		"blanks and a colon":        {Source{File: "a b/c:d.yaml", Line: 3}, "a", "a%20b/c:d.yaml", 3},
		"no scheme":                 {Source{File: "c:d.yaml", Line: 3}, "a", "./c:d.yaml", 3},
		"from the root":             {Source{File: "/tmp/x y.yaml", Line: 3}, "a", "file:///tmp/x%20y.yaml", 3},
		"above":                     {Source{File: "../up.yaml", Line: 3}, "a", "../up.yaml", 3},
		"a folder":                  {Source{File: "deploy/"}, "", "deploy", 1},
		"a URL":                     {Source{File: "https://me:secret@x.example/a b.yaml", Line: 3}, "a", "https://x.example/a%20b.yaml", 3},
		"standard input":            {Source{File: "-", Line: 3}, "a", "stdin", 1},
		"of a template":             {Source{File: "-", Line: 3, Template: "shop/templates/web.yaml"}, "a", "shop/templates/web.yaml", 1},
		"of a template, no scheme":  {Source{File: "-", Line: 3, Template: "javascript://x"}, "a", "./javascript:/x", 1},
		"rendered into a file":      {Source{File: "all.yaml", Line: 3, Template: "shop/templates/web.yaml"}, "a", "all.yaml", 3},
		"an image":                  {Source{}, "nginx:1.99", "./nginx:1.99", 1},
		"an image of a registry":    {Source{}, "reg.example/Shop:1", "reg.example/Shop:1", 1},
		"an image without a name":   {Source{}, "", "images", 1},
		"an image with a line feed": {Source{}, shown("a\nb"), "%22a%5Cnb%22", 1},
	} {
		place := location(test.at, test.image, "")[0].Physical
		if place.Artifact.URI != test.uri || place.Region.StartLine != test.line {
			t.Errorf("%s: %+v, want %s:%d", name, place, test.uri, test.line)
		}
		if _, err := url.Parse(place.Artifact.URI); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGitHubPlaces: an annotation stands at the template, where there is one.
func TestGitHubPlaces(t *testing.T) {
	for want, at := range map[string]Source{
		"::error title=": {File: "-", Line: 3}, "::error file=shop/templates/web.yaml,title=": {File: "-", Line: 3, Template: "shop/templates/web.yaml"},
		"::error file=a.yaml,line=3,title=": {File: "a.yaml", Line: 3, Template: "b.yaml"},
	} {
		result := Result{Image: "a", Verdict: pull.Broken, Reason: pull.TagNotFound, Failed: true, Source: at}
		if text := render(t, New([]Result{result}, nil, 1, Vantage{}), GitHub, Style{}); !strings.HasPrefix(text, want) {
			t.Errorf("%+v: %s, want %s", at, text, want)
		}
	}
}

// TestGitHubWorstFirst: GitHub shows ten errors of a step, which are to be about
// images.
func TestGitHubWorstFirst(t *testing.T) {
	text := render(t, New([]Result{{Image: "a", Verdict: pull.Broken, Reason: pull.TagNotFound, Failed: true}}, make([]Problem, 20), 1, Vantage{}), GitHub, Style{})
	if !strings.HasPrefix(text, "::error title=a%3A TagNotFound::") {
		t.Errorf("an image is to come before what cannot be read:\n%s", text)
	}
}

// TestInterrupted: every format says that it is not all.
func TestInterrupted(t *testing.T) {
	for format, want := range map[Format]string{
		Text: "1 image: 1 pullable; interrupted by SIGINT when 1 of 3", JSON: `"interrupted": "interrupted by SIGINT when 1 of 3`, GitHub: "::error title=interrupted::interrupted by SIGINT",
		JUnit: `<error type="Interrupted" message="interrupted by SIGINT`, SARIF: `"executionSuccessful": false,`, HTML: "interrupted by SIGINT when 1 of 3",
	} {
		r := New([]Result{{Image: "a", Verdict: pull.Pullable}}, nil, 1, Vantage{})
		r.Interrupted = "interrupted by SIGINT when 1 of 3 images were checked"
		if text := render(t, r, format, Style{}); !strings.Contains(text, want) {
			t.Errorf("%s does not say %q:\n%s", format, want, text)
		}
	}
}

// TestNothingIsObeyed: whatever a registry, a manifest or a library says, and
// wherever a report repeats it, no terminal, browser or CI server takes it for
// more than words.
func TestNothingIsObeyed(t *testing.T) {
	evil := map[string]string{
		"an escape sequence": "\x1b[2J", "its one-byte form": "\u009b2J", "a line feed": "\n::error::forged", "a carriage return": "\r", "a line separator": "\u2028",
		"a turn of direction": "\u202e", "an isolate": "\u2066", "a mark": "\u200f", "nothing visible": "\u200b", "a tag": "\U000e0041", "a delete": "\x7f", "no UTF-8": "\xff",
	}
	for name, bad := range evil {
		r := filled(bad)
		want := r.Results[0].Message
		for _, format := range Formats() {
			text := render(t, r, format, Style{Version: "v1"})
			if !utf8.ValidString(text) {
				t.Errorf("%s, %s: not UTF-8", format, name)
			}
			if strings.TrimSpace(bad) != "" && strings.Contains(text, bad) || strings.Contains(text, "\r") || strings.Contains(text, "\n::error::forged") {
				t.Errorf("%s, %s is in\n%q", format, name, text)
			}
		}
		if r.Results[0].Message != want {
			t.Errorf("%s: writing changes the report", name)
		}
	}
}

// filled has a text in every string of a report.
func filled(text string) *Report {
	r := sample()
	fill(reflect.ValueOf(r).Elem(), "x"+text+"y")
	r.Results[0].Verdict, r.Results[1].Verdict = pull.Broken, pull.Unknown
	return r
}

// fill sets the strings in a value, but those that come from no outside.
func fill(value reflect.Value, text string) {
	switch value.Kind() {
	case reflect.String:
		if value.Type() == reflect.TypeFor[string]() {
			value.SetString(text)
		}
	case reflect.Struct:
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() {
				fill(value.Field(i), text)
			}
		}
	case reflect.Slice:
		for i := range value.Len() {
			fill(value.Index(i), text)
		}
	default: // nothing of the others is text
	}
}

func TestWriteErrors(t *testing.T) {
	for _, format := range Formats() {
		if err := sample().Write(full{}, format, Style{}); err == nil || !errors.Is(err, errFull) {
			t.Errorf("%s: error %v, want the writer's", format, err)
		}
	}
	if err := sample().Write(full{}, "pdf", Style{}); err == nil || !strings.Contains(err.Error(), fmt.Sprint(Formats())) {
		t.Errorf("error %v, want one that lists the formats", err)
	}
}

var errFull = errors.New("no space left")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }
