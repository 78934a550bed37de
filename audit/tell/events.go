package tell

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// eventsApart is how much time there is between two Events on a workload.
	eventsApart = 6 * time.Hour
	// broke and recovered are the Events' reasons.
	broke     = "ImageNotPullable"
	recovered = "ImagePullable"
	component = "pullgate"
	// maxName leaves room in an Event's name for what tells it from others.
	maxName = 200
)

// Events tells on workloads that they broke and that they recovered. What comes
// too soon after the last Event is told later, if it is still so. It is safe for
// concurrent use.
type Events struct {
	// Client writes them.
	Client typedcorev1.EventsGetter

	mu   sync.Mutex
	told map[types.UID]Told
}

// Told is the last Event on a workload.
type Told struct {
	Broken bool
	At     time.Time
}

// Tell writes an Event if one is due. What could not be written is tried again
// with the next look.
func (e *Events) Tell(ctx context.Context, w Workload, now time.Time) error {
	broken := w.broken()
	last, told := e.last(w.UID)
	switch {
	case told && now.Sub(last.At) < eventsApart:
		return nil
	case broken != "" && !last.Broken:
		return e.write(ctx, w, corev1.EventTypeWarning, broke, broken, Told{true, now})
	case w.Sound && last.Broken:
		return e.write(ctx, w, corev1.EventTypeNormal, recovered, "new Pods can pull all images again", Told{false, now})
	case !last.Broken:
		e.Forget(w.UID) // nothing follows from an Event that is so old
	}
	return nil
}

// broken says what is broken; "" where nothing is.
func (w *Workload) broken() string {
	var images []string
	message := ""
	for _, f := range w.Findings {
		if f.Verdict == pull.Broken {
			images = append(images, fmt.Sprintf("%s (%s)", f.Image, f.Reason))
			message = cmp.Or(message, f.Message)
		}
	}
	if images == nil {
		return ""
	}
	return shortened("new Pods cannot pull "+strings.Join(images, ", ")+": "+message, maxText)
}

func (e *Events) last(uid types.UID) (Told, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	last, told := e.told[uid]
	return last, told
}

// write writes an Event and takes it down.
func (e *Events) write(ctx context.Context, w Workload, kind, reason, message string, told Told) error {
	at := metav1.NewTime(told.At)
	name := strings.TrimRight(w.Name[:min(len(w.Name), maxName)], "-.")
	_, err := e.Client.Events(w.Namespace).Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: w.Namespace, Name: fmt.Sprintf("%s.%x", name, told.At.UnixNano())},
		InvolvedObject: corev1.ObjectReference{APIVersion: w.APIVersion, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name, UID: w.UID},
		Type:           kind, Reason: reason, Message: message, Count: 1, FirstTimestamp: at, LastTimestamp: at,
		Source: corev1.EventSource{Component: component}, ReportingController: "pullgate.dev/" + component,
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("write an Event on %s %s/%s: %w", w.Kind, w.Namespace, w.Name, err)
	}
	e.Restore(w.UID, told)
	return nil
}

// Restore takes up what was told before.
func (e *Events) Restore(uid types.UID, told Told) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.told == nil {
		e.told = map[types.UID]Told{}
	}
	e.told[uid] = told
}

// Last is the last Event on a workload; zero where there is none that matters.
func (e *Events) Last(uid types.UID) Told {
	last, _ := e.last(uid)
	return last
}

// Forget lets a workload go.
func (e *Events) Forget(uid types.UID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.told, uid)
}
