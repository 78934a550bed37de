package registry

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"github.com/pullgate/pullgate/resolver/pull"
)

// maxDetail bounds what is quoted of a registry's words.
const maxDetail = 300

// classify says what an error of containerd's library means. Whatever is not
// known here for an authoritative answer about the image is unknown.
func classify(err error, credential pull.Credential) pull.Finding {
	finding := pull.Finding{Reason: troubleReason(err), Detail: oneLine(err.Error())}
	var status remoteerrors.ErrUnexpectedStatus
	switch {
	case finding.Reason != pull.RegistryError:
		return finding
	case errors.Is(err, docker.ErrInvalidAuthorization):
		finding.Reason = refusal(credential)
	case errors.As(err, &status):
		finding.Reason = statusReason(status, credential)
		finding.Detail = statusDetail(status)
	case errors.Is(err, digest.ErrDigestInvalidFormat), errors.Is(err, digest.ErrDigestInvalidLength), errors.Is(err, digest.ErrDigestUnsupported):
		finding.Reason = pull.UnsupportedImage
	case errdefs.IsNotImplemented(err) && strings.Contains(err.Error(), "no longer supported"):
		finding.Reason = pull.UnsupportedImage // schema 1 without a digest header
	case errdefs.IsNotFound(err) && strings.Contains(err.Error(), "no resolve hosts"), strings.Contains(err.Error(), "no pull hosts"):
		finding.Reason = pull.RegistryError // hosts.toml: of mirrors alone
	case errdefs.IsNotFound(err) && strings.Contains(err.Error(), "byte manifest"):
		finding.Reason = pull.UnsupportedImage // "rejecting N byte manifest"
	case errdefs.IsNotFound(err):
		finding.Reason = pull.TagNotFound
	}
	return finding
}

// troubleReason tells what kept a registry from answering; RegistryError where
// nothing more precise is known.
func troubleReason(err error) pull.Reason {
	var forbidden *ForbiddenAddressError
	switch {
	case errors.As(err, &forbidden):
		return pull.AddressForbidden
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return pull.Timeout
	case untrusted(err):
		return pull.UntrustedCertificate
	case errors.Is(err, errBodyTooLarge):
		return pull.RegistryError
	}
	var status remoteerrors.ErrUnexpectedStatus
	if errors.As(err, &status) {
		if status.StatusCode == http.StatusTooManyRequests {
			return pull.RateLimited
		}
		return pull.RegistryError
	}
	var transport *url.Error
	if errors.As(err, &transport) {
		return transportReason(transport)
	}
	return pull.RegistryError
}

// transportReason tells a connection that failed from one over which
// something came that was no proper answer.
func transportReason(err *url.Error) pull.Reason {
	for _, answered := range []string{"redirect", "response headers", "malformed HTTP", "exceeded"} {
		if strings.Contains(err.Error(), answered) && !err.Timeout() {
			return pull.RegistryError
		}
	}
	return pull.RegistryUnreachable
}

// untrusted tells whether a certificate was not accepted.
func untrusted(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &hostname) || errors.As(err, &invalid)
}

// refusal names a refusal by whether something was offered.
func refusal(credential pull.Credential) pull.Reason {
	if credential.IsAnonymous() {
		return pull.CredentialsRequired
	}
	return pull.CredentialsRejected
}

// statusReason reads a status that ends a pull. 403 with a page in HTML comes
// from something in front of the registry, such as a firewall that may let
// the nodes through.
func statusReason(status remoteerrors.ErrUnexpectedStatus, credential pull.Credential) pull.Reason {
	switch status.StatusCode {
	case http.StatusUnauthorized:
		return refusal(credential)
	case http.StatusForbidden:
		if bytes.HasPrefix(bytes.TrimSpace(status.Body), []byte("<")) {
			return pull.RegistryError
		}
		return refusal(credential)
	case http.StatusTooManyRequests:
		return pull.RateLimited
	default:
		return pull.RegistryError
	}
}

// statusDetail says what the registry said, without the request's path, which
// the image's name tells already.
func statusDetail(status remoteerrors.ErrUnexpectedStatus) string {
	host := status.RequestURL
	if u, err := url.Parse(status.RequestURL); err == nil {
		host = u.Host
	}
	detail := fmt.Sprintf("%s answered %s", host, status.Status)
	if code, message := registryError(status.Body); code != "" {
		detail += fmt.Sprintf(" (%s: %s)", code, message)
	}
	return oneLine(detail)
}

// oneLine makes a text from outside fit for a message: one line, no control
// characters, a bounded length.
func oneLine(text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(clean) <= maxDetail {
		return clean
	}
	return strings.ToValidUTF8(clean[:maxDetail], "") + "…"
}
