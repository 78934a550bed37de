package certs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// readConfiguration returns the webhook configuration; an empty one if none is
// looked after.
func (m *Manager) readConfiguration(ctx context.Context) (*admissionv1.ValidatingWebhookConfiguration, error) {
	if m.WebhookConfiguration == "" {
		return &admissionv1.ValidatingWebhookConfiguration{}, nil
	}
	configuration, err := m.Client.AdmissionregistrationV1().ValidatingWebhookConfigurations().
		Get(ctx, m.WebhookConfiguration, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get validatingwebhookconfiguration %s to give it the caBundle: %w; "+
			"until it has that, API servers do not trust Pullgate", m.WebhookConfiguration, err)
	}
	return configuration, nil
}

// writeBundle writes the roots into every entry of the configuration that has
// others.
func (m *Manager) writeBundle(ctx context.Context, configuration *admissionv1.ValidatingWebhookConfiguration, roots []byte) error {
	patch, err := bundlePatch(configuration, roots)
	if err != nil || patch == nil {
		return err
	}
	_, err = m.Client.AdmissionregistrationV1().ValidatingWebhookConfigurations().
		Patch(ctx, configuration.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: "pullgate-certs"})
	if err != nil {
		return fmt.Errorf("patch the caBundle into validatingwebhookconfiguration %s: %w; "+
			"until it is there, API servers do not trust Pullgate", configuration.Name, err)
	}
	m.log().InfoContext(ctx, "wrote the caBundle", "webhookConfiguration", configuration.Name)
	return nil
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
