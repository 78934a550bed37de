package explain

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// addHistory adds who set the image and when, what was there before, and when it
// began to fail.
func addHistory(a *draft) {
	if a.Image == "" {
		return
	}
	meta, what := a.record.OwnerMeta, a.owner()
	if meta == nil {
		meta = a.record.Meta
	}
	if entry := setter(meta, a.Container); entry != nil {
		at := time.Time{}
		if entry.Time != nil {
			at = entry.Time.Time
		}
		a.moment("managedFields of "+what.Kind+"/"+what.Name, fmt.Sprintf("%s set the image %s (%s)", entry.Manager, a.Image, entry.Operation), at)
	}
	if before, since := imageBefore(a); before != "" {
		a.moment("the Deployment's revisions", "before that, it was "+before, since)
	}
	if a.record.Pod != nil {
		a.moment("the Pod", "Pod "+a.record.Pod.Name+" was created", a.record.Pod.CreationTimestamp.Time)
	}
	for i := range a.record.Events {
		if e := &a.record.Events[i]; e.Reason == "Failed" && !isEcho(e.Message) {
			a.moment("an event", fmt.Sprintf("the pull failed (%d times so far)", max(e.Count, 1)), eventTime(e))
		}
	}
	slices.SortStableFunc(a.Timeline, func(x, y Line) int { return timeOf(x).Compare(timeOf(y)) })
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

// imageBefore is the image of the container in the revision before the one that
// runs, if it was another one, and when that revision came.
func imageBefore(a *draft) (string, time.Time) {
	for _, revision := range a.record.Revisions {
		if image := imageOfRevision(&revision, a.Container); image != "" && image != a.Image {
			return image, revision.CreationTimestamp.Time
		}
	}
	return "", time.Time{}
}

// imageOfRevision is the image of a container in a revision.
func imageOfRevision(revision *appsv1.ReplicaSet, container string) string {
	return imageOf(&corev1.Pod{Spec: revision.Spec.Template.Spec}, container)
}

// setter is the last entry of managedFields that owns the image of a container
// (Kubernetes: metadata.managedFields, fieldsV1).
func setter(meta *metav1.ObjectMeta, container string) *metav1.ManagedFieldsEntry {
	if meta == nil {
		return nil
	}
	var last *metav1.ManagedFieldsEntry
	for i := range meta.ManagedFields {
		entry := &meta.ManagedFields[i]
		if entry.FieldsV1 == nil || !owns(entry.FieldsV1.GetRawBytes(), container) {
			continue
		}
		if last == nil || last.Time != nil && entry.Time != nil && last.Time.Before(entry.Time) {
			last = entry
		}
	}
	return last
}

// owns tells whether a field set has the image of a container.
func owns(fields []byte, container string) bool {
	var tree map[string]any
	if json.Unmarshal(fields, &tree) != nil {
		return false
	}
	key, err := json.Marshal(map[string]string{"name": container})
	return err == nil && holds(tree, "k:"+string(key))
}

func holds(tree map[string]any, key string) bool {
	for name, value := range tree {
		below, ok := value.(map[string]any)
		if !ok {
			continue
		}
		if _, image := below["f:image"]; name == key && image || holds(below, key) {
			return true
		}
	}
	return false
}
