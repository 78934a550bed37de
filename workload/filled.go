package workload

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// triggers is the annotation by which OpenShift's controller puts the images of
// image streams into an object; until then the API server is given blanks (`oc
// new-app`), or what was there before (openshift/library-go
// pkg/image/trigger/trigger.go).
const triggers = "image.openshift.io/triggers"

// noteFilled notes of each image who is still to put another in its place.
func (w *Workload) noteFilled() {
	fields := triggered(w.Annotations[triggers])
	for _, t := range w.Templates {
		for i := range t.Images {
			t.Images[i].FilledBy = filler(t.Images[i], t.Custom, fields)
		}
	}
}

func filler(image Image, custom bool, triggered []string) string {
	switch {
	case image.Container == "istio-proxy" && image.Reference == "auto": // Istio's pkg/kube/inject/webhook.go
		return "Istio's injection"
	case image.Reference == "" && custom:
		return "the custom resource's controller"
	}
	named := func(field string) bool {
		return field == image.Field || strings.Contains(strings.ReplaceAll(field, "'", `"`), fmt.Sprintf("@.name==%q", image.Container))
	}
	if slices.ContainsFunc(triggered, named) {
		return "OpenShift's image trigger"
	}
	return ""
}

// triggered are the fields of the triggers that are not paused.
func triggered(annotation string) []string {
	if annotation == "" {
		return nil
	}
	var all []struct {
		FieldPath string `json:"fieldPath"`
		Paused    any    `json:"paused"` // a text, or true
	}
	if json.Unmarshal([]byte(annotation), &all) != nil {
		return nil
	}
	var fields []string
	for _, one := range all {
		if fmt.Sprint(one.Paused) != "true" {
			fields = append(fields, one.FieldPath)
		}
	}
	return fields
}
