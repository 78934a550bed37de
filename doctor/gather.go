package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/pullgate/pullgate/policy"
)

// ErrAmbiguous is for a cluster with several webhook configurations of Pullgate's.
var ErrAmbiguous = errors.New("there are several webhook configurations of Pullgate")

// errNoConfiguration is for a cluster without one.
var errNoConfiguration = errors.New("there is no webhook configuration of Pullgate")

// errUnlocated is for what lies where it is not known, since another thing was
// not read.
var errUnlocated = errors.New("it is not known where to look")

// gatherer reads one record.
type gatherer struct {
	client kubernetes.Interface
	record *Record
}

// objects reads what lies on the way from an API server to Pullgate. The error is
// that it is not known which Pullgate is meant.
func (g *gatherer) objects(ctx context.Context, name string, settings *policy.Configuration) error {
	r := g.record
	r.Space = read(g.client.CoreV1().Namespaces().Get(ctx, r.Namespace, metav1.GetOptions{}))
	r.Webhook = read(g.webhook(ctx, name))
	if errors.Is(r.Webhook.Err, ErrAmbiguous) {
		return r.Webhook.Err
	}
	if r.Webhook.Err == nil && len(r.Webhook.Value.Webhooks) > 0 {
		r.Target = targetOf(&r.Webhook.Value.Webhooks[0])
	}
	if r.Target.Service != "" {
		g.behind(ctx)
	} else {
		r.Service.Err, r.Slices.Err, r.Pods.Err, r.Deployment.Err = errUnlocated, errUnlocated, errUnlocated, errUnlocated
	}
	if r.Settings.Err = errUnlocated; settings != nil {
		r.Settings = read(*settings, nil)
	} else if r.Target.Service != "" {
		r.Settings = read(g.settings(ctx))
	}
	return nil
}

// webhook finds the configuration: the one of that name, the only one with
// Pullgate's label, or the only one with its entries.
func (g *gatherer) webhook(ctx context.Context, name string) (*admissionv1.ValidatingWebhookConfiguration, error) {
	all := g.client.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	if name != "" {
		found, err := all.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("%w called %s", errNoConfiguration, name)
		}
		return found, err
	}
	list, err := all.List(ctx, metav1.ListOptions{})
	if apierrors.IsForbidden(err) { // as Pullgate's own account, which may read its own
		if found, unnamed := all.Get(ctx, product, metav1.GetOptions{}); unnamed == nil {
			return found, nil
		}
	}
	if err != nil {
		return nil, err
	}
	ours := slices.DeleteFunc(list.Items, func(one admissionv1.ValidatingWebhookConfiguration) bool {
		return one.Labels[productLabel] != product && !slices.ContainsFunc(one.Webhooks, func(entry admissionv1.ValidatingWebhook) bool {
			return strings.HasSuffix(entry.Name, entrySuffix)
		})
	})
	switch len(ours) {
	case 0:
		return nil, errNoConfiguration
	case 1:
		return &ours[0], nil
	default:
		var names []string
		for i := range ours {
			names = append(names, ours[i].Name)
		}
		return nil, fmt.Errorf("%w: %s", ErrAmbiguous, strings.Join(names, ", "))
	}
}

// behind reads the Service and what is behind it.
func (g *gatherer) behind(ctx context.Context) {
	r, namespace := g.record, g.record.Target.Namespace
	core := g.client.CoreV1()
	r.Service = read(core.Services(namespace).Get(ctx, r.Target.Service, metav1.GetOptions{}))
	r.Slices = read(g.client.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + r.Target.Service,
	}))
	r.Pods = read(core.Pods(namespace).List(ctx, metav1.ListOptions{}))
	r.Policies = read(g.client.NetworkingV1().NetworkPolicies(namespace).List(ctx, metav1.ListOptions{}))
	r.Deployment = read(g.deployment(ctx))
}

// deployment finds Pullgate's: the one with the Service's name, as the chart has
// it.
func (g *gatherer) deployment(ctx context.Context) (*appsv1.Deployment, error) {
	return g.client.AppsV1().Deployments(g.record.Target.Namespace).Get(ctx, g.record.Target.Service, metav1.GetOptions{})
}

// settings reads the configuration that the replicas have.
func (g *gatherer) settings(ctx context.Context) (policy.Configuration, error) {
	name := programOf(g.record).configMap()
	if name == "" {
		return policy.Configuration{}, errUnlocated
	}
	held, err := g.client.CoreV1().ConfigMaps(g.record.Target.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return policy.Configuration{}, err
	}
	return policy.Parse([]byte(held.Data["config.yaml"]))
}

// images are those of the namespace's Pods, each once.
func (g *gatherer) images(ctx context.Context) ([]string, error) {
	pods, err := g.client.CoreV1().Pods(g.record.Namespace).List(ctx, metav1.ListOptions{Limit: maxPods})
	if err != nil {
		return nil, err
	}
	var images []string
	for i := range pods.Items {
		for _, container := range slices.Concat(pods.Items[i].Spec.InitContainers, pods.Items[i].Spec.Containers) {
			if !slices.Contains(images, container.Image) {
				images = append(images, container.Image)
			}
		}
	}
	return images, nil
}

// maxPods is of how many Pods the images are read.
const maxPods = 500

// nodes reads the Nodes.
func (g *gatherer) nodes(ctx context.Context) ([]corev1.Node, error) {
	list, err := g.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}
