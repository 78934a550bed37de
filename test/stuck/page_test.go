package stuck

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// page is docs/causes.md.
type page struct {
	mu       sync.Mutex
	sections map[string]section
}

// section is what is recorded of one trouble.
type section struct {
	heading, text string
	// fixed are what does not differ from run to run, and failures what kubelets said
	// of what failed.
	fixed, failures []string
}

// intro is the page's beginning.
const intro = `# Why does a node not get an image?

What keeps Pods in ErrImagePull, ImagePullBackOff or ContainerCreating: what a real kubelet and containerd say of each, and what ` + "`pullgate explain`" + ` makes of it. Every command below was run, and then the Pod ran. ` + "`make test-stuck`" + ` does it again, and fails where the answer is another (` + "`make test-stuck UPDATE=1`" + ` writes this page).

## The three steps of every guide

1. See which Pod waits: ` + "`kubectl get pods`" + `. Without a name, ` + "`pullgate explain`" + ` takes the worst of the namespace.
2. Read what the kubelet said: ` + "`kubectl describe pod`" + `, or the container's ` + "`state.waiting.message`" + ` when the events are gone. ` + "`explain`" + ` reads both.
3. Put right what it names, and have the kubelet try again. ` + "`explain`" + ` gives the commands.

The tips of the guides, such as to spell the name and the tag anew, to pull by hand and to look at the pull secret, are what ` + "`explain`" + ` does: it asks the registry now, with the Pod's own pull secrets, and suggests the nearest tag.

## What do the events say?

| words | what it is |
|---|---|
| ` + "`does not exist or no pull access`" + `, ` + "`repository does not exist or may require authorization`" + ` | [a wrong repository name](#a-wrong-repository-name), [an unqualified name](#a-wrong-or-unqualified-image-name-no-registry-in-it) or [no permission](#no-permission-a-private-image-without-a-pull-secret): registries hide which |
| ` + "`manifest … not found`" + `, ` + "`manifest unknown`" + `, ` + "`failed to resolve image: …: not found`" + ` | [an invalid or missing tag](#an-invalid-or-missing-tag) |
| ` + "`authorization failed`" + `, ` + "`pull access denied`" + `, ` + "`no basic auth credentials`" + ` | [no permission](#no-permission-a-pull-secret-that-is-refused) |
| ` + "`no such host`" + `, ` + "`connection refused`" + `, ` + "`i/o timeout`" + ` | [a registry that is not accessible](#a-registry-that-is-not-accessible) |

What the registry answers has its reasons in [reasons.md](reasons.md); what a kubelet makes of many more Pods is in [agreement.md](agreement.md).
`

// add records a trouble.
func (p *page) add(t *testing.T, tr trouble, said explanation, text string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	words, err := tr.words(t)
	if err != nil {
		t.Fatal(err)
	}
	s := section{heading: "## " + strings.ToUpper(tr.About[:1]) + tr.About[1:]}
	answer, _, _ := strings.Cut(text, "\n")
	s.fixed = append(s.fixed, tr.plain(answer))
	for _, r := range said.Remedies {
		s.fixed = append(s.fixed, tr.plain(r.Command))
	}
	s.failures = failures(tr.plain(words))
	if len(s.failures) == 0 && tr.settled == failed {
		t.Errorf("no failure is understood in\n%s", words)
	}
	s.text = fmt.Sprintf("\n%s\n\n```text\n%s```\n\n```text\n%s```\n", s.heading, tr.plain(words), tr.plain(text))
	p.sections[tr.Name] = s
}

// words are what the Pod's status and events say.
func (tr trouble) words(t *testing.T) (string, error) {
	t.Helper()
	var pods struct {
		Items []struct {
			Status struct {
				InitContainerStatuses, ContainerStatuses []struct {
					State struct {
						Waiting *struct{ Reason, Message string }
					}
				}
			}
		}
	}
	var events struct {
		Items []struct {
			Reason, Message string
			InvolvedObject  struct{ Kind string }
		}
	}
	for kind, into := range map[string]any{"pods": &pods, "events": &events} {
		text, err := on.Get(t.Context(), "/api/v1/namespaces/"+tr.Name+"/"+kind)
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			return "", err
		}
	}
	var lines []string
	add := func(line string) {
		if line = tr.plain(line); !strings.Contains(strings.Join(lines, "\n"), line) {
			lines = append(lines, line)
		}
	}
	for _, pod := range pods.Items {
		for _, status := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
			if w := status.State.Waiting; w != nil && w.Reason != "PodInitializing" {
				add("waiting: " + w.Reason + ": " + w.Message)
			}
		}
	}
	for _, e := range events.Items {
		if e.InvolvedObject.Kind == "Pod" && e.Reason != "BackOff" || e.Reason == "FailedCreate" {
			add("event:   " + e.Reason + ": " + e.Message)
		}
	}
	return strings.Join(lines, "\n") + "\n", nil
}

// beginnings are what kubelets put before the words of a failure: how it is told, not
// what.
var beginnings = regexp.MustCompile(`^(?:\(combined from similar events\): )?(Back-off pulling image "[^"]*": ErrImagePull: |Failed to pull image "[^"]*": |Error creating: pods "[^"]*" is forbidden: )`)

// failures are what is said of what failed. A kubelet that repeats its reason says
// nothing, nor does one that pulls too often for a moment before it does.
func failures(words string) (found []string) {
	for line := range strings.Lines(words) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		reason, message, _ := strings.Cut(strings.TrimSpace(rest), ": ")
		message = beginnings.ReplaceAllString(message, "")
		told := kind == "waiting" && reason != "ContainerCreating:" && reason != "ContainerCreating" ||
			kind == "event" && slices.Contains([]string{"Failed", "FailedCreatePodSandBox", "FailedCreate", "ErrImageNeverPull", "InspectFailed"}, reason)
		if told && message != "" && !strings.HasPrefix(message, "Error: ") && !strings.HasPrefix(message, "Back-off pulling image") && message != "pull QPS exceeded" {
			found = append(found, message)
		}
	}
	return found
}

// plain leaves out what differs from run to run.
func (tr trouble) plain(text string) string {
	text = on.Lab.Normalise(tr.Name, text)
	for _, change := range []struct{ pattern, with string }{
		{`\{(digest|layer|config|child)\}|sha256:[0-9a-f]{64}`, "sha256:…"},
		{`\{plain\}`, "registry.example"},
		{`\{(\w+)\}`, "$1.example"},
		{`/tmp/pullgate-oracle-\d+/root`, "/var/lib/containerd"},
		{`(extract|containerd-mount)-?\d+(-\w+)?`, "$1"},
		{`ingest/\w+`, "ingest"},
		{`(\w)-[0-9a-f]{8,10}-([a-z0-9]{5})?\b`, "$1-7d9c-x2x8q"},
		{`(?m)^( +)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, `, "$1"},
		{`\d\d:\d\d:\d\d UTC`, "14:07:15 UTC"},
		{`for \d+m?\d*s`, "for 3s"},
		{`, of \d+`, ""},
		{`(?m)[ \t]+$`, ""},
	} {
		text = regexp.MustCompile(change.pattern).ReplaceAllString(text, change.with)
	}
	return text
}

// close writes the page, or holds what was recorded against it.
func (p *page) close(file string, update bool) error {
	all := append(troubles(), narrow()...)
	if update && len(p.sections) == len(all) {
		text := intro
		for _, tr := range all {
			text += p.sections[tr.Name].text
		}
		return os.WriteFile(file, []byte(text), 0o600)
	}
	recorded, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read what was recorded: %w; run `make test-stuck UPDATE=1`", err)
	}
	var errs []error
	for name, s := range p.sections {
		_, of, _ := strings.Cut(string(recorded), s.heading+"\n")
		of, _, _ = strings.Cut(of, "\n## ")
		for _, line := range s.fixed {
			if !strings.Contains(of, line) {
				errs = append(errs, fmt.Errorf("%s: not recorded: %s", name, line))
			}
		}
		for _, line := range s.failures {
			if !strings.Contains(of, line) {
				errs = append(errs, fmt.Errorf("%s: the kubelet says what it did not say when it was recorded: %s", name, line))
			}
		}
	}
	if len(errs) > 0 {
		errs = append(errs, fmt.Errorf("%s is out of date: run `make test-stuck UPDATE=1`", file))
	}
	return errors.Join(errs...)
}
