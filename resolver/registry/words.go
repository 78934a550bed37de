package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/containerd/errdefs"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxDetail bounds what is quoted of a registry's words.
	maxDetail = 300
	// maxNode bounds what is quoted of containerd's.
	maxNode = 1000
	// minSecret is the length from which on a secret is looked for in texts.
	minSecret = 4
)

// words returns what the kubelet would show of an error of a pull
// (internal/cri/server/images/image_pull.go, pullImageWithTransferService).
func (k *check) words(err error) string {
	return rpcWords(fmt.Errorf("failed to pull and unpack image %q: %w", k.Image, err))
}

// rpcWords puts an error into the form in which it reaches the kubelet: with
// the gRPC code that containerd gives it (errdefs/pkg/errgrpc, ToGRPC), which
// the kubelet leaves out where it is Unknown (cri-client, pullImageV1).
func rpcWords(err error) string {
	text := sanitised(err)
	if code := rpcCode(err); code != "" {
		text = fmt.Sprintf("rpc error: code = %s desc = %s", code, text)
	}
	return line(text, maxNode)
}

// rpcCode is the gRPC code of what can end a pull; empty for Unknown.
func rpcCode(err error) string {
	switch kind := errdefs.Resolve(err); {
	case errors.Is(kind, errdefs.ErrInvalidArgument):
		return "InvalidArgument"
	case errors.Is(kind, errdefs.ErrNotFound):
		return "NotFound"
	case errors.Is(kind, errdefs.ErrResourceExhausted):
		return "ResourceExhausted"
	case errors.Is(kind, errdefs.ErrFailedPrecondition):
		return "FailedPrecondition"
	case errors.Is(kind, errdefs.ErrNotImplemented):
		return "Unimplemented"
	case errors.Is(kind, errdefs.ErrUnavailable):
		return "Unavailable"
	case errors.Is(kind, context.DeadlineExceeded):
		return "DeadlineExceeded"
	case errors.Is(kind, context.Canceled):
		return "Canceled"
	default:
		return ""
	}
}

// sanitised is an error's text without the values of a URL's query, which may
// sign a redirect (internal/cri/util/sanitize.go, SanitizeError).
func sanitised(err error) string {
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

// redact takes a credential out of a finding. Nothing of ours puts it there,
// but a registry may say what it was told.
func redact(finding pull.Finding, credential pull.Credential) pull.Finding {
	forms := formsOf(credential)
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

// withoutKeys takes out of the URLs in a text what may open a door: who logs in,
// and the values of a query, such as a redirect's signature, but for those that
// say what was asked for. Containerd leaves them in the words of a status.
func withoutKeys(text string) string {
	text = regexp.MustCompile(`://[^\s"/?#]*@`).ReplaceAllString(text, "://")
	return regexp.MustCompile(`[?&][^\s"=&]+=[^\s"&]*[^\s"&:]`).ReplaceAllStringFunc(text, func(pair string) string {
		name, value, _ := strings.Cut(pair, "=")
		switch name[1:] {
		case "scope", "service", "account", "client_id", "ns":
			return pair
		}
		const redacted = "[REDACTED]"
		shown := strings.TrimSuffix(value, "…")
		if strings.HasPrefix(redacted, shown) || strings.HasPrefix(url.QueryEscape(redacted), shown) {
			return pair
		}
		return name + "=" + redacted
	})
}

// oneLine makes a text from outside fit for a message.
func oneLine(text string) string { return line(text, maxDetail) }

// line makes a text one line, without control characters, of a bounded length.
func line(text string, limit int) string {
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
