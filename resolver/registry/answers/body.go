package answers

import (
	"encoding/json"
	"errors"
	"strings"
)

// Error reads the first error of a registry's answer (OCI
// distribution specification, "Error Codes") or of a token server's, for which
// there are several forms; empty where there is none.
func Error(body []byte) (code, message string) {
	var answer struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Details     string `json:"details"`
	}
	var odd *json.UnmarshalTypeError // of one field: the others are read
	if err := json.Unmarshal(body, &answer); err != nil && !errors.As(err, &odd) {
		return "", ""
	}
	if len(answer.Errors) > 0 {
		return OneLine(answer.Errors[0].Code), OneLine(answer.Errors[0].Message)
	}
	if answer.Description != "" {
		return OneLine(answer.Error), OneLine(answer.Description)
	}
	return OneLine(answer.Error), OneLine(answer.Details)
}

// InWords puts the error of an answer's body into brackets.
func InWords(body []byte) string {
	switch code, message := Error(body); {
	case code == "" && message == "":
		return ""
	case code == "" || message == "":
		return " (" + code + message + ")"
	default:
		return " (" + code + ": " + message + ")"
	}
}

// NamesRepository tells whether an answer says that there is no such repository:
// with the specification's code, or with the one that Harbor has for everything
// and a word on what it is.
func NamesRepository(body []byte) bool {
	code, message := Error(body)
	return code == "NAME_UNKNOWN" || code == "NOT_FOUND" && strings.HasPrefix(message, "repository ")
}
