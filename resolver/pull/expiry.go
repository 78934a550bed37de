package pull

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

const (
	// maxReadable is how long a password may be to be looked into.
	maxReadable = 16 << 10
	// object64 is how a JSON object begins in base64. Nearly no password does,
	// and this is asked of each for each image.
	object64 = "e"
	// lastYear is what no end is beyond that somebody meant.
	lastYear = 9999
)

// Expires tells when the credential is of no use any more, as far as its values
// say: a JSON Web Token does (RFC 7519, exp), and the password that ECR's
// GetAuthorizationToken gives, whose end is beside its sealed content. Nothing is
// sent anywhere, and nothing is verified. Zero: they do not say.
func (c Credential) Expires() time.Time {
	if c.IsAnonymous() || len(c.password) > maxReadable || !strings.HasPrefix(c.password, object64) {
		return time.Time{}
	}
	var said struct {
		Exp        float64 `json:"exp"`
		Expiration float64 `json:"expiration"`
	}
	document := claimsOf(c.password)
	if document == nil {
		document, _ = base64.StdEncoding.DecodeString(c.password) // nil is no JSON either
	}
	if json.Unmarshal(document, &said) != nil {
		return time.Time{}
	}
	end := time.Unix(int64(max(said.Exp, said.Expiration)), 0).UTC()
	if end.Unix() <= 0 || end.Year() > lastYear {
		return time.Time{}
	}
	return end
}

// claimsOf returns the claims of a JSON Web Token; nil: it is none.
func claimsOf(password string) []byte {
	parts := strings.Split(password, ".")
	if len(parts) != 3 {
		return nil
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil
	}
	return claims
}
