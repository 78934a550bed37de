package cloud

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// maxReason bounds what is repeated of a library's error.
const maxReason = 300

// failure is a login that failed. What to do comes first: messages are cut at
// their end.
type failure struct {
	advice string
	cause  error
}

func (f *failure) Error() string {
	reason := strings.Join(strings.Fields(withoutFiles(f.cause.Error())), " ") // some write paragraphs
	return f.advice + ": " + strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "")
}

func (f *failure) Unwrap() error { return f.cause }

// withoutFiles names the variables that should name files, not their values:
// now and then somebody puts the key or the token itself there, and the error
// says that there is no file of that name.
func withoutFiles(text string) string {
	for _, name := range []string{
		"GOOGLE_APPLICATION_CREDENTIALS", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	} {
		if value := os.Getenv(name); value != "" {
			quoted := strconv.Quote(value)
			text = strings.NewReplacer(value, "$"+name, quoted[1:len(quoted)-1], "$"+name).Replace(text)
		}
	}
	return text
}

// refusal is what the body of an OAuth 2.0 error says (RFC 6749, 5.2). Of any
// other body nothing is repeated.
func refusal(status string, body []byte) error {
	var said struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &said) != nil {
		said.Code, said.Description = "", ""
	}
	return fmt.Errorf("the identity was refused: %s %s %s", status, said.Code, said.Description)
}
