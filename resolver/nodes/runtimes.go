package nodes

import (
	"strconv"
	"strings"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Runtimes returns the kinds of the nodes' container runtimes.
func Runtimes(nodes []Node) pull.Runtimes {
	var kinds pull.Runtimes
	for _, n := range nodes {
		kinds |= n.kind()
	}
	return kinds
}

// kind reads what a kubelet reports as containerRuntimeVersion: the name that
// the runtime itself gives, and its version. A node that tells nothing yet is
// taken for what most are.
func (n Node) kind() pull.Runtimes {
	switch {
	case n.Runtime == "containerd" && before21(n.RuntimeVersion):
		return pull.ContainerdLocal
	case n.Runtime == "containerd", n.Runtime == "":
		return pull.Containerd
	case n.Runtime == "cri-o":
		return pull.CRIO
	default:
		return pull.OtherRuntime
	}
}

// before21 tells whether containerd cannot pull by its transfer service, which
// the CRI plugin knows since 2.1 (internal/cri/config/config.go,
// CheckLocalImagePullConfigs). A version that does not parse may be any.
func before21(version string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err := strconv.ParseUint(parts[0], 10, 16)
	if err != nil {
		return false
	}
	minor, err := strconv.ParseUint(parts[1], 10, 16)
	return err == nil && (major < 2 || major == 2 && minor == 0)
}
