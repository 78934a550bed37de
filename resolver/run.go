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
	known, decided := c.begin()
	f := &known.Facts
	if decided {
		c.publish(&known)
		return
	}
	t := c.ask(ctx, c.template.ring.open(ctx, c.crew.another))
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

// recall does the same where nothing has to be waited for, and tells whether that
// was so. It is how nearly all checks end: the same image was admitted before.
func (c *imageCheck) recall(ctx context.Context) bool {
	known, decided := c.begin()
	if decided {
		c.publish(&known)
		return true
	}
	ring := c.template.ring.opened()
	if ring == nil || ring.Asks() {
		return false
	}
	t, key := newTrial(ctx, c, ring)
	if t.match.Malformed != nil || !t.recall(c.resolver.Cache, key) {
		return false
	}
	c.resolver.looked(true)
	f := &known.Facts
	t.state(f)
	c.doubtShortName(f) // nothing else is doubted of what can be pulled
	known.notes = c.notesOn(f, t.match.Notes)
	c.publish(&known)
	return true
}

// begin tells what is known of an image before anybody is asked, and whether that
// is all there is to know.
func (c *imageCheck) begin() (known knowledge, decided bool) {
	known.Facts = pull.Facts{Written: c.image.Reference, ServiceAccount: c.template.ServiceAccount, Platforms: c.template.platforms}
	f := &known.Facts
	switch c.read(&known); {
	case f.Finding.Reason != "":
		return known, true
	case c.image.Policy == corev1.PullNever:
		c.neverPulled(f)
		return known, true
	}
	return known, false
}

// read parses the reference; with a reason, that is all there is to know.
func (c *imageCheck) read(known *knowledge) {
	f := &known.Facts
	if c.image.FilledBy != "" {
		f.FilledBy, f.Finding.Reason = c.image.FilledBy, pull.Exempt
		return
	}
	read, err := c.resolver.names.read(c.image.Reference)
	if err != nil {
		f.Unparsable, f.Finding.Reason = err, pull.InvalidImageName
		f.NoPods = refused(c.image)
		return
	}
	c.named, f.Named, known.pulled = read.named, read.named, read.pulled
}

// refused tells whether the API server takes no Pod with the name: it is empty,
// or has white space around it, which is looked at for containers alone
// (pkg/apis/core/validation/validation.go, validateContainerOnlyForPod and
// validateImageVolumeSource).
func refused(image workload.Image) bool {
	trimmed := strings.TrimSpace(image.Reference)
	return image.Reference == "" || trimmed != image.Reference && image.Role != workload.Volume
}
