package probe

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Label is the label of an object whose dry run is to be answered. Its value is
// any, and comes back with the answer.
const Label = "pullgate.dev/doctor"

// Answer is what the webhook says of a dry run with the label, in whatever mode.
type Answer struct {
	// Token is the label's value.
	Token string
	// Mode is what applied to the object; empty: it was not looked at.
	Mode string
}

const (
	// begin and between are the words of an answer, as API servers pass warnings
	// on.
	begin   = "doctor "
	between = " came by, mode "
	unseen  = "none"
)

// String is the answer as an admission warning.
func (a Answer) String() string {
	mode := a.Mode
	if mode == "" {
		mode = unseen
	}
	return begin + a.Token + between + mode
}

// Read reads an admission warning of Pullgate's; ok tells whether it is an answer.
func Read(warning string) (answer Answer, ok bool) {
	_, text, ours := strings.Cut(warning, "pullgate: "+begin)
	token, mode, answered := strings.Cut(text, between)
	if mode == unseen {
		mode = ""
	}
	return Answer{Token: token, Mode: mode}, ours && answered
}

// Token returns the label's value in an object, as JSON; empty where it has none.
func Token(object []byte) (string, error) {
	var read struct {
		Metadata struct {
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(object, &read); err != nil {
		return "", fmt.Errorf("read the labels: %w", err)
	}
	return read.Metadata.Labels[Label], nil
}
