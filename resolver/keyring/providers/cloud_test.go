package providers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/pull"
)

// fakeCloud has registries in *.cloud.example.com, and a login for each.
type fakeCloud struct {
	answer func(ctx context.Context) (pull.Credential, time.Time, error)

	lock  sync.Mutex
	asked []string
}

func (*fakeCloud) Scope(host string) string {
	scope, ok := strings.CutSuffix(host, ".cloud.example.com")
	if !ok {
		return ""
	}
	return scope
}

func (c *fakeCloud) Login(ctx context.Context, scope string) (pull.Credential, time.Time, error) {
	c.lock.Lock()
	c.asked = append(c.asked, scope)
	c.lock.Unlock()
	return c.answer(ctx)
}

// logins is how often was logged in.
func (c *fakeCloud) logins() int {
	c.lock.Lock()
	defer c.lock.Unlock()
	return len(c.asked)
}

func found(context.Context) (pull.Credential, time.Time, error) {
	return pull.NewCredential(pull.Source{Kind: pull.FromCloud, Name: "fake"}, "user", "p"), time.Now().Add(time.Hour), nil
}

func hangs(ctx context.Context) (pull.Credential, time.Time, error) {
	<-ctx.Done()
	return pull.Credential{}, time.Time{}, ctx.Err()
}

const inCloud = "one.cloud.example.com/app"

func TestCloud(t *testing.T) {
	tests := map[string]struct {
		answer     func(context.Context) (pull.Credential, time.Time, error)
		repository string
		want       []string
		problem    string
	}{
		"found":            {answer: found, want: []string{"user:p@cloud/fake"}},
		"another registry": {answer: found, repository: "cloud.example.com.evil.example/app"},
		"Docker Hub":       {answer: found, repository: "docker.io/library/nginx"},
		"failed": {
			answer: func(context.Context) (pull.Credential, time.Time, error) {
				return pull.Credential{}, time.Time{}, errUnreachable
			},
			problem: "nodes.cloudCredentials fake: connection refused",
		},
		"hangs": {answer: hangs, problem: "nodes.cloudCredentials fake: ask again: no answer in time: context deadline exceeded"},
		"panics": {
			answer:  func(context.Context) (pull.Credential, time.Time, error) { panic("token p") },
			problem: "nodes.cloudCredentials fake: internal error: the cloud's library panicked: string",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if test.repository == "" {
					test.repository = inCloud
				}
				credentials, err := NewCloud("fake", &fakeCloud{answer: test.answer}, nil).Lookup(t.Context(), nil, test.repository)
				defer time.Sleep(maxLogin) // for what hangs
				if got := tried(credentials); !slices.Equal(got, test.want) {
					t.Errorf("got %q, want %q", got, test.want)
				}
				if got := fmt.Sprint(err); err != nil && got != test.problem || err == nil && test.problem != "" {
					t.Errorf("the error is %v, want %q", err, test.problem)
				}
			})
		})
	}
}

// TestCloudRing: a cloud comes after the nodes' other credentials, and one that
// failed leaves it open what nodes can pull.
func TestCloudRing(t *testing.T) {
	node := &nodes{credentials: []pull.Credential{pull.NewCredential(pull.Source{Kind: pull.FromNode, Name: "config.json"}, "a", "b")}}
	failing := &fakeCloud{answer: func(context.Context) (pull.Credential, time.Time, error) {
		return pull.Credential{}, time.Time{}, errUnreachable
	}}
	var log bytes.Buffer
	ring := &keyring.Keyring{Node: []keyring.NodeSource{
		node, NewCloud("fake", &fakeCloud{answer: found}, nil), NewCloud("down", failing, slog.New(slog.NewTextHandler(&log, nil))),
	}}
	match := ring.Open(t.Context(), keyring.Pod{Namespace: "shop"}).Lookup(t.Context(), named(t, inCloud))
	if got := tried(match.Credentials); !slices.Equal(got, []string{"a:b@node/config.json", "user:p@cloud/fake"}) {
		t.Errorf("tries %q", got)
	}
	if match.Elsewhere || !strings.HasSuffix(match.Incomplete, "nodes.cloudCredentials down: connection refused") {
		t.Errorf("incomplete is %q, elsewhere %t", match.Incomplete, match.Elsewhere)
	}
	if text := log.String(); !strings.Contains(text, "level=WARN") || !strings.Contains(text, "cloud=down scope=one") {
		t.Errorf("the log is %s", text)
	}
	match = ring.Open(t.Context(), keyring.Pod{Namespace: "shop"}).Lookup(t.Context(), named(t, "nginx"))
	if match.Incomplete != "" {
		t.Errorf("for Docker Hub incomplete is %q", match.Incomplete)
	}
}

// TestCloudKeeps: a login for half of its life, a failure for a moment.
func TestCloudKeeps(t *testing.T) {
	tests := map[string]struct {
		answer      func(context.Context) (pull.Credential, time.Time, error)
		holds, over time.Duration
	}{
		"credential": {found, 29 * time.Minute, 31 * time.Minute},
		"failure": {func(context.Context) (pull.Credential, time.Time, error) {
			return pull.Credential{}, time.Time{}, errUnreachable
		}, 9 * time.Second, 11 * time.Second},
		"shorter": {
			func(context.Context) (pull.Credential, time.Time, error) {
				return pull.NewCredential(pull.Source{Kind: pull.FromCloud, Name: "fake"}, "user", "p"), time.Now().Add(time.Minute), nil
			}, 29 * time.Second, 31 * time.Second,
		},
		"of the past": {
			func(context.Context) (pull.Credential, time.Time, error) {
				return pull.NewCredential(pull.Source{Kind: pull.FromCloud, Name: "fake"}, "user", "p"), time.Now().Add(-time.Hour), nil
			}, 0, 0,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				to := &fakeCloud{answer: test.answer}
				cloud := NewCloud("fake", to, nil)
				look := func(repository string, want int) {
					t.Helper()
					_, _ = cloud.Lookup(t.Context(), nil, repository)
					if got := to.logins(); got != want {
						t.Errorf("%d logins, want %d", got, want)
					}
				}
				look(inCloud, 1)
				if test.holds > 0 {
					time.Sleep(test.holds)
					look("one.cloud.example.com/another", 1)
				}
				time.Sleep(test.over - test.holds)
				look(inCloud, 2)
				look("two.cloud.example.com/app", 3)
			})
		})
	}
}

// TestCloudShared: who asks at the same time shares a login, and who gives up
// does not end it.
func TestCloudShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &fakeCloud{answer: func(ctx context.Context) (pull.Credential, time.Time, error) {
			time.Sleep(2 * time.Second)
			if ctx.Err() != nil {
				return pull.Credential{}, time.Time{}, ctx.Err()
			}
			return found(ctx)
		}}
		cloud := NewCloud("fake", to, nil)
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := cloud.Lookup(impatient, nil, inCloud); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() { wantNode(t, cloud, inCloud, "user:p@cloud/fake") })
		}
		group.Wait()
		if got := to.logins(); got != 1 {
			t.Errorf("%d logins, want one", got)
		}
	})
}

// TestCloudHangs: a metadata server that never answers holds nobody up for
// long, is given up, and takes no more than its slots.
func TestCloudHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &fakeCloud{answer: hangs}
		cloud := NewCloud("fake", to, nil)
		start := time.Now()
		var group sync.WaitGroup
		for i := range 3 * maxRuns {
			group.Go(func() { _, _ = cloud.Lookup(t.Context(), nil, fmt.Sprintf("%d.cloud.example.com/app", i)) })
		}
		group.Wait()
		if took := time.Since(start); took != loginPatience {
			t.Errorf("it took %s, want %s", took, loginPatience)
		}
		if got := to.logins(); got != maxRuns {
			t.Errorf("%d logins are under way, want %d", got, maxRuns)
		}
		time.Sleep(maxLogin - loginPatience)
		synctest.Wait()
		_, err := cloud.Lookup(t.Context(), nil, "0.cloud.example.com/app")
		if took := time.Since(start); took != maxLogin || err == nil || strings.Contains(err.Error(), "ask again") {
			t.Errorf("after %s the error is %v", took, err)
		}
	})
}
