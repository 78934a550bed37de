package registry

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/images"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/contents"
	"github.com/pullgate/pullgate/resolver/registry/crio"
)

// byOthers looks at a refusal by containerd's rules once more for nodes that do
// not run it, or an old one. This is the one place where what one runtime
// refuses is let through for another.
func (a *attempt) byOthers(ctx context.Context, found outcome) pull.Finding {
	finding := found.Finding
	switch {
	case finding.Reason.Verdict() != pull.Broken:
		return finding
	case found.schema1 && a.Runtimes.Has(pull.ContainerdLocal): // 2.0 lets it be switched on, 1.7 off
		return undecided(finding, "containerd before 2.1 may convert it")
	case !a.Runtimes.Has(pull.CRIO | pull.OtherRuntime):
		return finding
	}
	other := a.look(ctx, a.byCRIO).Finding
	switch known := a.Runtimes.Has(pull.Containerd | pull.ContainerdLocal); {
	case other.Reason == pull.UnsupportedImage && a.Runtimes.Has(pull.CRIO):
		return undecided(finding, "CRI-O may take what containerd refuses")
	case other.Reason == pull.UnsupportedImage:
		return undecided(finding, "the nodes' runtime may take what containerd refuses")
	case a.Runtimes == pull.CRIO:
		return other
	default:
		if !known {
			finding.Node = "" // nobody knows its words
		}
		return finding.Or(func() pull.Finding { return other }, func(refused, _ pull.Finding) pull.Note {
			runtime := "containerd"
			if !known {
				runtime = "a runtime with containerd's rules"
			}
			return mismatch("nodes that run %s could not pull it: %s", runtime, refused.Detail)
		})
	}
}

// undecided is the finding where only the nodes' runtime decides.
func undecided(finding pull.Finding, why string) pull.Finding {
	finding.Node, finding.Notes, finding.LoginFailed = "", nil, false
	return finding.InDoubt(pull.RegistryError, why)
}

// byCRIO asks and reads as CRI-O does, from the beginning. What it then refuses
// of the content is UnsupportedImage, and no verdict: it tries as an artifact
// what it could not pull as an image (internal/storage/image.go,
// pullImageImplementation), and it takes what containerd does not.
func (a *attempt) byCRIO(ctx context.Context) outcome {
	hosts, _, err := a.client.hostsFor(ctx, a.Image, a.Credential, containerd.Direct, false)
	if err != nil {
		return outcome{Finding: answers.Unanswered(err)}
	}
	client := &crio.Client{Image: a.Image, Credential: a.Credential, Host: hosts[len(hosts)-1]}
	root, blob, err := client.Resolve(ctx)
	switch {
	case err != nil:
		return outcome{Finding: client.Unresolved(err)}
	case crio.IsSchema1(root.MediaType, blob):
		return outcome{Finding: pull.Finding{Reason: pull.ReasonPullable, Digest: root.Digest}}
	case !images.IsManifestType(root.MediaType) && !images.IsIndexType(root.MediaType):
		return outcome{Finding: pull.Finding{Reason: pull.UnsupportedImage, Detail: answers.OneLine(fmt.Sprintf("media type %q is that of no manifest", root.MediaType))}}
	}
	store := contents.NewStore(client, nil)
	store.Hold(root, blob)
	e := evaluation{Query: a.Query, store: store, root: root, host: client.Host.Host}
	e.Runtimes = pull.CRIO
	finding := e.find(ctx)
	finding.Digest = root.Digest
	return outcome{Finding: finding}
}
