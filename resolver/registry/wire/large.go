package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/pullgate/pullgate/resolver/clock"
	"github.com/pullgate/pullgate/resolver/fair"
)

const (
	// maxBody bounds what is read of one answer: twice the largest manifest
	// that containerd takes.
	maxBody = 8 << 20
	// maxTokenAnswer bounds the answer of a token server: the token under both
	// its names, and a little more.
	maxTokenAnswer = 2*maxToken + 4<<10
	// maxToken bounds a token, which the library keeps for as long as the hosts
	// are kept. Those of public registries have up to 4 KiB, and what is larger
	// than 8 KiB few servers take in a header.
	maxToken = 16 << 10
	// smallBytes is how many bytes of answers one question reads, and smallParts
	// how many commas in them, without asking for room: what is read is held, and
	// a part of three bytes takes a hundred where it is decoded. Real images have
	// some kilobytes and some hundred parts, most of them in their config.
	smallBytes = 256 << 10
	smallParts = 4 << 10
	// maxLarge is how many questions read more than that at a time, and
	// maxLargeShare how many of them of one registry: one whose large answers come
	// slowly leaves room for another's.
	maxLarge      = 4
	maxLargeShare = 3
	// maxParts bounds the commas of one answer.
	maxParts = 128 << 10
)

// Room is that for questions that read much.
type Room struct{ places *fair.Limiter }

// NewRoom returns room for as many as may read much at a time.
func NewRoom() Room { return Room{&fair.Limiter{Slots: maxLarge, PerFlow: maxLargeShare}} }

type readingKey struct{}

// reading is what one question has read of answers. Questions that read much take
// turns, registry by registry, so that registries cannot have all that Pullgate asks
// about at a time, by as much as each may read, in memory.
type reading struct {
	room     Room // of all questions
	registry string

	mu           sync.Mutex
	bytes, parts int64
	leave        func() // gives the room back; nil: it has taken none
}

// take counts what was read, and waits for room where it is much.
func (r *reading) take(ctx context.Context, size, parts int64) error {
	if r == nil {
		return nil // no question
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes += size
	r.parts += parts
	if r.leave != nil || r.bytes <= smallBytes && r.parts <= smallParts {
		return nil
	}
	defer clock.Stop(ctx)()
	leave, err := r.room.places.Enter(ctx, fair.NewTicket(r.registry))
	if err != nil {
		return fmt.Errorf("wait for room for a large answer: %w", err)
	}
	r.leave = leave
	return nil
}

// end gives the room back.
func (r *reading) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leave != nil {
		r.leave()
		r.leave = nil
	}
}

// limitedBody fails a body that is longer than it should ever be, or has more
// parts, and counts what is read of it.
type limitedBody struct {
	io.ReadCloser
	left, parts int64
	over        error                         // what reading past that gives
	count       func(size, parts int64) error // by the question
}

// limit limits a body, by what was asked for at first: a registry's answers are
// told from those of a token server.
func limit(req *http.Request, body io.ReadCloser, over error) io.ReadCloser {
	ctx := req.Context()
	read, _ := ctx.Value(readingKey{}).(*reading)
	limited := &limitedBody{ReadCloser: body, left: maxTokenAnswer, parts: maxParts, over: over,
		count: func(size, parts int64) error { return read.take(ctx, size, parts) }}
	if IsContent(first(req).URL) {
		limited.left = maxBody
	}
	return limited
}

// Read reads up to the limit.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 || b.parts < 0 {
		return 0, b.over
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	parts := int64(bytes.Count(p[:n], []byte(",")))
	b.left, b.parts = b.left-int64(n), b.parts-parts
	if full := b.count(int64(n), parts); full != nil {
		return 0, full
	}
	return n, err
}

// IsContent tells a registry's URLs from those of a token service.
func IsContent(u *url.URL) bool {
	return slices.ContainsFunc([]string{"/manifests/", "/blobs/", "/tags/"}, func(part string) bool {
		return strings.Contains(u.Path, part)
	})
}

// first is what was asked for at first, of what may be redirected.
func first(req *http.Request) *http.Request {
	for req.Response != nil {
		req = req.Response.Request
	}
	return req
}
