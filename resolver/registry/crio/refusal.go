package crio

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker/auth"

	"github.com/pullgate/pullgate/resolver/registry/answers"
)

// A step is what CRI-O asks for.
type step uint8

const (
	// pinging is GET /v2/.
	pinging step = iota
	// askingToken is of a token server.
	askingToken
	// readingManifest is of a manifest or index.
	readingManifest
	// readingBlob is of a config or layer.
	readingBlob
)

// refusal is an answer that ends a pull: of any status but 200, and for GET /v2/
// 401.
type refusal struct {
	during step
	host   string
	// what is the tag or digest that was asked for, in which repository.
	what, name string
	// kind is what a blob is: a config, a layer.
	kind       string
	status     int
	statusLine string
	header     http.Header
	body       []byte
}

// Error words it as CRI-O does.
func (r *refusal) Error() string {
	switch r.during {
	case pinging:
		return "pinging container registry " + r.host + ": " + r.words()
	case askingToken:
		return r.tokenWords()
	case readingManifest:
		return fmt.Sprintf("reading manifest %s in %s: %s", r.what, r.name, r.words())
	default:
		return "fetching blob: " + r.words()
	}
}

// tokenWords is docker/errors.go, httpResponseToError.
func (r *refusal) tokenWords() string {
	switch r.status {
	case http.StatusTooManyRequests:
		return "too many requests to registry"
	case http.StatusUnauthorized:
		return "unable to retrieve auth token: invalid username/password: " + r.words()
	default:
		return "Requesting bearer token: received unexpected HTTP status: " + r.statusLine
	}
}

// words is docker/errors.go, registryHTTPResponseToError, with what it calls in
// docker/distribution_error.go.
func (r *refusal) words() string {
	if r.status < http.StatusBadRequest || r.status >= http.StatusInternalServerError {
		return "received unexpected HTTP status: " + r.statusLine
	}
	for _, challenge := range challengesOf(r.header) {
		usual := codeMessages()[strings.ToUpper(asCode(challenge.Parameters["error"]))]
		if challenge.Scheme != auth.BearerAuth || usual == "" || r.status != http.StatusUnauthorized {
			continue
		}
		if said := challenge.Parameters["error_description"]; said != "" {
			return asCode(challenge.Parameters["error"]) + ": " + answers.OneLine(said)
		}
		return usual
	}
	return r.bodyWords()
}

// asCode is how the library calls an error of OAuth; empty for others.
func asCode(oauth string) string {
	switch oauth {
	case "invalid_token":
		return "unauthorized"
	case "insufficient_scope":
		return "denied"
	default:
		return ""
	}
}

// bodyWords is what a body of 4xx says: a code alone where the message is its
// own, else both; a beginning of what is no error of a registry.
func (r *refusal) bodyWords() string {
	said := r.first()
	usual, known := codeMessages()[said.Code]
	switch {
	case said.Code == "" && r.status == http.StatusUnauthorized:
		return codeMessages()["UNAUTHORIZED"]
	case said.Code == "":
		begin := string(r.body)
		if len(begin) > 50 {
			begin = begin[:50] + "..."
		}
		return fmt.Sprintf("StatusCode: %d, %q", r.status, begin)
	case !known && said.Message == "":
		return "unknown"
	case !known:
		return "unknown: " + said.Message
	case said.Message == usual && said.Detail != nil:
		return said.Message
	}
	lower := strings.ToLower(strings.ReplaceAll(said.Code, "_", " "))
	if said.Message == "" || said.Message == usual {
		return lower
	}
	return lower + ": " + said.Message
}

// saidError is an error of a registry's.
type saidError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Detail  any    `json:"detail"`
}

// first is the first error of a body; the zero value where there is none
// (docker/distribution_error.go, parseHTTPErrorResponse).
func (r *refusal) first() saidError {
	var details struct {
		Details string `json:"details"`
	}
	if json.Unmarshal(r.body, &details) == nil && details.Details != "" {
		code := map[int]string{http.StatusUnauthorized: "UNAUTHORIZED", http.StatusTooManyRequests: "TOOMANYREQUESTS"}[r.status]
		return saidError{Code: cmp.Or(code, "UNKNOWN"), Message: details.Details}
	}
	var list struct {
		Errors []saidError `json:"errors"`
	}
	if json.Unmarshal(r.body, &list) != nil || len(list.Errors) == 0 {
		return saidError{}
	}
	return list.Errors[0]
}

// codeMessages are the codes that the library knows, with their usual messages
// (docker/distribution registry/api/errcode/register.go and registry/api/v2/
// errors.go).
func codeMessages() map[string]string {
	return map[string]string{
		"UNKNOWN": "unknown error", "UNSUPPORTED": "The operation is unsupported.", "UNAUTHORIZED": "authentication required",
		"DENIED": "requested access to the resource is denied", "UNAVAILABLE": "service unavailable", "TOOMANYREQUESTS": "too many requests",
		"DIGEST_INVALID": "provided digest did not match uploaded content", "SIZE_INVALID": "provided length did not match content length",
		"NAME_INVALID": "invalid repository name", "TAG_INVALID": "manifest tag did not match URI", "NAME_UNKNOWN": "repository name not known to registry",
		"MANIFEST_UNKNOWN": "manifest unknown", "MANIFEST_INVALID": "manifest invalid", "MANIFEST_UNVERIFIED": "manifest failed signature verification",
		"MANIFEST_BLOB_UNKNOWN": "blob unknown to registry", "BLOB_UNKNOWN": "blob unknown to registry",
	}
}

// challengesOf reads each line of a header as one challenge, in their order
// (docker/wwwauthenticate.go, iterateAuthHeader).
func challengesOf(header http.Header) []auth.Challenge {
	var all []auth.Challenge
	for _, line := range header.Values("WWW-Authenticate") {
		all = append(all, auth.ParseAuthHeader(http.Header{"Www-Authenticate": {line}})...)
	}
	return all
}
