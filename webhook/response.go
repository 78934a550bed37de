package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxWarning is the length at which the API server cuts a warning
	// (apiserver pkg/endpoints/filters/warning.go).
	maxWarning = 255
	// maxWarnings is how much of them it passes on in all, 4 KiB, less what
	// the last one needs.
	maxWarnings = 4<<10 - 2*maxWarning
	// maxAnnotation bounds the audit annotation that lists the images.
	maxAnnotation = 16 << 10
)

// response writes the answer. It is the only place that does.
func (o outcome) response(uid types.UID) *admissionv1.AdmissionResponse {
	response := &admissionv1.AdmissionResponse{
		UID: uid, Allowed: !o.decision.Denied(),
		Warnings: o.warnings(), AuditAnnotations: o.annotations(),
	}
	if !response.Allowed {
		response.Result = o.status()
	}
	return response
}

// status is the refusal: one line for each image, and the same as causes.
func (o outcome) status() *metav1.Status {
	var lines []string
	var causes []metav1.StatusCause
	for _, group := range o.grouped(policy.Deny) {
		result := group[0]
		lines = append(lines, denialLine(group))
		for _, use := range group {
			causes = append(causes, metav1.StatusCause{
				Type: metav1.CauseType(result.Reason), Field: use.Image.Field, Message: causeMessage(result),
			})
		}
	}
	message := lines[0]
	if len(lines) > 1 {
		message = fmt.Sprintf("%d images cannot be pulled:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	return &metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
		Message: message, Details: &metav1.StatusDetails{Causes: causes},
	}
}

// grouped folds the uses of one image that met the same fate.
func (o outcome) grouped(action policy.Action) [][]resolver.Result {
	var groups [][]resolver.Result
	for i, result := range o.report.Results {
		if o.decision.Actions[i] != action {
			continue
		}
		same := func(group []resolver.Result) bool {
			return group[0].Image.Reference == result.Image.Reference && group[0].Message == result.Message
		}
		if at := slices.IndexFunc(groups, same); at >= 0 {
			groups[at] = append(groups[at], result)
			continue
		}
		groups = append(groups, []resolver.Result{result})
	}
	return groups
}

// denialLine names the field, the image, what is the matter and what to do.
func denialLine(group []resolver.Result) string {
	result := group[0]
	line := fmt.Sprintf("%s: %q: %s", fields(group), result.Image.Reference, causeMessage(result))
	for _, note := range result.Notes {
		if note.Message != result.Hint {
			line += "; note: " + note.Message
		}
	}
	return line
}

// fields says where an image stands, by the first of its fields.
func fields(group []resolver.Result) string {
	return group[0].Image.Field + andMore(len(group)-1)
}

func andMore(count int) string {
	if count == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", count)
}

func causeMessage(result resolver.Result) string {
	message := result.Message
	if result.Hint != "" {
		message += "; " + result.Hint
	}
	if result.Node != "" {
		message += fmt.Sprintf(" [on a node: %s]", result.Node)
	}
	return message
}

// warnings are for the person at the command line: what is let in although it
// will fail or may fail, and notes on pull secrets.
func (o outcome) warnings() []string {
	var warnings []string
	if o.trouble != "" {
		warnings = append(warnings, "pullgate: "+o.trouble)
	}
	for _, group := range o.grouped(policy.WarnOf) {
		warnings = append(warnings, warning(group))
	}
	return bounded(append(warnings, o.noteWarnings()...))
}

// warning puts first what matters most, since the API server cuts it: what is
// the matter and what to do; then where, and how that is known.
func warning(group []resolver.Result) string {
	result := group[0]
	text := fmt.Sprintf("pullgate: %q: %s", result.Image.Reference, result.Summary)
	if result.Hint != "" {
		text += "; " + result.Hint
	}
	text += " [" + fields(group)
	if evidence := strings.TrimLeft(strings.TrimPrefix(result.Message, result.Summary), ":; "); evidence != "" {
		text += "; " + evidence
	}
	return text + "]"
}

// noteWarnings says each note once, whatever the number of images that it goes
// with, and none that a warning or a refusal says already.
func (o outcome) noteWarnings() []string {
	var messages []string
	images := map[string][]string{}
	for i, result := range o.report.Results {
		if mode := o.decision.Modes[i]; mode != policy.Enforce && mode != policy.Warn || o.decision.Actions[i] == policy.Deny {
			continue
		}
		for _, note := range result.Notes {
			if o.decision.Actions[i] == policy.WarnOf && note.Message == result.Hint {
				continue
			}
			if images[note.Message] == nil {
				messages = append(messages, note.Message)
			}
			if !slices.Contains(images[note.Message], result.Image.Reference) {
				images[note.Message] = append(images[note.Message], result.Image.Reference)
			}
		}
	}
	var warnings []string
	for _, message := range messages {
		of := images[message]
		warnings = append(warnings, fmt.Sprintf("pullgate: %q%s: %s", of[0], andMore(len(of)-1), message))
	}
	return warnings
}

// bounded cuts warnings as the API server would, and says how many it would
// have dropped.
func bounded(warnings []string) []string {
	var kept []string
	total := 0
	for i, text := range warnings {
		text = cut(text, maxWarning)
		if slices.Contains(kept, text) {
			continue
		}
		if total+len(text) > maxWarnings {
			return append(kept, fmt.Sprintf("pullgate: %d more warnings; the audit log has them all", len(warnings)-i))
		}
		total += len(text)
		kept = append(kept, text)
	}
	return kept
}

// cut shortens a text to so many bytes, between characters.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := limit - len("…")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// finding is how an image appears in audit annotations and the log.
type finding struct {
	Field   string        `json:"field"`
	Image   string        `json:"image"`
	Verdict pull.Verdict  `json:"verdict"`
	Reason  pull.Reason   `json:"reason"`
	Action  policy.Action `json:"action"`
	Message string        `json:"message,omitempty"`
}

// findings lists what is not plainly fine.
func (o outcome) findings() []finding {
	var found []finding
	for i, result := range o.report.Results {
		if result.Verdict == pull.Pullable && len(result.Notes) == 0 {
			continue
		}
		message := result.Message
		for _, note := range result.Notes {
			message += "; " + note.Message
		}
		found = append(found, finding{
			Field: result.Image.Field, Image: result.Image.Reference, Verdict: result.Verdict,
			Reason: result.Reason, Action: o.decision.Actions[i], Message: strings.TrimPrefix(message, "; "),
		})
	}
	return found
}

// annotations go to the audit log in every mode; the API server puts the
// webhook's name before their keys.
func (o outcome) annotations() map[string]string {
	verdict, action := o.summary()
	annotations := map[string]string{"verdict": verdict.String(), "decision": string(action)}
	if o.decision.Mode != "" {
		annotations["mode"] = string(o.decision.Mode)
	}
	if o.trouble != "" {
		annotations["trouble"] = o.trouble
	}
	found := o.findings()
	for len(found) > 0 {
		text, err := json.Marshal(found)
		if err == nil && len(text) <= maxAnnotation {
			annotations["images"] = string(text)
			break
		}
		annotations["imagesOmitted"] = "the list was too long"
		found = found[:len(found)/2]
	}
	return annotations
}
