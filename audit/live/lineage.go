package live

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/imminence"
)

// maxOwners is how long a chain of controllers can be, circles included.
const maxOwners = 8

// lineage is who made whom, and what Pods run.
type lineage struct {
	mu     sync.Mutex
	owners map[types.UID]types.UID
	made   map[types.UID]map[types.UID]bool
	keys   map[types.UID]string // of what is looked at
	pods   map[types.UID]*imminence.Pod
	crons  map[string]*imminence.CronJob // by their keys
}

func newLineage() *lineage {
	return &lineage{
		owners: map[types.UID]types.UID{}, made: map[types.UID]map[types.UID]bool{}, keys: map[types.UID]string{},
		pods: map[types.UID]*imminence.Pod{}, crons: map[string]*imminence.CronJob{},
	}
}

// seen takes an object up.
func (l *lineage) seen(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.workload != nil {
		l.keys[e.UID] = keyOf(e)
	}
	if e.cron != nil {
		l.crons[keyOf(e)] = e.cron
	}
	if e.controller != "" {
		l.owners[e.UID] = e.controller
		if l.made[e.controller] == nil {
			l.made[e.controller] = map[types.UID]bool{}
		}
		l.made[e.controller][e.UID] = true
	}
	if l.pods[e.UID] = e.runs; e.runs == nil {
		delete(l.pods, e.UID)
	}
}

func (l *lineage) gone(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if by := l.owners[e.UID]; by != "" {
		if delete(l.made[by], e.UID); len(l.made[by]) == 0 {
			delete(l.made, by)
		}
	}
	delete(l.owners, e.UID)
	delete(l.keys, e.UID)
	delete(l.pods, e.UID)
	delete(l.crons, keyOf(e))
}

// keyOf is that of the workload to which an object belongs in the end; empty:
// nobody looks at it.
func (l *lineage) keyOf(uid types.UID) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range maxOwners {
		owner, controlled := l.owners[uid]
		if !controlled {
			break
		}
		uid = owner
	}
	return l.keys[uid]
}

// podsOf are those of a workload, or itself.
func (l *lineage) podsOf(uid types.UID) []*imminence.Pod {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.under(uid, maxOwners)
}

func (l *lineage) under(uid types.UID, depth int) (all []*imminence.Pod) {
	if pod := l.pods[uid]; pod != nil {
		all = append(all, pod)
	}
	if depth == 0 {
		return all
	}
	for made := range l.made[uid] {
		all = append(all, l.under(made, depth-1)...)
	}
	return all
}

// cronJob is what says when one makes a Pod, by its key; nil: it is none.
func (l *lineage) cronJob(key string) *imminence.CronJob {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.crons[key]
}
