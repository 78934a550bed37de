package wire

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// limiter is a registry that answers as a test says, and keeps what it was
// asked and when.
type limiter struct {
	answer func(req *http.Request, since time.Duration) (code int, retryAfter string)

	mu    sync.Mutex
	began time.Time
	asked []string
}

// RoundTrip answers.
func (l *limiter) RoundTrip(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	since := time.Since(l.began)
	code, retryAfter := l.answer(req, since)
	l.asked = append(l.asked, fmt.Sprintf("%s:%d", since, code))
	header := http.Header{}
	if retryAfter != "" {
		header.Set("Retry-After", retryAfter)
	}
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Header: header, Request: req, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

// over returns a way to the registry, as for one Client.
func (l *limiter) over(patience Patience) (*Wire, http.RoundTripper) {
	l.began = time.Now()
	w := New(Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, patience, nil, NewRoom())
	return w, w.Over(l)
}

// get asks within a context, and returns the status; 0 is an error.
func get(t *testing.T, ctx context.Context, over http.RoundTripper, method, host string) int { //nolint:revive // t comes first in tests
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+host+"/v2/a/manifests/1", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := over.RoundTrip(req)
	if err != nil {
		return 0
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}

// times answers 429 so many times.
func times(n int, retryAfter string) func(*http.Request, time.Duration) (int, string) {
	return func(*http.Request, time.Duration) (int, string) {
		if n--; n >= 0 {
			return http.StatusTooManyRequests, retryAfter
		}
		return http.StatusOK, ""
	}
}

// One question is put again when the registry says, and within its patience.
func TestPause(t *testing.T) {
	hurried, unhurried := Patience{2 * time.Second, 2 * time.Second}, Patience{5 * time.Minute, time.Minute}
	for name, tt := range map[string]struct {
		patience Patience
		refuse   int
		after    string
		deadline time.Duration
		asked    string
	}{
		"no patience":               {Patience{}, 1, "1", 0, "0s:429"},
		"once":                      {hurried, 1, "", 0, "0s:429 1s:200"},
		"as it says":                {hurried, 1, "2", 0, "0s:429 2s:200"},
		"at a date":                 {unhurried, 1, "Sat, 01 Jan 2000 00:00:07 GMT", 0, "0s:429 7s:200"},
		"at a date that is over":    {unhurried, 1, "Fri, 31 Dec 1999 00:00:07 GMT", 0, "0s:429 1s:200"},
		"at once":                   {unhurried, 1, "0", 0, "0s:429 1s:200"},
		"nonsense":                  {unhurried, 1, "-5; soon", 0, "0s:429 1s:200"},
		"too late":                  {hurried, 1, "3", 0, "0s:429"},
		"a day":                     {unhurried, 1, "86400", 0, "0s:429 30s:200"},
		"in 500 years":              {unhurried, 1, "Sat, 01 Jan 2500 00:00:00 GMT", 0, "0s:429 30s:200"},
		"for ever, hurried":         {hurried, 99, "", 0, "0s:429 1s:429 2s:429"},
		"for ever, unhurried":       {unhurried, 99, "20", 0, "0s:429 20s:429 40s:429 1m0s:429"},
		"no time for it":            {unhurried, 1, "5", 5 * time.Second, "0s:429"},
		"time enough for it":        {unhurried, 1, "5", 7 * time.Second, "0s:429 5s:200"},
		"several times, then well":  {unhurried, 3, "", 0, "0s:429 1s:429 2s:429 3s:200"},
		"well from the beginning":   {unhurried, 0, "", 0, "0s:200"},
		"more seconds than numbers": {unhurried, 1, "99999999999999999999", 0, "0s:429 1s:200"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &limiter{answer: times(tt.refuse, tt.after)}
				w, over := l.over(tt.patience)
				ctx := asking(t.Context(), w)
				if tt.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				code := get(t, ctx, over, http.MethodGet, "127.0.0.1")
				if asked := strings.Join(l.asked, " "); asked != tt.asked || !strings.HasSuffix(asked, fmt.Sprint(code)) {
					t.Errorf("%d of %s, want %s", code, asked, tt.asked)
				}
			})
		})
	}
}

// A registry that takes one question a second gets them all answered, and is
// refused no more than once for each.
func TestPauseIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		last := -time.Hour
		refused := 0
		l := &limiter{answer: func(_ *http.Request, since time.Duration) (int, string) {
			if since-last < time.Second {
				refused++
				return http.StatusTooManyRequests, "1"
			}
			last = since
			return http.StatusOK, ""
		}}
		w, over := l.over(Patience{5 * time.Minute, time.Minute})
		const questions = 100
		var group sync.WaitGroup
		for i := range questions {
			group.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond) // while the first one pauses
				if code := get(t, asking(t.Context(), w), over, http.MethodHead, "127.0.0.1"); code != http.StatusOK {
					t.Errorf("answered %d", code)
				}
			})
		}
		group.Wait()
		if refused > questions {
			t.Errorf("%d of %d were refused", refused, questions)
		}
		if len(w.pauses.lanes) != 0 {
			t.Errorf("%d lines are left", len(w.pauses.lanes))
		}
	})
}

// What is waited for in vain by one is not waited for by all, for a while.
func TestPauseInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limiter{answer: times(1<<30, "")}
		w, over := l.over(Patience{5 * time.Minute, 10 * time.Second})
		var group sync.WaitGroup
		began := time.Now()
		ask := func() { get(t, asking(t.Context(), w), over, http.MethodGet, "127.0.0.1") }
		for range 50 {
			group.Go(ask)
		}
		group.Wait()
		if took, requests := time.Since(began), len(l.asked); took != 10*time.Second || requests > 50+11 {
			t.Errorf("%d requests in %s", requests, took)
		}
		ask()
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("one more waited, too: %s", took)
		}
		time.Sleep(restFor*10*time.Second + 1)
		l.answer = times(1, "")
		if code := get(t, asking(t.Context(), w), over, http.MethodGet, "127.0.0.1"); code != http.StatusOK {
			t.Errorf("it is never waited for again: %d", code)
		}
	})
}

// Other registries and methods are asked meanwhile, waiting ends with the
// context, and a line closes when it has gone well for a while.
func TestPauseOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limiter{answer: func(req *http.Request, since time.Duration) (int, string) {
			if req.URL.Host == "127.0.0.1" && req.Method == http.MethodGet && since < 20*time.Second {
				return http.StatusTooManyRequests, "20"
			}
			return http.StatusOK, ""
		}}
		w, over := l.over(Patience{5 * time.Minute, time.Minute})
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				if code := get(t, asking(ctx, w), over, http.MethodGet, "127.0.0.1"); code != http.StatusTooManyRequests {
					t.Errorf("who goes away got %d", code)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		for _, other := range [][2]string{{http.MethodHead, "127.0.0.1"}, {http.MethodGet, "127.0.0.2"}} {
			if code := get(t, asking(t.Context(), w), over, other[0], other[1]); code != http.StatusOK || time.Since(began) != 0 {
				t.Errorf("%s got %d after %s", other, code, time.Since(began))
			}
		}
		cancel()
		group.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("who went away waited for %s", took)
		}
		for range 2 * calm {
			group.Go(func() { get(t, asking(t.Context(), w), over, http.MethodGet, "127.0.0.1") })
		}
		group.Wait()
		if took := time.Since(began); took != 20*time.Second || len(w.pauses.lanes) != 0 {
			t.Errorf("after %s, %d lines are left", took, len(w.pauses.lanes))
		}
	})
}

// However many registries answer 429, what is known of them is bounded.
func TestPausesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limiter{answer: times(1<<30, "25")}
		w, over := l.over(Patience{time.Second, time.Second})
		for i := range 2 * maxLanes {
			get(t, asking(t.Context(), w), over, http.MethodGet, fmt.Sprintf("127.0.%d.%d", i/250, i%250))
		}
		if kept := len(w.pauses.lanes); kept > maxLanes || kept == 0 {
			t.Errorf("%d lines are kept", kept)
		}
	})
}

// asking is the context of one question, which reads nothing large.
func asking(ctx context.Context, w *Wire) context.Context {
	ctx, _ = w.Question(ctx, "reg.example.com")
	return ctx
}
