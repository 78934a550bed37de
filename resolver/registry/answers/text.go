package answers

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

const (
	// maxDetail bounds what is quoted of a registry's words.
	maxDetail = 300
	// MaxNode bounds what is quoted of a runtime's.
	MaxNode = 1000
)

// Sanitised is an error's text without the values of a URL's query, which may
// sign a redirect (internal/cri/util/sanitize.go, SanitizeError).
func Sanitised(err error) string {
	var failed *url.Error
	if !errors.As(err, &failed) {
		return err.Error()
	}
	u, parseErr := url.Parse(failed.URL)
	if parseErr != nil || u.RawQuery == "" {
		return err.Error()
	}
	query := u.Query()
	for name := range query {
		query.Set(name, "[REDACTED]")
	}
	u.RawQuery = query.Encode()
	return strings.ReplaceAll(err.Error(), failed.URL, u.String())
}

// What is looked for in a text, compiled once.
var (
	addresses = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`://[^\s"]+`) })
	userInURL = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`://[^\s"/?#]*@`) })
	inQuery   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[?&][^?&]*`) })
)

// withoutKeys takes out of the URLs in a text what may open a door: who logs in,
// and the values of a query, such as a redirect's signature, but for those that
// say what was asked for. Containerd leaves them in the words of a status.
func withoutKeys(text string) string {
	return addresses().ReplaceAllStringFunc(text, func(address string) string {
		bare := strings.TrimRight(address, ":…") // the sentence's
		return userInURL().ReplaceAllString(inQuery().ReplaceAllStringFunc(bare, shown), "://") + address[len(bare):]
	})
}

// shown is what of a pair in a query may be shown. One that was cut off stays.
func shown(pair string) string {
	const redacted = "[REDACTED]"
	name, value, _ := strings.Cut(pair, "=")
	switch name[1:] {
	case "scope", "service", "account", "client_id", "ns":
		return pair
	}
	if strings.HasPrefix(redacted, value) || strings.HasPrefix(url.QueryEscape(redacted), value) {
		return pair
	}
	return name + "=" + redacted
}

// OneLine makes a text from outside fit for a message.
func OneLine(text string) string { return Line(text, maxDetail) }

// Line makes a text one line, without control characters, of a bounded length.
func Line(text string, limit int) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if strings.Contains(clean, "://") {
		clean = withoutKeys(clean)
	}
	if len(clean) <= limit {
		return clean
	}
	return strings.ToValidUTF8(clean[:limit], "") + "…"
}
