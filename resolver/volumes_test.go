package resolver

import (
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// withVolume is the deployment of a container and of a volume of the same
// image.
func withVolume(image string, mounted bool) workload.Workload {
	return with(image, func(t *workload.Template) {
		volume := t.Images[0]
		volume.Field, volume.Role, volume.Mounted = "spec.template.spec.volumes[0].image.reference", workload.Volume, mounted
		t.Images = append(t.Images, volume)
	})
}

func TestVolumes(t *testing.T) {
	tests := []struct {
		name    string
		image   string
		mounted bool
		answer  pull.Reason
		want    pull.Reason
		note    string // begins so, and holds what is the matter; empty: none
	}{
		{"mounted and pullable", private, true, pull.ReasonPullable, pull.ReasonPullable, ""},
		{"mounted and broken", private, true, pull.TagNotFound, pull.TagNotFound, ""},
		{"mounted and unknown", private, true, pull.RateLimited, pull.RateLimited, ""},
		{"pullable", private, false, pull.ReasonPullable, pull.ReasonPullable, ""},
		{"broken", private, false, pull.TagNotFound, pull.Exempt, "would fail: tag not found; correct the tag, or push "},
		{"refused", private, false, pull.CredentialsRequired, pull.Exempt, "would fail: reg.example.com wants credentials"},
		{"not a name", "reg.example.com/App:1", false, "", pull.Exempt, "would fail: not an image name that nodes can parse; write it in lower case"},
		{"no name", "", false, "", pull.InvalidImageName, ""},
		{"unknown", private, false, pull.RateLimited, pull.Exempt, "might fail: not checked: reg.example.com limits"},
		{"a slip of ours", private, false, "", pull.Exempt, "might fail: not checked: an internal error"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			prober := answering(test.answer)
			report := newResolver(shop(nil), prober).Resolve(t.Context(), withVolume(test.image, test.mounted))
			container, volume := report.Results[0], report.Results[1]
			wantReason(t, volume, test.want)
			if container.Reason.Verdict() != container.Verdict || container.Reason == pull.Exempt || hasNote(container, pull.VolumeNotMounted) {
				t.Errorf("the container of the same image has the volume's result: %+v", container)
			}
			if hasNote(volume, pull.VolumeNotMounted) != (test.note != "") {
				t.Fatalf("notes %v", volume.Notes)
			}
			if test.note == "" {
				return
			}
			if said := volume.Notes[0].Message; !strings.HasPrefix(said, "no container mounts this volume, but one that did "+test.note) || !strings.Contains(said, container.Hint) || !strings.Contains(said, container.Evidence) {
				t.Errorf("the note says %q", said)
			}
			if !strings.Contains(volume.Message, "starts without it") || volume.Hint != "" || volume.Node != "" {
				t.Errorf("result %+v", volume)
			}
		})
	}
}

// Both uses of an image are one question.
func TestVolumesCostNothingMore(t *testing.T) {
	prober := &registries{}
	newResolver(shop(nil), prober).Resolve(t.Context(), withVolume(private, false))
	wantProbes(t, prober, 1)
}
