// Package golden keeps what containerd answered.
package golden

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"google.golang.org/grpc/codes"

	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// Answer is what one call of PullImage came to.
type Answer struct {
	// Code is gRPC's.
	Code string `json:"code"`
	Text string `json:"text,omitempty"`
}

// OK tells whether the image was pulled.
func (a Answer) OK() bool { return a.Code == "OK" }

// Kubelet is the answer as the kubelet words it: the code of an error is left
// out where it is Unknown (k8s.io/cri-client, pkg/remote_image.go, PullImage).
func (a Answer) Kubelet() string {
	if a.Code == codes.Unknown.String() {
		return a.Text
	}
	return fmt.Sprintf("rpc error: code = %s desc = %s", a.Code, a.Text)
}

// Record is what containerd did with one scenario, credential by credential.
type Record struct {
	// Recipe identifies the scenario that was pulled: one that has changed
	// since is to be pulled again.
	Recipe string `json:"recipe"`
	// Transfer and Local are the answers of the two pull paths; a containerd
	// before 2.1 has the latter alone.
	Transfer []Answer `json:"transfer,omitempty"`
	Local    []Answer `json:"local"`
}

// Pulled tells whether either path got the image.
func (r Record) Pulled() bool { return pulled(r.Transfer) || pulled(r.Local) }

func pulled(answers []Answer) bool { return len(answers) > 0 && answers[len(answers)-1].OK() }

// Texts are all that was said, of both paths.
func (r Record) Texts() []string {
	var texts []string
	for _, answer := range append(append([]Answer{}, r.Transfer...), r.Local...) {
		texts = append(texts, answer.Text)
	}
	return texts
}

// File is the golden file.
type File struct {
	Containerd string            `json:"containerd"`
	Platform   string            `json:"platform"`
	Records    map[string]Record `json:"scenarios"`
}

// Recipe is a short digest of a scenario and of what its registry holds. It
// leaves out what is said about it and what is wanted.
func Recipe(s scenario.Scenario, digests []string) (string, error) {
	s.About, s.Group, s.Patience = "", "", 0
	data, err := json.Marshal(struct {
		Scenario scenario.Scenario
		Digests  []string
	}{s, digests})
	if err != nil {
		return "", fmt.Errorf("make the recipe of %s: %w", s.Name, err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6]), nil
}

// Read reads the golden file.
func Read(path string) (File, error) {
	var file File
	data, err := os.ReadFile(path) //nolint:gosec // the file that the caller names
	if err != nil {
		return file, fmt.Errorf("read containerd's answers: %w (`make oracle` records them)", err)
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return file, fmt.Errorf("read containerd's answers in %s: %w", path, err)
	}
	return file, nil
}

// Encode prints the file.
func (f File) Encode(w io.Writer) error {
	if err := encode(w, f); err != nil {
		return fmt.Errorf("write containerd's answers: %w", err)
	}
	return nil
}

// encode prints a golden file so that people can read it.
func encode(w io.Writer, file any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	return encoder.Encode(file)
}

// Write writes the golden file.
func (f File) Write(path string) error {
	var buffer bytes.Buffer
	if err := f.Encode(&buffer); err != nil {
		return err
	}
	return os.WriteFile(path, buffer.Bytes(), 0o644) //nolint:gosec // it goes into the repository
}
