package engine

import (
	"slices"
	"sync"
	"testing"
)

// An engine retires when it was replaced and nobody uses it any more, once.
func TestCurrent(t *testing.T) {
	var c Current
	if e, done := c.Use(); e != nil {
		t.Error("there is an engine at first")
	} else {
		done()
	}
	var retired []string
	first, second := &Engine{Self: "first"}, &Engine{Self: "second"}
	c.Replace(first, func() { retired = append(retired, first.Self) })
	used, done := c.Use()
	_, doneToo := c.Use()
	if used != first || !c.Is(first) {
		t.Errorf("%v is in use", used)
	}
	c.Replace(second, func() { retired = append(retired, second.Self) })
	if used, over := c.Use(); used != second || c.Is(first) {
		t.Errorf("%v is in use after the first", used)
	} else {
		over()
	}
	done()
	if len(retired) != 0 {
		t.Errorf("%v has retired though it is used", retired)
	}
	doneToo()
	c.Replace(nil, nil)
	c.Replace(nil, nil)
	if want := []string{"first", "second"}; !slices.Equal(retired, want) {
		t.Errorf("retired %v, want %v", retired, want)
	}
	if c.Is(nil) {
		t.Error("no engine is in use")
	}
}

// Under load, each engine retires once and none while it is used.
func TestCurrentUnderLoad(t *testing.T) {
	var c Current
	var users, replacing sync.WaitGroup
	retired := make([]int, 200)
	put := func(i int) {
		// The race detector tells of a use that goes on.
		c.Replace(&Engine{Self: "used"}, func() { retired[i]++ })
	}
	put(0)
	stop := make(chan struct{})
	for range 4 {
		users.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				e, done := c.Use()
				_ = e.Self
				done()
			}
		})
	}
	replacing.Go(func() {
		for i := range retired[1:] {
			put(i + 1)
		}
	})
	replacing.Wait()
	close(stop)
	users.Wait()
	c.Replace(nil, nil)
	for i, times := range retired {
		if times != 1 {
			t.Errorf("engine %d has retired %d times", i, times)
		}
	}
}
