package doctor

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/probe"
)

// Read is what was read, or why it was not.
type Read[T any] struct {
	Value T
	Err   error
}

func read[T any](value T, err error) Read[T] { return Read[T]{value, err} }

// Record is all that was read and asked.
type Record struct {
	// Namespace is the dry run's.
	Namespace string
	// Kubectl is how commands begin: "kubectl", and which cluster if that is not
	// the current one.
	Kubectl string
	// From is where registries and replicas were asked from, in words.
	From string
	// Clocks are this machine's, and the API server's at the same moment.
	Clocks Clocks

	Webhook    Read[*admissionv1.ValidatingWebhookConfiguration]
	Space      Read[*corev1.Namespace]
	Target     Target
	Service    Read[*corev1.Service]
	Slices     Read[*discoveryv1.EndpointSliceList]
	Pods       Read[*corev1.PodList]
	Deployment Read[*appsv1.Deployment]
	Policies   Read[*networkingv1.NetworkPolicyList]
	Settings   Read[policy.Configuration]

	// Runs are the dry runs, and Counts what the API server counted meanwhile.
	Runs   []Run
	Counts Read[Counts]
	// Reach is what the API server said when it was to reach a replica through
	// the Service: nil, if it did.
	Reach      error
	Served     []Served
	Rights     []Right
	Registries []Ping
	Profiles   Profiles
}

// Clocks are two clocks at the same moment; zero where there is none.
type Clocks struct{ Here, Server time.Time }

// now is the API server's time, which is the one that certificates are judged by.
func (c Clocks) now() time.Time {
	if c.Server.IsZero() {
		return c.Here
	}
	return c.Server
}

// Target is what the webhook configuration calls.
type Target struct {
	// Namespace and Service are empty where it calls a URL.
	Namespace, Service string
	Port               int32
	// URL is what is called instead of a Service.
	URL string
}

// host is by which name API servers call.
func (t Target) host() string { return t.Service + "." + t.Namespace + ".svc" }

// targetOf reads an entry.
func targetOf(entry *admissionv1.ValidatingWebhook) Target {
	called := entry.ClientConfig.Service
	if called == nil {
		url := entry.ClientConfig.URL
		if url == nil {
			return Target{}
		}
		return Target{URL: *url}
	}
	port := int32(443)
	if called.Port != nil {
		port = *called.Port
	}
	return Target{Namespace: called.Namespace, Service: called.Name, Port: port}
}

// Run is one dry run.
type Run struct {
	// Kind is the object's, and Entry the name of the webhook configuration's
	// entry that asks about it; empty: none does.
	Kind, Entry string
	// Answer is Pullgate's; nil: it gave none.
	Answer *probe.Answer
	// Err is what the API server said.
	Err error
}

// deniedBy begins the API server's words for a refusal by a webhook
// (apiserver pkg/admission/plugin/webhook/errors/statuserror.go).
const deniedBy = "admission webhook "

// came tells whether Pullgate was asked.
func (r Run) came() bool {
	return r.Answer != nil || r.Err != nil && strings.Contains(r.Err.Error(), fmt.Sprintf("%s%q denied", deniedBy, r.Entry))
}

// failed are the API server's words on why it could not ask Pullgate; empty if
// that is not what it says.
func (r Run) failed() string {
	if r.Err == nil {
		return ""
	}
	_, after, failed := strings.Cut(r.Err.Error(), `failed calling webhook "`)
	name, _, _ := strings.Cut(after, `"`)
	if !failed || name != r.Entry && !strings.HasSuffix(name, entrySuffix) {
		return ""
	}
	return r.Err.Error()
}

// entrySuffix ends the names of the chart's entries.
const entrySuffix = ".pullgate.dev"

// forbidden tells whether the dry run may not be made at all.
func (r Run) forbidden() bool {
	return apierrors.IsForbidden(r.Err) && !strings.Contains(r.Err.Error(), deniedBy)
}

// Counts are an API server's, by the names of the entries.
type Counts struct {
	// FailedOpen is how often it let something in since it could not ask, Left how
	// often a match condition left it out, and Errors how often one failed.
	FailedOpen, Left, Errors map[string]float64
}

// Served is what one replica shows to whom connects.
type Served struct {
	Replica string
	Chain   []*x509.Certificate
	Err     error
}

// Right is what Pullgate needs to be allowed.
type Right struct {
	// Feature is what it is for.
	Feature string
	Group   string
	// Resource may have a subresource: serviceaccounts/token.
	Resource string
	// Name limits it to one object, Namespace to one namespace.
	Name, Namespace string
	// Verbs are those that are needed, Missing those that are not allowed.
	Verbs, Missing []string
	// Account is "namespace:name" of the ServiceAccount.
	Account string
	Err     error
}

// Ping is what came of one request to a registry.
type Ping struct {
	Host string
	// Status is what it answered; empty: it did not.
	Status string
	// Proxy is the proxy's URL without credentials; empty: none is used.
	Proxy string
	Err   error
}

// Profiles are the nodes of which a profile is missing.
type Profiles struct {
	// Wanted says that the configuration names files or a namespace with profiles.
	Wanted  bool
	Missing []string
	Err     error
}
