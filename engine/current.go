package engine

import "sync"

// Current is the engine in use, whose place another one can take while requests
// still have it. The zero value has none.
type Current struct {
	mu  sync.Mutex
	now *tenure
}

// tenure is the time in which an engine is used.
type tenure struct {
	engine *Engine
	// retire is for when nobody has the engine any more.
	retire func()
	users  int
	over   bool
}

// Use returns the engine in use, nil where there is none, and what is to be called
// once when it is used no more.
func (c *Current) Use() (e *Engine, done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now
	if now == nil {
		return nil, func() {}
	}
	now.users++
	return now.engine, func() { c.leave(now) }
}

// leave ends a use.
func (c *Current) leave(t *tenure) {
	c.mu.Lock()
	t.users--
	last := t.over && t.users == 0
	c.mu.Unlock()
	if last {
		t.retire()
	}
}

// Replace takes an engine into use; nil takes none. Retire is called when another
// one has taken its place and nobody uses it any more.
func (c *Current) Replace(e *Engine, retire func()) {
	c.mu.Lock()
	old := c.now
	c.now = nil
	if e != nil {
		c.now = &tenure{engine: e, retire: retire}
	}
	unused := false
	if old != nil {
		old.over, unused = true, old.users == 0
	}
	c.mu.Unlock()
	if unused {
		old.retire()
	}
}

// Is tells whether this is the engine in use.
func (c *Current) Is(e *Engine) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now != nil && c.now.engine == e
}
