package answers

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/errdefs"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

// Of says what an error of containerd's library means. Whatever is not
// known here for an authoritative answer about the image is unknown.
func Of(err error, credential pull.Credential) pull.Finding {
	finding := Unanswered(err)
	var status remoteerrors.ErrUnexpectedStatus
	switch {
	case errors.As(err, &status):
		finding.Reason = statusReason(status, credential)
		finding.LoginFailed = finding.Reason == pull.CredentialsRejected && loginFailed(status)
		finding.Detail = statusDetail(status)
	case errors.Is(err, docker.ErrInvalidAuthorization):
		finding.Reason = refusal(credential)
	case finding.Reason != pull.RegistryError:
		return finding
	case contentRefused(err):
		finding.Reason = pull.UnsupportedImage
	case errdefs.IsNotFound(err) && !noHosts(err):
		finding.Reason = pull.TagNotFound
	}
	return finding
}

// Unanswered is the finding where a registry gave no answer.
func Unanswered(err error) pull.Finding {
	finding := pull.Finding{Reason: unansweredReason(err), Detail: OneLine(Sanitised(err))}
	var failed *url.Error
	if !errors.As(err, &failed) {
		return finding
	}
	finding.Detail = OneLine(failed.Err.Error()) // without the path, which is of no use to people
	u, parseErr := url.Parse(failed.URL)
	if parseErr == nil && u.Host != "" && !strings.HasPrefix(finding.Detail, u.Hostname()) {
		finding.Detail = OneLine(u.Host + ": " + failed.Err.Error())
	}
	return finding
}

// unansweredReason tells what kept a registry from answering; RegistryError where
// nothing more precise is known.
func unansweredReason(err error) pull.Reason {
	var forbidden *wire.ForbiddenAddressError
	var status *wire.StatusError
	var transport *url.Error
	switch {
	case errors.As(err, &forbidden):
		return pull.AddressForbidden
	case errors.As(err, &status) && status.Code == http.StatusTooManyRequests:
		return pull.RateLimited
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return pull.Timeout
	case untrusted(err):
		return pull.UntrustedCertificate
	case answered(err):
		return pull.RegistryError
	case errors.As(err, &transport), errors.Is(err, io.ErrUnexpectedEOF):
		return pull.RegistryUnreachable
	default:
		return pull.RegistryError
	}
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

// statusReason reads a status that ends a pull.
func statusReason(status remoteerrors.ErrUnexpectedStatus, credential pull.Credential) pull.Reason {
	switch {
	case status.StatusCode == http.StatusTooManyRequests:
		return pull.RateLimited
	case status.StatusCode == http.StatusUnauthorized,
		status.StatusCode == http.StatusForbidden && !inBetween(status):
		return refusal(credential)
	default:
		return pull.RegistryError
	}
}

// loginFailed tells whether it was a token service that knows no such user or
// password. Of a 401 for a manifest, and of any 403, nobody knows what it is for.
func loginFailed(status remoteerrors.ErrUnexpectedStatus) bool {
	u, err := url.Parse(status.RequestURL)
	return err == nil && status.StatusCode == http.StatusUnauthorized && !wire.IsContent(u)
}

// inBetween tells whether a 403 may come from something in front of the
// registry that may let the nodes through: one in other words than a registry's
// or a token server's, and to the POST for a token, which some firewalls do not
// like, one without words, too.
func inBetween(status remoteerrors.ErrUnexpectedStatus) bool {
	if u, err := url.Parse(status.RequestURL); err == nil && wire.IsContent(u) {
		return WordOf(status.StatusCode, nil, status.Body) == Foreign
	}
	word := WordOfTokens(status.StatusCode, status.Body)
	return word == Foreign || word == Wordless && status.RequestMethod == http.MethodPost
}

// IsMarkup tells a page from a registry's answer.
func IsMarkup(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// statusDetail says what the registry said, without the request's path, which
// the image's name tells already.
func statusDetail(status remoteerrors.ErrUnexpectedStatus) string {
	words := InWords(status.Body)
	if words == "" || status.StatusCode == http.StatusForbidden && inBetween(status) {
		words = FirstWords(status.Body)
	}
	return OneLine(fmt.Sprintf("%s answered %s%s", HostOf(status.RequestURL), status.Status, words))
}

// HostOf is the host of a URL; the URL itself if it is none.
func HostOf(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Host
	}
	return address
}

// Unexplained tells whether HEAD was refused by a status that has no meaning of
// its own here, and so by words that HEAD has not, and which host did so.
func Unexplained(err error) (host string, ok bool) {
	var status remoteerrors.ErrUnexpectedStatus
	if !errors.As(err, &status) || status.RequestMethod != http.MethodHead || len(status.Body) > 0 || status.StatusCode < http.StatusBadRequest ||
		status.StatusCode >= http.StatusInternalServerError || statusReason(status, pull.Credential{}) != pull.RegistryError {
		return "", false
	}
	u, err := url.Parse(status.RequestURL)
	if err != nil {
		return "", false
	}
	return u.Host, true
}
