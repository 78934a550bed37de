package doctor

import (
	"context"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/pullgate/pullgate/advice"
	"github.com/pullgate/pullgate/cluster"
	"github.com/pullgate/pullgate/policy"
)

// Doctor examines one cluster.
type Doctor struct {
	// Config says how the API server is reached.
	Config *rest.Config
	// Inside says that this runs in a Pod: replicas are asked directly.
	Inside bool
	// Webhook is the name of the webhook configuration; empty: it is looked for.
	Webhook string
	// Namespace is that of the dry runs.
	Namespace string
	// Registries are asked whether they are there; none: those of the namespace's
	// Pods.
	Registries []string
	// Settings are Pullgate's configuration; nil: it is read from the cluster.
	Settings *policy.Configuration
	// Kubectl is how the commands begin that are proposed; empty: kubectl.
	Kubectl string
}

// Examine reads, asks and judges. The error is that there is nothing to judge: the
// API server gives no answer, there is no such namespace, or it is not known
// which Pullgate is meant (ErrAmbiguous).
func (d *Doctor) Examine(ctx context.Context) (*Diagnosis, error) {
	clocks := &clockReader{}
	config := rest.CopyConfig(d.Config)
	config.Wrap(clocks.wrap)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	g := &gatherer{client: client, record: &Record{Namespace: d.Namespace, Kubectl: d.Kubectl, From: "this machine"}}
	if d.Kubectl == "" {
		g.record.Kubectl = "kubectl"
	}
	if d.Inside {
		g.record.From = "this Pod"
	}
	if err := g.objects(ctx, d.Webhook, d.Settings); err != nil {
		return nil, err
	}
	if err := g.record.Space.Err; err != nil && !apierrors.IsForbidden(err) {
		return nil, err
	}
	if err := d.ask(ctx, g, config); err != nil {
		return nil, err
	}
	g.record.Clocks = clocks.read()
	return judge(g.record, cluster.Server(d.Config)), nil
}

// ask does all that takes its time at once.
func (d *Doctor) ask(ctx context.Context, g *gatherer, config *rest.Config) error {
	r := g.record
	var all sync.WaitGroup
	var failed error
	all.Go(func() {
		before, err := counted(ctx, g.client.CoreV1().RESTClient())
		r.Runs, failed = dryRuns(ctx, config, r.Namespace, r.Webhook.Value)
		if err == nil {
			before, err = countedSince(ctx, g.client.CoreV1().RESTClient(), before)
		}
		r.Counts = read(before, err)
	})
	all.Go(func() {
		if r.Target.Service != "" && r.Service.Err == nil && r.Service.Value.Spec.Type != corev1.ServiceTypeExternalName {
			r.Reach = throughService(ctx, g.client, r.Target)
		}
	})
	all.Go(func() { r.Served = d.served(ctx, g, config) })
	all.Go(func() { r.Rights = granted(ctx, g.client, needs(r)) })
	all.Go(func() {
		hosts := d.Registries
		if len(hosts) == 0 {
			images, _ := g.images(ctx) // without them there are none, which is said
			hosts = registriesOf(images)
		}
		r.Registries = pings(ctx, hosts)
	})
	all.Go(func() { r.Profiles = profilesOf(ctx, g, config) })
	all.Wait()
	return failed
}

// served looks at the replicas' certificates, the way that is open.
func (d *Doctor) served(ctx context.Context, g *gatherer, config *rest.Config) []Served {
	switch r := g.record; {
	case r.Target.URL != "":
		return servedAt(ctx, r.Target.URL)
	case d.Inside:
		return servedBy(ctx, direct{}, replicas(r), r.Target.host())
	default:
		return servedBy(ctx, forwarded{client: g.client, config: config, namespace: r.Target.Namespace}, replicas(r), r.Target.host())
	}
}

// judge puts the checks in the order in which one thing leads to the next.
func judge(r *Record, server string) *Diagnosis {
	diagnosis := &Diagnosis{APIVersion: APIVersion, Kind: Kind, Cluster: server, Namespace: r.Namespace, State: Untold}
	add := func(name string, check Check) {
		check.Name = name
		check.Evidence, check.Remedies = append([]string{}, check.Evidence...), append([]advice.Remedy{}, check.Remedies...) // as JSON a list, be it empty
		diagnosis.Checks = append(diagnosis.Checks, check)
	}
	add(clockCheck, checkClock(r))
	add("webhook configuration", checkWebhook(r))
	add("namespace", checkNamespace(r))
	add("service", checkService(r))
	add("replicas", checkReplicas(r))
	add("route", checkRoute(r))
	add("certificate", checkCertificate(r))
	run := checkDryRun(r, diagnosis.Checks)
	add("dry run", run)
	add("rights", checkRights(r))
	add("registries", checkRegistries(r))
	add("node profiles", checkProfiles(r))
	diagnosis.State = run.State
	for _, check := range diagnosis.Checks {
		if check.State == Wrong {
			diagnosis.State = Wrong
		}
	}
	return diagnosis
}

// clockReader reads the API server's clock off its answers.
type clockReader struct {
	mu   sync.Mutex
	last Clocks
}

func (c *clockReader) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		if err != nil {
			return response, err
		}
		if told, err := http.ParseTime(response.Header.Get("Date")); err == nil {
			c.mu.Lock()
			c.last = Clocks{Here: time.Now(), Server: told}
			c.mu.Unlock()
		}
		return response, nil
	})
}

// read returns the two clocks; the API server's is zero where it told none.
func (c *clockReader) read() Clocks {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last.Here.IsZero() {
		return Clocks{Here: time.Now()}
	}
	return c.last
}

// roundTripper is a function that is one.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip sends a request.
func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
