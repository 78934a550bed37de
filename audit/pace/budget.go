package pace

import "time"

const (
	// Window is the time for which a budget is.
	Window = time.Hour
	// Reserve is how many requests a question is taken to cost each host that it
	// asks, unless it is known to cost more, or the last one did.
	Reserve = 10
	// firstPause is how long a registry that answered 429 is left alone, twice
	// as long with each further one, up to maxPause.
	firstPause = time.Minute
	maxPause   = time.Hour
)

// Budgets bound the requests to hosts, as these count them. The zero value bounds
// nothing and is not for concurrent use.
type Budgets struct {
	// Limit returns how many requests a host may have in any Window; at least
	// Reserve.
	Limit func(host string) int
	// Kept says that what is spent is kept time and again for after a restart: in
	// between, questions are taken up for no more than a tenth of a host's budget,
	// and come to their end within a fifth.
	Kept bool

	hosts map[string]*ledger
	lost  time.Time // when an auditor had died of whose last requests nobody knows
}

// ledger is what a host has had within the window.
type ledger struct {
	requests    []time.Time // in their order
	held        int         // set aside for questions under way, and not sent yet
	unkept      int         // requests since they were last kept
	last        int         // what the last question cost; the next may be like it
	dearest     int         // what the dearest question is known to cost
	granted     int         // the dearest that was kept
	pausedUntil time.Time
	pause       time.Duration
}

// Question is one that is under way. It may ask many hosts: mirrors, token servers
// and where layers are, besides the registry.
type Question struct {
	// Registry is the host of the registry that it is about.
	Registry string
	// Needs are what it is known to cost hosts of which it wants more than Reserve.
	Needs map[string]int
	// Spared says that it can be put otherwise, and may have no more than half of
	// what a host may have in a Window; else it may have all.
	Spared bool
	// TooDear is a host of which it wanted more than that; empty: of none.
	TooDear string

	shares map[string]*share
}

// share is what a question has of a host.
type share struct{ sent, held int }

func (b *Budgets) ledger(host string) *ledger {
	if b.hosts == nil {
		b.hosts = map[string]*ledger{}
	}
	l := b.hosts[host]
	if l == nil {
		l = &ledger{}
		b.hosts[host] = l
		if !b.lost.IsZero() {
			b.forfeit(host)
		}
	}
	return l
}

func (b *Budgets) limit(host string) int { return max(b.Limit(host), Reserve) }

// most is how many requests a question may take.
func (b *Budgets) most(q *Question, host string) int {
	if q.Spared {
		return max(b.limit(host)/2, Reserve)
	}
	return b.limit(host)
}

// Begin takes a question up, or says when to try again, since the registry wants
// to be left alone. One that was taken up has to End.
func (b *Budgets) Begin(q *Question, now time.Time) (again time.Time, ok bool) {
	q.shares = map[string]*share{}
	until := b.ledger(q.Registry).pausedUntil
	return until, !now.Before(until)
}

// Send books a request of a question that is about to be sent to a host; or says
// when to put the question anew, since there is no room for it.
func (b *Budgets) Send(q *Question, host string, now time.Time) (again time.Time, ok bool) {
	l, s := b.ledger(host), q.shares[host]
	l.forget(now)
	if s == nil {
		need := min(max(q.Needs[host], Reserve, l.last), b.most(q, host))
		l.dearest = max(l.dearest, need)
		if again, ok := b.room(host, need, b.allowance(host), now); !ok {
			return again, false
		}
		s = &share{held: need}
		q.shares[host], l.held = s, l.held+need
	}
	if s.held == 0 {
		if _, ok := b.room(host, 1, endWithin*b.allowance(host), now); !ok || s.sent == b.most(q, host) {
			return b.outgrown(q, host, s.sent, now), false
		}
		s.held, l.held = 1, l.held+1
	}
	s.held, s.sent, l.held = s.held-1, s.sent+1, l.held-1
	l.requests, l.unkept = append(l.requests, now), l.unkept+1
	return time.Time{}, true
}

// endWithin is how many times what a host is allowed between two times that it is
// kept questions may take that are under way.
const endWithin = 2

// room tells whether a host can have so many requests more, of so many until they
// are kept, or when to try again.
func (b *Budgets) room(host string, need, unkept int, now time.Time) (again time.Time, ok bool) {
	l := b.ledger(host)
	room := b.limit(host) - len(l.requests) - l.held - need
	switch {
	case b.Kept && l.unkept+l.held+need > unkept:
		return now.Add(time.Second), false
	case room >= 0:
		return time.Time{}, true
	case -room <= len(l.requests): // that many have to leave the window
		return l.requests[-room-1].Add(Window), false
	default: // questions under way hold the room
		return now.Add(time.Second), false
	}
}

// outgrown takes down that a question wants more of a host than was set aside, and
// says when to put it anew.
func (b *Budgets) outgrown(q *Question, host string, sent int, now time.Time) time.Time {
	most := b.most(q, host)
	if sent >= most {
		q.TooDear = host
	}
	needs := map[string]int{host: min(2*max(sent, Reserve), most)}
	for other, need := range q.Needs {
		needs[other] = max(need, needs[other])
	}
	q.Needs = needs
	l := b.ledger(host)
	l.dearest = max(l.dearest, needs[host])
	again, _ := b.room(host, needs[host], b.allowance(host), now)
	return again
}

// End is told that a question ended, and whether with an answer: a registry that
// gives one is out of trouble.
func (b *Budgets) End(q *Question, answered bool) {
	for host, s := range q.shares {
		l := b.ledger(host)
		l.held, l.last = l.held-s.held, max(s.sent, q.Needs[host])
	}
	if answered {
		b.ledger(q.Registry).pause = 0
	}
}

// EndLimited is told that a question was answered 429. The registry is left alone
// for as long as it says, where it says anything (after), and from the second time
// in a row for as long as without its word at least; in any case for no more than
// an hour.
func (b *Budgets) EndLimited(q *Question, after time.Duration, now time.Time) {
	b.End(q, false)
	l := b.ledger(q.Registry)
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

// Cost is what a question had of hosts of which it wanted more than Reserve; nil:
// of none.
func (q *Question) Cost() (dear map[string]int) {
	for host, s := range q.shares {
		if s.sent > Reserve {
			if dear == nil {
				dear = map[string]int{}
			}
			dear[host] = s.sent
		}
	}
	return dear
}

// forget lets go of what has left the window.
func (l *ledger) forget(now time.Time) {
	n := 0
	for n < len(l.requests) && !l.requests[n].After(now.Add(-Window)) {
		n++
	}
	l.requests = append(l.requests[:0], l.requests[n:]...)
}
