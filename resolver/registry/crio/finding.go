package crio

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
)

// Finding says what an error of a pull means for an image. A mirror that gave no
// answer could have had one; what it has, and whether a node may see it, only a
// refusal in its own words tells.
func Finding(err error, image reference.Named, credential pull.Credential) pull.Finding {
	finding := findingOf(err, image, credential)
	for _, failed := range mirrors(err) {
		other := findingOf(failed, image, pull.Credential{})
		switch {
		case other.Reason.Verdict() == pull.Unknown:
			finding = finding.Unless(other)
		case other.Reason.Refused():
			finding = finding.InDoubt(pull.NodeCredentialsUnknown, "a mirror of registries.conf refused, for which nodes may have a credential")
		}
	}
	if finding.Reason.Verdict() == pull.Broken {
		finding.Node = answers.Line(err.Error(), answers.MaxNode)
	}
	return finding
}

func findingOf(err error, image reference.Named, credential pull.Credential) pull.Finding {
	var (
		refused *refusedError
		blocked *blockedError
		foreign *platformError
		said    *refusal
	)
	switch {
	case errors.As(err, &refused):
		return pull.Finding{Reason: pull.UnsupportedImage, Detail: answers.OneLine(cmp.Or(refused.means, refused.words))}
	case errors.As(err, &blocked):
		return pull.Finding{Reason: pull.UnsupportedImage, Detail: answers.OneLine(blocked.why), Forbidden: true}
	case errors.As(err, &foreign):
		return pull.Finding{Reason: pull.PlatformMismatch, Detail: "the index has no entry for them"}
	case errors.As(err, &said):
		return said.finding(image, credential)
	default:
		return answers.Unanswered(err)
	}
}

// finding says what an answer means that is none of 200.
func (r *refusal) finding(image reference.Named, credential pull.Credential) pull.Finding {
	finding := pull.Finding{Reason: pull.RegistryError, Detail: r.detail()}
	word := answers.WordOf(r.status, r.header, r.body)
	if r.during == askingToken {
		word = answers.WordOfTokens(r.status, r.body)
	}
	switch {
	case r.status == http.StatusTooManyRequests:
		finding.Reason = pull.RateLimited
	case r.during == pinging, r.contradicts():
	case r.success():
		finding.Reason = pull.UnsupportedImage
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden && word != answers.Foreign:
		finding.Reason = pull.CredentialsRejected
		if credential.IsAnonymous() {
			finding.Reason = pull.CredentialsRequired
		}
		finding.LoginFailed = !credential.IsAnonymous() && r.during == askingToken && r.status == http.StatusUnauthorized
	case r.during != askingToken && r.status == http.StatusNotFound && word != answers.Foreign:
		finding.Reason, finding.Detail = r.missing(image)
	}
	return finding
}

// contradicts tells whether a registry refuses, as invalid, a token that its token
// server has just given.
func (r *refusal) contradicts() bool {
	return r.during != askingToken && r.status == http.StatusUnauthorized && answers.RefusesToken(r.header)
}

// success tells whether a registry gives what it was asked for, by another status
// than the one that CRI-O takes. That it is the registry, the digest tells; 203 is
// somebody's in between.
func (r *refusal) success() bool {
	said := digest.Digest(r.header.Get("Docker-Content-Digest"))
	if r.status >= http.StatusMultipleChoices || r.status == http.StatusNonAuthoritativeInfo || said.Validate() != nil {
		return false
	}
	return said.String() == r.what || r.during == readingManifest && said == said.Algorithm().FromBytes(r.body)
}

// detail is what was said, and on which occasion.
func (r *refusal) detail() string {
	words := answers.InWords(r.body)
	if words == "" {
		words = answers.FirstWords(r.body)
	}
	said := fmt.Sprintf("%s answered %s%s", r.host, r.statusLine, words)
	switch {
	case r.during == pinging:
		said += " to GET /v2/, which CRI-O asks first"
	case r.status < http.StatusMultipleChoices:
		said += ", and CRI-O takes 200 alone"
	}
	return answers.OneLine(said)
}

// missing names what a 404 says is not there.
func (r *refusal) missing(image reference.Named) (pull.Reason, string) {
	_, digested := image.(reference.Digested)
	switch {
	case r.during == readingBlob:
		return pull.BlobMissing, answers.OneLine(fmt.Sprintf("the registry does not have the %s %s, which the image needs", r.kind, r.what))
	case answers.NamesRepository(r.body):
		return pull.RepositoryNotFound, r.detail()
	case r.what != pull.Object(image):
		return pull.DigestNotFound, answers.OneLine(fmt.Sprintf("the registry does not have the manifest %s, which the image needs", r.what))
	case digested:
		return pull.DigestNotFound, r.detail()
	default:
		return pull.TagNotFound, r.detail()
	}
}

// AtPing tells whether a pull ended with an answer to GET /v2/ that no registry
// gives in passing.
func AtPing(err error) bool {
	var said *refusal
	return errors.As(err, &said) && said.during == pinging && said.status < http.StatusInternalServerError &&
		said.status != http.StatusTooManyRequests && said.status != http.StatusRequestTimeout
}
