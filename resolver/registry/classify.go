package registry

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
	"github.com/opencontainers/go-digest"

	"github.com/pullgate/pullgate/resolver/pull"
)

// classify says what an error of containerd's library means. Whatever is not
// known here for an authoritative answer about the image is unknown.
func classify(err error, credential pull.Credential) pull.Finding {
	finding := inTrouble(err)
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

// noHosts knows the errors of a hosts.toml that leaves nobody to ask
// (core/remotes/docker/resolver.go and fetcher.go): they are "not found", too.
func noHosts(err error) bool {
	return strings.Contains(err.Error(), "no resolve hosts") || strings.Contains(err.Error(), "no pull hosts")
}

// contentRefused knows what the resolver itself refuses about a manifest
// (core/remotes/docker/resolver.go, Resolve): an invalid digest header, schema
// 1, one that is too large.
func contentRefused(err error) bool {
	for _, invalid := range []error{digest.ErrDigestInvalidFormat, digest.ErrDigestInvalidLength, digest.ErrDigestUnsupported} {
		if errors.Is(err, invalid) {
			return true
		}
	}
	return errdefs.IsNotImplemented(err) && strings.Contains(err.Error(), "no longer supported") ||
		errdefs.IsNotFound(err) && strings.Contains(err.Error(), "byte manifest")
}

// inTrouble is the finding where a registry gave no answer.
func inTrouble(err error) pull.Finding {
	finding := pull.Finding{Reason: troubleReason(err), Detail: oneLine(sanitised(err))}
	var failed *url.Error
	if !errors.As(err, &failed) {
		return finding
	}
	finding.Detail = oneLine(failed.Err.Error()) // without the path, which is of no use to people
	u, parseErr := url.Parse(failed.URL)
	if parseErr == nil && u.Host != "" && !strings.HasPrefix(finding.Detail, u.Hostname()) {
		finding.Detail = oneLine(u.Host + ": " + failed.Err.Error())
	}
	return finding
}

// troubleReason tells what kept a registry from answering; RegistryError where
// nothing more precise is known.
func troubleReason(err error) pull.Reason {
	var forbidden *ForbiddenAddressError
	var status *statusError
	var transport *url.Error
	switch {
	case errors.As(err, &forbidden):
		return pull.AddressForbidden
	case errors.As(err, &status) && status.code == http.StatusTooManyRequests:
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

// answered tells a connection over which something came that was no proper
// answer from one that failed. For some of it the standard library has words
// alone.
func answered(err error) bool {
	if errors.Is(err, errBodyTooLarge) || errors.Is(err, errEncoding) {
		return true
	}
	for _, words := range []string{"stopped after 10 redirects", "server response headers exceeded", "malformed HTTP", "malformed MIME", "failed to parse Location"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
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
	return err == nil && status.StatusCode == http.StatusUnauthorized && !isContent(u)
}

// inBetween tells whether a 403 may come from something in front of the
// registry that may let the nodes through: a page in HTML, and to the POST for
// a token, which some firewalls do not like, anything but an error in JSON.
func inBetween(status remoteerrors.ErrUnexpectedStatus) bool {
	if status.RequestMethod == http.MethodPost {
		code, message := registryError(status.Body)
		return code+message == ""
	}
	return isMarkup(status.Body)
}

// isMarkup tells a page from a registry's answer.
func isMarkup(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// statusDetail says what the registry said, without the request's path, which
// the image's name tells already.
func statusDetail(status remoteerrors.ErrUnexpectedStatus) string {
	host := status.RequestURL
	if u, err := url.Parse(status.RequestURL); err == nil {
		host = u.Host
	}
	return oneLine(fmt.Sprintf("%s answered %s%s", host, status.Status, inWords(status.Body)))
}
