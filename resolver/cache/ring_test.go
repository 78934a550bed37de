package cache

import (
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestCacheIsLeastRecentlyUsed compares with a list that is obviously so.
func TestCacheIsLeastRecentlyUsed(t *testing.T) {
	const entries, keys, steps = 3 * block, 8 * block, 100_000
	c := New(Options[int, int]{Entries: entries, Bytes: 2 * entries, Size: func(_, v int) int64 { return int64(v % 5) }})
	random := rand.New(rand.NewPCG(1, 2))
	var order, bytes = []int{}, 0 // the newest first
	values := map[int]int{}
	forget := func(key int) {
		if at := slices.Index(order, key); at >= 0 {
			order, bytes = slices.Delete(order, at, at+1), bytes-values[key]%5
			delete(values, key)
		}
	}
	for step := range steps {
		key := random.IntN(keys)
		switch random.IntN(8) {
		case 0:
			c.Remove(key)
			forget(key)
		case 1, 2, 3:
			c.Put(key, step)
			forget(key)
			for len(order) == entries || bytes+step%5 > 2*entries {
				forget(order[len(order)-1])
			}
			order, bytes, values[key] = slices.Insert(order, 0, key), bytes+step%5, step
		default:
			got, ok := c.Get(key)
			want, kept := values[key]
			if got != want || ok != kept {
				t.Fatalf("step %d, key %d: got %d, %t; want %d, %t", step, key, got, ok, want, kept)
			}
			if kept {
				forget(key)
				order, bytes, values[key] = slices.Insert(order, 0, key), bytes+want%5, want
			}
		}
		if c.Len() != len(order) || c.Bytes() != int64(bytes) {
			t.Fatalf("step %d: %d values of %d bytes, want %d of %d", step, c.Len(), c.Bytes(), len(order), bytes)
		}
	}
	if most := (entries + block) / block; len(c.entries.blocks) > most {
		t.Errorf("%d blocks for %d entries, want %d at most: places are used again", len(c.entries.blocks), entries, most)
	}
}

// Two keys with one hash are two keys all the same.
func TestCacheWithEqualHashes(t *testing.T) {
	c := New(Options[string, string]{Entries: 3})
	c.Put("a", "of a")
	hash := func(key string) uint64 { return maphash.Comparable(c.seed, key) }
	c.index[hash("b")] = c.index[hash("a")]
	delete(c.index, hash("a")) // as if both had that of b
	if got, ok := c.Get("b"); ok {
		t.Errorf("b has %q", got)
	}
	c.Remove("b")
	c.Put("b", "of b")
	if got, _ := c.Get("b"); got != "of b" || c.Len() != 1 {
		t.Errorf("b has %q, of %d", got, c.Len())
	}
}
