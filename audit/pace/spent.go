package pace

import "time"

// Spent is what a host has had, for whoever goes on after a restart.
type Spent struct {
	// Minutes are its requests by the minute, as Unix time, in which they went.
	Minutes map[int64]int `json:"minutes,omitempty"`
	// PausedUntil is until when it is left alone; zero: it is not.
	PausedUntil time.Time `json:"pausedUntil,omitzero"`
	// Dearest is what a question may have cost since; 0: Reserve at most.
	Dearest int `json:"dearest,omitempty"`
}

const minute = 60 // seconds

// Spent returns what each host has had within the window, what was spent since
// the last time that it was kept (0: nothing is new), and whom to tell that it was
// kept now.
func (b *Budgets) Spent(now time.Time) (all map[string]Spent, fresh int, kept func()) {
	all = map[string]Spent{}
	counted, dearest := map[string]int{}, map[string]int{}
	for host, l := range b.hosts {
		l.forget(now)
		one := Spent{Minutes: map[int64]int{}}
		if l.pausedUntil.After(now) {
			one.PausedUntil = l.pausedUntil
		}
		for _, at := range l.requests {
			one.Minutes[at.Unix()/minute]++
		}
		if l.dearest > Reserve {
			one.Dearest = l.dearest
		}
		if len(one.Minutes) > 0 || !one.PausedUntil.IsZero() {
			all[host] = one
		}
		counted[host], dearest[host] = l.unkept, one.Dearest
		if fresh += l.unkept; one.Dearest > l.granted {
			fresh++
		}
	}
	return all, fresh, func() {
		for host, n := range counted {
			b.ledger(host).unkept -= n
			b.ledger(host).granted = dearest[host]
		}
	}
}

// Resume takes up what was spent before a restart. Of an auditor that did not come
// to its end in order nobody knows what it spent after that was kept: it counts as
// all that it could have.
func (b *Budgets) Resume(spent map[string]Spent, inOrder bool, now time.Time) {
	b.hosts, b.lost = map[string]*ledger{}, time.Time{}
	for host, one := range spent {
		l := b.ledger(host)
		l.pausedUntil, l.dearest, l.granted = one.PausedUntil, one.Dearest, one.Dearest
		for at := now.Add(-Window).Unix() / minute; at <= now.Unix()/minute; at++ {
			last := time.Unix((at+1)*minute-1, 0) // of the minute, to be sure
			if last.After(now) {
				last = now
			}
			for range one.Minutes[at] {
				l.requests = append(l.requests, last)
			}
		}
	}
	if inOrder {
		return
	}
	b.lost = now
	for host := range b.hosts {
		b.forfeit(host)
	}
}

// forfeit counts all that a host could have had since that was kept.
func (b *Budgets) forfeit(host string) {
	for range endWithin * b.allowance(host) {
		b.hosts[host].requests = append(b.hosts[host].requests, b.lost)
	}
}

// allowance is how many requests a host has between two times that they are kept:
// as many as one question takes at least, once that is kept.
func (b *Budgets) allowance(host string) int {
	return max(b.Limit(host)/keptShare, Reserve, b.ledger(host).granted)
}

// keptShare is for what share of a budget questions are taken up until that is kept.
const keptShare = 10
