package node

import (
	"context"
	"fmt"
	"io"
	"os/exec"

	"github.com/distribution/reference"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// Pull pulls as the kubelet does: the tag "latest" where none is given
// (pkg/kubelet/images/image_manager.go, applyDefaultImageTag), then with every
// credential that was found until one works, and anonymously only if none was
// (pkg/kubelet/kuberuntime/kuberuntime_image.go, PullImage).
func (n *Node) Pull(ctx context.Context, image string, credentials []scenario.Credential) []golden.Answer {
	if named, err := reference.ParseNormalizedNamed(image); err == nil && reference.IsNameOnly(named) {
		image += ":latest"
	}
	if len(credentials) == 0 {
		return []golden.Answer{n.pull(ctx, image, nil)}
	}
	var answers []golden.Answer
	for _, credential := range credentials {
		answer := n.pull(ctx, image, &cri.AuthConfig{Username: credential.Username, Password: credential.Password})
		answers = append(answers, answer)
		if answer.OK() {
			break
		}
	}
	return answers
}

func (n *Node) pull(ctx context.Context, image string, auth *cri.AuthConfig) golden.Answer {
	_, err := n.images.PullImage(ctx, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: image, UserSpecifiedImage: image}, Auth: auth})
	if err == nil {
		return golden.Answer{Code: codes.OK.String()}
	}
	return golden.Answer{Code: status.Code(err).String(), Text: status.Convert(err).Message()}
}

// Load brings images to the node from a file, as kind does: with a name by
// digest that nobody asks for (kind's pkg/cluster/nodeutils, LoadImageArchive).
func (n *Node) Load(ctx context.Context, ctr string, archive io.Reader) error {
	cmd := exec.CommandContext(ctx, ctr, "--address", n.Socket(), "--namespace", "k8s.io", //nolint:gosec // the caller's own program
		"images", "import", "--all-platforms", "--digests", "-")
	cmd.Stdin = archive
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", ctr, err, out)
	}
	return nil
}
