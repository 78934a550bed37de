package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// MaxSize bounds a configuration file: that of a ConfigMap.
	MaxSize = 1 << 20

	defaultPositiveTTL = 5 * time.Minute
	defaultCacheSize   = 100_000

	defaultAuditInterval  = 6 * time.Hour
	defaultAuditRequests  = 1000
	dockerHub             = "docker.io"
	defaultDockerRequests = 20
)

// Default returns the configuration that a file of nothing but its header
// would have.
func Default() Configuration {
	c := Configuration{TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: Kind}}
	c.setDefaults()
	return c
}

// Parse reads a configuration file (YAML or JSON), strictly: unknown and
// repeated fields are errors. Absent fields get their defaults. The error
// joins all problems, each of which names the path of its key.
func Parse(data []byte) (Configuration, error) { return parse(data, &reader{}) }

// Trace is Parse, and tells on which line of the file each value stands, by the
// path of its key. What is not in it has its default.
func Trace(data []byte) (Configuration, map[string]int, error) {
	r := &reader{lines: map[string]int{}}
	c, err := parse(data, r)
	return c, r.lines, err
}

func parse(data []byte, r *reader) (Configuration, error) {
	if len(data) > MaxSize {
		return Configuration{}, fmt.Errorf("the file is larger than %d KiB: no configuration is", MaxSize>>10)
	}
	node, err := document(data)
	if err != nil {
		return Configuration{}, err
	}
	r.left = maxValues
	value := r.read(node, nil, reflect.TypeFor[Configuration]())
	if r.left < 0 {
		return Configuration{}, fmt.Errorf("the file has more than %d values: its aliases stand for too much", maxValues)
	}
	if len(r.problems) > 0 {
		return Configuration{}, errors.Join(r.problems...)
	}
	var c Configuration
	if err := convert(value, &c); err != nil {
		return Configuration{}, err
	}
	if err := c.validate(); err != nil {
		return Configuration{}, err
	}
	c.setDefaults()
	return c, nil
}

// document returns the one document of a file.
func document(data []byte) (*yaml.Node, error) {
	var first, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	err := decoder.Decode(&first)
	switch {
	case errors.Is(err, io.EOF), err == nil && first.Content[0].ShortTag() == "!!null":
		return nil, fmt.Errorf("the file is empty: write at least apiVersion: %s and kind: %s", APIVersion, Kind)
	case err != nil:
		return nil, fmt.Errorf("neither YAML nor JSON: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the file has several documents: a configuration is one, without --- in between")
	}
	return first.Content[0], nil
}

// convert makes of what was read, and found to be of the right types, a
// configuration.
func convert(value any, c *Configuration) error {
	data, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(data, c)
	}
	if err != nil {
		return fmt.Errorf("the file cannot be read: %w", err)
	}
	return nil
}

func (c *Configuration) setDefaults() {
	if c.Mode == "" {
		c.Mode = Enforce
	}
	if c.OnUnknown == "" {
		c.OnUnknown = UnknownWarn
	}
	if c.Depth == "" {
		c.Depth = Manifest
	}
	if c.Exempt.Namespaces == nil {
		c.Exempt.Namespaces = []string{"kube-system"}
	}
	c.Audit.setDefaults()
	if c.Cache.PositiveTTL == nil {
		c.Cache.PositiveTTL = &metav1.Duration{Duration: defaultPositiveTTL}
	}
	if c.Cache.Size == 0 {
		c.Cache.Size = defaultCacheSize
	}
}

func (a *Auditing) setDefaults() {
	if a.Interval == nil {
		a.Interval = &metav1.Duration{Duration: defaultAuditInterval}
	}
	if a.RequestsPerHour == 0 {
		a.RequestsPerHour = defaultAuditRequests
	}
	if a.Registries == nil {
		a.Registries = []RegistryBudget{{Host: dockerHub, RequestsPerHour: defaultDockerRequests}}
	}
	if a.Events == nil {
		a.Events = new(true)
	}
	if a.Reports == nil {
		a.Reports = new(true)
	}
}
