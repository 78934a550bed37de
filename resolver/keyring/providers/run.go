package providers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// maxLinger is how long a program that has ended, or was told to, may
	// keep its output open through children.
	maxLinger = time.Second
	// maxOutput bounds what a provider may answer; the kubelet does not.
	maxOutput = 1 << 20
	// maxComplaint bounds what is logged of a provider's standard error.
	maxComplaint = 1 << 10
)

// run executes the provider's program for one repository and returns what it
// answered.
func (p *provider) run(ctx context.Context, who identity, repository string) ([]byte, error) {
	input, err := json.Marshal(request{
		TypeMeta: metav1.TypeMeta{APIVersion: p.APIVersion, Kind: "CredentialProviderRequest"},
		Image:    repository, Token: who.token, Annotations: who.annotations,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	answer, complaint := &bounded{limit: maxOutput, strict: true}, &bounded{limit: maxComplaint}
	command := exec.CommandContext(ctx, p.program, p.Args...) //nolint:gosec // both stand in the operator's configuration; the image goes to stdin
	command.Env = environment(os.Environ(), p.Env)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), answer, complaint
	command.WaitDelay = maxLinger
	err = command.Run()
	// Without a failure it may repeat what it answers, with a token what it was told.
	if err != nil && complaint.kept.Len() > 0 && who.token == "" {
		p.log.DebugContext(ctx, "credential provider wrote to its standard error", "repository", repository, "text", complaint.kept.String())
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s did not end in time: %w", p.program, ctx.Err())
	case answer.overflow:
		return nil, fmt.Errorf("%s answered more than %d MiB", p.program, maxOutput>>20)
	case err != nil:
		return nil, fmt.Errorf("run %s: %w", p.program, err)
	}
	return answer.kept.Bytes(), nil
}

// bounded keeps the beginning of what is written. If it is strict the rest is
// an error, which ends the program.
type bounded struct {
	kept     bytes.Buffer
	limit    int
	strict   bool
	overflow bool
}

func (b *bounded) Write(data []byte) (int, error) {
	room := b.limit - b.kept.Len()
	b.kept.Write(data[:min(room, len(data))])
	if len(data) <= room {
		return len(data), nil
	}
	b.overflow = true
	if b.strict {
		return 0, errors.New("too much output")
	}
	return len(data), nil
}

// environment is what a provider's program gets: of ours only what it needs to
// run, to reach the network and to know the identity that the cloud gave us,
// since the rest is none of its business; and over it what the configuration
// says. The kubelet hands on all of its own.
func environment(ours []string, configured []variable) []string {
	var all []string
	for _, setting := range ours {
		if name, _, _ := strings.Cut(setting, "="); handedOn(name) {
			all = append(all, setting)
		}
	}
	for _, one := range configured {
		all = append(all, one.Name+"="+one.Value)
	}
	return all
}

func handedOn(name string) bool {
	switch strings.ToUpper(name) {
	case "PATH", "HOME", "TMPDIR", "SYSTEMROOT", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY":
		return true
	}
	for _, prefix := range []string{"AWS_", "AZURE_", "GOOGLE_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
