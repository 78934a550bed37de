package wire

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/pullgate/pullgate/resolver/clock"
)

const (
	// usualPause is after how long a registry is asked again that answered 429
	// and did not say when; maxPause bounds what it may say.
	usualPause = time.Second
	maxPause   = 30 * time.Second
	// answerRoom is what has to be left for the answer after a pause.
	answerRoom = time.Second
	// calm is after how many good answers in a row nobody stands in line any
	// more.
	calm = 10
	// restFor is for how many times its patience a registry is not waited for
	// that was waited for in vain.
	restFor = 10
	// maxLanes is of how many registries and methods it is known at a time that
	// they answer 429.
	maxLanes = 1024
)

// Patience is for how long registries are waited for that answer 429. The zero
// value does not wait.
type Patience struct {
	// Question is how long one question waits in all, for its turn too.
	Question time.Duration
	// Registry is how long all wait for one registry in vain, before it is told
	// what it answers. A good answer after a pause gives it this time anew.
	Registry time.Duration
}

type budgetKey struct{}

// budget is what is left of a question's patience.
type budget struct {
	mu   sync.Mutex
	left time.Duration
}

// question gives what is asked within a context the patience of one question.
func (p *pauses) question(ctx context.Context) context.Context {
	return context.WithValue(ctx, budgetKey{}, &budget{left: p.patience.Question})
}

// wait waits for so long, or until a channel gives something, if there is the
// patience for it, and the time; it tells whether that came to be.
func (b *budget) wait(ctx context.Context, most time.Duration, until chan<- struct{}) bool {
	b.mu.Lock()
	left := b.left
	b.mu.Unlock()
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline)-answerRoom)
	}
	if until == nil && most > left {
		return false
	}
	defer clock.Stop(ctx)()
	began, timer := time.Now(), time.NewTimer(min(most, left))
	defer timer.Stop()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.left -= time.Since(began)
	}()
	select {
	case until <- struct{}{}:
		return true
	case <-timer.C:
		return until == nil
	case <-ctx.Done():
		return false
	}
}

// laneKey is what has a limit of its own: Docker Hub counts GETs, not HEADs.
type laneKey struct{ host, method string }

// lane is the line before a registry that answered 429: one asks, when the time
// has come, and all others wait for their turn.
type lane struct {
	turn     chan struct{}
	patience time.Duration

	mu     sync.Mutex
	askers int
	until  time.Time // nobody asks before
	vain   time.Duration
	gaveUp time.Time // when it was no more waited for; zero: it is
	good   int       // answers in a row
}

// pauses are the lines before registries.
type pauses struct {
	patience Patience

	mu    sync.Mutex
	lanes map[laneKey]*lane
}

// ask sends a request, and once more after a pause where it is answered 429.
func (p *pauses) ask(req *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
	b, _ := req.Context().Value(budgetKey{}).(*budget)
	if b == nil || p.patience.Question <= 0 || req.Body != nil && req.Body != http.NoBody {
		return send()
	}
	key := laneKey{req.URL.Host, req.Method}
	l := p.enter(key, false)
	var last *http.Response
	if l == nil {
		resp, err := send()
		if err != nil || !limited(resp) {
			return resp, err
		}
		if l = p.enter(key, true); l == nil {
			return resp, nil
		}
		l.refused(resp)
		last = resp
	}
	defer p.leave(key, l)
	return l.ask(req.Context(), b, last, send)
}

// enter joins a line; nil where there is none, be it that no more may be opened.
func (p *pauses) enter(key laneKey, open bool) *lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lanes[key]
	switch {
	case l == nil && !open:
		return nil
	case l == nil && !p.room():
		return nil
	case l == nil:
		l = &lane{turn: make(chan struct{}, 1), patience: p.patience.Registry}
		p.lanes[key] = l
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.askers++
	return l
}

// room tells whether one more line may be opened, and closes what is over.
func (p *pauses) room() bool {
	if p.lanes == nil {
		p.lanes = map[laneKey]*lane{}
	}
	if len(p.lanes) < maxLanes {
		return true
	}
	for key, l := range p.lanes {
		if l.idle() {
			delete(p.lanes, key)
		}
	}
	return len(p.lanes) < maxLanes
}

// leave closes a line in which nobody stands and of which there is nothing to be
// remembered, or which has gone well for long enough.
func (p *pauses) leave(key laneKey, l *lane) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.mu.Lock()
	l.askers--
	over := l.good >= calm || l.askers == 0 && l.gaveUp.IsZero() && !time.Now().Before(l.until)
	l.mu.Unlock()
	if over && p.lanes[key] == l {
		delete(p.lanes, key)
	}
}

// idle tells whether nobody stands in line.
func (l *lane) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.askers == 0
}

// ask waits for its turn and for the end of the pause, and asks until it is
// answered or patience ends; last is the 429 that there is already, if any.
func (l *lane) ask(ctx context.Context, b *budget, last *http.Response, send func() (*http.Response, error)) (*http.Response, error) {
	if l.given() || !b.wait(ctx, maxLine, l.turn) {
		return orSend(last, send)
	}
	for l.pause(ctx, b) {
		if last != nil {
			drop(last)
		}
		resp, err := send()
		if err != nil || !limited(resp) {
			l.answered(err == nil)
			<-l.turn
			return resp, err
		}
		l.refused(resp)
		last = resp
	}
	<-l.turn
	return orSend(last, send)
}

// maxLine is longer than anybody has the patience to stand in line.
const maxLine = time.Hour

// given tells whether the registry was waited for in vain, not long ago.
func (l *lane) given() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.gaveUp.IsZero() && time.Since(l.gaveUp) > restFor*l.patience {
		l.gaveUp, l.vain = time.Time{}, 0
	}
	return !l.gaveUp.IsZero()
}

// pause waits until the registry may be asked; false: there is no patience for
// it.
func (l *lane) pause(ctx context.Context, b *budget) bool {
	if l.given() {
		return false
	}
	l.mu.Lock()
	wait := time.Until(l.until)
	if wait > l.patience-l.vain {
		l.gaveUp = time.Now()
	}
	gaveUp := !l.gaveUp.IsZero()
	l.mu.Unlock()
	switch {
	case gaveUp:
		return false
	case wait <= 0:
		return ctx.Err() == nil
	case !b.wait(ctx, wait, nil):
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vain += wait
	return true
}

// answered takes note of an answer in line.
func (l *lane) answered(good bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if good {
		l.vain = 0
		l.good++
	}
}

// refused takes note of a 429.
func (l *lane) refused(resp *http.Response) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.good = 0
	if until := time.Now().Add(pauseOf(resp.Header)); until.After(l.until) {
		l.until = until
	}
}

// pauseOf is how long a registry is waited for.
func pauseOf(header http.Header) time.Duration {
	return min(max(retryAfter(header), usualPause), maxPause)
}

// maxRetryAfter is what longer times are taken for.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads Retry-After (RFC 9110, 10.2.3); 0: it says nothing of use.
func retryAfter(header http.Header) time.Duration {
	said := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(said, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(said); err == nil {
		return min(max(time.Until(at), 0), maxRetryAfter)
	}
	return 0
}

func limited(resp *http.Response) bool { return resp.StatusCode == http.StatusTooManyRequests }

// orSend is the answer that there is, or the one that there will be.
func orSend(last *http.Response, send func() (*http.Response, error)) (*http.Response, error) {
	if last != nil {
		return last, nil
	}
	return send()
}

// drop lets an answer go, so that its connection is of use again.
func drop(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxRemembered) // what fails here fails no question
	_ = resp.Body.Close()
}
