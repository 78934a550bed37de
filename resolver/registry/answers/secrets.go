package answers

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pullgate/pullgate/resolver/pull"
)

// minSecret is the length from which on a secret is looked for in texts.
const minSecret = 4

// Redact takes a credential, and what else a registry was sent that is nobody
// else's business, out of a finding. Nothing of ours puts it there, but a registry
// may say what it was told.
func Redact(finding pull.Finding, credential pull.Credential, sent ...string) pull.Finding {
	forms := append(formsOf(credential), sent...)
	finding.Detail, finding.Node = without(finding.Detail, forms), without(finding.Node, forms)
	finding.Notes = slices.Clone(finding.Notes) // they may be kept
	for i := range finding.Notes {
		finding.Notes[i].Message = without(finding.Notes[i].Message, forms)
	}
	return finding
}

// formsOf lists how a credential's secret may look in a text.
func formsOf(credential pull.Credential) []string {
	username, secret := credential.Basic()
	if len(secret) < minSecret {
		return nil // it would be in every text
	}
	pair := []byte(username + ":" + secret)
	quoted := strconv.Quote(secret)
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), quoted[1 : len(quoted)-1],
		base64.RawStdEncoding.EncodeToString(pair), base64.RawURLEncoding.EncodeToString(pair),
	}
}

// without takes secrets out of a text, and the beginning of one at which it
// was cut off.
func without(text string, secrets []string) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "[REDACTED]")
		rest, cut := strings.CutSuffix(text, "…")
		for n := len(secret) - 1; cut && n >= minSecret; n-- {
			if before, ok := strings.CutSuffix(rest, secret[:n]); ok {
				text = before + "…"
				break
			}
		}
	}
	return text
}

// Without is Redact for a text.
func Without(text string, credential pull.Credential, sent ...string) string {
	return without(text, append(formsOf(credential), sent...))
}
