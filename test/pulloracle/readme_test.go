package pulloracle

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/pulloracle/pods"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// TestREADMECounts keeps what the README boasts of true.
func TestREADMECounts(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("a real containerd did in %d cases", len(scenario.All())),
		fmt.Sprintf("a real kubelet made of [%d Pods]", len(pods.All())),
	} {
		if !strings.Contains(string(readme), want) {
			t.Errorf("README.md does not say %q", want)
		}
	}
}
