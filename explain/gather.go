package explain

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
}

// Gather reads all that an answer about an object is made of. What may not be
// read is told in the record; the error is that there is no such object, or
// that the API server gives no answer at all.
func Gather(ctx context.Context, reader client.Reader, target Target, now time.Time) (*Record, error) {
	g := &gatherer{reader: reader, record: &Record{At: now}}
	g.record.Neighbours = g.pods(ctx, target.Namespace)
	var err error
	switch {
	case target.Name == "":
		err = g.worst(target.Namespace)
	case target.Kind.Kind == "Pod":
		err = g.pod(ctx, target)
	default:
		err = g.controller(ctx, target)
	}
	if err != nil {
		return nil, err
	}
	g.owners(ctx)
	g.events(ctx, target.Namespace)
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
	why := err.Error()
	if apierrors.IsForbidden(err) {
		why = "you may not read it"
	}
	g.record.Unread = append(g.record.Unread, what+": "+why)
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

// worst takes the Pod of the namespace that matters most.
func (g *gatherer) worst(namespace string) error {
	pod := worstOf(g.record.Neighbours)
	if pod == nil {
		if len(g.record.Unread) > 0 {
			return fmt.Errorf("%s: name an object that you may read, such as pod/web-7d9c", g.record.Unread[0])
		}
		return fmt.Errorf("namespace %s has no Pods: name what should make them, such as deployment/web", namespace)
	}
	g.take(pod)
	g.record.Object, g.record.Meta = podObject(pod), &pod.ObjectMeta
	return nil
}

func podObject(pod *corev1.Pod) workload.Object {
	return workload.Object{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}
}

func (g *gatherer) take(pod *corev1.Pod) { g.record.Pod = pod.DeepCopy() }

// worstOf returns a Pod that waits for an image, else one that is not running,
// else any; the newest of several, for it has what was last applied.
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
	switch {
	case len(symptoms(&Record{Pod: pod})) > 0:
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

// controller reads an object of any kind and takes the worst of its Pods.
func (g *gatherer) controller(ctx context.Context, target Target) error {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(target.Kind)
	if err := g.reader.Get(ctx, types.NamespacedName{Namespace: target.Namespace, Name: target.Name}, object); err != nil {
		return err
	}
	g.record.Object = workload.Object{APIVersion: object.GetAPIVersion(), Kind: object.GetKind(), Namespace: target.Namespace, Name: target.Name}
	meta := metaOf(object)
	g.record.Meta, g.record.Owner, g.record.OwnerMeta = meta, g.record.Object, meta
	g.record.Conditions = conditionsOf(object)
	owned := map[types.UID]bool{meta.UID: true}
	for _, kind := range []string{"ReplicaSet", "Job"} { // which stand in between
		for _, between := range g.owned(ctx, kind, target.Namespace, owned) {
			owned[between.GetUID()] = true
			g.record.Conditions = append(g.record.Conditions, conditionsOf(&between)...)
		}
	}
	if pod := worstOf(podsOf(g.record.Neighbours, owned)); pod != nil {
		g.take(pod)
		return nil
	}
	text, err := json.Marshal(object)
	g.record.Template = text
	return err
}

func podsOf(pods []corev1.Pod, owners map[types.UID]bool) []corev1.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p corev1.Pod) bool {
		owner := metav1.GetControllerOf(&p)
		return owner == nil || !owners[owner.UID]
	})
}

// owned reads the objects of a kind that one of the owners controls.
func (g *gatherer) owned(ctx context.Context, kind, namespace string, owners map[types.UID]bool) []unstructured.Unstructured {
	group := schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: kind + "List"}
	if kind == "Job" {
		group.Group = "batch"
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(group)
	g.list(ctx, namespace, "the namespace's "+kind+"s", list)
	return slices.DeleteFunc(list.Items, func(u unstructured.Unstructured) bool {
		owner := metav1.GetControllerOf(&u)
		return owner == nil || !owners[owner.UID]
	})
}

func metaOf(object *unstructured.Unstructured) *metav1.ObjectMeta {
	return &metav1.ObjectMeta{
		Name: object.GetName(), Namespace: object.GetNamespace(), UID: object.GetUID(), Generation: object.GetGeneration(),
		Labels: object.GetLabels(), Annotations: object.GetAnnotations(), ManagedFields: object.GetManagedFields(),
		OwnerReferences: object.GetOwnerReferences(), CreationTimestamp: object.GetCreationTimestamp(),
	}
}

// conditionsOf reads status.conditions, whatever the kind.
func conditionsOf(object *unstructured.Unstructured) []Condition {
	list, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	var conditions []Condition
	for _, item := range list {
		fields, ok := item.(map[string]any)
		if !ok || fields["status"] != "True" {
			continue
		}
		text := func(name string) string { value, _ := fields[name].(string); return value }
		at, _ := time.Parse(time.RFC3339, text("lastTransitionTime")) // without one it is not told
		conditions = append(conditions, Condition{Type: text("type"), Reason: text("reason"), Message: text("message"), At: at})
	}
	return conditions
}

// owners follows the Pod's controllers to the topmost, and reads a Deployment's
// revisions.
func (g *gatherer) owners(ctx context.Context) {
	if g.record.Pod == nil {
		return
	}
	next := metav1.GetControllerOf(g.record.Pod)
	for depth := 0; next != nil && depth < 4; depth++ {
		object := &unstructured.Unstructured{}
		object.SetGroupVersionKind(schema.FromAPIVersionAndKind(next.APIVersion, next.Kind))
		if err := g.reader.Get(ctx, types.NamespacedName{Namespace: g.record.Pod.Namespace, Name: next.Name}, object); err != nil {
			g.unread(strings.ToLower(next.Kind)+"/"+next.Name, err)
			return
		}
		g.record.Owner = workload.Object{APIVersion: next.APIVersion, Kind: next.Kind, Namespace: g.record.Pod.Namespace, Name: next.Name}
		g.record.OwnerMeta = metaOf(object)
		next = metav1.GetControllerOf(object)
	}
	if g.record.Owner.Kind == "Deployment" {
		g.revisions(ctx)
	}
}

func (g *gatherer) revisions(ctx context.Context) {
	var list appsv1.ReplicaSetList
	g.list(ctx, g.record.Owner.Namespace, "the Deployment's revisions", &list)
	g.record.Revisions = slices.DeleteFunc(list.Items, func(rs appsv1.ReplicaSet) bool {
		owner := metav1.GetControllerOf(&rs)
		return owner == nil || owner.UID != g.record.OwnerMeta.UID
	})
	slices.SortFunc(g.record.Revisions, func(a, b appsv1.ReplicaSet) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
}

// events reads the namespace's, and keeps those of the Pod, or of the object
// where there is none.
func (g *gatherer) events(ctx context.Context, namespace string) {
	var list corev1.EventList
	g.list(ctx, namespace, "the namespace's events", &list)
	about := types.UID("")
	switch {
	case g.record.Pod != nil:
		about = g.record.Pod.UID
	case g.record.Meta != nil:
		about = g.record.Meta.UID
	}
	sortEvents(list.Items)
	for _, e := range list.Items {
		switch {
		case e.InvolvedObject.UID == about:
			g.record.Events = append(g.record.Events, e)
		case e.Reason == "Pulling" || e.Reason == "Pulled" || e.Reason == "Failed":
			g.record.Pulls = append(g.record.Pulls, e)
		}
	}
}
