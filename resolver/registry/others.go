package registry

import (
	"context"

	"github.com/pullgate/pullgate/resolver/pull"
)

// byOthers looks at a refusal by containerd's rules once more for nodes of a
// runtime that nobody here knows, or with an old containerd. This is the one place
// where what one runtime refuses is let through for another.
func (a *attempt) byOthers(ctx context.Context, found outcome) pull.Finding {
	finding := found.Finding
	switch {
	case finding.Reason.Verdict() != pull.Broken:
		return finding
	case found.schema1 && a.Runtimes.Has(pull.ContainerdLocal): // 2.0 lets it be switched on, 1.7 off
		return undecided(finding, "containerd before 2.1 may convert it")
	case !a.Runtimes.Has(pull.OtherRuntime):
		return finding
	}
	other := crioProbe{a.client}.anew(ctx, a.Query)
	if other.Reason == pull.UnsupportedImage {
		return undecided(finding, "the nodes' runtime may take what containerd refuses")
	}
	runtime := "containerd"
	if !a.Runtimes.Has(pull.Containerd | pull.ContainerdLocal) {
		runtime, finding.Node = "a runtime with containerd's rules", "" // nobody knows its words
	}
	return finding.Or(func() pull.Finding { return other }, func(refused, _ pull.Finding) pull.Note {
		return mismatch("nodes that run %s could not pull it: %s", runtime, refused.Detail)
	})
}

// undecided is the finding where only the nodes' runtime decides.
func undecided(finding pull.Finding, why string) pull.Finding {
	finding.Node, finding.Notes, finding.LoginFailed = "", nil, false
	return finding.InDoubt(pull.RegistryError, why)
}
