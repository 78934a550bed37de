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
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullgate/pullgate/stuck"
	"github.com/pullgate/pullgate/workload"
)

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

// conditionsOf reads those of status.conditions that are true, whatever the kind.
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

// idleOf reads why an object of any kind makes no Pods for now.
func idleOf(object *unstructured.Unstructured) Idle {
	schedule, _, _ := unstructured.NestedString(object.Object, "spec", "schedule")
	zone, _, _ := unstructured.NestedString(object.Object, "spec", "timeZone")
	suspended, _, _ := unstructured.NestedBool(object.Object, "spec", "suspend")
	replicas, given, _ := unstructured.NestedInt64(object.Object, "spec", "replicas")
	return Idle{Schedule: schedule, TimeZone: zone, Suspended: suspended, Zero: given && replicas == 0}
}

// specIn is the Pod's spec in an object: its own, or that of its template.
func specIn(object *unstructured.Unstructured) *corev1.PodSpec {
	for _, path := range [][]string{{"spec", "jobTemplate", "spec", "template", "spec"}, {"spec", "template", "spec"}, {"spec"}} {
		fields, found, _ := unstructured.NestedMap(object.Object, path...)
		var spec corev1.PodSpec
		if found && runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &spec) == nil && len(spec.Containers) > 0 {
			return &spec
		}
	}
	return nil
}

// readOwners follows the controllers to the topmost, and reads its revisions.
func readOwners(ctx context.Context, g *gatherer) {
	next := metav1.GetControllerOf(g.record.Meta)
	if g.record.Pod != nil {
		next = metav1.GetControllerOf(g.record.Pod)
	}
	namespace := g.record.Object.Namespace
	for depth := 0; next != nil && depth < 4; depth++ {
		object := &unstructured.Unstructured{}
		object.SetGroupVersionKind(schema.FromAPIVersionAndKind(next.APIVersion, next.Kind))
		if err := g.reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: next.Name}, object); err != nil {
			g.unread(strings.ToLower(next.Kind)+"/"+next.Name, err)
			return
		}
		g.record.Owner = workload.Object{APIVersion: next.APIVersion, Kind: next.Kind, Namespace: namespace, Name: next.Name}
		g.record.OwnerMeta = metaOf(object)
		next = metav1.GetControllerOf(object)
	}
	switch g.record.Owner.Kind {
	case "Deployment":
		replicaSets(ctx, g)
	case "StatefulSet", "DaemonSet":
		controllerRevisions(ctx, g)
	}
	slices.SortFunc(g.record.Revisions, func(a, b Revision) int { return b.At.Compare(a.At) })
}

// ours tells whether the topmost controller controls an object.
func ours(g *gatherer, object metav1.Object) bool {
	owner := metav1.GetControllerOf(object)
	return owner != nil && owner.UID == g.record.OwnerMeta.UID
}

func replicaSets(ctx context.Context, g *gatherer) {
	var list appsv1.ReplicaSetList
	g.list(ctx, g.record.Owner.Namespace, "the Deployment's revisions", &list)
	for i := range list.Items {
		if rs := &list.Items[i]; ours(g, rs) {
			g.record.Revisions = append(g.record.Revisions, Revision{At: rs.CreationTimestamp.Time, Spec: rs.Spec.Template.Spec})
		}
	}
}

// controllerRevisions reads what StatefulSets and DaemonSets keep of their
// templates: a patch that has all of it (Kubernetes
// pkg/controller/statefulset/stateful_set_utils.go and
// pkg/controller/daemon/update.go, getPatch).
func controllerRevisions(ctx context.Context, g *gatherer) {
	var list appsv1.ControllerRevisionList
	g.list(ctx, g.record.Owner.Namespace, "the "+g.record.Owner.Kind+"'s revisions", &list)
	for i := range list.Items {
		revision := &list.Items[i]
		var patch struct {
			Spec struct{ Template corev1.PodTemplateSpec }
		}
		if ours(g, revision) && json.Unmarshal(revision.Data.Raw, &patch) == nil {
			g.record.Revisions = append(g.record.Revisions, Revision{At: revision.CreationTimestamp.Time, Spec: patch.Spec.Template.Spec})
		}
	}
}

// readCredentials reads what is said of the Pod's pull secrets and ServiceAccount,
// and no value of a secret.
func readCredentials(ctx context.Context, g *gatherer) {
	spec := g.record.Spec
	if spec == nil {
		return
	}
	account := spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	readPart(ctx, g, "ServiceAccount", account, &corev1.ServiceAccount{})
	for i, reference := range spec.ImagePullSecrets {
		if reference.Name != "" && !slices.Contains(spec.ImagePullSecrets[:i], reference) {
			readPart(ctx, g, "Secret", reference.Name, &corev1.Secret{})
		}
	}
}

// readPart reads one of them. That it is not there is the resolver's to say.
func readPart(ctx context.Context, g *gatherer, kind, name string, into client.Object) {
	err := g.reader.Get(ctx, types.NamespacedName{Namespace: g.record.Object.Namespace, Name: name}, into)
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		g.unread(strings.ToLower(kind)+"/"+name, err)
	default:
		part := Part{Kind: kind, Meta: metav1.ObjectMeta{
			Name: name, Namespace: into.GetNamespace(), Labels: into.GetLabels(), Annotations: into.GetAnnotations(),
			ManagedFields: into.GetManagedFields(), OwnerReferences: into.GetOwnerReferences(), CreationTimestamp: into.GetCreationTimestamp(),
		}}
		delete(part.Meta.Annotations, corev1.LastAppliedConfigAnnotation) // it has a Secret's values
		if secret, ok := into.(*corev1.Secret); ok {
			part.Type = secret.Type
		}
		g.record.Parts = append(g.record.Parts, part)
	}
}

// readNode reads the Pod's Node.
func readNode(ctx context.Context, g *gatherer) {
	if g.record.Spec == nil || g.record.Spec.NodeName == "" {
		return
	}
	var node corev1.Node
	err := g.reader.Get(ctx, types.NamespacedName{Name: g.record.Spec.NodeName}, &node)
	g.unread("node/"+g.record.Spec.NodeName, err)
	if err == nil {
		g.record.Node = &node
	}
}

// readPulls reads what else the Pod's node pulls, for other namespaces too, where
// its own pull goes on.
func readPulls(ctx context.Context, g *gatherer) {
	hangs := slices.ContainsFunc(symptoms(g.record), func(s Symptom) bool { return s.Cause == Hanging })
	if !hangs {
		return
	}
	var pulls []corev1.Event
	for _, reason := range []string{"Pulling", "Pulled", "Failed"} {
		var list corev1.EventList
		err := g.reader.List(ctx, &list, client.MatchingFields{"reason": reason}, client.Limit(maxRead))
		if err != nil {
			g.unread("the events of other namespaces' pulls", err)
			return
		}
		if list.Continue != "" {
			g.record.Unread = append(g.record.Unread, fmt.Sprintf("the events of other namespaces' pulls: only the first %d were read", maxRead))
		}
		pulls = append(pulls, list.Items...)
	}
	g.record.Pulls = slices.DeleteFunc(stuck.InOrder(pulls), func(e corev1.Event) bool { return e.InvolvedObject.UID == g.record.Pod.UID })
}
