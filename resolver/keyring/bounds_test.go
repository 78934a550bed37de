package keyring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// impatient waits in its first read until nobody waits for it any more.
type impatient struct {
	Source
	calls atomic.Int32
}

func (s *impatient) ServiceAccount(ctx context.Context, _, name string) (*corev1.ServiceAccount, error) {
	if s.calls.Add(1) == 1 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return account(name), nil
}

// TestAccountRemembersAnswersAlone: that somebody had no time is none.
func TestAccountRemembersAnswersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := new(impatient)
		owner := &Account{Namespace: "shop", Name: "web", Source: source}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := owner.Get(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("in time: %v", err)
		}
		synctest.Wait()
		for range 3 {
			if got, err := owner.Get(t.Context()); err != nil || got.Name != "web" {
				t.Fatalf("%v, %v", got, err)
			}
		}
		if calls := source.calls.Load(); calls != 2 {
			t.Errorf("%d reads, want one that was ended and one that was not", calls)
		}
	})
}

// TestSecretsAsABomb: no more is read and parsed of a Pod's secrets than is
// bounded, and what is left out is said.
func TestSecretsAsABomb(t *testing.T) {
	var entries strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&entries, "%q:{},", fmt.Sprint(i))
	}
	many := `{"auths":{` + entries.String() + `"x":{}}}`
	long := `{"auths":{"quay.io":{"username":"u","password":"` + strings.Repeat("p", 900<<10) + `"}}}`
	for name, test := range map[string]struct {
		content string
		parsed  int
	}{"entries": {many, 0}, "bytes": {long, 4}} {
		t.Run(name, func(t *testing.T) {
			source, names := with(), []string{}
			for i := range maxSecrets {
				one := configJSON(fmt.Sprintf("s%02d", i), test.content)
				source.secrets["shop/"+one.Name] = one
				names = append(names, one.Name)
			}
			ring := (&Keyring{Source: source}).Open(t.Context(), Pod{Namespace: "shop", PullSecrets: names})
			parsed := 0
			for _, s := range ring.secrets {
				if s.object != nil {
					t.Errorf("%s is still held as it was read", s)
				}
				if s.unread == nil {
					parsed++
				} else if !errors.Is(s.unread, errTooMuch) {
					t.Errorf("%s: %v", s, s.unread)
				}
			}
			if parsed != test.parsed || len(source.calls) != maxReads {
				t.Errorf("%d parsed of %d read, want %d of %d", parsed, len(source.calls), test.parsed, maxReads)
			}
			match := ring.Lookup(t.Context(), named(t, "quay.io/app"))
			if match.Elsewhere || !strings.Contains(match.Incomplete, "hold more than pullgate reads") {
				t.Errorf("incomplete is %.100q, elsewhere %t", match.Incomplete, match.Elsewhere)
			}
		})
	}
}
