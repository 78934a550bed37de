package live

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/audit/tell"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// past is what was found out before a restart, as small as can be: most images
// are pullable.
type past struct {
	// Partial says that there was not room for all.
	Partial   bool                `json:"partial,omitempty"`
	Workloads map[string]pastLook `json:"workloads"`
}

// pastLook is what is known of a workload; the key is what it asks.
type pastLook struct {
	At int64 `json:"at"` // Unix time
	// Images are in the order of the workload's; none: all are pullable.
	Images []pastImage `json:"images,omitempty"`
	// Event is the last one that was written.
	Event *tell.Told `json:"event,omitempty"`
}

// pastImage is what was said of an image.
type pastImage struct {
	Reason pull.Reason `json:"r"`
	Since  int64       `json:"s,omitempty"`
	Told   pull.Reason `json:"t,omitempty"`
}

// fingerprint stands for a workload and what it asks: another image, pull secret
// or account makes another.
func fingerprint(uid types.UID, w *workload.Workload) string {
	asked, _ := json.Marshal(w.Templates) // what it is made of can be written
	sum := sha256.Sum256(append([]byte(uid), asked...))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// imagesOf lists a workload's images in their order.
func imagesOf(w *workload.Workload) (all []workload.Image) {
	for _, template := range w.Templates {
		all = append(all, template.Images...)
	}
	return all
}

// newPastLook makes what is known of a workload small.
func newPastLook(w *workload.Workload, known *looked, event tell.Told) pastLook {
	look := pastLook{At: known.at.Unix()}
	if !event.At.IsZero() || len(event.Notices) > 0 {
		look.Event = &event
	}
	plain := true
	for _, image := range imagesOf(w) {
		c := known.claim(image.Container, image.Reference)
		if c == nil {
			c = &claim{}
		}
		one := pastImage{Reason: c.reason, Since: c.since.Unix()}
		if c.told != nil {
			one.Told = c.told.Reason
		}
		plain = plain && c.reason == pull.ReasonPullable && c.told == nil
		look.Images = append(look.Images, one)
	}
	if plain {
		look.Images = nil
	}
	return look
}

// recalled makes of it what was known; nil where it does not fit.
func (p *pastLook) recalled(uid types.UID, w *workload.Workload, accepts func(namespace, image string) bool) *looked {
	images := imagesOf(w)
	if p.Images != nil && len(p.Images) != len(images) {
		return nil
	}
	known := &looked{object: w.Object, uid: uid, at: time.Unix(p.At, 0), recalled: true}
	for i, image := range images {
		one := pastImage{Reason: pull.ReasonPullable, Since: p.At}
		if p.Images != nil {
			one = p.Images[i]
		}
		c := claim{container: image.Container, image: image.Reference, use: image, verdict: one.Reason.Verdict(), reason: one.Reason, since: time.Unix(one.Since, 0)}
		c.confirmed = known.at.Sub(c.since) >= confirmedAfter
		if one.Told != "" {
			c.told = &tell.Finding{Container: c.container, Image: c.image, Verdict: one.Told.Verdict(), Reason: one.Told}
		}
		if c.accepted = c.verdict == pull.Broken && accepts(w.Object.Namespace, c.image); c.accepted {
			c.told = nil
		}
		known.images = append(known.images, c)
	}
	return known
}

// halved leaves the older half of what is pullable out.
func (p past) halved() past {
	var plain []string
	for key := range p.Workloads {
		if p.Workloads[key].Images == nil && p.Workloads[key].Event == nil {
			plain = append(plain, key)
		}
	}
	slices.SortFunc(plain, func(a, b string) int { return cmp.Compare(p.Workloads[a].At, p.Workloads[b].At) })
	less := past{Partial: true, Workloads: map[string]pastLook{}}
	for key, look := range p.Workloads {
		less.Workloads[key] = look
	}
	for _, key := range plain[:(len(plain)+1)/2] {
		delete(less.Workloads, key)
	}
	return less
}
