package report

import "github.com/pullgate/pullgate/resolver/pull"

// seeMessage is the advice where there is none in general.
const seeMessage = "See the message."

// rule explains a reason.
type rule struct {
	ID    string
	Level string // error, warning or note
	// Short says what it means, and Help what to do.
	Short, Help string
}

// rules explains every reason that wants looking at, and every note.
func rules() []rule {
	var all []rule
	for _, reason := range pull.Reasons()[pull.Broken] {
		short, help := explainBroken(reason)
		all = append(all, rule{string(reason), "error", short, help})
	}
	for _, reason := range pull.Reasons()[pull.Unknown] {
		short, help := explainUnknown(reason)
		all = append(all, rule{string(reason), "warning", short, help})
	}
	for _, note := range notes() {
		short, help := explainNote(note)
		all = append(all, rule{string(note), "note", short, help})
	}
	return append(all, rule{unreadable, "error", "A manifest cannot be read.",
		"Correct the file at the given line. What is in it was not checked."})
}

// unreadable is the rule of problems.
const unreadable = "UnreadableManifest"

func notes() []pull.NoteReason {
	return []pull.NoteReason{
		pull.PullSecretMissing, pull.PullSecretIgnored, pull.PullSecretUnmatched, pull.PullSecretRejected,
		pull.WrongArchitecture, pull.SomeNodesMismatch, pull.UnpinnedTag, pull.VolumeNotMounted,
	}
}

func explainBroken(reason pull.Reason) (short, help string) {
	switch reason {
	case pull.InvalidImageName:
		return "Nodes cannot parse the image's name.",
			"Write [REGISTRY/]REPOSITORY[:TAG][@DIGEST] in lower case, without a scheme or white space."
	case pull.TagNotFound:
		return "The registry does not have the tag.",
			"Correct the tag, or push the image before it is deployed. The nearest tags are suggested where the registry lists them."
	case pull.DigestNotFound:
		return "The registry does not have the digest.",
			"Pin a digest that the registry still has: an image without a tag may have been cleaned up."
	case pull.RepositoryNotFound:
		return "The registry does not have the repository.",
			"Correct the registry's or the repository's name, or push the image before it is deployed."
	case pull.CredentialsRequired:
		return "The registry lets nobody pull without credentials, and none matches.",
			"Put a pull secret for the registry into imagePullSecrets of the Pod or its ServiceAccount. Some registries answer the same for repositories that do not exist: check the name, too."
	case pull.CredentialsRejected:
		return "The registry refused every credential that matches.",
			"Renew the credentials in the pull secret, or give their owner access to the repository."
	case pull.PullSecretMalformed:
		return "A pull secret makes the kubelet fail every pull of the Pod.",
			"Create the secret anew with `kubectl create secret docker-registry`."
	case pull.PlatformMismatch:
		return "The image has no entry for any platform of the nodes.",
			"Build the image for the nodes' platforms, or keep its Pods on nodes that it is for with a nodeSelector on kubernetes.io/arch and kubernetes.io/os."
	case pull.UnsupportedImage:
		return "What the registry has is no image that nodes can pull.",
			"Push the image again with a current builder."
	case pull.BlobMissing:
		return "The manifest is there, but a layer or the config is gone.",
			"Push the image again; look at what the registry's clean-up deletes."
	case pull.NeverPresent:
		return "The pull policy is Never, and no node is known to have the image.",
			"Load the image onto the nodes, or set imagePullPolicy: IfNotPresent."
	default:
		return "Nodes cannot pull the image.", seeMessage
	}
}

func explainUnknown(reason pull.Reason) (short, help string) {
	switch reason {
	case pull.RateLimited:
		return "The registry limits the rate of requests and said nothing of the image.",
			"Check again later, or log in: registries allow more to whom they know."
	case pull.RegistryUnreachable:
		return "The registry cannot be reached from here.",
			"Check the registry's name and the network. Nodes may still reach it."
	case pull.RegistryError:
		return "The registry gave no usable answer.",
			"Check again later; the message says what it answered."
	case pull.UntrustedCertificate:
		return "The registry's certificate is not trusted here.",
			"Add its CA to this machine, or give registries.hostsDir as on the nodes."
	case pull.Timeout:
		return "The registry did not answer in time.",
			"Check again later."
	case pull.NodeCredentialsUnknown:
		return "The registry refused, but there may be credentials that were not given.",
			"Give the pull secrets along with the manifests, log in with `docker login`, or let --cluster read them."
	case pull.AddressForbidden:
		return "The registry's address is one that is not dialled.",
			"Allow it under registries.allowAddresses if it is right."
	case pull.PresentOnNodes:
		return "Nodes could not pull the image, but one has it already.",
			"Correct the image or its pull secret all the same: other nodes will fail. Since Kubernetes 1.35 a node, too, keeps what it pulled with a pull secret from Pods without that secret."
	default:
		return "Nothing is known about the image.", seeMessage
	}
}

func explainNote(note pull.NoteReason) (short, help string) {
	switch note {
	case pull.PullSecretMissing:
		return "A pull secret does not exist.", "Create it, or take its name from the list. Nodes pull without it."
	case pull.PullSecretIgnored:
		return "Nodes read nothing from a pull secret.", "Create it with `kubectl create secret docker-registry`."
	case pull.PullSecretUnmatched:
		return "A pull secret has no entry for the registry.", "Add an entry for the registry, written as in the image's name."
	case pull.PullSecretRejected:
		return "A pull secret was refused, though another one works.", "Renew it, or take its name from the list."
	case pull.WrongArchitecture:
		return "The image is pulled, but is for another platform than the nodes'.", "Build the image for the nodes' platforms."
	case pull.SomeNodesMismatch:
		return "Some nodes could not pull the image.", "Build the image for these platforms, too, or keep its Pods off such nodes with a nodeSelector."
	case pull.UnpinnedTag:
		return "The tag may come to mean another image.", "Pin the digest that the message gives."
	case pull.VolumeNotMounted:
		return "The image of a volume cannot be pulled, or nothing is known of it, but no container mounts the volume.", "Correct the image, or take the volume away."
	default:
		return "Something about the image is worth knowing.", seeMessage
	}
}
