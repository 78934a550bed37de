package audit

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/imminence"
	"github.com/pullgate/pullgate/workload"
)

// Inventory is what a cluster has: the workloads that are looked at, and what
// the Pods say that run. Its zero value, with Kinds, is empty.
type Inventory struct {
	// Kinds are those of objects that are read.
	Kinds *workload.Kinds
	// Objects counts the objects that were read, and Finished those of them
	// that pull nothing any more.
	Objects, Finished int

	seen     map[types.UID]bool
	owners   map[types.UID]types.UID // of what is controlled by whom
	subjects []subject
	pods     []pod
}

// subject is an object whose images are looked at.
type subject struct {
	workload.Workload
	object
}

// pod is a Pod that has not come to its end.
type pod struct {
	uid types.UID
	now *imminence.Pod
}

// Add takes an object up, given as JSON. What a checked controller makes is no
// workload of its own, but tells of its controller's. An object that comes twice
// counts once.
func (in *Inventory) Add(raw []byte) error {
	o, err := readObject(raw)
	if err != nil {
		return err
	}
	if in.seen[o.Metadata.UID] {
		return nil
	}
	w, err := in.Kinds.Read(raw, workload.Update)
	if errors.Is(err, workload.ErrUnknownKind) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s %s/%s: %w", w.Object.Kind, w.Object.Namespace, w.Object.Name, err)
	}
	in.add(w, o)
	return nil
}

func (in *Inventory) add(w workload.Workload, o object) {
	if in.seen == nil {
		in.seen, in.owners = map[types.UID]bool{}, map[types.UID]types.UID{}
	}
	in.seen[o.Metadata.UID] = true
	in.Objects++
	if o.finished(w.Object.Kind) {
		in.Finished++
		return
	}
	if w.Object.Kind == "Pod" {
		in.pods = append(in.pods, newPod(w, o))
	}
	if w.Controller != nil && in.Kinds.Checked(*w.Controller) {
		in.owners[o.Metadata.UID] = w.Controller.UID
		return
	}
	o.Status.Init, o.Status.Containers, o.Status.Ephemeral = nil, nil, nil // which the pod has
	in.subjects = append(in.subjects, subject{w, o})
}

func newPod(w workload.Workload, o object) pod {
	images := map[string]string{} // as the spec has them
	for _, image := range w.Templates[0].Images {
		if image.Role != workload.Volume {
			images[image.Container] = image.Reference
		}
	}
	now := imminence.NewPod(o.Spec.NodeName)
	for _, c := range o.containers() {
		now.Add(c.Name, images[c.Name], c.ImageID, c.failsToPull())
	}
	return pod{o.Metadata.UID, now}
}

// Images counts the uses of images that are looked at.
func (in *Inventory) Images() int {
	n := 0
	for i := range in.subjects {
		for _, template := range in.subjects[i].Templates {
			n += len(template.Images)
		}
	}
	return n
}

// podsByRoot tells which Pods run for each subject: a Deployment's are those of
// its ReplicaSets.
func (in *Inventory) podsByRoot() map[types.UID][]*imminence.Pod {
	roots := map[types.UID][]*imminence.Pod{}
	for i := range in.pods {
		root := in.pods[i].uid
		for range maxOwners {
			owner, controlled := in.owners[root]
			if !controlled {
				break
			}
			root = owner
		}
		roots[root] = append(roots[root], in.pods[i].now)
	}
	return roots
}

// maxOwners is how long a chain of controllers can be, circles included.
const maxOwners = 8

// running returns REPOSITORY@DIGEST of all that Pods run, sorted.
func (in *Inventory) running() []string {
	all := map[string]bool{}
	for i := range in.pods {
		for _, digest := range in.pods[i].now.Digests() {
			all[digest] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
