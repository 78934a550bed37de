package live

import (
	"context"
	"errors"
	"time"

	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/pullgate/pullgate/audit/pace"
)

const (
	// findingsName and requestsName are the ConfigMaps', in Pullgate's own
	// namespace.
	findingsName = "pullgate-audit-findings"
	requestsName = "pullgate-audit-requests"
	// keepRequests and keepFindings are how often they are written at most: what
	// is looked at in between is asked anew after a crash, which is to be less
	// than one in a hundred in 6 h.
	keepRequests = 15 * time.Second
	keepFindings = 3 * time.Minute
	// lastWords is how long it may take to keep all at the end.
	lastWords = 5 * time.Second
)

// requests is what was asked of registries.
type requests struct {
	// InOrder says that whoever wrote it has come to an end, and asked nothing
	// since.
	InOrder bool                  `json:"inOrder"`
	Hosts   map[string]pace.Spent `json:"hosts"`
}

// keeper keeps what a term needs to know of the one before.
type keeper struct {
	shelf
	term *term
	// kept is when the findings were.
	kept time.Time
}

func newKeeper(maps typedcorev1.ConfigMapInterface, t *term) *keeper {
	return &keeper{shelf: shelf{maps: maps, last: map[string]edition{}}, term: t}
}

// resume takes up what there is. What cannot be read is begun anew.
func (k *keeper) resume(ctx context.Context) {
	var spent requests
	var known past
	asked, err := k.load(ctx, requestsName, &spent)
	found, err2 := k.load(ctx, findingsName, &known)
	if err := errors.Join(err, err2); err != nil {
		k.term.log.Warn("the auditor begins without what it knew", "error", err.Error())
	}
	if asked {
		k.term.pacer.resume(spent.Hosts, spent.InOrder)
	}
	if found {
		k.term.past = &known
	}
	k.kept = k.term.clock.Now()
	k.keepRequests(ctx, false)
}

// run keeps until the context ends, and then for the last time.
func (k *keeper) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, k.term.clock, keepRequests)
		if ctx.Err() != nil {
			break
		}
		if _, fresh, _ := k.term.pacer.spent(); fresh > 0 {
			k.keepRequests(ctx, false)
			if k.term.clock.Since(k.kept) >= keepFindings {
				k.keepFindings(ctx, k.term.known())
			}
		}
	}
}

// end keeps all for whoever is next.
func (k *keeper) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	k.keepFindings(ctx, k.term.known())
	k.keepRequests(ctx, true)
}

func (k *keeper) keepRequests(ctx context.Context, inOrder bool) {
	hosts, _, kept := k.term.pacer.spent()
	if k.complains(k.save(ctx, requestsName, requests{inOrder, hosts})) {
		return
	}
	kept()
}

// keepFindings keeps as much as there is room for.
func (k *keeper) keepFindings(ctx context.Context, known past) {
	err := k.save(ctx, findingsName, known)
	for ; errors.Is(err, errTooLarge) && len(known.Workloads) > 0; err = k.save(ctx, findingsName, known) {
		known = known.halved()
	}
	k.complains(err)
	k.kept = k.term.clock.Now()
}

func (k *keeper) complains(err error) bool {
	if err != nil {
		k.term.log.Warn("what the auditor knows cannot be kept for after a restart", "error", err.Error())
	}
	return err != nil
}
