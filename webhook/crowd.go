package webhook

import "sync"

// maxCrowd is how many requests of one namespace are checked at a time: a third
// of those for which there is room at all. What is beyond is let in unchecked,
// with a warning, so that nobody else is turned away for it.
const maxCrowd = 1024

// crowds counts the requests that are being checked, by namespace. The zero
// value is ready.
type crowds struct {
	mu sync.Mutex
	of map[string]int
}

// join counts one in, unless there are too many. Whoever joined has to leave.
func (c *crowds) join(namespace string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	if c.of[namespace] >= maxCrowd {
		return false
	}
	c.of[namespace]++
	return true
}

func (c *crowds) leave(namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[namespace]--; c.of[namespace] == 0 {
		delete(c.of, namespace)
	}
}
