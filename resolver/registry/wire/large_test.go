package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// body answers everything with the same.
type body string

func (b body) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(b))), Request: req}, nil
}

// read asks for a path, and reads what is answered.
func read(ctx context.Context, w *Wire, answer, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://192.0.2.1"+path, nil)
	if err != nil {
		return err
	}
	resp, err := w.Over(body(answer)).RoundTrip(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// Who reads much waits for those who do, with the time that its registry has
// standing still; who reads little waits for nobody.
func TestLargeAnswersTakeTurns(t *testing.T) {
	for name, answer := range map[string]string{"bytes": strings.Repeat("x", smallBytes+1), "parts": strings.Repeat(",", smallParts+1)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := New(Guard{}, Patience{}, nil, NewRoom())
				began, group := time.Now(), sync.WaitGroup{}
				ask := func(registry int, answer string, most time.Duration) error {
					ctx, cancel := context.WithTimeout(t.Context(), most)
					defer cancel()
					ctx, done := w.Question(ctx, fmt.Sprint(registry))
					defer done()
					err := read(ctx, w, answer, "/v2/app/manifests/1")
					time.Sleep(time.Second) // as long as what was read is held
					return err
				}
				for i := range 3 * maxLarge {
					group.Go(func() {
						if err := ask(i%maxLarge, answer, time.Minute); err != nil {
							t.Error(err)
						}
					})
				}
				synctest.Wait()
				if err := ask(0, answer, time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("without the time to wait: %v", err)
				}
				group.Wait()
				if took := time.Since(began); took != 3*time.Second {
					t.Errorf("%d questions of a second each took %s, want 3 s: %d at a time", 3*maxLarge, took, maxLarge)
				}
				began = time.Now()
				for range 100 {
					group.Go(func() {
						if err := ask(0, "small", time.Minute); err != nil {
							t.Error(err)
						}
					})
				}
				group.Wait()
				if took := time.Since(began); took != time.Second {
					t.Errorf("small answers took %s, want 1 s: all at once", took)
				}
			})
		})
	}
}

// While large answers of one registry come slowly, another's large one waits for
// nobody, and of those that follow each has its turn when one has ended.
func TestSlowLargeAnswersSlowNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slowly, held = 15 * time.Second, 100 * time.Millisecond
		w, group := New(Guard{}, Patience{}, nil, NewRoom()), sync.WaitGroup{}
		ask := func(registry string, takes time.Duration) {
			ctx, done := w.Question(t.Context(), registry)
			defer done()
			if err := read(ctx, w, strings.Repeat("x", smallBytes+1), "/v2/app/manifests/1"); err != nil {
				t.Error(err)
			}
			time.Sleep(takes)
		}
		for range 500 {
			group.Go(func() { ask("slow.example.com", slowly) })
		}
		synctest.Wait()
		for range 100 {
			began := time.Now()
			ask("well.example.com", held)
			if took := time.Since(began); took != held {
				t.Errorf("another registry's took %s, want %s", took, held)
				break
			}
		}
		group.Wait()
	})
}

// What is decoded is bounded: a part of three bytes takes a hundred.
func TestPartsAreBounded(t *testing.T) {
	for parts, want := range map[int]error{maxParts: nil, maxParts + 1: ErrBodyTooLarge} {
		w := New(Guard{}, Patience{}, nil, NewRoom())
		ctx, done := w.Question(t.Context(), "reg.example.com")
		if err := read(ctx, w, strings.Repeat(",", parts), "/v2/app/manifests/1"); !errors.Is(err, want) {
			t.Errorf("%d parts: %v, want %v", parts, err, want)
		}
		done()
	}
}
