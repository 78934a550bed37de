package imminence

import (
	"fmt"
	"slices"
	"strings"
	"unique"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// Pod is what a Pod runs, that has not come to its end. Pods of a cluster have the
// same names over and over, so that each is kept once for all of them.
type Pod struct {
	node       unique.Handle[string]
	containers []container
}

type container struct {
	name, image, id unique.Handle[string]
	waits           bool
}

// NewPod returns one that a node has, of which nothing else is known yet.
func NewPod(node string) *Pod { return &Pod{node: unique.Make(node)} }

// Add takes up what the kubelet says of a container: the image that the Pod names
// for it, as what the node knows the one that it runs or ran (empty: none yet), and
// whether it waits for an image that the node could not get.
func (p *Pod) Add(name, image, id string, waits bool) {
	p.containers = append(p.containers, container{unique.Make(name), unique.Make(image), unique.Make(id), waits})
}

// Digests are REPOSITORY@DIGEST of what it runs, as far as its node tells.
func (p *Pod) Digests() (all []string) {
	for _, c := range p.containers {
		if digest := c.digest(); digest != "" {
			all = append(all, digest)
		}
	}
	return all
}

// digest is REPOSITORY@DIGEST of what the container runs; "" where the node does
// not tell, as of images that no registry gave it.
func (c *container) digest() string {
	_, id, schemed := strings.Cut(c.id.Value(), "://") // docker-pullable://, of old
	if !schemed {
		id = c.id.Value()
	}
	if !strings.Contains(id, "@sha") {
		return ""
	}
	return id
}

// Use is what Pods say of one image.
type Use struct {
	// Waiting are those that cannot pull it, Started those that run it or ran it.
	Waiting, Started int
	// digests are REPOSITORY@DIGEST of what runs on nodes with containerd, which
	// names what the tag led to; CRI-O may name a platform's manifest of it.
	digests []string
}

// Of finds out what Pods say of an image. A Pod with another image in the same
// container, as while a rollout is under way, says nothing of it. The image of a
// volume has no status: it is there where any container was started, and waited for
// where one waits for an image.
func Of(pods []*Pod, image workload.Image, containerd func(node string) bool) Use {
	var found Use
	for _, p := range pods {
		found.add(p, image, containerd)
	}
	return found
}

func (u *Use) add(p *Pod, image workload.Image, containerd func(node string) bool) {
	waits, started := false, false
	for _, c := range p.containers {
		own := c.isOf(image)
		if !own && (image.Role != workload.Volume || !image.Mounted) {
			continue
		}
		waits, started = waits || c.waits, started || c.id.Value() != ""
		if own && !c.waits && containerd(p.node.Value()) {
			u.runs(c.digest())
		}
	}
	switch {
	case waits && (image.Role != workload.Volume || !started):
		u.Waiting++
	case started:
		u.Started++
	}
}

// runs takes note of what runs, once; "" is not known.
func (u *Use) runs(digest string) {
	if digest != "" && !slices.Contains(u.digests, digest) {
		u.digests = append(u.digests, digest)
	}
}

// isOf tells whether an image is a container's own.
func (c *container) isOf(image workload.Image) bool {
	return image.Role != workload.Volume && c.name.Value() == image.Container && c.image.Value() == image.Reference
}

// Moved says that a tag leads to another image than the one that runs; "" where it
// does not, or where nobody knows. Resolved is what new Pods ask for, and digest
// what they would get.
func (u *Use) Moved(verdict pull.Verdict, resolved, digest string) string {
	if len(u.digests) == 0 || digest == "" || verdict != pull.Pullable {
		return ""
	}
	named, err := reference.ParseNormalizedNamed(resolved)
	if err != nil {
		return ""
	}
	tagged, ok := named.(reference.Tagged)
	if !ok {
		return ""
	}
	for _, running := range u.digests {
		repository, runs, _ := strings.Cut(running, "@")
		if repository == named.Name() && runs != digest {
			return fmt.Sprintf("the tag %s has moved: Pods run %s, a new one gets %s", tagged.Tag(), runs, digest)
		}
	}
	return ""
}
