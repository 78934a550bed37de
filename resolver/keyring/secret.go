package keyring

import (
	"bytes"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pullgate/pullgate/resolver/pull"
)

// secret is a pull secret as far as it could be read.
type secret struct {
	namespace, name string
	// source is what its credentials are known by.
	source pull.Source
	// account is the ServiceAccount that lists the secret, if not the Pod.
	account string
	// missing: the API server says that it does not exist, or no Secret can
	// have such a name.
	missing bool
	// unread says why nothing is known of it.
	unread error
	// object is what was read and is still to be parsed.
	object *corev1.Secret
	content
}

func secretNamed(namespace, name, account string) *secret {
	return &secret{namespace: namespace, name: name, source: pull.Secret(namespace, name), account: account}
}

// read fetches the secret.
func (s *secret) read(ctx context.Context, source Source) {
	defer s.survive()
	if len(validation.IsDNS1123Subdomain(s.name)) > 0 {
		s.missing = true
		return
	}
	if source == nil {
		s.unread = errNoSource
		return
	}
	object, err := source.Secret(ctx, s.namespace, s.name)
	switch {
	case apierrors.IsNotFound(err):
		s.missing = true
	case err != nil:
		s.unread = err
	case object == nil:
		s.unread = errNoAnswer
	default:
		s.object = object
	}
}

// survive makes of a bug of ours that nothing is known of the secret.
func (s *secret) survive() {
	if value := recover(); value != nil {
		s.object, s.unread = nil, fmt.Errorf("an internal error of pullgate: %T", value)
	}
}

// parseWithin parses what was read, if there is room for it.
func (s *secret) parseWithin(ctx context.Context, room *room, known *contents) {
	defer s.survive()
	object := s.object
	s.object = nil // what is parsed takes its place
	if s.missing || s.unread != nil {
		return
	}
	if object == nil {
		s.unread = room.over(ctx)
		return
	}
	if s.unread = room.take(ctx, object.Data); s.unread == nil {
		s.content = known.of(object)
	}
}

const (
	// maxBytes is how much of the secrets of one Pod is parsed: four of the
	// largest that there can be.
	maxBytes = 4 << 20
	// maxFields is how many entries and fields of entries are, together: a
	// secret of the largest size with a login in each entry has fewer.
	maxFields = 64 << 10
)

// room is how much more of a Pod's secrets may be parsed.
type room struct {
	bytes, fields int
	full          bool
}

func newRoom() room { return room{bytes: maxBytes, fields: maxFields} }

// over says why nothing more is to be parsed; nil: it is.
func (r *room) over(ctx context.Context) error {
	if r.full {
		return errTooMuch
	}
	return ctx.Err()
}

// take makes room for what a secret holds. Each entry and each field of one has
// a colon, so that counting those tells beforehand what parsing will come to.
func (r *room) take(ctx context.Context, data map[string][]byte) error {
	if err := r.over(ctx); err != nil {
		return err
	}
	for _, key := range []string{corev1.DockerConfigJsonKey, corev1.DockerConfigKey} {
		r.bytes -= len(data[key])
		r.fields -= bytes.Count(data[key], []byte(":"))
	}
	r.full = r.bytes < 0 || r.fields < 0
	return r.over(ctx)
}

func (s *secret) path() string { return s.namespace + "/" + s.name }

// String names the secret in messages.
func (s *secret) String() string {
	if s.account == "" {
		return "pull secret " + s.path()
	}
	return "pull secret " + s.path() + " (of ServiceAccount " + s.account + ")"
}
