package resolver

import "sync"

// crew does jobs. One worker does one after the other, as long as none waits;
// a job that is about to wait for others lets another worker go on with the
// rest. Most answers are remembered, and a goroutine for each would cost more
// than finding them.
type crew struct {
	// jobs is how many there are, and do does one of them.
	jobs int
	do   func(job int)
	// most is how many workers there may be.
	most int

	mu            sync.Mutex
	next, workers int
	group         sync.WaitGroup
}

// run does all jobs, as the first worker.
func (c *crew) run() {
	c.workers = 1
	c.work()
	c.group.Wait()
}

// another lets another worker go on, if there is anything left to do. A nil crew
// has none.
func (c *crew) another() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next < c.jobs && c.workers < c.most {
		c.workers++
		c.group.Go(c.work)
	}
}

// work does jobs until there are none.
func (c *crew) work() {
	for {
		c.mu.Lock()
		job := c.next
		if job == c.jobs {
			c.workers--
			c.mu.Unlock()
			return
		}
		c.next++
		c.mu.Unlock()
		c.do(job)
	}
}
