package pull

// push is the hint on what is not whole.
const push = "push the image again with a current builder"

// standard is the catalogue. It is never changed.
var standard = Catalogue{Reasons: []Entry{
	{
		Reason: ReasonPullable, Verdict: Pullable,
		Meaning: "Every node on which the Pod can land would pull the image.",
	},
	{
		Reason: InvalidImageName, Verdict: Broken, Summary: "not an image name that nodes can parse",
		Meaning: "Nodes cannot parse the image's name.",
		Help:    "Write [REGISTRY/]REPOSITORY[:TAG][@DIGEST] in lower case, without a scheme or white space.",
	},
	{
		Reason: TagNotFound, Verdict: Broken, Summary: "tag not found",
		Meaning: "The registry does not have the tag.",
		Help:    "Correct the tag, or push the image before it is deployed. The nearest tags are suggested where the registry lists them.",
	},
	{
		Reason: DigestNotFound, Verdict: Broken, Summary: "digest not found",
		Meaning: "The registry does not have the digest.",
		Help:    "Pin a digest that the registry still has: an image without a tag may have been cleaned up.",
	},
	{
		Reason: RepositoryNotFound, Verdict: Broken, Summary: "repository not found",
		Meaning: "The registry does not have the repository.",
		Help:    "Correct the registry's or the repository's name, or push the image before it is deployed.",
	},
	{
		Reason: CredentialsRequired, Verdict: Broken, Summary: "{registry} wants credentials for it, or does not have it", Same: true,
		Meaning: "The registry lets nobody pull without credentials, and none matches.",
		Help:    "Put a pull secret for the registry into imagePullSecrets of the Pod or its ServiceAccount. Some registries answer the same for repositories that do not exist: check the name, too.",
	},
	{
		Reason: CredentialsRejected, Verdict: Broken, Summary: "{registry} refused every matching credential",
		Meaning: "The registry refused every credential that matches.",
		Help:    "Renew the credentials in the pull secret, or give their owner access to the repository.",
	},
	{
		Reason: PullSecretMalformed, Verdict: Broken,
		Meaning: "A pull secret makes the kubelet fail every pull of the Pod.",
		Help:    "Create the secret anew with `kubectl create secret docker-registry`.",
	},
	{
		Reason: PlatformMismatch, Verdict: Broken, Summary: "no image for the nodes' platforms",
		Meaning: "The image has no entry for any platform of the nodes.",
		Help:    "Build the image for the nodes' platforms, or keep its Pods on nodes that it is for with a nodeSelector on kubernetes.io/arch and kubernetes.io/os.",
		Hint:    "build the image for these platforms too, or keep its Pods on nodes that it is for with a nodeSelector on kubernetes.io/arch",
	},
	{
		Reason: UnsupportedImage, Verdict: Broken, Summary: "not an image that nodes can pull",
		Meaning: "What the registry has is no image that nodes can pull.",
		Help:    "Push the image again with a current builder.",
		Hint:    push,
	},
	{
		Reason: BlobMissing, Verdict: Broken, Summary: "parts of the image are gone from the registry",
		Meaning: "The manifest is there, but a layer or the config is gone.",
		Help:    "Push the image again; look at what the registry's clean-up deletes.",
		Hint:    push,
	},
	{
		Reason: NeverPresent, Verdict: Broken,
		Meaning: "The pull policy is Never, and no node is known to have the image.",
		Help:    "Load the image onto the nodes, or set imagePullPolicy: IfNotPresent.",
	},
	{
		Reason: RateLimited, Verdict: Unknown, Summary: "not checked: {registry} limits the rate of requests",
		Meaning: "The registry limits the rate of requests and said nothing of the image.",
		Help:    "Check again later, or log in: registries allow more to whom they know.",
	},
	{
		Reason: RegistryUnreachable, Verdict: Unknown, Summary: "not checked: {registry} cannot be reached", Same: true,
		Meaning: "The registry cannot be reached from here.",
		Help:    "Check the registry's name and the network. Nodes may still reach it.",
	},
	{
		Reason: RegistryError, Verdict: Unknown, Summary: "not checked: {registry} gave no usable answer", Same: true,
		Meaning: "The registry gave no usable answer.",
		Help:    "Check again later; the message says what it answered.",
	},
	{
		Reason: UntrustedCertificate, Verdict: Unknown, Summary: "not checked: the certificate of {registry} is not trusted here", Same: true,
		Meaning: "The registry's certificate is not trusted here.",
		Help:    "Add its CA to this machine, or give registries.hostsDir as on the nodes.",
	},
	{
		Reason: Timeout, Verdict: Unknown, Summary: "not checked: {registry} did not answer in time", Same: true,
		Meaning: "The registry did not answer in time.",
		Help:    "Check again later.",
	},
	{
		Reason: NodeCredentialsUnknown, Verdict: Unknown,
		Summary: "not known: {registry} refused, but nodes may hold credentials for it that pullgate does not",
		Meaning: "The registry refused, but there may be credentials that were not given.",
		Help:    "Give the pull secrets along with the manifests, log in with `docker login`, or let --cluster read them.",
		Hint:    "let pullgate ask as nodes do, by nodes.cloudCredentials or nodes.credentialProviders",
	},
	{
		Reason: AddressForbidden, Verdict: Unknown,
		Summary: "not checked: {registry} leads to an address that is not dialled on behalf of a Pod", Same: true,
		Meaning: "The registry's address is one that is not dialled.",
		Help:    "Allow it under registries.allowAddresses if it is right.",
	},
	{
		Reason: PresentOnNodes, Verdict: Unknown,
		Meaning: "Nodes could not pull the image, but one has it already.",
		Help:    "Correct the image or its pull secret all the same: other nodes will fail. Since Kubernetes 1.35 a node, too, keeps what it pulled with a pull secret from Pods without that secret.",
		Hint:    "correct the image or its pull secret: other nodes fail",
	},
	{
		Reason: Unchanged, Verdict: Skipped,
		Meaning: "An update changes no image, pull secret or service account.",
	},
	{
		Reason: OwnedByController, Verdict: Skipped,
		Meaning: "The images were checked on the controller that creates the object.",
	},
	{
		Reason: Exempt, Verdict: Skipped,
		Meaning: "The configuration, or the object itself, says not to look.",
	},
}, Notes: []NoteEntry{
	{PullSecretMissing, "A pull secret does not exist.", "Create it, or take its name from the list. Nodes pull without it."},
	{PullSecretIgnored, "Nodes read nothing from a pull secret.", "Create it with `kubectl create secret docker-registry`."},
	{PullSecretUnmatched, "A pull secret has no entry for the registry.", "Add an entry for the registry, written as in the image's name."},
	{PullSecretRejected, "A pull secret was refused, though another one works.", "Renew it, or take its name from the list."},
	{WrongArchitecture, "The image is pulled, but is for another platform than the nodes'.", "Build the image for the nodes' platforms."},
	{SomeNodesMismatch, "Some nodes could not pull the image.", "Build the image for these platforms, too, or keep its Pods off such nodes with a nodeSelector."},
	{UnpinnedTag, "The tag may come to mean another image.", "Pin the digest that the message gives."},
	{VolumeNotMounted, "The image of a volume cannot be pulled, or nothing is known of it, but no container mounts the volume.", "Correct the image, or take the volume away."},
}}
