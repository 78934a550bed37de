package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// intro is the page's beginning; the command fills in how many Pods there were,
// and the versions.
const intro = `# Does the node agree?

Yes. %d Pods were made on an API server that calls Pullgate, for a real kubelet (%s) with a real containerd (%s) beside it; %d of their images are pullable, %d broken. What Pullgate called pullable was pulled, and what it called broken was not. %s fits anything: Pullgate says so where a registry gave no answer, or where a node may know more. So does the note that only some nodes can pull an image, by their configuration.

` + "`make test-node`" + ` does it again, and fails where the two differ from each other or from this page (` + "`make test-node UPDATE=1`" + ` writes it). It needs Linux, root and runc. The node pulls along containerd's default path, the transfer service; ` + "`depth: layers`" + ` is set, and the webhook is in mode ` + "`audit`" + `. Addresses and digests are named after what they stand for.

What only a node can see is not in the table: layers that cannot be unpacked, for example, since Pullgate downloads none.
`

const (
	header = "| the Pod's image | Pullgate | the kubelet | in its words |\n|---|---|---|---|\n"
	cells  = "| %s | %s | `%s` | %s |\n"
)

// counted sums up what was said and done, and returns where the two differ.
func counted(rows []row) (count map[string]int, differ error) {
	var errs []error
	count = map[string]int{}
	for _, r := range rows {
		count[r.Verdict]++
		if !r.agrees() {
			errs = append(errs, fmt.Errorf("%s: %s: Pullgate says %s (%s), the kubelet %s (%s)", r.Name, r.About, r.said(), r.Message, r.Outcome.Reason, r.Words))
		}
	}
	return count, errors.Join(errs...)
}

// said is the verdict and its reason.
func (r row) said() string { return r.Verdict + "/" + r.Reason }

// write writes the page.
func write(page string, rows []row, versions [2]string) error {
	count, _ := counted(rows)
	var text strings.Builder
	fmt.Fprintf(&text, intro, len(rows), versions[0], versions[1], count["pullable"], count["broken"], "`unknown`")
	group := ""
	for _, r := range rows {
		if r.Group != group {
			group = r.Group
			fmt.Fprintf(&text, "\n## %s\n\n%s", group, header)
		}
		text.WriteString(r.line())
	}
	return os.WriteFile(page, []byte(text.String()), 0o644) //nolint:gosec // it goes into the repository
}

// line is a row of the page.
func (r row) line() string {
	said := "`" + r.said() + "`"
	if r.Note != "" {
		said += `, noting "` + r.Note + `"`
	}
	words := ""
	if r.Words != "" && r.Words != r.Outcome.Reason {
		words = "`` " + strings.NewReplacer("|", `\|`, "`", "'").Replace(plain(r.Words)) + " ``"
	}
	return fmt.Sprintf(cells, strings.ReplaceAll(r.About, "|", `\|`), said, r.Outcome.Reason, words)
}

// plain gives the names that stand for addresses the look of names.
func plain(words string) string {
	for _, change := range []struct{ pattern, with string }{
		{`\{(digest|sha384|sha512|config|layer|child)\}`, "sha256:…"},
		{`\{(\w+)\}`, "$1.example"},
	} {
		words = regexp.MustCompile(change.pattern).ReplaceAllString(words, change.with)
	}
	return words
}

// check compares what was said and done, not the words, with the page.
func check(page string, rows []row) error {
	text, err := os.ReadFile(page) //nolint:gosec // the caller's own
	if err != nil {
		return fmt.Errorf("read what was recorded: %w; run `make test-node UPDATE=1`", err)
	}
	recorded, count := map[string]bool{}, 0
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("| ")) && !strings.HasPrefix(header, string(line)) {
			recorded[withoutWords(string(line))] = true
			count++
		}
	}
	var errs []error
	for _, r := range rows {
		if line := withoutWords(r.line()); !recorded[line] {
			errs = append(errs, fmt.Errorf("%s is not recorded: %s", r.Name, line))
		}
	}
	if count != len(rows) {
		errs = append(errs, fmt.Errorf("%d Pods are recorded, and %d were made", count, len(rows)))
	}
	if len(errs) > 0 {
		errs = append(errs, fmt.Errorf("%s is out of date: run `make test-node UPDATE=1`", page))
	}
	return errors.Join(errs...)
}

// withoutWords cuts a row's last cell off.
func withoutWords(line string) string {
	line = strings.TrimSuffix(strings.TrimSpace(line), "|")
	if at := strings.LastIndex(line, " | "); at >= 0 {
		line = line[:at]
	}
	return line
}
