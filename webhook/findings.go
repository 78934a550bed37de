package webhook

import (
	"encoding/json"
	"strings"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxFindings is how many images audit annotations and the log list.
	maxFindings = 100
	// maxAnnotation bounds the audit annotation that lists the images.
	maxAnnotation = 16 << 10
)

// finding is how an image appears in audit annotations and the log.
type finding struct {
	Field   string        `json:"field"`
	Image   string        `json:"image"`
	Verdict pull.Verdict  `json:"verdict"`
	Reason  pull.Reason   `json:"reason"`
	Action  policy.Action `json:"action"`
	Message string        `json:"message,omitempty"`
}

// findings lists what is not plainly fine, up to a number of it.
func (r ruling) findings() (found []finding, omitted bool) {
	for i, result := range r.Report.Results {
		if result.Verdict == pull.Pullable && len(result.Notes) == 0 {
			continue
		}
		if len(found) == maxFindings {
			return found, true
		}
		message := result.Message
		for _, note := range result.Notes {
			message += "; " + note.Message
		}
		found = append(found, finding{
			Field: result.Image.Field, Image: cut(result.Image.Reference, maxImage), Verdict: result.Verdict,
			Reason: result.Reason, Action: r.Decision.Actions[i], Message: plain(strings.TrimPrefix(message, "; "), maxMessage),
		})
	}
	return found, false
}

// annotations go to the audit log in every mode; the API server puts the
// webhook's name before their keys.
func (r ruling) annotations() map[string]string {
	verdict, action := r.summary()
	annotations := map[string]string{"verdict": verdict.String(), "decision": string(action)}
	if r.Decision.Mode != "" {
		annotations["mode"] = string(r.Decision.Mode)
	}
	if r.Trouble != "" {
		annotations["trouble"] = plain(r.Trouble, maxMessage)
	}
	found, omitted := r.findings()
	for len(found) > 0 {
		text, err := json.Marshal(found)
		if err == nil && len(text) <= maxAnnotation {
			annotations["images"] = string(text)
			break
		}
		found, omitted = found[:len(found)/2], true
	}
	if omitted {
		annotations["imagesOmitted"] = "the list was too long"
	}
	return annotations
}
