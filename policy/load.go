package policy

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

const (
	defaultPositiveTTL = 5 * time.Minute
	defaultCacheSize   = 100_000
)

// Default returns the configuration that an empty file would have.
func Default() Configuration {
	c := Configuration{TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: Kind}}
	c.setDefaults()
	return c
}

// Parse reads a configuration file (YAML or JSON), strictly: unknown and
// repeated fields are errors. Absent fields get their defaults. Errors name the
// path of each offending key.
func Parse(data []byte) (Configuration, error) {
	var c Configuration
	if len(bytes.TrimSpace(data)) == 0 {
		return c, fmt.Errorf("the file is empty: write at least apiVersion: %s and kind: %s", APIVersion, Kind)
	}
	asJSON, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return c, fmt.Errorf("not YAML: %w", err)
	}
	strict, err := kjson.UnmarshalStrict(asJSON, &c)
	if err != nil {
		return c, fmt.Errorf("wrong type: %w", err)
	}
	if len(strict) > 0 {
		return c, errors.Join(strict...)
	}
	if err := c.validate(); err != nil {
		return c, err
	}
	c.setDefaults()
	return c, nil
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
	if c.Cache.PositiveTTL == nil {
		c.Cache.PositiveTTL = &metav1.Duration{Duration: defaultPositiveTTL}
	}
	if c.Cache.Size == 0 {
		c.Cache.Size = defaultCacheSize
	}
}
