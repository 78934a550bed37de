package report

import (
	"fmt"
	"io"
	"strings"
)

// writeGitHub writes GitHub's workflow commands, which become annotations of
// a pull request. GitHub shows the first ten of a kind in a step, so the worst
// come first, and what cannot be read after the images.
func (r *Report) writeGitHub(w io.Writer) error {
	var b strings.Builder
	for _, result := range r.worstFirst() {
		if command := gitHubCommand(result.level()); command != "" {
			title := fmt.Sprintf("%s: %s", result.Image, result.Reason)
			annotate(&b, command, result.Source, title, result.Message, result.Hint)
		}
		for _, note := range result.Notes {
			annotate(&b, "notice", result.Source, fmt.Sprintf("%s: %s", result.Image, note.Reason), note.Message, "")
		}
	}
	for _, problem := range r.Problems {
		annotate(&b, "error", problem.Source, "cannot be read", problem.Message, problem.Hint)
	}
	if r.Interrupted != "" {
		annotate(&b, "error", Source{}, "interrupted", r.Interrupted, "")
	}
	b.WriteString(r.sentence() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func gitHubCommand(level string) string {
	if level == "note" {
		return "notice"
	}
	return level
}

// annotate writes one command.
func annotate(b *strings.Builder, command string, at Source, title, message, hint string) {
	var properties []string
	if file, line := at.path(); file != "" {
		properties = append(properties, "file="+propertyValue(file))
		if line > 0 {
			properties = append(properties, fmt.Sprintf("line=%d", line))
		}
	}
	properties = append(properties, "title="+propertyValue(title))
	if hint != "" {
		message += "\nhint: " + hint
	}
	fmt.Fprintf(b, "::%s %s::%s\n", command, strings.Join(properties, ","), commandData(message))
}

// commandData escapes as GitHub's toolkit does (actions/toolkit
// packages/core/src/command.ts).
func commandData(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

// propertyValue escapes a property's value, which ends at a comma.
func propertyValue(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(text)
}
