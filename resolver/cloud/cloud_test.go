package cloud

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Where a variable holds a key or a token instead of the name of its file, the
// error does not repeat it.
func TestSecretInPlaceOfFile(t *testing.T) {
	acr := NewACR(&azure{t: t, token: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }}, nil)
	principal := map[string]string{"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client"}
	role := map[string]string{"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/pullgate"}
	for _, test := range []struct {
		variable, value string
		others          map[string]string
		login           func(context.Context, string) (pull.Credential, time.Time, error)
	}{
		{"GOOGLE_APPLICATION_CREDENTIALS", `{"private_key": "` + marker + `"}`, nil, Google{}.Login},
		{"AZURE_CLIENT_CERTIFICATE_PATH", "-----BEGIN\n" + marker, principal, acr.Login},
		{"AZURE_FEDERATED_TOKEN_FILE", "ey." + marker, principal, acr.Login},
		{"AWS_WEB_IDENTITY_TOKEN_FILE", "ey." + marker, role, ECR{}.Login},
	} {
		t.Run(test.variable, func(t *testing.T) {
			environment(t, test.others)
			t.Setenv(test.variable, test.value)
			credential, _, err := test.login(t.Context(), "acme.azurecr.io")
			wantNoLogin(t, credential, err, "open $"+test.variable+": no such file or directory")
		})
	}
}
