package webhook

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/wording"
	"github.com/pullgate/pullgate/workload"
)

// answering makes a rig's resolver give results for the images in turn.
func (r *rig) answering(results ...resolver.Result) {
	r.resolve = func(_ context.Context, w workload.Workload) resolver.Report {
		report := resolver.Report{Object: w.Object}
		for _, template := range w.Templates {
			for i, image := range template.Images {
				result := results[i%len(results)]
				result.Image, result.Verdict = image, result.Reason.Verdict()
				report.Results = append(report.Results, result)
			}
		}
		return report
	}
}

func TestDenialOfOneImage(t *testing.T) {
	rig := newRig(t)
	rig.answering(resolver.Result{
		Reason: pull.TagNotFound, Words: wording.Words{
			Summary: "tag not found", Evidence: "reg answered 404 (asked with secret/shop/a accepted)", Message: "tag not found: reg answered 404 (asked with secret/shop/a accepted)",
			Hint: "did you mean nginx:1.29?", Node: `docker.io/library/nginx:1.99: not found`,
		},
		Notes: []pull.Note{{Reason: pull.PullSecretMissing, Message: "pull secret shop/b does not exist"}, {Message: "did you mean nginx:1.29?"}},
	})
	status := rig.ask(t, creation(deployment("nginx:1.99"))).Result
	const message = `tag not found: reg answered 404 (asked with secret/shop/a accepted); did you mean nginx:1.29? [on a node: docker.io/library/nginx:1.99: not found]`
	const want = `"nginx:1.99": tag not found
  fix:   did you mean nginx:1.29?
  field: spec.template.spec.containers[0].image
  why:   reg answered 404 (asked with secret/shop/a accepted)
  note:  pull secret shop/b does not exist
  node:  docker.io/library/nginx:1.99: not found`
	if status.Message != want {
		t.Errorf("message\n%s\nwant\n%s", status.Message, want)
	}
	if len(status.Details.Causes) != 1 {
		t.Fatalf("causes %v", status.Details.Causes)
	}
	if cause := status.Details.Causes[0]; cause.Type != "TagNotFound" || cause.Field != "spec.template.spec.containers[0].image" || cause.Message != message {
		t.Errorf("cause %+v", cause)
	}
	if status.Status != "Failure" || status.Code != 403 || status.Reason != "Forbidden" {
		t.Errorf("status %+v", status)
	}
}

// A block for each image, with its uses folded; a cause for each use.
func TestDenialOfSeveral(t *testing.T) {
	response := newRig(t).ask(t, creation(deployment("a:tagnotfound", "fine:1", "b:blobmissing", "a:tagnotfound", "c:ratelimited", "a:tagnotfound")))
	const message = `2 images cannot be pulled:
"a:tagnotfound": summary of TagNotFound
  fix:   hint for TagNotFound
  field: spec.template.spec.containers[0].image and 2 more
  why:   the registry said so
"b:blobmissing": summary of BlobMissing
  fix:   hint for BlobMissing
  field: spec.template.spec.containers[2].image
  why:   the registry said so`
	if response.Result.Message != message {
		t.Errorf("message\n%s\nwant\n%s", response.Result.Message, message)
	}
	var causes []string
	for _, cause := range response.Result.Details.Causes {
		causes = append(causes, fmt.Sprintf("%s %s", cause.Field, cause.Type))
	}
	field := "spec.template.spec.containers[%d].image %s"
	want := []string{fmt.Sprintf(field, 0, "TagNotFound"), fmt.Sprintf(field, 3, "TagNotFound"), fmt.Sprintf(field, 5, "TagNotFound"), fmt.Sprintf(field, 2, "BlobMissing")}
	if !slices.Equal(causes, want) {
		t.Errorf("causes %q, want %q", causes, want)
	}
	// What is not the reason is warned of all the same.
	if len(response.Warnings) != 1 || !strings.Contains(response.Warnings[0], "c:ratelimited") {
		t.Errorf("warnings %q", response.Warnings)
	}
}

// One image that met two fates is told of twice.
func TestDenialByFate(t *testing.T) {
	rig := newRig(t)
	rig.answering(resolver.Result{Reason: pull.TagNotFound, Words: wording.Plain("one")}, resolver.Result{Reason: pull.TagNotFound, Words: wording.Plain("two")})
	if message := rig.ask(t, creation(deployment("a:1", "a:1"))).Result.Message; strings.Count(message, "\n\"a:1\": ") != 2 {
		t.Errorf("message %s", message)
	}
}

// A name that nobody can have wanted to read does not hide what is the matter.
func TestDenialOfALongName(t *testing.T) {
	rig := newRig(t)
	rig.answering(resolver.Result{Reason: pull.InvalidImageName, Words: wording.Words{Summary: "no name", Message: "no name"}, Notes: []pull.Note{{Message: "a\nnote"}}})
	message := rig.ask(t, creation(deployment(strings.Repeat("x", 10_000)))).Result.Message
	if !strings.HasPrefix(message, `"xxx`) || !strings.Contains(message, "x…\": no name\n") || !strings.HasSuffix(message, "\n  note:  a note") || len(message) > 400 {
		t.Errorf("message %s", message)
	}
}

func TestDenialOfTooMany(t *testing.T) {
	var images []string
	for i := range 3 * maxCauses {
		images = append(images, fmt.Sprintf("r%d/app:tagnotfound", i/2))
	}
	status := newRig(t).ask(t, creation(deployment(images...))).Result
	lines := slices.DeleteFunc(strings.Split(status.Message, "\n"), func(line string) bool { return strings.HasPrefix(line, "  ") })
	if lines[0] != fmt.Sprintf("%d images cannot be pulled:", len(images)/2) || len(lines) != maxDenials+2 ||
		lines[len(lines)-1] != fmt.Sprintf("and %d more", len(images)/2-maxDenials) {
		t.Errorf("%d lines, the first %q, the last %q", len(lines), lines[0], lines[len(lines)-1])
	}
	if len(status.Details.Causes) != 2*maxDenials {
		t.Errorf("%d causes", len(status.Details.Causes))
	}
	same := newRig(t).ask(t, creation(deployment(strings.Fields(strings.Repeat("app:tagnotfound ", 2*maxCauses))...))).Result
	if len(same.Details.Causes) != maxCauses || !strings.Contains(same.Message, fmt.Sprintf("and %d more", 2*maxCauses-1)) {
		t.Errorf("%d causes: %s", len(same.Details.Causes), same.Message)
	}
}

func TestWarnings(t *testing.T) {
	note := pull.Note{Reason: pull.PullSecretMissing, Message: "pull secret shop/b does not exist"}
	tests := []struct {
		name    string
		mode    policy.Mode
		results []resolver.Result
		images  []string
		want    []string
	}{
		{"what would be denied", policy.Warn, []resolver.Result{{Reason: pull.TagNotFound, Words: wording.Words{Summary: "tag not found", Evidence: "404", Message: "tag not found: 404", Hint: "did you mean a:2?"}}}, []string{"a:1"},
			[]string{`pullgate: "a:1": tag not found; did you mean a:2? [spec.template.spec.containers[0].image; 404]`}},
		{"uses are folded", policy.Warn, []resolver.Result{{Reason: pull.TagNotFound, Words: wording.Words{Summary: "s", Message: "s"}}}, []string{"a:1", "a:1", "b:1"},
			[]string{`pullgate: "a:1": s [spec.template.spec.containers[0].image and 1 more]`, `pullgate: "b:1": s [spec.template.spec.containers[2].image]`}},
		{"what is not known", policy.Enforce, []resolver.Result{{Reason: pull.RateLimited, Words: wording.Words{Summary: "not checked: slow down", Evidence: "asked without credentials", Message: "not checked: slow down, asked without credentials"}}}, []string{"a:1"},
			[]string{`pullgate: "a:1": not checked: slow down [spec.template.spec.containers[0].image; asked without credentials]`}},
		{"notes on what is fine", policy.Enforce, []resolver.Result{{Reason: pull.ReasonPullable, Notes: []pull.Note{note}}}, []string{"a:1", "a:1"},
			[]string{`pullgate: "a:1": pull secret shop/b does not exist`}},
		{"a note on several images", policy.Enforce, []resolver.Result{{Reason: pull.ReasonPullable, Notes: []pull.Note{note}}}, []string{"a:1", "b:1", "c:1"},
			[]string{`pullgate: "a:1" and 2 more: pull secret shop/b does not exist`}},
		{"a note that is the hint", policy.Warn, []resolver.Result{{Reason: pull.CredentialsRequired, Words: wording.Words{Summary: "s", Message: "s", Hint: note.Message}, Notes: []pull.Note{note}}}, []string{"a:1"},
			[]string{`pullgate: "a:1": s; pull secret shop/b does not exist [spec.template.spec.containers[0].image]`}},
		{"notes in mode warn", policy.Warn, []resolver.Result{{Reason: pull.ReasonPullable, Notes: []pull.Note{note}}}, []string{"a:1"},
			[]string{`pullgate: "a:1": pull secret shop/b does not exist`}},
		{"notes on what is skipped", policy.Enforce, []resolver.Result{{Reason: pull.Exempt, Words: wording.Words{Summary: "s", Message: "s"}, Notes: []pull.Note{{Reason: pull.VolumeNotMounted, Message: "nobody mounts it: m"}}}}, []string{"a:1"},
			[]string{`pullgate: "a:1": nobody mounts it: m`}},
		{"the digest to pin", policy.Enforce, []resolver.Result{{Reason: pull.ReasonPullable, Notes: []pull.Note{{Reason: pull.UnpinnedTag, Message: "pin a:1@sha256:0"}}}}, []string{"a:1", "a:1"},
			[]string{`pullgate: pin a:1@sha256:0`}},
		{"no notes in mode audit", policy.Audit, []resolver.Result{{Reason: pull.ReasonPullable, Notes: []pull.Note{note}}}, []string{"a:1"}, nil},
		{"notes on what is denied are in the denial", policy.Enforce, []resolver.Result{{Reason: pull.TagNotFound, Words: wording.Words{Message: "m"}, Notes: []pull.Note{note}}}, []string{"a:1"}, nil},
		{"control characters", policy.Warn, []resolver.Result{{Reason: pull.TagNotFound, Words: wording.Words{Summary: "a\x1b[31m\nb\x7f", Message: "a\x1b[31m\nb\x7f"}}}, []string{"a\x00:1"},
			[]string{`pullgate: "a\x00:1": a [31m b  [spec.template.spec.containers[0].image]`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rig := newRig(t, func(c *policy.Configuration) { c.Mode = test.mode })
			rig.answering(test.results...)
			if got := rig.ask(t, creation(deployment(test.images...))).Warnings; !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// The API server cuts a warning and drops what is more than 4 KiB: what is
// left has to be of use.
func TestWarningsAreCut(t *testing.T) {
	rig := newRig(t, func(c *policy.Configuration) { c.Mode = policy.Warn })
	rig.answering(resolver.Result{Reason: pull.TagNotFound, Words: wording.Words{Summary: "tag not found", Evidence: strings.Repeat("é", 400), Message: "tag not found: " + strings.Repeat("é", 400), Hint: "did you mean b:2?"}})
	var images []string
	for i := range 40 {
		images = append(images, fmt.Sprintf("reg%d.example.com/app:1", i))
	}
	warnings := rig.ask(t, creation(deployment(images...))).Warnings
	first, last := warnings[0], warnings[len(warnings)-1]
	if !strings.HasPrefix(first, `pullgate: "reg0.example.com/app:1": tag not found; did you mean b:2? [spec.template.spec.containers[0].image; éé`) || !strings.HasSuffix(first, "é…") || len(first) > 255 {
		t.Errorf("the first one: %s", first)
	}
	if want := fmt.Sprintf("pullgate: %d more warnings; the audit log tells more", 40-(len(warnings)-1)); last != want || len(warnings) < 10 {
		t.Errorf("%d warnings, the last one %q, want %q", len(warnings), last, want)
	}
}

func TestPlain(t *testing.T) {
	tests := []struct {
		text  string
		limit int
		want  string
	}{
		{"plain", 5, "plain"},
		{"plainer", 5, "pl…"},
		{"ééééé", 7, "éé…"},
		{"日本語日本語", 10, "日本…"},
		{"a\nb\tc\x00d\x7fe\u0085f\u2028g", 99, "a b c d e f g"},
		{"a\xffb", 99, "a\ufffdb"},
		{strings.Repeat("\xff", 9), 9, "\ufffd\ufffd…"},
		{"", 3, ""},
	}
	for _, test := range tests {
		if got := plain(test.text, test.limit); got != test.want || !utf8.ValidString(got) || len(got) > test.limit {
			t.Errorf("plain(%q, %d) = %q, want %q", test.text, test.limit, got, test.want)
		}
	}
}

func TestAuditAnnotations(t *testing.T) {
	for _, mode := range []policy.Mode{policy.Enforce, policy.Warn, policy.Audit} {
		rig := newRig(t, func(c *policy.Configuration) { c.Mode = mode })
		got := rig.ask(t, creation(deployment("fine:1", "a:tagnotfound", "b:ratelimited"))).AuditAnnotations
		images := got["images"]
		delete(got, "images")
		decision := map[policy.Mode]string{policy.Enforce: "deny", policy.Warn: "warn", policy.Audit: "audit"}[mode]
		if want := map[string]string{"verdict": "broken", "decision": decision, "mode": string(mode)}; !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", mode, got, want)
		}
		var found []map[string]string
		if err := json.Unmarshal([]byte(images), &found); err != nil || len(found) != 2 {
			t.Fatalf("%s: %v: %s", mode, err, images)
		}
		want := map[string]string{"field": "spec.template.spec.containers[1].image", "image": "a:tagnotfound", "verdict": "broken", "reason": "TagNotFound",
			"action": decision, "message": "summary of TagNotFound: the registry said so"}
		if !maps.Equal(found[0], want) {
			t.Errorf("%s: %v, want %v", mode, found[0], want)
		}
	}
	rig := newRig(t)
	if got := rig.ask(t, creation(deployment("fine:1"))).AuditAnnotations; !maps.Equal(got, map[string]string{"verdict": "pullable", "decision": "allow", "mode": "enforce"}) {
		t.Errorf("a good image: %v", got)
	}
	got := rig.ask(t, creation(deployment(strings.Fields(strings.Repeat(strings.Repeat("x", 200)+":tagnotfound ", 300))...))).AuditAnnotations
	if got["imagesOmitted"] == "" || !json.Valid([]byte(got["images"])) {
		t.Errorf("too many images: %.300v", got)
	}
}

// The log has one entry a decision, in JSON, with the request's UID.
func TestLog(t *testing.T) {
	rig := newRig(t)
	rig.ask(t, creation(deployment("fine:1"), update(deployment("fine:1"))))
	if rig.log.Len() > 0 {
		t.Errorf("what nobody looked at is logged at level info: %s", rig.log.String())
	}
	rig.ask(t, creation(deployment("fine:1")))
	if !strings.Contains(rig.log.String(), `"verdict":"pullable"`) {
		t.Errorf("a good image is not logged: %s", rig.log.String())
	}
	rig.log.Reset()
	rig.ask(t, creation(deployment("a:tagnotfound", "b:ratelimited"), dryRun, update(deployment("a:1"))))
	lines := bufio.NewScanner(&rig.log)
	lines.Scan()
	var entry map[string]any
	if err := json.Unmarshal(lines.Bytes(), &entry); err != nil || lines.Scan() {
		t.Fatalf("not one entry: %v: %s", err, lines.Text())
	}
	images, _ := entry["images"].([]any)
	for _, key := range []string{"time", "took", "images"} {
		if entry[key] == nil {
			t.Errorf("no %s", key)
		}
		delete(entry, key)
	}
	want := map[string]any{"level": "INFO", "msg": "decision", "uid": "uid-1", "operation": "UPDATE", "kind": "Deployment", "namespace": "shop", "name": "web",
		"subResource": "", "user": "alice", "dryRun": true, "mode": "enforce", "verdict": "broken", "decision": "deny", "trouble": ""}
	if !maps.Equal(entry, want) {
		t.Errorf("got %v\nwant %v", entry, want)
	}
	if len(images) != 2 {
		t.Errorf("images %v", images)
	}
}

func TestMetrics(t *testing.T) {
	rig := newRig(t)
	for _, images := range [][]string{{"fine:1"}, {"fine:1", "a:tagnotfound"}, {"b:ratelimited"}, {"b:ratelimited", "fine:1"}} {
		rig.ask(t, creation(deployment(images...)))
	}
	rig.labels = map[string]string{policy.ModeLabel: "off"}
	rig.ask(t, creation(deployment("a:tagnotfound")))
	want := map[string]float64{
		"decision=allow,mode=enforce,verdict=pullable": 1, "decision=deny,mode=enforce,verdict=broken": 1,
		"decision=warn,mode=enforce,verdict=unknown": 2, "decision=allow,mode=off,verdict=skipped": 1,
	}
	if got := rig.counted(t, "pullgate_admission_requests_total"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	images := map[string]float64{
		"decision=deny,mode=enforce,namespace=shop,reason=TagNotFound,verdict=broken":  1,
		"decision=warn,mode=enforce,namespace=shop,reason=RateLimited,verdict=unknown": 2,
	}
	if got := rig.counted(t, "pullgate_admission_images_total"); !maps.Equal(got, images) {
		t.Errorf("got %v, want %v", got, images)
	}
	if got := rig.counted(t, "pullgate_admission_duration_seconds")[""]; got != 5 {
		t.Errorf("%v durations", got)
	}
}

// A pull secret that is for another registry, or good for a while yet, is
// nobody's trouble where the image can be pulled: the ServiceAccount's go with
// every image.
func TestNotesOnSecretsThatDoNoHarm(t *testing.T) {
	for reason, warned := range map[pull.Reason]bool{
		pull.ReasonPullable: false, pull.RegistryUnreachable: false, pull.NodeCredentialsUnknown: true, pull.NeverPresent: true,
	} {
		for _, note := range []pull.NoteReason{pull.PullSecretUnmatched, pull.PullSecretExpires} {
			rig := newRig(t)
			rig.resolve = func(_ context.Context, w workload.Workload) resolver.Report {
				result := resultOf(w.Templates[0].Images[0], reason)
				result.Notes = []pull.Note{{Reason: note, Message: "the word on it"}}
				return resolver.Report{Results: []resolver.Result{result}}
			}
			response := rig.ask(t, creation(deployment("app:1")))
			if got := strings.Contains(strings.Join(response.Warnings, " "), "the word on it"); got != warned {
				t.Errorf("%s, %s: warnings %q", note, reason, response.Warnings)
			}
			if !strings.Contains(response.AuditAnnotations["images"], "the word on it") {
				t.Errorf("%s, %s: annotations %q", note, reason, response.AuditAnnotations)
			}
		}
	}
}

// A label that is no mode is said so, and the file's mode applies.
func TestWrongModeLabel(t *testing.T) {
	rig := newRig(t)
	rig.labels = map[string]string{policy.ModeLabel: "Warn"}
	response := rig.ask(t, creation(deployment("app:tagnotfound")))
	if response.Allowed || !strings.Contains(strings.Join(response.Warnings, " "), `"Warn" is no mode`) {
		t.Errorf("allowed %t, warnings %q", response.Allowed, response.Warnings)
	}
	rig.labels = map[string]string{policy.ModeLabel: "warn"}
	if got := rig.ask(t, creation(deployment("fine:1"))).Warnings; len(got) != 0 {
		t.Errorf("warnings %q", got)
	}
}

// The answer that is not encoded says what it would if it were.
func TestPlainAnswer(t *testing.T) {
	for _, mode := range []policy.Mode{"", policy.Enforce, policy.Off} {
		for _, reasons := range [][]pull.Reason{nil, {pull.ReasonPullable}, {pull.ReasonPullable, pull.ReasonPullable}} {
			r := ruling{Outcome: engine.Outcome{Decision: policy.Decision{Mode: mode}}}
			for _, reason := range reasons {
				r.Report.Results = append(r.Report.Results, resolver.Result{Reason: reason, Verdict: reason.Verdict()})
				r.Decision.Actions = append(r.Decision.Actions, policy.Allow)
				r.Decision.Modes = append(r.Decision.Modes, mode)
			}
			const uid = `u"<1>`
			review := admissionv1.AdmissionReview{Response: r.response(uid)}
			review.SetGroupVersionKind(admissionv1.SchemeGroupVersion.WithKind("AdmissionReview"))
			encoded, err := json.Marshal(review)
			if err != nil || !r.silent() || string(r.answer(uid)) != string(encoded) {
				t.Errorf("%v, %s\nwant %s", err, r.answer(uid), encoded)
			}
		}
	}
}
