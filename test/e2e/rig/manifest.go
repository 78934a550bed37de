package rig

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/pullgate/pullgate/test/e2e/cluster"
)

// object is a Kubernetes object.
type object map[string]any

func (o object) kind() string { kind, _ := o["kind"].(string); return kind }

// at returns what lies at the end of a path; nil where there is nothing.
func (o object) at(path ...string) any {
	var value any = map[string]any(o)
	for _, key := range path {
		fields, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = fields[key]
	}
	return value
}

func (o object) text(path ...string) string { text, _ := o.at(path...).(string); return text }

// manifest is what users install Pullgate from, taken apart: what can be
// applied as it is, and what needs a Pullgate that runs as a Pod, which this
// one does not.
type manifest struct {
	// base is everything but what runs Pods and what calls them.
	base []object
	// webhook is the ValidatingWebhookConfiguration.
	webhook object
	// namespace and account are whose rights Pullgate has.
	namespace, account string
}

// readManifest takes a manifest apart, as kubectl reads it.
func readManifest(ctx context.Context, c *cluster.Cluster, file string) (*manifest, error) {
	file, err := filepath.Abs(file) // kubectl runs in the cluster's folder
	if err != nil {
		return nil, err
	}
	text, err := c.Must(ctx, "", "create", "--dry-run=client", "--validate=false", "-o", "json", "-f", file)
	if err != nil {
		return nil, fmt.Errorf("read the manifest (make manifests writes it): %w", err)
	}
	m := &manifest{}
	decoder := json.NewDecoder(strings.NewReader(text))
	for {
		var read object
		if err := decoder.Decode(&read); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read the manifest %s: %w", file, err)
		}
		items, isList := read["items"].([]any)
		if !isList {
			items = []any{map[string]any(read)}
		}
		for _, item := range items {
			fields, _ := item.(map[string]any)
			m.add(fields)
		}
	}
	if m.webhook == nil || m.account == "" {
		return nil, fmt.Errorf("the manifest %s has no ValidatingWebhookConfiguration or no Deployment with a ServiceAccount", file)
	}
	return m, nil
}

func (m *manifest) add(o object) {
	switch o.kind() {
	case "ValidatingWebhookConfiguration":
		m.webhook = o
	case "Deployment":
		m.namespace = o.text("metadata", "namespace")
		m.account = o.text("spec", "template", "spec", "serviceAccountName")
	case "Service", "PodDisruptionBudget", "NetworkPolicy":
	default:
		m.base = append(m.base, o)
	}
}

// point lets every entry of the webhook configuration call an address instead
// of a Service, for which there is no kube-proxy here.
func (m *manifest) point(url string, caBundle []byte) error {
	hooks, _ := m.webhook["webhooks"].([]any)
	if len(hooks) == 0 {
		return errors.New("the webhook configuration has no entries")
	}
	for _, hook := range hooks {
		fields, _ := hook.(map[string]any)
		path := object(fields).text("clientConfig", "service", "path")
		fields["clientConfig"] = map[string]any{"url": url + path, "caBundle": base64.StdEncoding.EncodeToString(caBundle)}
	}
	return nil
}

func apply(ctx context.Context, c *cluster.Cluster, objects ...object) error {
	var text bytes.Buffer
	list := map[string]any{"apiVersion": "v1", "kind": "List", "items": objects}
	if err := json.NewEncoder(&text).Encode(list); err != nil {
		return fmt.Errorf("encode what is to be applied: %w", err)
	}
	_, err := c.Must(ctx, text.String(), "apply", "-f", "-")
	return err
}
