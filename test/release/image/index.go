package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// billType is that of a bill of materials, as the release has it too.
const billType = "application/vnd.cyclonedx+json"

// Built is an image for all platforms, and what refers to it.
type Built struct {
	Index v1.ImageIndex
	// Bills are the platforms' bills of materials: artifacts whose subject is
	// the platform's image.
	Bills []v1.Image
}

// Build makes the image.
func Build(s Source) (Built, error) {
	built := Built{Index: mutate.IndexMediaType(empty.Index, types.OCIImageIndex)}
	for _, arch := range architectures() {
		image, err := s.build(arch)
		if err != nil {
			return Built{}, fmt.Errorf("build for %s: %w", arch, err)
		}
		described, err := partial.Descriptor(image)
		if err != nil {
			return Built{}, err
		}
		described.Platform = &v1.Platform{OS: "linux", Architecture: arch}
		built.Index = mutate.AppendManifests(built.Index, mutate.IndexAddendum{Add: image, Descriptor: *described})
		described.Platform = nil
		bill, err := s.bill(arch, *described)
		if err != nil {
			return Built{}, fmt.Errorf("the bill of materials for %s: %w", arch, err)
		}
		built.Bills = append(built.Bills, bill)
	}
	return built, nil
}

// bill makes an artifact of a platform's bill of materials, without what is
// another each time.
func (s Source) bill(arch string, subject v1.Descriptor) (v1.Image, error) {
	text, err := os.ReadFile(filepath.Join(s.Context, "pullgate-"+arch+".cdx.json")) //nolint:gosec // the caller's folder
	if err != nil {
		return nil, err
	}
	var content map[string]any
	if err := json.Unmarshal(text, &content); err != nil {
		return nil, err
	}
	delete(content, "serialNumber")
	metadata, ok := content["metadata"].(map[string]any)
	if !ok {
		return nil, errors.New("no metadata in it")
	}
	metadata["timestamp"] = s.Created.UTC().Format(time.RFC3339)
	if text, err = json.Marshal(content); err != nil {
		return nil, err
	}
	artifact := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), billType)
	artifact, err = mutate.AppendLayers(artifact, static.NewLayer(text, billType))
	if err != nil {
		return nil, err
	}
	referring, ok := mutate.Subject(artifact, subject).(v1.Image)
	if !ok {
		return nil, errors.New("it can have no subject")
	}
	return referring, nil
}
