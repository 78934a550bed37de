package cache

import (
	"testing"
	"time"
)

func TestCache(t *testing.T) {
	now := time.Unix(0, 0)
	c := New(Options[string, string]{
		Entries: 3, Age: time.Minute, Bytes: 10,
		Size: func(_, v string) int64 { return int64(len(v)) },
		Now:  func() time.Time { return now },
	})
	want := func(key, value string, ok bool) {
		t.Helper()
		if got, found := c.Get(key); got != value || found != ok {
			t.Errorf("%s: got %q, %t; want %q, %t", key, got, found, value, ok)
		}
	}
	c.Put("a", "1234")
	c.Put("b", "1234")
	want("a", "1234", true)
	c.Put("c", "1234") // 12 bytes: b, which was used least lately, goes
	want("b", "", false)
	want("a", "1234", true)
	want("c", "1234", true)
	if c.Bytes() != 8 || c.Len() != 2 {
		t.Errorf("%d bytes in %d values, want 8 in 2", c.Bytes(), c.Len())
	}
	c.Put("a", "1")
	if c.Bytes() != 5 {
		t.Errorf("%d bytes after a value was replaced, want 5", c.Bytes())
	}
	c.Put("a", "12345678901") // larger than all may be
	want("a", "", false)
	now = now.Add(time.Minute + 1)
	want("c", "", false)
	if c.Bytes() != 0 {
		t.Errorf("%d bytes of what expired", c.Bytes())
	}
	c.PutUntil("d", "", time.Time{})
	now = now.Add(1e6 * time.Hour)
	want("d", "", true)
	c.Remove("d")
	want("d", "", false)
}

func TestNoCache(t *testing.T) {
	c := New(Options[int, int]{})
	c.Put(1, 1)
	c.PutUntil(1, 1, time.Time{})
	c.Remove(1)
	if _, ok := c.Get(1); ok || c.Len() != 0 || c.Bytes() != 0 {
		t.Error("a cache without entries keeps something")
	}
}
