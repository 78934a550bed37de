package pace

import "time"

const (
	// Window is the time for which a budget is.
	Window = time.Hour
	// Reserve is how many requests a question is taken to cost while it is under
	// way. What it cost is known afterwards.
	Reserve = 10
	// firstPause is how long a registry that answered 429 is left alone, twice
	// as long with each further one, up to maxPause.
	firstPause = time.Minute
	maxPause   = time.Hour
)

// Budgets bound the requests to registries, as the registries count them. The
// zero value bounds nothing and is not for concurrent use.
type Budgets struct {
	// Limit returns how many requests a host may have in any Window; at least
	// Reserve.
	Limit func(host string) int
	// Kept says that what is spent is kept time and again for after a restart:
	// in between, a host gets no more than a tenth of its budget.
	Kept bool

	hosts map[string]*ledger
}

// ledger is what a host has had within the window.
type ledger struct {
	requests    []time.Time // in their order
	underWay    int         // questions
	unkept      int         // requests since they were last kept
	pausedUntil time.Time
	pause       time.Duration
}

func (b *Budgets) ledger(host string) *ledger {
	if b.hosts == nil {
		b.hosts = map[string]*ledger{}
	}
	l := b.hosts[host]
	if l == nil {
		l = &ledger{}
		b.hosts[host] = l
	}
	return l
}

// Begin takes a question to a host up, or says when to try again. One that was
// taken up has to End.
func (b *Budgets) Begin(host string, now time.Time) (again time.Time, ok bool) {
	l := b.ledger(host)
	l.forget(now)
	limit := max(b.Limit(host), Reserve)
	room := limit - len(l.requests) - (l.underWay+1)*Reserve
	switch {
	case now.Before(l.pausedUntil):
		return l.pausedUntil, false
	case b.Kept && l.unkept+(l.underWay+1)*Reserve > b.allowance(host):
		return now.Add(time.Second), false
	case room >= 0:
		l.underWay++
		return time.Time{}, true
	case -room <= len(l.requests): // that many have to leave the window
		return l.requests[-room-1].Add(Window), false
	default: // questions under way hold the room
		return now.Add(time.Second), false
	}
}

// Requested books a request.
func (b *Budgets) Requested(host string, now time.Time) {
	l := b.ledger(host)
	l.requests = append(l.requests, now)
	l.unkept++
}

// End is told that a question ended, and whether with an answer: a registry that
// gives one is out of trouble.
func (b *Budgets) End(host string, answered bool) {
	l := b.ledger(host)
	l.underWay--
	if answered {
		l.pause = 0
	}
}

// EndLimited is told that a question was answered 429. The registry is left alone
// for as long as it says, where it says anything (after), and from the second time
// in a row for as long as without its word at least; in any case for no more than
// an hour.
func (b *Budgets) EndLimited(host string, after time.Duration, now time.Time) {
	l := b.ledger(host)
	l.underWay--
	inARow := l.pause > 0
	l.pause = min(max(firstPause, 2*l.pause), maxPause)
	wait := l.pause
	if after > 0 && !inARow {
		wait = min(after, maxPause)
	}
	if until := now.Add(min(max(wait, after), maxPause)); until.After(l.pausedUntil) {
		l.pausedUntil = until
	}
}

// forget lets go of what has left the window.
func (l *ledger) forget(now time.Time) {
	n := 0
	for n < len(l.requests) && !l.requests[n].After(now.Add(-Window)) {
		n++
	}
	l.requests = append(l.requests[:0], l.requests[n:]...)
}
