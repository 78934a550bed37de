package resolver

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

const (
	someDigest  = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	otherDigest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
)

// registries is a Prober of answers by image and user.
type registries struct {
	// answers are by "IMAGE as USER", or "IMAGE" for everybody else. What is
	// not in it is TagNotFound.
	answers map[string]pull.Reason
	// tags are by repository; one that is missing cannot be listed.
	tags map[string][]string
	// during runs within each probe; what it returns, unless nil, is told.
	during func(ctx context.Context, query pull.Query) *pull.Finding

	mu    sync.Mutex
	asked []string
}

func (r *registries) Probe(ctx context.Context, query pull.Query) pull.Finding {
	user, _ := query.Credential.Basic()
	r.mu.Lock()
	name := query.Image.String() + " as " + user
	r.asked = append(r.asked, name)
	reason, ok := r.answers[name]
	if !ok {
		reason, ok = r.answers[query.Image.String()]
	}
	r.mu.Unlock()
	if r.during != nil {
		if finding := r.during(ctx, query); finding != nil {
			return *finding
		}
	}
	if !ok {
		reason = pull.TagNotFound
	}
	finding := pull.Finding{Reason: reason, Detail: "the registry said so"}
	if reason == pull.ReasonPullable {
		finding = pull.Finding{Reason: reason, Digest: digest.Digest(someDigest)}
	}
	return finding
}

func (r *registries) Tags(_ context.Context, image reference.Named, _ pull.Credential) ([]string, error) {
	tags, ok := r.tags[image.Name()]
	if !ok {
		return nil, errors.New("the list is not given out")
	}
	return tags, nil
}

// set changes what is answered from now on.
func (r *registries) set(name string, reason pull.Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[name] = reason
}

// probes returns what was asked so far, and forgets it.
func (r *registries) probes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := r.asked
	r.asked = nil
	return asked
}

// objects is a keyring.Source of what a test puts in.
type objects struct {
	secrets  map[string]*corev1.Secret
	accounts map[string]*corev1.ServiceAccount
	// err, unless nil, is what every read comes to.
	err error
	// during runs within each read.
	during func(ctx context.Context)

	mu    sync.Mutex
	reads int
}

func (o *objects) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	return get(ctx, o, o.secrets, namespace, name)
}

func (o *objects) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	return get(ctx, o, o.accounts, namespace, name)
}

func get[T any](ctx context.Context, o *objects, from map[string]*T, namespace, name string) (*T, error) {
	o.mu.Lock()
	o.reads++
	o.mu.Unlock()
	if o.during != nil {
		o.during(ctx)
	}
	if err := errors.Join(o.err, ctx.Err()); err != nil {
		return nil, err
	}
	if object, ok := from[namespace+"/"+name]; ok {
		return object, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "objects"}, name)
}

// pullSecret is a Secret with one user for one registry.
func pullSecret(host, user string) *corev1.Secret {
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":password-of-" + user))
	return secretOf(corev1.SecretTypeDockerConfigJson, fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, auth))
}

func secretOf(kind corev1.SecretType, content string) *corev1.Secret {
	return &corev1.Secret{Type: kind, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(content)}}
}

func account(secrets ...string) *corev1.ServiceAccount {
	result := &corev1.ServiceAccount{}
	for _, name := range secrets {
		result.ImagePullSecrets = append(result.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	return result
}

// shop is a namespace with a default ServiceAccount without secrets.
func shop(secrets map[string]*corev1.Secret) *objects {
	o := &objects{secrets: map[string]*corev1.Secret{}, accounts: map[string]*corev1.ServiceAccount{"shop/default": account()}}
	for name, secret := range secrets {
		o.secrets["shop/"+name] = secret
	}
	return o
}

// newResolver is one over fakes, without a memory.
func newResolver(from *objects, prober Prober) *Resolver {
	return &Resolver{Credentials: &keyring.Keyring{Source: from}, Registry: prober}
}

// deployment is a workload of one template with a container for each image.
func deployment(pullSecrets []string, images ...string) workload.Workload {
	template := workload.Template{
		Field: "spec.template.spec", Spec: &corev1.PodSpec{}, PullSecrets: pullSecrets, ServiceAccount: "default", InheritsSecrets: true,
	}
	for i, image := range images {
		template.Images = append(template.Images, workload.Image{
			Field: fmt.Sprintf("spec.template.spec.containers[%d].image", i), Container: fmt.Sprintf("c%d", i),
			Role: workload.Container, Reference: image, Policy: corev1.PullAlways,
		})
	}
	return workload.Workload{
		Object:    workload.Object{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		Templates: []workload.Template{template},
	}
}

// resolveOne is the result of a workload's first image.
func resolveOne(t *testing.T, r *Resolver, w workload.Workload) Result {
	t.Helper()
	report := r.Resolve(t.Context(), w)
	if len(report.Results) == 0 {
		t.Fatal("no results")
	}
	return report.Results[0]
}

// nodeWith is a Node of a platform that lists images.
func nodeWith(name, os, architecture string, images ...string) nodes.Node {
	return nodes.FromObject(&corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"name": name}},
		Status: corev1.NodeStatus{
			NodeInfo: corev1.NodeSystemInfo{OperatingSystem: os, Architecture: architecture, ContainerRuntimeVersion: "containerd://2.4.2"},
			Images:   []corev1.ContainerImage{{Names: images}},
		},
	})
}

// observer counts what it is told.
type observer struct {
	mu       sync.Mutex
	checked  []string
	hits     int
	misses   int
	panicked []any
}

func (o *observer) Checked(registry string, reason pull.Reason) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.checked = append(o.checked, registry+" "+string(reason))
}

func (o *observer) Cached(hit bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if hit {
		o.hits++
	} else {
		o.misses++
	}
}

func (o *observer) Panicked(value any, stack []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(stack) > 0 {
		o.panicked = append(o.panicked, value)
	}
}

// wantReason fails unless a result is of a reason, and of its verdict.
func wantReason(t *testing.T, result Result, want pull.Reason) {
	t.Helper()
	if result.Reason != want || result.Verdict != want.Verdict() {
		t.Errorf("%s is %s (%s), want %s: %s", result.Image.Reference, result.Reason, result.Verdict, want, result.Message)
	}
}

// hasNote tells whether a result has a note of a reason.
func hasNote(result Result, reason pull.NoteReason) bool {
	return slices.ContainsFunc(result.Notes, func(note pull.Note) bool { return note.Reason == reason })
}
