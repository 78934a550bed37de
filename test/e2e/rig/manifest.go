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
	// args are those of its container that say nothing of files or addresses.
	args []string
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
	if m.called() == "" || m.account == "" {
		return nil, fmt.Errorf("the manifest %s has no ValidatingWebhookConfiguration that calls a Service, or no Deployment with a ServiceAccount", file)
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
		containers, _ := o.at("spec", "template", "spec", "containers").([]any)
		for _, container := range containers {
			fields, _ := container.(map[string]any)
			m.args = append(m.args, m.portable(fields["args"])...)
		}
	case "Service", "PodDisruptionBudget", "NetworkPolicy":
	default:
		m.base = append(m.base, o)
	}
}

// portable returns the arguments that hold for a program outside a container,
// too.
func (m *manifest) portable(args any) []string {
	var kept []string
	words, _ := args.([]any)
	for _, word := range words {
		text, _ := word.(string)
		name, _, _ := strings.Cut(text, "=")
		if name != "--config" && name != "--cert-dir" && !strings.HasSuffix(name, "-address") {
			kept = append(kept, strings.ReplaceAll(text, "$(POD_NAMESPACE)", m.namespace))
		}
	}
	return kept
}

// entries are those of the webhook configuration.
func (m *manifest) entries() []object {
	var entries []object
	hooks, _ := m.webhook["webhooks"].([]any)
	for _, hook := range hooks {
		fields, _ := hook.(map[string]any)
		entries = append(entries, fields)
	}
	return entries
}

// point lets every entry of the webhook configuration call a port. Without a
// bundle Pullgate itself has to write one.
func (m *manifest) point(port int, caBundle []byte) {
	for _, entry := range m.entries() {
		config, _ := entry["clientConfig"].(map[string]any)
		if service, ok := config["service"].(map[string]any); ok {
			service["port"] = port
		}
		if len(caBundle) > 0 {
			config["caBundle"] = base64.StdEncoding.EncodeToString(caBundle)
		}
	}
}

// called is the name of the Service that the webhook configuration calls.
func (m *manifest) called() string {
	for _, entry := range m.entries() {
		return entry.text("clientConfig", "service", "name")
	}
	return ""
}

// serviceHost is by which name the API server calls Pullgate.
func (m *manifest) serviceHost() string { return m.called() + "." + m.namespace + ".svc" }

// service leads to this machine: there is no kube-proxy, but an API server
// follows the name of an ExternalName Service by itself
// (apiserver pkg/util/proxy/proxy.go, ResolveCluster).
func (m *manifest) service() object {
	return object{
		"apiVersion": "v1", "kind": "Service",
		"metadata": map[string]any{"name": m.called(), "namespace": m.namespace},
		"spec":     map[string]any{"type": "ExternalName", "externalName": "localhost"},
	}
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
