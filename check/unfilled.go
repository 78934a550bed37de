package check

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
)

// unfilled are the texts that tools put for what they encrypt or fill in later,
// and what such a text is. They count wherever they stand.
var unfilled = []struct {
	what string
	text *regexp.Regexp
}{
	{"encrypted", regexp.MustCompile(`ENC\[|^ENC\(|-----BEGIN (PGP MESSAGE|AGE ENCRYPTED FILE)-----|^\$ANSIBLE_VAULT;|^vault\.v\d+:|\?\{(gpg|gkms|awskms|azkms|vaulttransit|vaultkv|base64|plain|env|ref):`)},
	{aPlaceholder, regexp.MustCompile(`<(path|vault|secret|sops|string-data|data):[^<>]*>|\b(secret)?ref\+[a-z0-9]+:`)},
	{aPlaceholder, regexp.MustCompile(`(?s)\{\{.*\}\}|\{%.*%\}|\[\[.*\]\]|\$\{[^}]+\}|\$\([A-Za-z_][A-Za-z0-9_.]*\)|#\{[^}]+\}|__[A-Z0-9_]+__|%[A-Z_]{3,}%|@@[A-Za-z_]+@@`)},
}

// unfilledAlone are those that count where they are all of a value: a password
// may hold the same signs.
var unfilledAlone = regexp.MustCompile(`^(>>)?vault:.+|^(op|sm|secretsmanager|awssm|azurekeyvault|akv|gcp|keyvault|bitwarden|doppler)://.+` +
	`|^(arn:aws[a-z-]*:(secretsmanager|ssm):|gcp:secretmanager:|awsssm:|azure:)` +
	`|^<[^<>]+>$|^\(\([^()]+\)\)$|^\$[A-Z_][A-Z0-9_]*$|^@[A-Z_]+@$|^\*{3,}$` +
	`|^(?i:change[-_ ]?(me|it)|replace[-_ ]?(me|this)|(your|my)[-_ ](secret[-_ ])?(user ?name|password|token|auth)|redacted|placeholder|to-?do|tbd)$`)

const aPlaceholder = "a placeholder that nobody filled in"

// unfilledText says what a text is that is no value yet: encrypted, or a
// placeholder; "" for a value.
func unfilledText(text string) string {
	text = strings.TrimSpace(text)
	for _, one := range unfilled {
		if one.text.MatchString(text) {
			return one.what
		}
	}
	if unfilledAlone.MatchString(text) {
		return aPlaceholder
	}
	return ""
}

// unfilledConfig is unfilledText for what a pull secret holds: JSON, of which
// every text counts, and what is in those that are base64.
func unfilledConfig(content []byte) string {
	if what := unfilledText(string(content)); what != "" {
		return what
	}
	var tree any
	if json.Unmarshal(content, &tree) != nil {
		return ""
	}
	return unfilledTree(tree)
}

func unfilledTree(tree any) string {
	switch value := tree.(type) {
	case map[string]any:
		for key, inner := range value {
			if what := cmp.Or(unfilledText(key), unfilledTree(inner)); what != "" {
				return what
			}
		}
	case []any:
		for _, inner := range value {
			if what := unfilledTree(inner); what != "" {
				return what
			}
		}
	case string:
		return unfilledLogin(value)
	}
	return ""
}

// unfilledLogin is unfilledText for a value, or for the user name and the
// password in base64 as auth has them.
func unfilledLogin(value string) string {
	if what := unfilledText(value); what != "" {
		return what
	}
	decoded, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return ""
	}
	user, password, both := strings.Cut(string(decoded), ":")
	if !both {
		return ""
	}
	return cmp.Or(unfilledText(user), unfilledText(password))
}
