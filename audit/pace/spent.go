package pace

import "time"

// Spent is what a host has had, for whoever goes on after a restart.
type Spent struct {
	// Minutes are its requests by the minute, as Unix time, in which they went.
	Minutes map[int64]int `json:"minutes,omitempty"`
	// PausedUntil is until when it is left alone; zero: it is not.
	PausedUntil time.Time `json:"pausedUntil,omitzero"`
}

const minute = 60 // seconds

// Spent returns what each host has had within the window, what was spent since
// the last time that it was kept, and whom to tell that it was kept now.
func (b *Budgets) Spent(now time.Time) (all map[string]Spent, fresh int, kept func()) {
	all = map[string]Spent{}
	counted := map[string]int{}
	for host, l := range b.hosts {
		l.forget(now)
		one := Spent{Minutes: map[int64]int{}}
		if l.pausedUntil.After(now) {
			one.PausedUntil = l.pausedUntil
		}
		for _, at := range l.requests {
			one.Minutes[at.Unix()/minute]++
		}
		if len(one.Minutes) > 0 || !one.PausedUntil.IsZero() {
			all[host] = one
		}
		counted[host] = l.unkept
		fresh += l.unkept
	}
	return all, fresh, func() {
		for host, n := range counted {
			b.ledger(host).unkept -= n
		}
	}
}

// Resume takes up what was spent before a restart. Of an auditor that did not come
// to its end in order nobody knows what it spent after that was kept: it counts as
// all that it could have.
func (b *Budgets) Resume(spent map[string]Spent, inOrder bool, now time.Time) {
	b.hosts = map[string]*ledger{}
	for host, one := range spent {
		l := b.ledger(host)
		l.pausedUntil = one.PausedUntil
		for at := now.Add(-Window).Unix() / minute; at <= now.Unix()/minute; at++ {
			last := time.Unix((at+1)*minute-1, 0) // of the minute, to be sure
			if last.After(now) {
				last = now
			}
			for range one.Minutes[at] {
				l.requests = append(l.requests, last)
			}
		}
		if !inOrder {
			for range b.allowance(host) {
				l.requests = append(l.requests, now)
			}
		}
	}
}

// allowance is how many requests a host has between two times that they are kept.
func (b *Budgets) allowance(host string) int {
	return max(b.Limit(host)/keptShare, Reserve)
}

// keptShare is what share of a budget may be lost with an auditor that dies.
const keptShare = 10
