package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// onNodes is what Pods say of one image of a subject.
type onNodes struct {
	// waiting are Pods that cannot pull it, started those that run it or ran it.
	waiting, started int
	// digests are REPOSITORY@DIGEST of what runs on nodes with containerd, which
	// names what the tag led to; CRI-O may name a platform's manifest of it.
	digests []string
}

// look finds out what Pods say of an image. A Pod with another image in the
// same container, as while a rollout is under way, says nothing of it.
func look(pods []*pod, image workload.Image, containerd func(node string) bool) onNodes {
	var found onNodes
	for _, p := range pods {
		if p.images[image.Container] != image.Reference {
			continue
		}
		i := slices.IndexFunc(p.containers, func(c containerNow) bool { return c.Name == image.Container })
		switch {
		case i < 0:
		case p.containers[i].failsToPull():
			found.waiting++
		case p.containers[i].ImageID != "":
			found.started++
			if digest := p.containers[i].digest(); digest != "" && containerd(p.node) && !slices.Contains(found.digests, digest) {
				found.digests = append(found.digests, digest)
			}
		}
	}
	return found
}

// imminence says when an image that cannot be pulled will hurt; nil where the
// verdict gives no cause.
func (s *subject) imminence(result *resolver.Result, found onNodes) *pull.Note {
	if result.Verdict != pull.Broken && result.Reason != pull.PresentOnNodes {
		return nil
	}
	note := pull.Note{Reason: pull.Imminence}
	switch {
	case found.waiting > 0:
		note.Message = fmt.Sprintf("it hurts already: %s", pods(found.waiting, "waits", "wait"))
	case found.started > 0 && result.Image.Policy == corev1.PullAlways:
		note.Message = "it hurts at the next restart of a container: the pull policy is Always"
	case found.started > 0:
		note.Message = "it hurts when a Pod lands on another node or a node is replaced: where it runs, the image is there"
	case s.Object.Kind == "CronJob" && s.Spec.Suspend:
		note.Message = "it hurts when the CronJob is suspended no longer"
	case s.Object.Kind == "CronJob":
		note.Message = "it hurts at the CronJob's next time: " + nextTime(s.Spec.Schedule, s.Spec.TimeZone, time.Now())
	default:
		note.Message = "it hurts with the next Pod: none runs it"
	}
	return &note
}

func pods(n int, one, many string) string {
	if n == 1 {
		return "1 Pod " + one + " for it"
	}
	return fmt.Sprintf("%d Pods %s for it", n, many)
}

// moved says that a tag leads to another image than the one that runs; nil where
// it does not, or where nobody knows.
func moved(result *resolver.Result, found onNodes) *pull.Note {
	named, err := reference.ParseNormalizedNamed(result.Resolved)
	if err != nil || result.Digest == "" || result.Verdict != pull.Pullable {
		return nil
	}
	tagged, ok := named.(reference.Tagged)
	if !ok {
		return nil
	}
	for _, running := range found.digests {
		repository, digest, _ := strings.Cut(running, "@")
		if repository == named.Name() && digest != result.Digest {
			return &pull.Note{Reason: pull.TagMoved, Message: fmt.Sprintf(
				"the tag %s has moved: Pods run %s, a new one gets %s", tagged.Tag(), digest, result.Digest)}
		}
	}
	return nil
}
