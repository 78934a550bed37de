package coalesce

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestEqualQuestionsAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group Group[string, int]
		puts, release := 0, make(chan struct{})
		put := func(context.Context) (int, error) { puts++; <-release; return 7, nil }
		type got struct {
			value  int
			joined bool
			err    error
		}
		answers := make(chan got, 3)
		for range 3 {
			go func() {
				value, joined, err := group.Ask(t.Context(), "q", put)
				answers <- got{value, joined, err}
			}()
		}
		synctest.Wait()
		close(release)
		joined := 0
		for range 3 {
			a := <-answers
			if a.value != 7 || a.err != nil {
				t.Errorf("got %+v", a)
			}
			if a.joined {
				joined++
			}
		}
		if puts != 1 || joined != 2 {
			t.Errorf("put %d times, joined %d times; want 1 and 2", puts, joined)
		}
	})
}

func TestAQuestionEndsWhenNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group Group[string, int]
		ended := make(chan struct{})
		put := func(ctx context.Context) (int, error) { <-ctx.Done(); close(ended); return 0, ctx.Err() }
		first, leaveFirst := context.WithCancel(t.Context())
		second, leaveSecond := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		for _, ctx := range []context.Context{first, second} {
			go func() { _, _, err := group.Ask(ctx, "q", put); errs <- err }()
		}
		synctest.Wait()
		leaveFirst()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		select {
		case <-ended:
			t.Error("it ended though somebody waits")
		default:
		}
		leaveSecond()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		<-ended
		value, joined, err := group.Ask(t.Context(), "q", func(context.Context) (int, error) { return 3, nil })
		if value != 3 || joined || err != nil {
			t.Errorf("a later question got %d, %t, %v", value, joined, err)
		}
	})
}

// Who joins a question is shown what the first asker's context said, and no other.
func TestJoining(t *testing.T) {
	type nameKey struct{}
	synctest.Test(t, func(t *testing.T) {
		var group Group[string, int]
		release, shown := make(chan struct{}), make(chan any, 3)
		put := func(context.Context) (int, error) { <-release; return 7, nil }
		for _, name := range []string{"first", "second", "third"} {
			go func() {
				ctx := context.WithValue(t.Context(), nameKey{}, name)
				_, _, _ = group.Join(ctx, "q", put, func(ctx context.Context) { shown <- ctx.Value(nameKey{}) })
			}()
			synctest.Wait()
		}
		close(release)
		synctest.Wait()
		if len(shown) != 2 || <-shown != "first" || <-shown != "first" {
			t.Errorf("%d were shown something, or another's", len(shown))
		}
	})
}

func TestTheFirstAskersDeadlineIsNotTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group Group[string, string]
		release := make(chan struct{})
		put := func(ctx context.Context) (string, error) {
			select {
			case <-release:
				return "answer", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		short, cancel := context.WithCancel(t.Context())
		gone := make(chan struct{})
		go func() { _, _, _ = group.Ask(short, "q", put); close(gone) }()
		synctest.Wait()
		got := make(chan string, 1)
		go func() { value, _, _ := group.Ask(t.Context(), "q", put); got <- value }()
		synctest.Wait()
		cancel()
		<-gone
		close(release)
		if value := <-got; value != "answer" {
			t.Errorf("got %q", value)
		}
	})
}

// Who asks next joins what nobody waits for, and at its end it is over for all.
func TestAQuestionOfSomeLifeGoesOn(t *testing.T) {
	tests := map[string]struct {
		takes, want time.Duration // want is when the later asker knows
		err         error
	}{
		"answered": {takes: 20 * time.Second, want: 20 * time.Second},
		"hangs":    {takes: time.Hour, want: 30 * time.Second, err: context.DeadlineExceeded},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				group := Group[string, int]{Life: 30 * time.Second}
				puts, began := 0, time.Now()
				put := func(ctx context.Context) (int, error) {
					puts++
					select {
					case <-time.After(test.takes):
						return 7, nil
					case <-ctx.Done():
						return 0, ctx.Err()
					}
				}
				impatient, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, _, err := group.Ask(impatient, "q", put); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
					t.Errorf("who gave up got %v after %s", err, time.Since(began))
				}
				time.Sleep(10 * time.Second)
				value, joined, err := group.Ask(t.Context(), "q", put)
				if !joined || puts != 1 || !errors.Is(err, test.err) || err == nil && value != 7 {
					t.Errorf("the later asker got %d, %t, %v; put %d times", value, joined, err, puts)
				}
				if took := time.Since(began); took != test.want {
					t.Errorf("it took %s, want %s", took, test.want)
				}
				if len(group.under) != 0 {
					t.Error("it is still under way")
				}
			})
		})
	}
}

func TestAPanicIsAnError(t *testing.T) {
	var group Group[int, int]
	_, _, err := group.Ask(t.Context(), 1, func(context.Context) (int, error) { panic("oh") })
	var panicked *PanicError
	if !errors.As(err, &panicked) || panicked.Value != "oh" || len(panicked.Stack) == 0 {
		t.Errorf("got %v", err)
	}
	if want := "an internal error of pullgate: string"; err.Error() != want {
		t.Errorf("it says %q, want %q: the value may be a secret", err, want)
	}
}
