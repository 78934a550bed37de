package pull

// The clouds whose nodes log in to their registries by an identity of their own.
const (
	ECR    = "ecr"
	Google = "google"
	ACR    = "acr"
)

// CloudSource begins the names of the sources of credentials that a cloud's
// identity of our own gives.
const CloudSource = "cloud/"

// Clouds lists them.
func Clouds() []string { return []string{ECR, Google, ACR} }
