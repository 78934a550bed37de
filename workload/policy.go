package workload

import (
	// The algorithms of digests that the API server and the kubelet know: a
	// reference parses only where its digest's algorithm is linked in.
	_ "crypto/sha256"
	_ "crypto/sha512"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
)

// maxReference is the length beyond which a reference is not parsed, because a
// megabyte takes a quarter of a second. Nothing that can be pulled comes near:
// a host name has up to 253 characters, a path 255, a tag 128, a digest 135.
const maxReference = 4096

// ParseReference reads a reference as the kubelet does (Kubernetes
// pkg/util/parsers/parsers.go, ParseImageName), but for the tag that it adds.
func ParseReference(written string) (reference.Named, error) {
	if len(written) > maxReference {
		return nil, reference.ErrNameTooLong
	}
	return reference.ParseNormalizedNamed(written)
}

// pullPolicy returns the policy as the API server defaults it: Always for a
// tag that is latest, be it written, with a digest, or neither tag nor digest
// given, and IfNotPresent for the rest, references that do not parse included
// (Kubernetes pkg/apis/core/v1/defaults.go, SetDefaults_Container and
// SetDefaults_Volume). A policy that is set stays, whatever it is.
func pullPolicy(written corev1.PullPolicy, ref string) corev1.PullPolicy {
	if written != "" {
		return written
	}
	named, err := ParseReference(ref)
	if err != nil {
		return corev1.PullIfNotPresent
	}
	if tagged, ok := reference.TagNameOnly(named).(reference.Tagged); ok && tagged.Tag() == "latest" {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}
