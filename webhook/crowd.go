package webhook

import "sync"

// maxCrowd is how many requests of one namespace are checked at a time, of the
// smallest, and maxCrowdHeld what room they take: a third of all. What is beyond is
// let in unchecked, with a warning, so that nobody else is turned away for it.
const (
	maxCrowd     = 1024
	maxCrowdHeld = maxCrowd * minShare
)

// crowds has the room of the requests that are being checked, by namespace. The
// zero value is ready.
type crowds struct {
	mu sync.Mutex
	of map[string]int64
}

// join counts a request in that takes so much room, unless there are too many; one
// alone is never too much. Whoever joined has to leave with the same.
func (c *crowds) join(namespace string, room int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int64{}
	}
	if held := c.of[namespace]; held > 0 && held+room > maxCrowdHeld {
		return false
	}
	c.of[namespace] += room
	return true
}

func (c *crowds) leave(namespace string, room int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[namespace] -= room; c.of[namespace] == 0 {
		delete(c.of, namespace)
	}
}
