package certs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/time/rate"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

const (
	fieldManager = "pullgate-certs"
	// writeBurst is how often the caBundle is written at once, and writeEvery
	// how often later on: somebody else resets it then, whenever we write it.
	writeBurst = 10
	writeEvery = 10 * time.Second
)

// errHeldBack is for a caBundle that is not written for now.
var errHeldBack = errors.New("it was written too often of late: something resets it each time, " +
	"and has to be told to leave clientConfig.caBundle alone")

// webhookConfiguration is the one whose caBundles are ours to write.
type webhookConfiguration struct {
	client kubernetes.Interface
	name   string
	writes *rate.Limiter
}

func newWebhookConfiguration(client kubernetes.Interface, name string) *webhookConfiguration {
	return &webhookConfiguration{client: client, name: name, writes: rate.NewLimiter(rate.Every(writeEvery), writeBurst)}
}

// read returns the configuration as it is; nil if there is none.
func (w *webhookConfiguration) read(ctx context.Context) (*admissionv1.ValidatingWebhookConfiguration, error) {
	found, err := w.client.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(ctx, w.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // none is no failure
	}
	if err != nil {
		return nil, fmt.Errorf("get validatingwebhookconfiguration %s to give it the caBundle: %w; "+
			"until it has that, API servers do not trust Pullgate", w.name, err)
	}
	return found, nil
}

// configuredRoots are the caBundles of all entries.
func configuredRoots(configuration *admissionv1.ValidatingWebhookConfiguration) []byte {
	var text []byte
	if configuration == nil {
		return nil
	}
	for i := range configuration.Webhooks {
		text = slices.Concat(text, configuration.Webhooks[i].ClientConfig.CABundle, []byte("\n"))
	}
	return text
}

// write writes the roots into every entry of the configuration that has others,
// and tells whether there was one.
func (w *webhookConfiguration) write(
	ctx context.Context, configuration *admissionv1.ValidatingWebhookConfiguration, roots []byte, now time.Time,
) (bool, error) {
	patch, err := bundlePatch(configuration, roots)
	if err != nil || patch == nil {
		return false, err
	}
	if !w.writes.AllowN(now, 1) {
		return false, fmt.Errorf("write the caBundle of validatingwebhookconfiguration %s: %w (last written by %s)",
			w.name, errHeldBack, lastWriter(configuration))
	}
	_, err = w.client.AdmissionregistrationV1().ValidatingWebhookConfigurations().
		Patch(ctx, configuration.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	if err != nil {
		return false, fmt.Errorf("patch the caBundle into validatingwebhookconfiguration %s: %w; "+
			"until it is there, API servers do not trust Pullgate", w.name, err)
	}
	return true, nil
}

// lastWriter is who wrote the configuration last, as it calls itself.
func lastWriter(configuration *admissionv1.ValidatingWebhookConfiguration) string {
	var last metav1.ManagedFieldsEntry
	for _, entry := range configuration.ManagedFields {
		if entry.Manager != fieldManager && !entry.Time.Before(last.Time) {
			last = entry
		}
	}
	return last.Manager
}

// bundlePatch returns nil if there is nothing to do. A patch leaves alone what
// newer API servers know and this program does not; with the resourceVersion in
// it, it is refused if the configuration is no longer as it was read.
func bundlePatch(configuration *admissionv1.ValidatingWebhookConfiguration, roots []byte) ([]byte, error) {
	var entries []map[string]any
	for i := range configuration.Webhooks {
		entry := &configuration.Webhooks[i]
		if !bytes.Equal(entry.ClientConfig.CABundle, roots) {
			entries = append(entries, map[string]any{"name": entry.Name, "clientConfig": map[string]any{"caBundle": roots}})
		}
	}
	if len(entries) == 0 {
		return nil, nil
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": configuration.ResourceVersion},
		"webhooks": entries,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the patch of validatingwebhookconfiguration %s: %w", configuration.Name, err)
	}
	return patch, nil
}
