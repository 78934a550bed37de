package explain

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/stuck"
)

// addHistory adds who set the image and what gives credentials for it and when,
// what was there before, and when it began to fail.
func addHistory(a *draft) {
	if a.Image == "" {
		return
	}
	what := a.owner()
	from := "managedFields of " + what.Kind + "/" + what.Name
	if a.Container != "" { // the image of a sandbox is the node's
		addSetter(a, from, a.Image, "set the image", setter(a.ownerMeta(), "f:image", a.Container))
	}
	if aboutCredentials(a.Code) {
		addSetter(a, from, "", "set its pull secrets", setter(a.ownerMeta(), "f:imagePullSecrets", ""))
		for _, part := range a.record.Parts {
			field := "f:data"
			if part.Kind == "ServiceAccount" {
				field = "f:imagePullSecrets"
			}
			addSetter(a, "managedFields of "+part.String(), "", "set what is in "+part.String(), setter(&part.Meta, field, ""))
		}
	}
	if before, since := imageBefore(a); before != "" {
		a.moment("the "+what.Kind+"'s revisions", "before that, it was "+before, since)
	}
	if a.record.Pod != nil {
		a.moment("the Pod", "Pod "+a.record.Pod.Name+" was created", a.record.Pod.CreationTimestamp.Time)
	}
	addFailures(a)
	slices.SortStableFunc(a.Timeline, func(x, y Line) int { return timeOf(x).Compare(timeOf(y)) })
}

// aboutCredentials tells whether a pull secret may have to do with it.
func aboutCredentials(code string) bool {
	switch pull.Reason(code) {
	case pull.CredentialsRequired, pull.CredentialsRejected, pull.PullSecretMalformed, pull.NodeCredentialsUnknown:
		return true
	default:
		return Cause(code) == KeptFromPod
	}
}

// addFailures adds when the pulls of the image failed first and last.
func addFailures(a *draft) {
	for i := range a.record.Events {
		e := &a.record.Events[i]
		if !failed(e) || isEcho(e.Message) {
			continue
		}
		if first := e.FirstTimestamp.Time; e.Count > 1 && !first.IsZero() {
			a.moment(inEvent, "it failed for the first time", first)
			a.moment(inEvent, fmt.Sprintf("it failed for the last time, of %d", e.Count), stuck.Told(e))
			continue
		}
		a.moment(inEvent, "it failed", stuck.Told(e))
	}
}

func timeOf(l Line) time.Time {
	if l.At == nil {
		return time.Time{}
	}
	return *l.At
}

func (a *draft) moment(from, text string, at time.Time) {
	if !at.IsZero() {
		a.Timeline = append(a.Timeline, Line{From: from, Text: text, At: &at})
	}
}

// addSetter adds what an entry of managedFields tells.
func addSetter(a *draft, from, value, did string, entry *metav1.ManagedFieldsEntry) {
	if entry == nil || entry.Time == nil {
		return
	}
	if value != "" {
		did += " " + value
	}
	a.moment(from, fmt.Sprintf("%s %s (%s)", entry.Manager, did, entry.Operation), entry.Time.Time)
}

// imageBefore is the image of the container in the revision before the one that
// runs, if it was another one, and when that revision came.
func imageBefore(a *draft) (string, time.Time) {
	for _, revision := range a.record.Revisions {
		if image := imageOf(&revision.Spec, a.Container); image != "" && image != a.Image {
			return image, revision.At
		}
	}
	return "", time.Time{}
}

// setter is the last entry of managedFields that owns a field, of a container if
// one is named (Kubernetes: metadata.managedFields, fieldsV1).
func setter(meta *metav1.ObjectMeta, field, container string) *metav1.ManagedFieldsEntry {
	if meta == nil {
		return nil
	}
	key := ""
	if container != "" {
		name, err := json.Marshal(map[string]string{"name": container})
		if err != nil {
			return nil
		}
		key = "k:" + string(name)
	}
	var last *metav1.ManagedFieldsEntry
	for i := range meta.ManagedFields {
		entry := &meta.ManagedFields[i]
		var tree map[string]any
		if entry.FieldsV1 == nil || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &tree) != nil || !holds(tree, key, field) {
			continue
		}
		if last == nil || last.Time != nil && entry.Time != nil && last.Time.Before(entry.Time) {
			last = entry
		}
	}
	return last
}

// holds tells whether a tree of fields has one, below a key if one is given.
func holds(tree map[string]any, key, field string) bool {
	if _, found := tree[field]; found && key == "" {
		return true
	}
	for name, value := range tree {
		below, ok := value.(map[string]any)
		if !ok {
			continue
		}
		if _, found := below[field]; name == key && found || holds(below, key, field) {
			return true
		}
	}
	return false
}
