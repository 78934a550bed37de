package lab

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// Whom the doorkeeper takes a visitor for.
const (
	nobody   = ""
	user     = "user"
	stranger = "stranger"
	wrong    = "wrong"
)

// admit tells whether a request may see content, and answers it otherwise.
func (st *stage) admit(w http.ResponseWriter, r *request) bool {
	switch st.Access.Scheme {
	case scenario.Basic:
		return st.admitBasic(w, r)
	case scenario.Bearer:
		return st.admitBearer(w, r)
	default:
		return true
	}
}

func (st *stage) admitBasic(w http.ResponseWriter, r *request) bool {
	name, password, ok := r.BasicAuth()
	switch who := st.identify(name, password, ok); {
	case who == user:
		return true
	case who == stranger:
		st.deny(w)
	case who == nobody && st.Access.Anonymous == scenario.Pulls:
		return true
	default:
		st.challenge(w, `Basic realm="lab"`, "authentication required")
	}
	return false
}

// admitBearer reads a token, which says whether it opens anything.
func (st *stage) admitBearer(w http.ResponseWriter, r *request) bool {
	header := r.Header.Get("Authorization")
	name, password, basic := r.BasicAuth()
	switch {
	case header == "Bearer "+st.tokenFor(true), basic && st.identify(name, password, true) == user:
		return true
	case strings.HasPrefix(header, "Bearer "):
		st.deny(w)
	default:
		st.challenge(w, st.bearer(""), "authentication required")
	}
	return false
}

// bearer is the challenge that leads to the token server.
func (st *stage) bearer(more string) string {
	return fmt.Sprintf(`Bearer realm="%s",service="lab",scope="repository:%s:pull"%s`, st.fill("{realm}"), st.Repository, more)
}

// challenge asks who is there.
func (st *stage) challenge(w http.ResponseWriter, header, message string) {
	switch {
	case st.Access.NoChallenge:
	case len(st.Access.Challenge) > 0:
		for _, line := range st.Access.Challenge {
			w.Header().Add("WWW-Authenticate", st.fill(line))
		}
	default:
		w.Header().Set("WWW-Authenticate", header)
	}
	say(w, http.StatusUnauthorized, "UNAUTHORIZED", message)
}

// deny turns away who logged in and may not pull.
func (st *stage) deny(w http.ResponseWriter) {
	switch st.Access.Denied {
	case scenario.Forbids:
		say(w, http.StatusForbidden, "DENIED", "requested access to the resource is denied")
	case scenario.Hides:
		notFound(w, "NAME_UNKNOWN", "repository name not known to registry")
	case scenario.Asks:
		w.Header().Set("WWW-Authenticate", `Basic realm="lab"`)
		say(w, http.StatusUnauthorized, "UNAUTHORIZED", "unauthorized to access repository")
	case scenario.Silently:
		st.challenge(w, st.bearer(""), "access to the requested resource is not authorized")
	default:
		st.challenge(w, st.bearer(`,error="insufficient_scope"`), "access denied")
	}
}

func (st *stage) identify(name, password string, offered bool) string {
	pair := name + ":" + password
	switch {
	case !offered:
		return nobody
	case slices.Contains(st.Access.Users, pair):
		return user
	case slices.Contains(st.Access.Strangers, pair):
		return stranger
	default:
		return wrong
	}
}

func (st *stage) tokenFor(pulls bool) string { return fmt.Sprintf("%s.%t", st.Name, pulls) }

// token is the token server: GET with or without Basic, POST with a form.
func (st *stage) token(w http.ResponseWriter, r *request) {
	if err := r.ParseForm(); err != nil {
		say(w, http.StatusBadRequest, "BAD", err.Error())
		return
	}
	name, password, offered := r.BasicAuth()
	if r.Method == http.MethodPost {
		name, password, offered = r.PostForm.Get("username"), r.PostForm.Get("password"), true
	}
	asked := slices.ContainsFunc(r.Form["scope"], func(scope string) bool {
		return strings.Contains(scope, "repository:"+st.Repository+":pull")
	})
	switch who := st.identify(name, password, offered); {
	case who == user, who == nobody && st.Access.Anonymous == scenario.Pulls:
		st.giveToken(w, r, asked)
	case who == stranger, who == nobody && st.Access.Anonymous == scenario.EmptyTok:
		st.giveToken(w, r, false)
	default:
		say(w, http.StatusUnauthorized, "UNAUTHORIZED", "incorrect username or password")
	}
}

func (st *stage) giveToken(w http.ResponseWriter, r *request, pulls bool) {
	field := "token"
	if r.Method == http.MethodPost {
		field = "access_token"
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{%q: %q, "expires_in": 300}`, field, st.tokenFor(pulls))
}
