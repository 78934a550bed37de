// Command image builds Pullgate's image without an engine; `make image` has built
// what it is made of.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/pullgate/pullgate/test/release/image"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run() error {
	var source image.Source
	flag.StringVar(&source.Dockerfile, "dockerfile", "../../Dockerfile", "the recipe")
	flag.StringVar(&source.Context, "context", "../../bin/image", "the folder of what it copies")
	flag.StringVar(&source.Version, "version", "dev", "the version, for the labels")
	created := flag.Int64("created", 0, "when it was made, in seconds since 1970")
	reference := flag.String("name", "ghcr.io/pullgate/pullgate:dev", "the reference by which the image is called")
	out := flag.String("o", "", "the archive to write: an OCI layout in a tar file")
	push := flag.Bool("push", false, "push it to its registry, with the docker configuration's credentials")
	flag.Parse()

	source.Created = time.Unix(*created, 0).UTC()
	tag, err := name.NewTag(*reference)
	if err != nil {
		return err
	}
	built, err := image.Build(source)
	if err != nil {
		return err
	}
	if *out != "" {
		if err := built.Archive(*out, tag); err != nil {
			return err
		}
	}
	if *push {
		if err := built.Push(tag, remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
			return err
		}
	}
	return tell(built, tag)
}

// tell prints what was built, one thing a line.
func tell(built image.Built, tag name.Tag) error {
	digest, err := built.Index.Digest()
	if err != nil {
		return err
	}
	sizes, err := built.Sizes()
	if err != nil {
		return err
	}
	const megabyte = 1e6
	fmt.Printf("%s@%s\n", tag, digest)
	for _, arch := range slices.Sorted(maps.Keys(sizes)) {
		fmt.Printf("linux/%s: %.1f MB\n", arch, float64(sizes[arch])/megabyte)
	}
	return nil
}
