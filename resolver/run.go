package resolver

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// run follows the kubelet (pkg/kubelet/images/image_manager.go,
// EnsureImageExists): parse, pull policy, credentials, pull. What it finds out
// is published as soon as it is known.
func (c *imageCheck) run(ctx context.Context) {
	known := knowledge{Facts: pull.Facts{Written: c.image.Reference, ServiceAccount: c.template.ServiceAccount, Platforms: c.template.platforms}}
	f := &known.Facts
	switch c.read(f); {
	case f.Finding.Reason != "":
		c.publish(&known)
		return
	case c.image.Policy == corev1.PullNever:
		c.neverPulled(f)
		c.publish(&known)
		return
	}
	t := c.ask(ctx, c.template.ring(ctx, c.waits))
	if t.finding.Reason.Verdict() == pull.Broken {
		t = c.askAgain(ctx, t)
	}
	t.state(f)
	looking := &search{imageCheck: c, trial: &t}
	c.doubt(ctx, f, looking)
	known.notes = c.notesOn(f, t.match.Notes)
	c.publish(&known)
	if f.Verdict() == pull.Broken {
		looking.settle(ctx, f)
		c.publish(&known)
		looking.help(ctx, f)
		c.publish(&known)
	}
}

// read parses the reference; with a reason, that is all there is to know.
func (c *imageCheck) read(f *pull.Facts) {
	if c.image.Reference == "" && c.template.Custom {
		f.Open, f.Finding.Reason = true, pull.Exempt
		return
	}
	named, err := c.resolver.names.read(c.image.Reference)
	if err != nil {
		f.Unparsable, f.Finding.Reason = err, pull.InvalidImageName
		f.NoPods = refused(c.image)
		return
	}
	c.named, f.Named = named, named
}

// refused tells whether the API server takes no Pod with the name: it is empty,
// or has white space around it, which is looked at for containers alone
// (pkg/apis/core/validation/validation.go, validateContainerOnlyForPod and
// validateImageVolumeSource).
func refused(image workload.Image) bool {
	trimmed := strings.TrimSpace(image.Reference)
	return image.Reference == "" || trimmed != image.Reference && image.Role != workload.Volume
}
