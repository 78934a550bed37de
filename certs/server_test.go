package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

const (
	namespace = "pullgate-system"
	secret    = "pullgate-certs"
	webhook   = "pullgate"
	host      = "pullgate.pullgate-system.svc"
)

// server is an API server for several clients. Unlike client-go's fake it
// refuses to write what is no longer as it was read.
type server struct {
	tracker clienttesting.ObjectTracker
	lock    sync.Mutex
	version int
	writes  []string
}

func newServer(objects ...runtime.Object) *server {
	return &server{tracker: fake.NewClientset(objects...).Tracker()}
}

func (s *server) client() *fake.Clientset {
	client := &fake.Clientset{}
	client.AddReactor("*", "*", s.react)
	client.AddWatchReactor("*", func(action clienttesting.Action) (bool, apiwatch.Interface, error) {
		watching, err := s.tracker.Watch(action.GetResource(), action.GetNamespace())
		return true, watching, err
	})
	return client
}

func (s *server) react(action clienttesting.Action) (bool, runtime.Object, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if action.GetVerb() == "get" || action.GetVerb() == "list" {
		return clienttesting.ObjectReaction(s.tracker)(action)
	}
	if err := s.conflict(action); err != nil {
		return true, nil, err
	}
	_, object, err := clienttesting.ObjectReaction(s.tracker)(action)
	if err != nil {
		return true, nil, err
	}
	s.writes = append(s.writes, action.GetVerb()+" "+action.GetResource().Resource)
	if action.GetVerb() == "delete" {
		return true, nil, nil
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		return true, nil, err
	}
	s.version++
	accessor.SetResourceVersion(strconv.Itoa(s.version))
	return true, object, s.tracker.Update(action.GetResource(), object, action.GetNamespace())
}

// conflict is the error of writing what is no longer as it was read.
func (s *server) conflict(action clienttesting.Action) error {
	var name, version string
	switch action.GetVerb() {
	case "update":
		object := action.(clienttesting.UpdateAction).GetObject().(metav1.Object)
		name, version = object.GetName(), object.GetResourceVersion()
	case "patch":
		var patch metav1.PartialObjectMetadata
		if err := json.Unmarshal(action.(clienttesting.PatchAction).GetPatch(), &patch); err != nil {
			return err
		}
		name, version = action.(clienttesting.PatchAction).GetName(), patch.ResourceVersion
	default:
		return nil
	}
	held, err := s.tracker.Get(action.GetResource(), action.GetNamespace(), name)
	if err != nil {
		return err
	}
	if held.(metav1.Object).GetResourceVersion() == version {
		return nil
	}
	return apierrors.NewConflict(action.GetResource().GroupResource(), name, nil)
}

// wrote returns what was written since the last call.
func (s *server) wrote() []string {
	s.lock.Lock()
	defer s.lock.Unlock()
	writes := s.writes
	s.writes = nil
	return writes
}

// before lets something happen just before the client's first such call.
func before(client *fake.Clientset, verb, resource string, happen func()) {
	var once sync.Once
	client.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) {
		once.Do(happen)
		return false, nil, nil
	})
}

// fails makes the client's calls fail, as many as times says.
func fails(client *fake.Clientset, verb, resource string, times int, err error) {
	client.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) {
		times--
		return times >= 0, nil, err
	})
}

// configuration has an entry that calls a Service and one that calls a URL.
func configuration() *admissionv1.ValidatingWebhookConfiguration {
	url, port := "https://127.0.0.1:9443/validate", int32(443)
	return &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: webhook, UID: "1"},
		Webhooks: []admissionv1.ValidatingWebhook{
			{Name: "pods.pullgate.dev", ClientConfig: admissionv1.WebhookClientConfig{
				Service: &admissionv1.ServiceReference{Namespace: namespace, Name: "pullgate", Port: &port},
			}},
			{Name: "cronjobs.pullgate.dev", ClientConfig: admissionv1.WebhookClientConfig{URL: &url}},
		},
	}
}

func manager(client *fake.Clientset) *Manager {
	return &Manager{
		Client: client, Namespace: namespace, Secret: secret, WebhookConfiguration: webhook,
		DNSNames: ServiceNames("pullgate", namespace), Log: slog.New(slog.DiscardHandler),
	}
}

func ensure(t *testing.T, m *Manager) {
	t.Helper()
	if err := m.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// held returns the Secret's data as they are.
func (s *server) held(t *testing.T) map[string][]byte {
	t.Helper()
	object, err := s.client().CoreV1().Secrets(namespace).Get(t.Context(), secret, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if object.Type != corev1.SecretTypeTLS {
		t.Errorf("the Secret's type is %q, want %q", object.Type, corev1.SecretTypeTLS)
	}
	return object.Data
}

// bundle returns the caBundle, which must be the same in all entries.
func (s *server) bundle(t *testing.T) []byte {
	t.Helper()
	object, err := s.client().AdmissionregistrationV1().ValidatingWebhookConfigurations().
		Get(t.Context(), webhook, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	first := object.Webhooks[0].ClientConfig.CABundle
	for _, entry := range object.Webhooks {
		if string(entry.ClientConfig.CABundle) != string(first) {
			t.Errorf("entry %s has another caBundle than entry %s", entry.Name, object.Webhooks[0].Name)
		}
	}
	if service := object.Webhooks[0].ClientConfig.Service; service == nil || *service.Port != 443 {
		t.Errorf("the entry's service is now %v", service)
	}
	return first
}

// replaceConfiguration puts one without caBundles in the place of the present.
func (s *server) replaceConfiguration(t *testing.T) {
	t.Helper()
	configurations := s.client().AdmissionregistrationV1().ValidatingWebhookConfigurations()
	if err := configurations.Delete(t.Context(), webhook, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := configurations.Create(t.Context(), configuration(), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// secretWith holds data as a Secret of the cluster.
func secretWith(data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: secret, OwnerReferences: []metav1.OwnerReference{*ownerOf(configuration())},
		},
		Type: corev1.SecretTypeTLS,
		Data: data,
	}
}

// handshake connects as an API server does that trusts the bundle.
func handshake(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), bundle []byte, at time.Time) error {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: get})
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	go func() {
		if connection, err := listener.Accept(); err == nil {
			_ = connection.(*tls.Conn).HandshakeContext(context.Background())
			_ = connection.Close()
		}
	}()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	connection, err := tls.Dial("tcp", listener.Addr().String(),
		&tls.Config{RootCAs: roots, ServerName: host, Time: func() time.Time { return at }})
	if err != nil {
		return err
	}
	return connection.Close()
}
