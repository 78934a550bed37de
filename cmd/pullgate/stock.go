package main

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/pullgate/pullgate/audit"
	"github.com/pullgate/pullgate/cluster"
	"github.com/pullgate/pullgate/report"
)

// takeStock reads all objects of the kinds that have images, in one namespace or
// in all (""). A kind that may not be listed is said, and that none may be is an
// error; what cannot be read for another reason is a problem.
func (c *liveCluster) takeStock(ctx context.Context, namespace string, in *audit.Inventory) ([]report.Problem, error) {
	var problems []report.Problem
	var forbidden error
	var unread []string
	listed := 0
	for _, kind := range in.Kinds.Served() {
		err := c.list(ctx, kind, namespace, in, &problems)
		switch {
		case err == nil:
			listed++
		case meta.IsNoMatchError(err): // an API server without it has none of them
		case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
			forbidden = err
			unread = append(unread, fmt.Sprintf("objects of the kind %s may not be read and are not looked at: %v", kind, err))
		default:
			problems = append(problems, c.problem(err))
		}
	}
	switch {
	case listed == 0 && forbidden != nil:
		return nil, nothingMayBeRead(namespace, forbidden)
	case namespace != "" && in.Objects == 0 && len(problems) == 0:
		if err := c.missing(ctx, namespace); err != nil {
			return nil, err
		}
	}
	for _, text := range unread {
		c.say.warn(text)
	}
	return problems, nil
}

// nothingMayBeRead says what to do about it.
func nothingMayBeRead(namespace string, why error) error {
	hint := "the right to list workloads is needed, which the ClusterRole view has"
	if namespace == "" {
		hint += "; -n looks at one namespace alone"
	}
	return &hintedError{err: fmt.Errorf("nothing may be read: %w", why), hint: hint}
}

// list takes the objects of one kind up. One that cannot be read is a problem.
func (c *liveCluster) list(ctx context.Context, kind schema.GroupKind, namespace string, in *audit.Inventory, problems *[]report.Problem) error {
	mapping, err := c.client.RESTMapper().RESTMapping(kind)
	if err != nil {
		return err
	}
	return cluster.List(ctx, c.client, mapping.GroupVersionKind, namespace, func(raw []byte) error {
		if err := in.Add(raw); err != nil {
			*problems = append(*problems, c.problem(err))
		}
		return nil
	})
}

// problem says what of the cluster could not be read.
func (c *liveCluster) problem(err error) report.Problem {
	p := report.Problem{Source: report.Source{File: c.name}, Message: err.Error()}
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		p.Hint = "`kubectl get` with the same kubeconfig says more"
	}
	c.say.problem(p)
	return p
}
