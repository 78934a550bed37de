package policy

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// APIVersion and Kind are what a configuration file has to say of itself.
const (
	APIVersion = "pullgate.dev/v1alpha1"
	Kind       = "Configuration"
)

// ModeLabel is the label of a Namespace that sets its mode.
const ModeLabel = "pullgate.dev/mode"

// SkipAnnotation is the annotation of a workload that asks not to be checked;
// its value says why.
const SkipAnnotation = "pullgate.dev/skip"

// Mode says what is done about broken images.
type Mode string

// The modes, a closed set.
const (
	// Enforce denies what is broken and warns of what is unknown.
	Enforce Mode = "enforce"
	// Warn lets everything in, with admission warnings.
	Warn Mode = "warn"
	// Audit lets everything in and only records.
	Audit Mode = "audit"
	// Off does not look.
	Off Mode = "off"
)

// OnUnknown says what enforce does about images of which nothing is known.
type OnUnknown string

// What can be done about the unknown.
const (
	UnknownWarn  OnUnknown = "warn"
	UnknownDeny  OnUnknown = "deny"
	UnknownAllow OnUnknown = "allow"
)

// Depth says how far a check reads.
type Depth string

// The depths.
const (
	// Manifest reads manifests and indexes.
	Manifest Depth = "manifest"
	// Layers also makes sure that the config and the layers are there.
	Layers Depth = "layers"
)

// Configuration is the configuration file, the same for every command.
type Configuration struct {
	metav1.TypeMeta `json:",inline"`

	// Mode is what is done where neither a rule nor a Namespace's label says
	// otherwise. Default: enforce.
	Mode Mode `json:"mode,omitempty"`
	// OnUnknown is what enforce does about unknown verdicts. Default: warn.
	OnUnknown OnUnknown `json:"onUnknown,omitempty"`
	// DryRunMode is the mode for dry-run requests. Default: the same as for
	// others.
	DryRunMode Mode `json:"dryRunMode,omitempty"`
	// Depth is how far checks read. Default: manifest.
	Depth Depth `json:"depth,omitempty"`
	// Rules are narrower modes; the first one that matches wins.
	Rules []Rule `json:"rules,omitempty"`
	// Exempt is what is let through without a look.
	Exempt Exempt `json:"exempt,omitempty"`
	// AllowSkipAnnotation honours the annotation pullgate.dev/skip.
	// Default: false.
	AllowSkipAnnotation bool `json:"allowSkipAnnotation,omitempty"`
	// Notes are optional notes to be given: UnpinnedTag, which gives the digest
	// to pin. Default: none of them.
	Notes []pull.NoteReason `json:"notes,omitempty"`
	// Workloads are custom resources that have pod templates.
	Workloads []workload.Custom `json:"workloads,omitempty"`
	// Registries is how registries are reached.
	Registries Registries `json:"registries,omitempty"`
	// Nodes is what is known of the nodes.
	Nodes Nodes `json:"nodes,omitempty"`
	// Audit is how serve looks again and again at what the cluster runs.
	Audit Auditing `json:"audit,omitempty"`
	// Cache is how long and how many positive answers are kept.
	Cache Cache `json:"cache,omitempty"`
}

// Rule is a mode for some namespaces, images and reasons. An empty list
// matches everything; patterns are globs.
type Rule struct {
	// Namespaces are globs of namespaces' names.
	Namespaces []string `json:"namespaces,omitempty"`
	// Images are globs of images, as written or as resolved, with or without
	// tag and digest.
	Images []string `json:"images,omitempty"`
	// Reasons are verdicts' reasons, such as RateLimited.
	Reasons []string `json:"reasons,omitempty"`
	// Mode is the mode where all of that matches.
	Mode Mode `json:"mode"`
}

// Exempt lists what is not checked; patterns are globs.
type Exempt struct {
	// Namespaces are globs of namespaces' names. Default: kube-system.
	Namespaces []string `json:"namespaces,omitempty"`
	// Images are globs, as in rules.
	Images []string `json:"images,omitempty"`
	// Users are globs of the names of requesting users, such as
	// system:serviceaccount:argocd:*.
	Users []string `json:"users,omitempty"`
}

// Registries is how registries are reached.
type Registries struct {
	// HostsDir is containerd's certs.d with hosts.toml files, as on the nodes:
	// the value of their config_path. Where that is a list (A:B), containerd's
	// transfer service heeds none of it (containerd#12808), and only what fails
	// without is denied. Its mirrors do not count for nodes that run CRI-O.
	HostsDir string `json:"hostsDir,omitempty"`
	// RegistriesConf is the registries.conf of the nodes with CRI-O, with the folder
	// FILE.d beside it: mirrors, blocked and insecure registries, and what short names
	// stand for. A changed file is taken up. Default: nothing is known of it.
	RegistriesConf string `json:"registriesConf,omitempty"`
	// Policy is the policy.json of the nodes with CRI-O: what it rejects is denied. It
	// is read when this configuration is.
	// Signatures are not verified. Default: nothing is rejected.
	Policy string `json:"policy,omitempty"`
	// AllowAddresses are networks (CIDR) that may be dialled although the
	// guard would refuse them, such as 127.0.0.0/8.
	AllowAddresses []string `json:"allowAddresses,omitempty"`
	// DenyAddresses are networks (CIDR) that are never dialled, be they allowed,
	// such as the cluster's own for Services and Pods.
	DenyAddresses []string `json:"denyAddresses,omitempty"`
	// DenyPorts are ports that are never dialled, such as 6443 and 10250.
	DenyPorts []int `json:"denyPorts,omitempty"`
}

// Nodes is what is known of the nodes.
type Nodes struct {
	// Platforms are OS/ARCH[/VARIANT], added to those of the cluster's Nodes.
	Platforms []string `json:"platforms,omitempty"`
	// Runtimes are container runtimes, added to those of the cluster's Nodes:
	// containerd; containerd-local, one that pulls by its local path alone, as
	// before 2.1 or by use_local_image_pull; cri-o. Default, where no Node is
	// known: containerd.
	Runtimes []string `json:"runtimes,omitempty"`
	// Profiles are files with node profiles, as pullgate node-profile prints them:
	// the nodes' runtime, mirrors and CAs. A profile is for the nodes that it
	// names, one that names none for all that no other one names. An image is
	// broken only if it is for every profile of the nodes that can get the Pod.
	Profiles []string `json:"profiles,omitempty"`
	// ProfilesNamespace is the Namespace in which the chart's DaemonSet
	// (nodeProfile.enabled) keeps node profiles, which count besides those in
	// files. pullgate serve takes up what changes there; where it is, at its start.
	// Default: none is read from the cluster.
	ProfilesNamespace string `json:"profilesNamespace,omitempty"`
	// DockerConfig is a file like the nodes' config.json. Where nodes run
	// CRI-O, it stands for CRI-O's global_auth_file, too.
	DockerConfig string `json:"dockerConfig,omitempty"`
	// CredentialProviders are the kubelet's own plugins.
	CredentialProviders CredentialProviders `json:"credentialProviders,omitempty"`
	// CloudCredentials are the clouds to whose registries Pullgate's own
	// identity logs in as the nodes' would: ecr, google, acr. It is found in the
	// environment, and needs the rights that the nodes have. What it finds missing
	// is; a refusal proves nothing where hiddenCredentials has the host.
	CloudCredentials []string `json:"cloudCredentials,omitempty"`
	// HiddenCredentials are globs of registries' hosts at which nodes may hold
	// credentials that are not known here. Default, and what an empty list
	// means: those of the clouds, whose nodes have an identity of their own. A
	// list takes their place.
	HiddenCredentials []string `json:"hiddenCredentials,omitempty"`
}

// CredentialProviders are the kubelet's image credential provider plugins.
type CredentialProviders struct {
	// Config is the kubelet's CredentialProviderConfig, a file or a folder of
	// files. Plugins that want ServiceAccounts' tokens (tokenAttributes) are
	// shown some where Pullgate may create serviceaccounts/token.
	Config string `json:"config,omitempty"`
	// BinDir is where the plugins' programs are.
	BinDir string `json:"binDir,omitempty"`
}

// Auditing is how serve looks again and again at what the cluster runs.
type Auditing struct {
	// Enabled lets one of the replicas look. Default: false.
	Enabled bool `json:"enabled,omitempty"`
	// Interval is after how long everything is looked at again, 10m at least.
	// Default: 6h.
	Interval *metav1.Duration `json:"interval,omitempty"`
	// RequestsPerHour is how many requests a registry gets in any hour, 10 at
	// least. Default: 1000.
	RequestsPerHour int `json:"requestsPerHour,omitempty"`
	// Registries are those that get another number of requests. Default: 20 for
	// docker.io.
	Registries []RegistryBudget `json:"registries,omitempty"`
	// Accepted are broken images that are known to be and told of no more.
	Accepted []Acceptance `json:"accepted,omitempty"`
	// Events writes an Event on a workload that broke or recovered, at most one
	// in 6 h. Default: true.
	Events *bool `json:"events,omitempty"`
	// Reports keeps a Report for each workload with images that are not pullable,
	// where the API server has openreports.io or wgpolicyk8s.io. Default: true.
	Reports *bool `json:"reports,omitempty"`
}

// Acceptance lets broken images pass for a time. An empty list matches
// everything; patterns are globs.
type Acceptance struct {
	// Namespaces are globs of namespaces' names.
	Namespaces []string `json:"namespaces,omitempty"`
	// Images are globs of images, as in rules.
	Images []string `json:"images,omitempty"`
	// Until is the last day on which it counts, such as 2026-12-31, by UTC.
	Until string `json:"until"`
	// Why is for people.
	Why string `json:"why,omitempty"`
}

// RegistryBudget is how many requests a registry gets.
type RegistryBudget struct {
	// Host is the registry's, as in images' names in full.
	Host string `json:"host"`
	// RequestsPerHour is how many requests it gets in any hour, 10 at least.
	RequestsPerHour int `json:"requestsPerHour"`
}

// Cache bounds what is remembered of positive answers.
type Cache struct {
	// PositiveTTL is how long an image is known to be pullable.
	// Default: 5m. 0s: not at all.
	PositiveTTL *metav1.Duration `json:"positiveTTL,omitempty"`
	// Size is how many answers are kept at most. Default: 100000.
	Size int `json:"size,omitempty"`
}
