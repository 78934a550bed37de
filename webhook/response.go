package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxDenials is how many images a refusal names, and maxLine bounds each line
	// of what it says of one.
	maxDenials = 100
	maxLine    = 480
	// maxCauses is how many causes a refusal has, one a field.
	maxCauses = 500
	// maxMessage bounds what is said of one image.
	maxMessage = 2 << 10
	// maxImage bounds an image's name in what is said.
	maxImage = 256
)

// answer writes the AdmissionReview that goes back.
func (r ruling) answer(uid types.UID) []byte {
	if r.silent() {
		return r.plainly(uid)
	}
	review := admissionv1.AdmissionReview{Response: r.response(uid)}
	review.SetGroupVersionKind(admissionv1.SchemeGroupVersion.WithKind("AdmissionReview"))
	text, err := json.Marshal(review)
	if err != nil {
		panic(fmt.Sprintf("an answer of plain texts is not encoded: %v", err))
	}
	return text
}

// silent tells whether there is nothing to say but that the object may come in,
// as is said of nearly all.
func (r ruling) silent() bool {
	if r.Trouble != "" || r.WrongLabel != "" || r.probed != "" {
		return false
	}
	for i, result := range r.Report.Results {
		if r.Decision.Actions[i] != policy.Allow || result.Verdict != pull.Pullable || len(result.Notes) > 0 {
			return false
		}
	}
	return true
}

// plainly writes the answer that lets an object in without a word; it differs
// in few texts, of which only the UID is not ours.
func (r ruling) plainly(uid types.UID) []byte {
	verdict, action := r.summary()
	text := make([]byte, 0, 256)
	text = append(text, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":`...)
	quoted, err := json.Marshal(uid)
	if err != nil {
		panic(fmt.Sprintf("a text is not encoded: %v", err))
	}
	text = append(text, quoted...)
	text = append(text, `,"allowed":true,"auditAnnotations":{"decision":"`...)
	text = append(text, action...)
	if r.Decision.Mode != "" {
		text = append(text, `","mode":"`...)
		text = append(text, r.Decision.Mode...)
	}
	text = append(text, `","verdict":"`...)
	text = append(text, verdict.String()...)
	return append(text, `"}}}`...)
}

// response is what a ruling means for the object. Nothing else says so.
func (r ruling) response(uid types.UID) *admissionv1.AdmissionResponse {
	response := &admissionv1.AdmissionResponse{
		UID: uid, Allowed: !r.Decision.Denied(),
		Warnings: r.warnings(), AuditAnnotations: r.annotations(),
	}
	if !response.Allowed {
		response.Result = r.status()
	}
	return response
}

// status is the refusal: a block for each image, and the same as causes. A line
// of a block that is not its first is indented, so that programs can tell.
func (r ruling) status() *metav1.Status {
	var blocks []string
	var causes []metav1.StatusCause
	groups := r.grouped(policy.Deny)
	for _, group := range groups[:min(len(groups), maxDenials)] {
		blocks = append(blocks, denialBlock(group))
		message := causeMessage(group[0])
		for _, use := range group[:min(len(group), maxCauses-len(causes))] {
			causes = append(causes, metav1.StatusCause{
				Type: metav1.CauseType(use.Reason), Field: use.Image.Field, Message: message,
			})
		}
	}
	if more := len(groups) - len(blocks); more > 0 {
		blocks = append(blocks, fmt.Sprintf("and %d more", more))
	}
	message := blocks[0]
	if len(blocks) > 1 {
		message = fmt.Sprintf("%d images cannot be pulled:\n%s", len(groups), strings.Join(blocks, "\n"))
	}
	return &metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
		Message: message, Details: &metav1.StatusDetails{Causes: causes},
	}
}

// grouped folds the uses of one image that met the same fate.
func (r ruling) grouped(action policy.Action) [][]resolver.Result {
	type fate struct{ image, message string }
	var groups [][]resolver.Result
	places := map[fate]int{}
	for i, result := range r.Report.Results {
		if r.Decision.Actions[i] != action {
			continue
		}
		key := fate{result.Image.Reference, result.Message}
		at, known := places[key]
		if !known {
			at = len(groups)
			places[key] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], result)
	}
	return groups
}

// denialBlock is what a person reads of an image: what is the matter, then what
// to do, where it stands, how that is known, and what a node would say, each on
// a line of its own. Displays that have one line for all of it cut it after 200
// characters or so: what matters least comes last.
func denialBlock(group []resolver.Result) string {
	result := group[0]
	var notes []string
	for _, note := range result.Notes {
		if note.Message != result.Hint {
			notes = append(notes, note.Message)
		}
	}
	block := plain(quoted(result.Image.Reference)+": "+result.Summary, maxLine)
	for _, line := range []struct{ label, text string }{
		{"fix:  ", result.Hint}, {"field:", fields(group)}, {"why:  ", result.Evidence},
		{"note: ", strings.Join(notes, "; ")}, {"node: ", result.Node},
	} {
		if line.text != "" {
			block += "\n  " + line.label + " " + plain(line.text, maxLine)
		}
	}
	return block
}

// causeMessage says the same in one line.
func causeMessage(result resolver.Result) string {
	message := result.Message
	if result.Hint != "" {
		message += "; " + result.Hint
	}
	if result.Node != "" {
		message += fmt.Sprintf(" [on a node: %s]", result.Node)
	}
	return plain(message, maxMessage)
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

// quoted is an image as it was written.
func quoted(image string) string { return fmt.Sprintf("%q", cut(image, maxImage)) }
