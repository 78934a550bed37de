package live

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/pullgate/pullgate/workload"
)

// entry is what is kept of an object: who it is, and its images, unless a checked
// controller made it or it has come to its end.
type entry struct {
	*metav1.ObjectMeta
	workload *workload.Workload
}

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
		raw, err := full.MarshalJSON()
		if err != nil {
			return kept, nil //nolint:nilerr // what cannot be read is not looked at, and stops nothing
		}
		w, err := kinds.Read(raw, workload.Update)
		if err == nil && !finished(full) && (w.Controller == nil || !kinds.Checked(*w.Controller)) {
			kept.workload = &w
		}
		return kept, nil
	}
}

// finished tells whether a Pod or a Job pulls nothing any more.
func finished(object *unstructured.Unstructured) bool {
	switch object.GetKind() {
	case "Pod":
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
