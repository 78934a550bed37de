package pull

// Runtimes is a set of kinds of container runtimes, by the rules by which they
// pull. It holds those of the nodes on which a Pod can land. The empty set
// stands for nodes of which nothing is known: Containerd.
type Runtimes uint8

// The kinds.
const (
	// Containerd pulls by its transfer service or by its local path, as it is
	// configured: nobody can tell from outside.
	Containerd Runtimes = 1 << iota
	// ContainerdLocal is containerd before 2.1, which has the local path alone.
	ContainerdLocal
	// CRIO is CRI-O.
	CRIO
	// OtherRuntime is one that nobody here knows: an image is broken for it
	// only where it is for all the others.
	OtherRuntime
)

// RuntimeNames lists how configurations and flags call the kinds that one can
// tell of nodes at which nobody can look.
func RuntimeNames() []string { return []string{"containerd", "containerd-local", "cri-o"} }

// RuntimesNamed returns the set of kinds with these names; what is none of
// RuntimeNames is left out.
func RuntimesNamed(names []string) Runtimes {
	var set Runtimes
	for _, name := range names {
		switch name {
		case "containerd":
			set |= Containerd
		case "containerd-local":
			set |= ContainerdLocal
		case "cri-o":
			set |= CRIO
		}
	}
	return set
}

// Has tells whether the set holds a kind.
func (r Runtimes) Has(kind Runtimes) bool { return r&kind != 0 }

// Known returns the set with its default.
func (r Runtimes) Known() Runtimes {
	if r == 0 {
		return Containerd
	}
	return r
}
