package tell

import (
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
	// broke and recovered are the Events' reasons, besides those of notices.
	broke     = "ImageNotPullable"
	recovered = "ImagePullable"
	component = "pullgate"
	// maxName leaves room in an Event's name for what tells it from others.
	maxName = 200
)

// Events tells on workloads that they broke and that they recovered, and of what is
// worth knowing besides. What comes too soon after the last Event is told later, if
// it is still so. It is safe for concurrent use, but for one workload at a time.
type Events struct {
	// Client writes them.
	Client typedcorev1.EventsGetter

	mu   sync.Mutex
	told map[types.UID]Told
}

// Told is the last Event on a workload, and when notices were last so of which there
// was one.
type Told struct {
	Broken  bool
	At      time.Time
	Notices map[pull.NoteReason]time.Time `json:",omitempty"`
}

// Tell writes the Events that are due. What could not be written is tried again
// with the next look.
func (e *Events) Tell(ctx context.Context, w Workload, now time.Time) error {
	broken := w.broken()
	last := e.Last(w.UID)
	var err error
	switch recent := !last.At.IsZero() && now.Sub(last.At) < eventsApart; {
	case recent:
	case broken != "" && !last.Broken:
		err = e.write(ctx, w, corev1.EventTypeWarning, broke, broken, now)
		last.Broken, last.At = true, now
	case w.Sound && last.Broken:
		err = e.write(ctx, w, corev1.EventTypeNormal, recovered, "new Pods can pull all images again", now)
		last.Broken, last.At = false, now
	case !last.Broken:
		last.At = time.Time{} // nothing follows from an Event that is so old
	}
	if err != nil {
		return err
	}
	last.Notices, err = e.notice(ctx, w, last.Notices, now)
	e.Restore(w.UID, last)
	return err
}

// notice writes an Event for each kind of notice of which there is none as long as
// it lasts, and returns when they were last so.
func (e *Events) notice(ctx context.Context, w Workload, before map[pull.NoteReason]time.Time, now time.Time) (map[pull.NoteReason]time.Time, error) {
	after := map[pull.NoteReason]time.Time{}
	for reason, at := range before {
		if now.Sub(at) < eventsApart {
			after[reason] = at
		}
	}
	for _, n := range w.Notices {
		if _, told := before[n.Reason]; !told && after[n.Reason].IsZero() {
			if err := e.write(ctx, w, n.kind(), string(n.Reason), shortened(n.Message, maxText), now); err != nil {
				return after, err
			}
		}
		after[n.Reason] = now
	}
	return after, nil
}

// kind is an Event's: what will keep Pods from running is a warning.
func (n *Notice) kind() string {
	if n.Reason == pull.TagMoved {
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}

// broken says what is broken, or there only where nodes have it; "" where nothing
// is.
func (w *Workload) broken() string {
	var images []string
	message := ""
	for _, f := range w.Findings {
		if f.Verdict != pull.Broken && f.Reason != pull.PresentOnNodes {
			continue
		}
		images = append(images, fmt.Sprintf("%s (%s)", f.Image, f.Reason))
		if message == "" && f.Hurts != "" {
			message = f.Hurts + "; "
		}
		if len(images) == 1 {
			message += f.Message
		}
	}
	if images == nil {
		return ""
	}
	return shortened("new Pods cannot pull "+strings.Join(images, ", ")+": "+message, maxText)
}

// write writes an Event.
func (e *Events) write(ctx context.Context, w Workload, kind, reason, message string, now time.Time) error {
	at := metav1.NewTime(now)
	name := strings.TrimRight(w.Name[:min(len(w.Name), maxName)], "-.")
	_, err := e.Client.Events(w.Namespace).Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: w.Namespace, Name: fmt.Sprintf("%s.%x.%s", name, now.UnixNano(), strings.ToLower(reason))},
		InvolvedObject: corev1.ObjectReference{APIVersion: w.APIVersion, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name, UID: w.UID},
		Type:           kind, Reason: reason, Message: message, Count: 1, FirstTimestamp: at, LastTimestamp: at,
		Source: corev1.EventSource{Component: component}, ReportingController: "pullgate.dev/" + component,
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("write an Event on %s %s/%s: %w", w.Kind, w.Namespace, w.Name, err)
	}
	return nil
}

// Restore takes up what was told before.
func (e *Events) Restore(uid types.UID, told Told) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !told.Broken && told.At.IsZero() && len(told.Notices) == 0 {
		delete(e.told, uid)
		return
	}
	if e.told == nil {
		e.told = map[types.UID]Told{}
	}
	e.told[uid] = told
}

// Last is the last Event on a workload; zero where there is none that matters.
func (e *Events) Last(uid types.UID) Told {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.told[uid]
}

// Forget lets a workload go.
func (e *Events) Forget(uid types.UID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.told, uid)
}
