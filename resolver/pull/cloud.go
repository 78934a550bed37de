package pull

// The clouds whose nodes log in to their registries by an identity of their
// own; the names of sources of the kind FromCloud.
const (
	ECR    = "ecr"
	Google = "google"
	ACR    = "acr"
)

// Clouds lists them.
func Clouds() []string { return []string{ECR, Google, ACR} }
