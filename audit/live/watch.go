package live

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/pullgate/pullgate/imminence"
	"github.com/pullgate/pullgate/stuck"
	"github.com/pullgate/pullgate/workload"
)

// entry is what is kept of an object: who it is, and its images, unless a checked
// controller made it or it has come to its end.
type entry struct {
	*metav1.ObjectMeta
	workload *workload.Workload
	// kind is the object's, and controller the checked one that made it; empty:
	// none did.
	kind       string
	controller types.UID
	// waits is what a Pod cannot get; nil: it has its images.
	waits *stuck.Pod
	// runs is what a Pod runs that has not come to its end.
	runs *imminence.Pod
	// cron is what says when a CronJob makes a Pod.
	cron *imminence.CronJob
}

// keyOf identifies an object.
func keyOf(e *entry) string { return string(e.UID) + " " + e.Namespace + "/" + e.Name }

// slim takes from an object, on its way into a cache, what nobody here reads.
func slim(kinds *workload.Kinds) toolscache.TransformFunc {
	return func(object any) (any, error) {
		full, ok := object.(*unstructured.Unstructured)
		if !ok {
			return object, nil
		}
		kept := &entry{ObjectMeta: &metav1.ObjectMeta{
			Namespace: full.GetNamespace(), Name: full.GetName(), UID: full.GetUID(), ResourceVersion: full.GetResourceVersion(),
		}}
		kept.kind = full.GetKind()
		if kept.kind == podKind {
			kept.waits = waiting(full)
		}
		raw, err := full.MarshalJSON()
		if err != nil {
			return kept, nil //nolint:nilerr // what cannot be read is not looked at, and stops nothing
		}
		w, err := kinds.Read(raw, workload.Update)
		if err == nil {
			over := finished(full)
			kept.keep(&w, over, kinds)
			if kept.kind == podKind && !over {
				kept.runs = running(full, &w)
			}
			kept.cron = cronJob(full)
		}
		return kept, nil
	}
}

// keep keeps a workload that is looked at by itself, or who controls it.
func (e *entry) keep(w *workload.Workload, finished bool, kinds *workload.Kinds) {
	switch {
	case w.Controller != nil && kinds.Checked(*w.Controller):
		e.controller = w.Controller.UID
	case !finished:
		e.workload = w
	}
}

const podKind = "Pod"

// statusesOf are what the kubelet says of a Pod's containers.
func statusesOf(object *unstructured.Unstructured) (found []map[string]any) {
	for _, list := range []string{"initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"} {
		statuses, _, _ := unstructured.NestedFieldNoCopy(object.Object, "status", list)
		all, _ := statuses.([]any)
		for _, one := range all {
			if status, ok := one.(map[string]any); ok {
				found = append(found, status)
			}
		}
	}
	return found
}

// waiting is what a Pod cannot get. Most Pods run, and are not read as a whole.
func waiting(object *unstructured.Unstructured) *stuck.Pod {
	for _, status := range statusesOf(object) {
		if _, waits, _ := unstructured.NestedFieldNoCopy(status, "state", "waiting"); !waits {
			continue
		}
		var pod corev1.Pod
		if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &pod) != nil {
			return nil
		}
		return stuck.Of(&pod)
	}
	return nil
}

// running is what a Pod runs.
func running(object *unstructured.Unstructured, w *workload.Workload) *imminence.Pod {
	images := map[string]string{}
	for _, image := range w.Templates[0].Images {
		if image.Role != workload.Volume {
			images[image.Container] = image.Reference
		}
	}
	node, _, _ := unstructured.NestedString(object.Object, "spec", "nodeName")
	pod := imminence.NewPod(node)
	for _, status := range statusesOf(object) {
		name, _ := status["name"].(string)
		id, _ := status["imageID"].(string)
		reason, _, _ := unstructured.NestedString(status, "state", "waiting", "reason")
		pod.Add(name, images[name], id, stuck.Waits(reason))
	}
	return pod
}

// cronJob is what says when a CronJob makes a Pod; nil: it is none.
func cronJob(object *unstructured.Unstructured) *imminence.CronJob {
	if object.GetKind() != "CronJob" {
		return nil
	}
	by := &imminence.CronJob{}
	by.Schedule, _, _ = unstructured.NestedString(object.Object, "spec", "schedule")
	by.TimeZone, _, _ = unstructured.NestedString(object.Object, "spec", "timeZone")
	by.Suspended, _, _ = unstructured.NestedBool(object.Object, "spec", "suspend")
	return by
}

// finished tells whether a Pod or a Job pulls nothing any more.
func finished(object *unstructured.Unstructured) bool {
	switch object.GetKind() {
	case podKind:
		phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
		return phase == "Succeeded" || phase == "Failed"
	case "Job":
		conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
		return slices.ContainsFunc(conditions, func(one any) bool {
			c, _ := one.(map[string]any)
			return c["status"] == "True" && (c["type"] == "Complete" || c["type"] == "Failed")
		})
	default:
		return false
	}
}

// events is told of objects.
type events interface {
	seen(e *entry, initial bool)
	gone(e *entry)
}

// watch follows all kinds with images until the context ends, and returns when
// all that was there has been handed over. A kind that the API server does not
// serve, or that may not be read, is left out and told.
func watch(ctx context.Context, client dynamic.Interface, mapper meta.RESTMapper, kinds *workload.Kinds, to events, tell func(string, ...any)) error {
	var synced []toolscache.InformerSynced
	for _, kind := range kinds.Served() {
		mapping, err := mapper.RESTMapping(kind)
		if err != nil {
			tell("a kind is not looked at", "kind", kind.String(), "error", err.Error())
			continue
		}
		informer := dynamicinformer.NewFilteredDynamicInformer(
			client, mapping.Resource, metav1.NamespaceAll, 0, toolscache.Indexers{}, nil).Informer()
		if err := informer.SetTransform(slim(kinds)); err != nil {
			return fmt.Errorf("watch %s: %w", kind, err)
		}
		registration, err := informer.AddEventHandler(handler(to))
		if err != nil {
			return fmt.Errorf("watch %s: %w", kind, err)
		}
		go informer.Run(ctx.Done())
		synced = append(synced, registration.HasSynced)
	}
	waited, cancel := context.WithTimeout(ctx, syncLimit)
	defer cancel()
	if !toolscache.WaitForCacheSync(waited.Done(), synced...) && ctx.Err() == nil {
		tell("not all kinds could be read yet; those that could are looked at", "after", syncLimit.String())
	}
	return ctx.Err()
}

// syncLimit is how long kinds that cannot be read keep the others waiting.
const syncLimit = time.Minute

func handler(to events) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(object any, initial bool) {
			if e, ok := object.(*entry); ok {
				to.seen(e, initial)
			}
		},
		UpdateFunc: func(_, object any) {
			if e, ok := object.(*entry); ok {
				to.seen(e, false)
			}
		},
		DeleteFunc: func(object any) {
			if last, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
				object = last.Obj
			}
			if e, ok := object.(*entry); ok {
				to.gone(e)
			}
		},
	}
}
