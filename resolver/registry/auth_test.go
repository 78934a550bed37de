package registry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// basic makes the rig demand the one user and password.
func (r *rig) basic() {
	r.wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			name, secret, _ := req.BasicAuth()
			if name != user || secret != password {
				w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
				refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
				return
			}
			next.ServeHTTP(w, req)
		})
	})
}

// refuse answers as registries do.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
}

// says returns a handler that only says so.
func says(status int, mediaType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// status answers with nothing else.
func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

const page = "<html><body>Please log in to the network.</body></html>"

// bearer describes a registry with a token server. The zero value lets in who
// has the right password, and nobody else.
type bearer struct {
	public    bool   // anonymous tokens are good, too
	realm     string // of the challenge; the rig's own /token if empty
	challenge string // all of it; REALM stands for the realm
	noError   bool   // a refused token is answered without error=
	field     string // of the token in the answer; "access_token" if empty
	post, get http.HandlerFunc
}

// bearer makes the rig demand tokens, and serve them.
func (r *rig) bearer(b bearer) {
	if b.realm == "" {
		b.realm = "http://" + r.host + "/token"
	}
	if b.challenge == "" {
		b.challenge = `Bearer realm="REALM",service="registry.test",scope="repository:app:pull"`
	}
	if b.field == "" {
		b.field = "access_token"
	}
	r.wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/token" {
				b.token(w, req)
				return
			}
			b.guard(w, req, next)
		})
	})
}

// guard lets in who has the token.
func (b bearer) guard(w http.ResponseWriter, req *http.Request, next http.Handler) {
	given := req.Header.Get("Authorization")
	if given == "Bearer "+token {
		next.ServeHTTP(w, req)
		return
	}
	challenge := strings.ReplaceAll(b.challenge, "REALM", b.realm)
	if given != "" && !b.noError {
		challenge += `,error="insufficient_scope"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "access to the requested resource is not authorized")
}

// token answers at the token server.
func (b bearer) token(w http.ResponseWriter, req *http.Request) {
	name, secret, _ := req.BasicAuth()
	if req.Method == http.MethodPost {
		name, secret = req.PostFormValue("username"), req.PostFormValue("password")
	}
	switch {
	case req.Method == http.MethodPost && b.post != nil:
		b.post(w, req)
	case req.Method == http.MethodGet && b.get != nil:
		b.get(w, req)
	case name == user && secret == password, name == "" && b.public:
		_, _ = fmt.Fprintf(w, `{%q: %q, "expires_in": 300}`, b.field, token)
	case name == "":
		_, _ = fmt.Fprintf(w, `{%q: "a token for nothing", "expires_in": 300}`, b.field)
	default:
		says(http.StatusUnauthorized, "application/json", `{"details":"incorrect username or password"}`)(w, req)
	}
}
