// Package image builds Pullgate's image as the Dockerfile describes it, without
// an engine: for several platforms, with each one's bill of materials, and the
// same to the byte whenever and wherever it is built of the same files.
package image

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// recipe is what a Dockerfile says for one platform.
type recipe struct {
	config v1.Config
	copies []file
}

// file is one that is copied: from the context's folder to a path in the image.
type file struct{ from, to string }

// read understands a Dockerfile of one stage that begins with nothing. What it
// does not understand is an error, so that nothing is left out.
func read(dockerfile io.Reader, args map[string]string) (recipe, error) {
	parsed, err := parser.Parse(dockerfile)
	if err != nil {
		return recipe{}, fmt.Errorf("parse the Dockerfile: %w", err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return recipe{}, fmt.Errorf("parse the Dockerfile: %w", err)
	}
	if len(stages) != 1 || stages[0].BaseName != "scratch" {
		return recipe{}, errors.New("the Dockerfile has to have one stage, FROM scratch: without an engine nothing is run and nothing pulled")
	}
	var r recipe
	var known []string
	words := shell.NewLex(parsed.EscapeToken)
	expand := func(word string) (string, error) {
		expanded, err := words.ProcessWordWithMatches(word, shell.EnvsFromSlice(known))
		if len(expanded.Unmatched) > 0 {
			err = errors.Join(err, fmt.Errorf("there is no ARG for %s", word))
		}
		return expanded.Result, err
	}
	for _, command := range stages[0].Commands {
		if arg, ok := command.(*instructions.ArgCommand); ok {
			for _, declared := range arg.Args {
				known = append(known, declared.Key+"="+cmp.Or(args[declared.Key], declared.ValueString()))
			}
			continue
		}
		if expanding, ok := command.(instructions.SupportsSingleWordExpansion); ok {
			if err := expanding.Expand(expand); err != nil {
				return recipe{}, fmt.Errorf("%s: %w", command.Name(), err)
			}
		}
		if err := r.add(command); err != nil {
			return recipe{}, err
		}
	}
	return r, nil
}

func (r *recipe) add(command instructions.Command) error {
	switch command := command.(type) {
	case *instructions.LabelCommand:
		if r.config.Labels == nil {
			r.config.Labels = map[string]string{}
		}
		for _, label := range command.Labels {
			r.config.Labels[label.Key] = label.Value
		}
	case *instructions.CopyCommand:
		if len(command.SourcePaths) != 1 || command.From != "" || strings.HasSuffix(command.DestPath, "/") {
			return fmt.Errorf("COPY has to copy one file of the context to the name that it gets: %s", command)
		}
		r.copies = append(r.copies, file{command.SourcePaths[0], command.DestPath})
	case *instructions.UserCommand:
		r.config.User = command.User
	case *instructions.ExposeCommand:
		r.config.ExposedPorts = map[string]struct{}{}
		for _, port := range command.Ports {
			r.config.ExposedPorts[port+"/tcp"] = struct{}{}
		}
	case *instructions.EntrypointCommand:
		r.config.Entrypoint = command.CmdLine
	case *instructions.CmdCommand:
		r.config.Cmd = command.CmdLine
	default:
		return fmt.Errorf("%s is not understood here", command.Name())
	}
	return nil
}
