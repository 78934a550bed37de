package golden

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// CRIORecord is what CRI-O did with one scenario, credential by credential.
type CRIORecord struct {
	// Recipe identifies the scenario, as in Record.
	Recipe string `json:"recipe"`
	// Led is that registries.conf led elsewhere than the image's name.
	Led     bool     `json:"led,omitempty"`
	Answers []Answer `json:"answers"`
}

// Pulled tells whether CRI-O got the image.
func (r CRIORecord) Pulled() bool { return pulled(r.Answers) }

// CRIOFile is the golden file of CRI-O's answers.
type CRIOFile struct {
	CRIO     string                `json:"cri-o"`
	Platform string                `json:"platform"`
	Records  map[string]CRIORecord `json:"scenarios"`
}

// ReadCRIO reads the golden file of CRI-O's answers.
func ReadCRIO(path string) (CRIOFile, error) {
	var file CRIOFile
	data, err := os.ReadFile(path) //nolint:gosec // the file that the caller names
	if err == nil {
		err = json.Unmarshal(data, &file)
	}
	if err != nil {
		return file, fmt.Errorf("read CRI-O's answers in %s: %w (`make oracle-crio` records them)", path, err)
	}
	return file, nil
}

// Write writes the file; to standard output if path is "-".
func (f CRIOFile) Write(path string) error {
	var buffer bytes.Buffer
	if err := encode(&buffer, f); err != nil {
		return errors.Join(errors.New("write CRI-O's answers"), err)
	}
	if path == "-" {
		_, err := os.Stdout.Write(buffer.Bytes())
		return err
	}
	return os.WriteFile(path, buffer.Bytes(), 0o644) //nolint:gosec // it goes into the repository
}
