package pull

// SourceKind is where a credential can come from.
type SourceKind string

// The kinds of sources, a closed set.
const (
	// FromNobody is the source of the credential that is none.
	FromNobody SourceKind = ""
	// FromSecret is a pull secret.
	FromSecret SourceKind = "secret"
	// FromNode is a file of the nodes, such as the kubelet's config.json.
	FromNode SourceKind = "node"
	// FromProvider is a credential provider of the kubelet's.
	FromProvider SourceKind = "provider"
	// FromCloud is a cloud's identity of our own, which stands for the nodes'.
	FromCloud SourceKind = "cloud"
	// FromDocker is the docker configuration of whoever runs the program.
	FromDocker SourceKind = "docker configuration"
)

// Source says where a credential comes from. The zero value is nowhere: the
// credential that is none.
type Source struct {
	Kind SourceKind
	// Name tells it from others of its kind: NAMESPACE/NAME for a pull secret.
	Name string
}

// Secret is the source of what a pull secret holds.
func Secret(namespace, name string) Source {
	return Source{Kind: FromSecret, Name: namespace + "/" + name}
}

// String spells the source as reports do: KIND/NAME, or anonymous.
func (s Source) String() string {
	switch {
	case s.Kind == FromNobody:
		return "anonymous"
	case s.Name == "":
		return string(s.Kind)
	default:
		return string(s.Kind) + "/" + s.Name
	}
}

// MarshalText spells the source in reports.
func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
