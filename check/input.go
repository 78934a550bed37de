package check

import (
	"cmp"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/manifest"
	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/workload"
)

// Input is what is to be checked, and what counts for it.
type Input struct {
	// Objects counts the objects that were read.
	Objects int
	// Problems are what could not be read, or would be refused.
	Problems []report.Problem
	// Misnamed says that something was named to be read that is not there.
	Misnamed bool
	// Warnings say what was passed over, and what is not definite.
	Warnings []string

	workloads  []found
	namespaces map[string]map[string]string
	source     *ManifestSource
	passed     passedOver
}

// found is a workload with the place where it was found.
type found struct {
	workload.Workload
	object *manifest.Object // nil for an image of the command line
}

// NewInput looks through what was read. Objects without a namespace are taken
// to be in the given one. Secrets and ServiceAccounts are added to the source.
func NewInput(stream manifest.Stream, kinds *workload.Kinds, source *ManifestSource, namespace string) *Input {
	in := &Input{source: source, namespaces: map[string]map[string]string{}, Objects: len(stream.Objects)}
	for _, problem := range stream.Problems {
		in.Problems = append(in.Problems, problemOf(problem))
		in.Misnamed = in.Misnamed || problem.Misnamed
	}
	for i := range stream.Objects {
		in.add(&stream.Objects[i], kinds, namespace)
	}
	for i := range stream.Incomplete {
		in.passed.add(readHeader(stream.Incomplete[i].Raw), stream.Incomplete[i].Raw)
	}
	in.Warnings = slices.Concat(stream.PassedOver, source.ambiguities(), in.passed.warnings(), unrenderedWarning(in.workloads))
	return in
}

func problemOf(p *manifest.Problem) report.Problem {
	return report.Problem{Source: report.Source(p.Position), Message: p.Err.Error(), Hint: p.Hint}
}

// add takes an object up, if it matters.
func (in *Input) add(object *manifest.Object, kinds *workload.Kinds, namespace string) {
	head := readHeader(object.Raw)
	if taken, problem := in.source.add(head, object, namespace); taken {
		if problem != nil {
			in.Problems = append(in.Problems, *problem)
		}
		return
	}
	if head.is("Namespace") {
		in.namespaces[head.Metadata.Name] = head.Metadata.Labels
		return
	}
	w, err := kinds.Read(object.Raw, workload.Create)
	switch {
	case errors.Is(err, workload.ErrUnknownKind):
		in.passed.add(head, object.Raw)
	case err != nil:
		in.Problems = append(in.Problems, shapeProblem(object, err))
	default:
		w.Object.Namespace = cmp.Or(w.Object.Namespace, namespace)
		kept := *object
		kept.Raw = nil // it was read, and of a cluster's Pods it is a lot
		in.workloads = append(in.workloads, found{w, &kept})
	}
}

// shapeProblem says where an object is not as its kind is.
func shapeProblem(object *manifest.Object, err error) report.Problem {
	var wrong *workload.FieldError
	if !errors.As(err, &wrong) {
		wrong = &workload.FieldError{}
	}
	problem := report.Problem{Source: report.Source(object.Find(wrong.Field, "")), Message: err.Error()}
	if wrong.Unquoted {
		problem.Hint = "put it into quotes"
	}
	return problem
}

// AddImages adds images that are named alone, as those of Pods without pull
// secrets in a namespace.
func (in *Input) AddImages(images []string, namespace string) {
	for _, image := range images {
		in.workloads = append(in.workloads, found{Workload: workload.Workload{
			Object: workload.Object{Namespace: namespace},
			Templates: []workload.Template{{
				Spec: &corev1.PodSpec{}, ServiceAccount: "default", InheritsSecrets: true,
				Images: []workload.Image{{Role: workload.Container, Reference: image, Policy: corev1.PullIfNotPresent, Mounted: true}},
			}},
		}})
	}
}

// Images counts the uses of images that are to be checked.
func (in *Input) Images() int {
	n := 0
	for _, w := range in.workloads {
		for _, t := range w.Templates {
			n += len(t.Images)
		}
	}
	return n
}
