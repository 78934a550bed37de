package pull

import "slices"

// Entry is all that is said of a reason in general. A new reason is one more.
type Entry struct {
	Reason  Reason
	Verdict Verdict
	// Summary says in a few words what is the matter with an image; {registry}
	// stands for the registry's host. Of what is skipped, the occasion tells.
	Summary string
	// Meaning is one sentence on what the reason means.
	Meaning string
	// Help is what to do, in general.
	Help string
	// Hint is what to do about an image where nothing more precise is known;
	// may be empty.
	Hint string
	// Same says that it would have been the same with other credentials.
	Same bool
	// Mild says that enforce warns of it, broken as it is: whether it is so on
	// the nodes, nobody can know.
	Mild bool
	// More is what else the documentation says, in Markdown; may be empty.
	More string
}

// NoteEntry is all that is said of a note in general.
type NoteEntry struct {
	Reason NoteReason
	// Meaning, Help and More are as for reasons.
	Meaning, Help, More string
}

// Catalogue explains a closed set of reasons and notes, in the order in which
// they are documented.
type Catalogue struct {
	Reasons []Entry
	Notes   []NoteEntry
}

// Reason returns the entry of a reason. Without one its zero value is
// returned, which is unknown.
func (c *Catalogue) Reason(reason Reason) (Entry, bool) {
	for i := range c.Reasons {
		if c.Reasons[i].Reason == reason {
			return c.Reasons[i], true
		}
	}
	return Entry{}, false
}

// With returns the entries of one verdict.
func (c *Catalogue) With(verdict Verdict) []Entry {
	var entries []Entry
	for _, entry := range c.Reasons {
		if entry.Verdict == verdict {
			entries = append(entries, entry)
		}
	}
	return entries
}

// Standard returns the catalogue of all reasons and notes.
func Standard() Catalogue {
	return Catalogue{Reasons: slices.Clone(standard.Reasons), Notes: slices.Clone(standard.Notes)}
}

// Known tells whether a reason is in the catalogue.
func (r Reason) Known() bool {
	_, known := standard.Reason(r)
	return known
}

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
		More:    "The message says which part of the name is at fault: the host, the path, the tag or the digest.",
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
		More:    "Only where the registry says so in words (`NAME_UNKNOWN`), to whom asked for the image or for its tags; else it is `TagNotFound` or `DigestNotFound`.",
	},
	{
		Reason: CredentialsRequired, Verdict: Broken, Summary: "{registry} wants credentials for it, or does not have it", Same: true,
		Meaning: "The registry lets nobody pull without credentials, and none matches.",
		Help:    "Put a pull secret for the registry into imagePullSecrets of the Pod or its ServiceAccount. Some registries answer the same for repositories that do not exist: check the name, too.",
		More:    "No credential matched. Some registries answer the same for what does not exist.",
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
		More:    "Whatever registry the secret is for: the kubelet reads all of a Pod's pull secrets before it pulls anything.",
	},
	{
		Reason: PlatformMismatch, Verdict: Broken, Summary: "no image for the nodes' platforms",
		Meaning: "The image has no entry for any platform of the nodes.",
		Help:    "Build the image for the nodes' platforms, or keep its Pods on nodes that it is for with a nodeSelector on kubernetes.io/arch and kubernetes.io/os.",
		Hint:    "build the image for these platforms too, or keep its Pods on nodes that it is for",
		More:    "On any of the ways in which the nodes may pull; the message names the platforms that there are.",
	},
	{
		Reason: UnsupportedImage, Verdict: Broken, Summary: "not an image that nodes can pull",
		Meaning: "What the registry has is no image that nodes can pull.",
		Help:    "Push the image again with a current builder.",
		Hint:    push,
		More:    "A manifest of schema 1, something that is no image, or a manifest that containerd refuses for its size, media type or digests; not where nodes run [a runtime that may take it](runtimes.md). Where nodes run CRI-O, also a manifest that it cannot place, a registry whose GET /v2/ it does not take, and what its registries.conf blocks or its policy.json rejects.",
	},
	{
		Reason: BlobMissing, Verdict: Broken, Summary: "parts of the image are gone from the registry",
		Meaning: "The manifest is there, but a layer or the config is gone.",
		Help:    "Push the image again; look at what the registry's clean-up deletes.",
		Hint:    push,
		More:    "Only `depth: layers` looks for it.",
	},
	{
		Reason: NeverPresent, Verdict: Broken, Mild: true,
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
		More:    "Or it gave one that only [the nodes' runtime](runtimes.md) decides upon, such as for a short name under CRI-O.",
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
		More:    "Nodes may hold credentials such as [those of a cloud](clouds.md), or not all of the Pod's own could be read, or the login to a cloud failed. Nodes of k3s and RKE2 may have mirrors and credentials in `registries.yaml`: there, nothing that a registry refuses is denied until `registries.hostsDir` or a [profile of theirs](nodes.md) is given.",
	},
	{
		Reason: AddressForbidden, Verdict: Unknown,
		Summary: "not checked: {registry} leads to an address that is not dialled on behalf of a Pod", Same: true,
		Meaning: "The registry's address is one that is not dialled.",
		Help:    "Allow it under registries.allowAddresses if it is right.",
		More:    "The registry's name, a redirect or a token realm leads to an address that is not dialled on behalf of a Pod: see [security.md](security.md).",
	},
	{
		Reason: PresentOnNodes, Verdict: Unknown,
		Meaning: "Nodes could not pull the image, but one has it already.",
		Help:    "Correct the image or its pull secret all the same: other nodes will fail. Since Kubernetes 1.35 a node, too, keeps what it pulled with a pull secret from Pods without that secret.",
		Hint:    "correct the image or its pull secret: other nodes fail",
		More:    "The pull policy is `IfNotPresent`, and a node on which the Pod can land lists the image, or any node where it can land on none yet. A Node lists its 50 largest alone; the kubelet's `nodeStatusMaxImages: -1` makes it list all. Or the policy is `Never`, and the node may keep the image from the Pod: since Kubernetes 1.35 (KEP-2535) it lets Pods use what it pulled with a pull secret only if they have that secret, too.",
	},
	{
		Reason: Unchanged, Verdict: Skipped,
		Meaning: "An update changes no image, pull secret or service account.",
	},
	{
		Reason: OwnedByController, Verdict: Skipped,
		Meaning: "The images were checked on the controller that creates the object.",
		More:    "The controller was checked when it was created or changed.",
	},
	{
		Reason: Exempt, Verdict: Skipped,
		Meaning: "The configuration, or the object itself, says not to look.",
		More:    "Or a registry was asked, and what it said is a note: no container mounts the volume.",
	},
}, Notes: []NoteEntry{
	{Reason: PullSecretMissing, Meaning: "A pull secret does not exist.", Help: "Create it, or take its name from the list. Nodes pull without it."},
	{Reason: PullSecretIgnored, Meaning: "Nodes read nothing from a pull secret.", Help: "Create it with `kubectl create secret docker-registry`.", More: "It has a wrong type, or an entry that nodes cannot use."},
	{Reason: PullSecretUnmatched, Meaning: "A pull secret has no entry for the registry.", Help: "Add an entry for the registry, written as in the image's name."},
	{Reason: PullSecretRejected, Meaning: "A pull secret was refused, though another one works.", Help: "Renew it, or take its name from the list."},
	{Reason: PullSecretExpires, Meaning: "A pull secret is of no use any more within a day, or is not already.", Help: "Renew it before then, or see why what renews it does not.", More: "Passwords of ECR and tokens (JWT) tell their end, and are asked nowhere about it. Admission does not warn of what is still good: passwords of ECR never last longer than 12 hours."},
	{Reason: WrongArchitecture, Meaning: "The image is pulled, but is for another platform than the nodes'.", Help: "Build the image for the nodes' platforms.", More: "It is found with `depth: layers`."},
	{Reason: SomeNodesMismatch, Meaning: "Some nodes could not pull the image.", Help: "Build the image for these platforms, too, or keep its Pods off such nodes with a nodeSelector.", More: "For their platform, or for [their runtime](runtimes.md)."},
	{Reason: UnpinnedTag, Meaning: "The tag may come to mean another image.", Help: "Pin the digest that the message gives.", More: "It is given only where `notes: [UnpinnedTag]` of the [configuration](configuration.md) asks for it."},
	{Reason: VolumeNotMounted, Meaning: "The image of a volume cannot be pulled, or nothing is known of it, but no container mounts the volume.", Help: "Correct the image, or take the volume away.", More: "The Pod starts all the same; the verdict is `skipped`, the reason `Exempt`."},
	{Reason: Imminence, Meaning: "When an image that cannot be pulled keeps a Pod from running.", Help: "Correct the image or its pull secret before then.", More: "`pullgate audit` and the auditor in `serve` tell, which see what runs: already; at the next restart of a container, where the pull policy is `Always`; at the next reschedule or new node, where the image is cached; at a CronJob's next time; or with the next Pod."},
	{Reason: TagMoved, Meaning: "The tag leads to another image than the one that Pods run.", Help: "Pin a digest, or roll the workload out anew.", More: "`pullgate audit` and the auditor in `serve` tell, of Pods on nodes with containerd, which say what they pulled."},
}}
