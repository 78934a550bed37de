package explain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullgate/pullgate/stuck"
	"github.com/pullgate/pullgate/workload"
)

// maxRead is how many objects of one kind are read of a namespace.
const maxRead = 1000

// Target is what is asked about. Without a kind it is the worst Pod of the
// namespace.
type Target struct {
	Kind            schema.GroupVersionKind
	Namespace, Name string
}

// gatherer reads one record.
type gatherer struct {
	reader client.Reader
	record *Record
	// makers are the objects that make the Pods which are asked about.
	makers map[types.UID]bool
	// told are the namespace's events.
	told []corev1.Event
}

// Gather reads all that an answer about an object is made of. What may not be
// read is told in the record; the error is that there is no such object, or
// that the API server gives no answer at all.
func Gather(ctx context.Context, reader client.Reader, target Target, given Given) (*Record, error) {
	g := &gatherer{reader: reader, makers: map[types.UID]bool{}, record: &Record{At: given.At}}
	if given.Object != nil {
		target = given.target(target)
	}
	g.record.Neighbours = g.pods(ctx, target.Namespace)
	g.told = stuck.InOrder(append(g.events(ctx, target.Namespace), given.Events...))
	var err error
	switch {
	case given.Object != nil:
		err = g.given(ctx, given.Object)
	case target.Name == "":
		err = g.worst(ctx, target.Namespace)
	case target.Kind.Kind == "Pod":
		err = g.pod(ctx, target)
	default:
		err = g.controller(ctx, target)
	}
	if err != nil {
		return nil, err
	}
	readOwners(ctx, g)
	readCredentials(ctx, g)
	readNode(ctx, g)
	g.keepEvents()
	readPulls(ctx, g)
	g.record.Neighbours = slices.DeleteFunc(g.record.Neighbours, func(p corev1.Pod) bool {
		return g.record.Pod != nil && p.UID == g.record.Pod.UID
	})
	return g.record, nil
}

// unread notes what could not be read, and goes on without.
func (g *gatherer) unread(what string, err error) {
	if err == nil {
		return
	}
	line := what + ": " + err.Error()
	switch {
	case apierrors.IsForbidden(err):
		line = what + ": you may not read it"
	case errors.Is(err, ErrNoCluster):
		line = "events, owners, pull secrets and other Pods: " + err.Error()
	}
	if !slices.Contains(g.record.Unread, line) {
		g.record.Unread = append(g.record.Unread, line)
	}
}

// list reads the first objects of a kind in a namespace. That there are more is
// told: what is said of them all is then said of these.
func (g *gatherer) list(ctx context.Context, namespace, what string, into client.ObjectList) {
	err := g.reader.List(ctx, into, client.InNamespace(namespace), client.Limit(maxRead))
	g.unread(what, err)
	if err == nil && into.GetContinue() != "" {
		g.record.Unread = append(g.record.Unread, fmt.Sprintf("%s: only the first %d were read", what, maxRead))
	}
}

func (g *gatherer) pods(ctx context.Context, namespace string) []corev1.Pod {
	var list corev1.PodList
	g.list(ctx, namespace, "the namespace's Pods", &list)
	return list.Items
}

func (g *gatherer) events(ctx context.Context, namespace string) []corev1.Event {
	var list corev1.EventList
	g.list(ctx, namespace, "the namespace's events", &list)
	return list.Items
}

// worst takes the Pod of the namespace that matters most, or what makes none
// though it should.
func (g *gatherer) worst(ctx context.Context, namespace string) error {
	pod := worstOf(g.record.Neighbours)
	if pod == nil || badness(pod) == 0 {
		if idle, ok := g.refused(namespace); ok {
			return g.controller(ctx, idle)
		}
	}
	if pod == nil {
		if len(g.record.Unread) > 0 {
			return fmt.Errorf("%s: name an object that you may read, such as pod/web-7d9c", g.record.Unread[0])
		}
		return fmt.Errorf("namespace %s has no Pods: name what should make them, such as deployment/web", namespace)
	}
	g.take(pod)
	g.record.Object, g.record.Meta, g.record.Sought = podObject(pod), &pod.ObjectMeta, true
	return nil
}

// refused is the last of which an event says that it may not make a Pod.
func (g *gatherer) refused(namespace string) (Target, bool) {
	for i := len(g.told) - 1; i >= 0; i-- {
		if e := &g.told[i]; e.Reason == "FailedCreate" {
			about := e.InvolvedObject
			return Target{Kind: schema.FromAPIVersionAndKind(about.APIVersion, about.Kind), Namespace: namespace, Name: about.Name}, true
		}
	}
	return Target{}, false
}

func podObject(pod *corev1.Pod) workload.Object {
	return workload.Object{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}
}

// take makes a Pod the one that the answer is about.
func (g *gatherer) take(pod *corev1.Pod) {
	g.record.Pod = pod.DeepCopy()
	g.record.Spec = &g.record.Pod.Spec
}

// worstOf returns a Pod that waits for an image, else one that is not running,
// else any; the newest of several, for it has what was last applied. One that is
// being deleted comes last.
func worstOf(pods []corev1.Pod) *corev1.Pod {
	var worst *corev1.Pod
	for i := range pods {
		if worst == nil || badness(&pods[i]) > badness(worst) ||
			badness(&pods[i]) == badness(worst) && worst.CreationTimestamp.Before(&pods[i].CreationTimestamp) {
			worst = &pods[i]
		}
	}
	return worst
}

func badness(pod *corev1.Pod) int {
	told := symptoms(&Record{Pod: pod})
	switch {
	case pod.DeletionTimestamp != nil:
		return -1
	case slices.ContainsFunc(told, func(s Symptom) bool { return s.Cause != Hanging }):
		return 3
	case len(told) > 0:
		return 2
	case pod.Status.Phase == corev1.PodPending:
		return 1
	default:
		return 0
	}
}

func (g *gatherer) pod(ctx context.Context, target Target) error {
	var pod corev1.Pod
	if err := g.reader.Get(ctx, types.NamespacedName{Namespace: target.Namespace, Name: target.Name}, &pod); err != nil {
		return err
	}
	g.take(&pod)
	g.record.Object, g.record.Meta = podObject(&pod), &pod.ObjectMeta
	return nil
}

// controller reads an object of any kind, and takes the worst of its Pods.
func (g *gatherer) controller(ctx context.Context, target Target) error {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(target.Kind)
	if err := g.reader.Get(ctx, types.NamespacedName{Namespace: target.Namespace, Name: target.Name}, object); err != nil {
		return err
	}
	return g.controls(ctx, object)
}

// controls takes the worst Pod of a controller, and its template where there is
// none.
func (g *gatherer) controls(ctx context.Context, object *unstructured.Unstructured) error {
	namespace := object.GetNamespace()
	g.record.Object = workload.Object{APIVersion: object.GetAPIVersion(), Kind: object.GetKind(), Namespace: namespace, Name: object.GetName()}
	meta := metaOf(object)
	g.record.Meta, g.record.Owner, g.record.OwnerMeta = meta, g.record.Object, meta
	g.record.Conditions, g.record.Idle = conditionsOf(object), idleOf(object)
	if meta.UID != "" {
		g.makers[meta.UID] = true
	}
	for _, kind := range []string{"ReplicaSet", "Job"} { // which stand in between
		for _, between := range g.owned(ctx, kind, namespace, g.makers) {
			g.makers[between.GetUID()] = true
			g.record.Conditions = append(g.record.Conditions, conditionsOf(&between)...)
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	if pod := worstOf(podsOf(g.record.Neighbours, g.makers)); pod != nil {
		g.take(pod)
		return nil
	}
	g.record.Template, g.record.Spec = text, specIn(object)
	return nil
}

// keepEvents keeps the events of the Pod, or of what makes it, and apart from
// them those of the other Pods' pulls.
func (g *gatherer) keepEvents() {
	for _, e := range g.told {
		about := e.InvolvedObject
		own := g.record.Pod != nil && about.UID == g.record.Pod.UID ||
			g.record.Pod != nil && about.UID == "" && about.Name == g.record.Pod.Name ||
			g.record.Pod == nil && g.makers[about.UID]
		switch {
		case own:
			g.record.Events = append(g.record.Events, e)
		case e.Reason == "Pulling" || e.Reason == "Pulled" || e.Reason == "Failed":
			g.record.Pulls = append(g.record.Pulls, e)
		}
	}
}
