package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// maxReview bounds an AdmissionReview, which holds an object twice; the API
// server takes objects of up to 3 MiB.
const maxReview = 12 << 20

// bodies reads the bodies of requests into buffers that are used again, as far
// as there is room for them. The zero value is ready for use.
type bodies struct {
	room    limiter
	buffers sync.Pool
}

// body is one that has arrived. It is read no more after its release.
type body struct {
	text []byte
	// room is how much it takes, in bytes.
	room    int64
	release func()
}

// read reads a request's body by some time. Of that it waits for room no longer
// than until the context ends. The body has to be released, be it that reading
// failed.
func (b *bodies) read(ctx context.Context, w http.ResponseWriter, r *http.Request, by time.Time) (body, error) {
	control := http.NewResponseController(w)
	share := b.room.enter(by, control.SetReadDeadline)
	text, err := b.take(ctx, share, http.MaxBytesReader(w, r.Body, maxReview), r.ContentLength)
	share.arrived()
	if err == nil { // else the server is not to wait for the rest either
		err = control.SetReadDeadline(time.Time{})
	}
	if errors.Is(err, http.ErrNotSupported) {
		err = nil // no connection, nothing to wait for
	}
	return body{text: text, room: share.size, release: func() {
		if cap(text) == minShare {
			b.buffers.Put(&text)
		}
		share.leave()
	}}, err
}

// take reads what comes, and takes room for it as it comes.
func (b *bodies) take(ctx context.Context, share *share, from io.Reader, announced int64) ([]byte, error) {
	var first [1]byte
	if _, err := io.ReadFull(from, first[:]); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := share.grow(ctx, minShare); err != nil {
		return nil, err
	}
	text := append(b.buffer(), first[0])
	for {
		if len(text) == cap(text) {
			size := max(min(2*int64(cap(text)), announced), int64(cap(text))+minShare)
			if err := share.grow(ctx, size); err != nil {
				return text, err
			}
			text = append(make([]byte, 0, size), text...)
		}
		n, err := from.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case errors.Is(err, io.EOF):
			return text, nil
		case err != nil:
			return text, err
		}
	}
}

// buffer returns an empty one.
func (b *bodies) buffer() []byte {
	if kept, ok := b.buffers.Get().(*[]byte); ok {
		return (*kept)[:0]
	}
	return make([]byte, 0, minShare)
}
