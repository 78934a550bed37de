package answers

import (
	"bytes"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
)

// Word is how much of a registry's own word an answer is.
type Word uint8

// The words.
const (
	// Foreign may come of something in front of the registry.
	Foreign Word = iota
	// Wordless says nothing but its status.
	Wordless
	// Own is the registry's.
	Own
)

// WordOf judges an answer of 401, 403 or 404 of a registry. What is in front of
// one says 404 for what it does not route, and 403 to whom it does not know.
// The registry's own word is an error of the OCI distribution specification, or
// a challenge in its authentication's schemes.
func WordOf(status int, header http.Header, body []byte) Word {
	code, message := Error(body)
	switch {
	case SpeaksOfAddress(message):
		return Foreign // another client is told another thing
	case status == http.StatusUnauthorized && challenges(header):
		return Own
	case isCode(status, code):
		return Own
	case len(bytes.TrimSpace(body)) == 0:
		return Wordless
	default:
		return Foreign
	}
}

// isCode tells whether registries give a code with a status. Of what is not
// there, these are the specification's and Harbor's own NOT_FOUND: gateways have
// codes for routes, too. A refusal may have any code in the specification's
// form, but for those of a registry that is in trouble.
func isCode(status int, code string) bool {
	if status == http.StatusNotFound {
		return slices.Contains([]string{"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN", "NAME_INVALID", "TAG_INVALID", "NOT_FOUND"}, code)
	}
	return code != "" && code != "TOOMANYREQUESTS" && code != "UNAVAILABLE" && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == ""
}

// challenges tells whether a header asks for what registries ask for.
func challenges(header http.Header) bool {
	return slices.ContainsFunc(auth.ParseAuthHeader(header), func(c auth.Challenge) bool {
		return c.Scheme == auth.BasicAuth || c.Scheme == auth.BearerAuth
	})
}

// RefusesToken tells whether a challenge says that the token itself is not good:
// expired, revoked or not to be read (RFC 6750, 3.1; distribution's
// registry/auth/token/accesscontroller.go). To one that was just given, for the
// purpose, it says that the registry and its token server do not agree, whatever
// anybody may pull. A token that does not go far enough is insufficient_scope.
func RefusesToken(header http.Header) bool {
	return slices.ContainsFunc(auth.ParseAuthHeader(header), func(c auth.Challenge) bool {
		return c.Scheme == auth.BearerAuth && c.Parameters["error"] == "invalid_token"
	})
}

// WordOfTokens judges a refusal of a token server, of which the header is not
// known: an error of OAuth (RFC 6749, 5.2, and RFC 6750, 3.1), of the
// distribution specification, or the details of Docker's.
func WordOfTokens(status int, body []byte) Word {
	code, message := Error(body)
	switch {
	case SpeaksOfAddress(message):
		return Foreign
	case isCode(status, code), code == "" && message != "":
		return Own
	case slices.Contains([]string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
		"invalid_scope", "access_denied", "invalid_token", "insufficient_scope"}, code):
		return Own
	case len(bytes.TrimSpace(body)) == 0:
		return Wordless
	default:
		return Foreign
	}
}

// IsRegistry judges the answer to GET /v2/: a registry's is 200, or 401 with a
// challenge (OCI distribution specification, "Determining Support").
func IsRegistry(status int, header http.Header, body []byte) bool {
	return status == http.StatusOK && !IsMarkup(body) && !strings.HasPrefix(header.Get("Content-Type"), "text/html") ||
		status == http.StatusUnauthorized && challenges(header)
}

// SpeaksOfAddress tells whether an error is about where who asks is, as that of
// a registry behind a firewall of its own: nodes ask from elsewhere.
func SpeaksOfAddress(message string) bool {
	lower := strings.ToLower(message)
	for _, words := range []string{"client with ip", "ip address", "firewall", "your ip", "source ip", "your country", "your region", "your location"} {
		if strings.Contains(lower, words) {
			return true
		}
	}
	return slices.ContainsFunc(strings.FieldsFunc(message, func(r rune) bool { return strings.ContainsRune(" \t,;()[]<>'\"`=", r) }), isAddress)
}

// isAddress tells a client's address from a registry's, which comes with a port
// or a path.
func isAddress(word string) bool {
	_, err := netip.ParseAddr(strings.TrimRight(word, ".:!?"))
	return err == nil
}

// FirstWords shows how the body of an answer begins, in quotes and after a
// colon; empty for an empty one.
func FirstWords(body []byte) string {
	const limit = 100
	text := Line(strings.Join(strings.Fields(string(body[:min(len(body), 4*limit)])), " "), limit)
	switch {
	case IsMarkup(body):
		return " with a web page"
	case text == "":
		return ""
	default:
		return `: "` + text + `"`
	}
}
