package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/pullgate/pullgate/explain"
	"github.com/pullgate/pullgate/manifest"
	"github.com/pullgate/pullgate/workload"
)

// givenFile is what -f names.
type givenFile struct {
	stream manifest.Stream
	explain.Given
}

// readGiven reads the file of -f: an object to explain, by its name where there are
// several, and events and pull secrets that help. Without -f it is nothing.
func (o *explainOptions) readGiven(ctx context.Context, stdin io.Reader, kinds *workload.Kinds, kind, name string) (*givenFile, error) {
	file := &givenFile{Given: explain.Given{At: time.Now()}}
	if o.file == "" {
		return file, nil
	}
	file.stream = manifest.Read(ctx, manifest.Input{Files: []string{o.file}, Stdin: stdin})
	for _, problem := range file.stream.Problems {
		return nil, &hintedError{err: problem, hint: problem.Hint}
	}
	var found []*unstructured.Unstructured
	for i := range file.stream.Objects {
		raw := file.stream.Objects[i].Raw
		object := &unstructured.Unstructured{}
		if err := json.Unmarshal(raw, object); err != nil {
			return nil, fmt.Errorf("%s: %w", o.file, err)
		}
		var event corev1.Event
		if object.GetKind() == "Event" && json.Unmarshal(raw, &event) == nil {
			file.Events = append(file.Events, event)
			continue
		}
		if _, err := kinds.Read(raw, workload.Create); err == nil && isAsked(object, kind, name) {
			found = append(found, object)
		}
	}
	if len(found) != 1 {
		return nil, notOne(o.file, found)
	}
	file.Object = found[0]
	return file, nil
}

// isAsked tells whether an object is of a kind and name; empty ones fit any.
func isAsked(object *unstructured.Unstructured, kind, name string) bool {
	return (name == "" || object.GetName() == name) && (kind == "" || strings.EqualFold(object.GetKind(), singular(strings.ToLower(kind))))
}

// longKind is the kind that people mean by a short name.
func longKind(name string) string {
	short := map[string]string{
		"po": "pod", "deploy": "deployment", "sts": "statefulset", "ds": "daemonset",
		"rs": "replicaset", "cj": "cronjob",
	}
	if long, ok := short[name]; ok {
		return long
	}
	return name
}

// notOne says which objects there are to name.
func notOne(file string, found []*unstructured.Unstructured) error {
	if len(found) == 0 {
		return &hintedError{err: fmt.Errorf("%s has no such Pod or workload", file), hint: "give what `kubectl get pod NAME -o yaml` prints"}
	}
	var names []string
	for _, object := range found {
		names = append(names, strings.ToLower(object.GetKind())+"/"+object.GetName())
	}
	return &hintedError{err: fmt.Errorf("%s has %d Pods and workloads", file, len(found)), hint: "name one of them: " + strings.Join(names, ", ")}
}

// singular is a kind's name without its plural's s.
func singular(kind string) string {
	if long := longKind(kind); long != kind {
		return long
	}
	return strings.TrimSuffix(kind, "s")
}
