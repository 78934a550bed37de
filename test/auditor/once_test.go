package auditor

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pullgate/pullgate/test/e2e/rig"
)

// terminal is a new one: what is written to the program's side is read at ours.
func terminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// everyRole has an image of each role, of which those of the ephemeral container and
// of the volume are not there.
func (w *world) everyRole() {
	w.Helper()
	for _, image := range []string{"shop/web:1", "shop/data:2", "shop/tools:2"} {
		if err := w.registry.Push(image, "there"); err != nil {
			w.Fatal(err)
		}
	}
	w.feed("apiVersion: v1\nkind: Node\nmetadata: {name: worker}\n", "apply", "-f", "-")
	w.feed(fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"debugged","namespace":"shop"},"spec":{"nodeName":"worker",
		"initContainers":[{"name":"first","image":"%[1]s"}],"containers":[{"name":"app","image":"%[1]s","volumeMounts":[{"name":"data","mountPath":"/data"}]}],
		"volumes":[{"name":"data","image":{"reference":"%[2]s"}}]}}`, w.registry.Ref("shop/web:1"), w.registry.Ref("shop/data:1")), "create", "-f", "-")
	made := w.must("get", "pod", "debugged", "-n", "shop", "-o", "json")
	w.feed(strings.Replace(made, `"spec": {`, `"spec": {"ephemeralContainers":[{"name":"look","image":"`+w.registry.Ref("shop/tools:1")+`"}],`, 1),
		"replace", "--raw", "/api/v1/namespaces/shop/pods/debugged/ephemeralcontainers", "-f", "-")
	w.must("patch", "pod", "debugged", "-n", "shop", "--subresource=status", "-p", `{"status":{"phase":"Running",
		"containerStatuses":[{"name":"app","image":"x","imageID":"docker.io/x@sha256:1111111111111111111111111111111111111111111111111111111111111111","ready":true,"restartCount":0,"state":{"running":{}}}],
		"ephemeralContainerStatuses":[{"name":"look","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ErrImagePull"}}}]}}`)
}

// The program looks once at images of every role, shows how far it is on a terminal,
// and writes what SARIF and a page say of a cluster.
func TestAuditOnce(t *testing.T) {
	w := newWorld(t)
	w.everyRole()
	binaries, err := rig.FindBinaries(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := "apiVersion: pullgate.dev/v1alpha1\nkind: Configuration\nregistries: {allowAddresses: [127.0.0.1/32]}\nnodes: {platforms: [linux/amd64]}\n"
	if err := os.WriteFile(filepath.Join(dir, "pullgate.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ours, theirs := terminal(t)
	cmd := exec.CommandContext(t.Context(), binaries.Pullgate, "audit", "-n", "shop", "--config", "pullgate.yaml", "--fail-on", "never",
		"-o", "json=out.json", "-o", "sarif=out.sarif", "-o", "html=out.html")
	cmd.Dir, cmd.Stderr = dir, theirs
	cmd.Env = append(os.Environ(), "KUBECONFIG="+w.Kubeconfig(), "HOME="+dir, "COLUMNS=120")
	release := w.registry.Hold()
	t.Cleanup(release) // else nobody could end the registry
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	shown := progressOf(bufio.NewReader(ours), release)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, shown)
	}
	if last := strings.LastIndex(shown, " images"); !strings.Contains(shown, "0 of 4 images") || strings.LastIndex(shown, "\x1b[K") < last {
		t.Errorf("on the terminal: %q", shown)
	}
	lookAtOutputs(t, dir)
}

// progressOf lets the registry answer when something is shown, and returns all that
// was.
func progressOf(terminal *bufio.Reader, release func()) string {
	var shown strings.Builder
	for {
		r, _, err := terminal.ReadRune()
		if err != nil { // the program has closed the other side
			return shown.String()
		}
		shown.WriteRune(r)
		if strings.Contains(shown.String(), "images") {
			release()
		}
	}
}

func lookAtOutputs(t *testing.T, dir string) {
	t.Helper()
	read := func(name string, into any) string {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && into != nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			t.Fatal(errors.Join(errors.New(name), err))
		}
		return string(raw)
	}
	var report struct {
		Results []struct {
			Field, Reason string
			Notes         []struct{ Reason, Message string }
		}
	}
	read("out.json", &report)
	got := map[string]string{}
	for _, r := range report.Results {
		got[r.Field] = r.Reason
		for _, note := range r.Notes {
			got[r.Field] += " " + note.Message
		}
	}
	for field, want := range map[string]string{
		"spec.initContainers[0].image": "Pullable", "spec.containers[0].image": "Pullable",
		"spec.ephemeralContainers[0].image": "TagNotFound it hurts already: 1 Pod waits for it",
		"spec.volumes[0].image.reference":   "TagNotFound it hurts when a Pod lands on another node",
	} {
		if !strings.HasPrefix(got[field], want) {
			t.Errorf("%s: %q, want %q", field, got[field], want)
		}
	}
	var sarif struct {
		Version string
		Runs    []struct {
			Results []struct {
				RuleID    string
				Message   struct{ Text string }
				Locations []struct {
					LogicalLocations []struct{ FullyQualifiedName string }
				}
			}
		}
	}
	read("out.sarif", &sarif)
	if sarif.Version != "2.1.0" || len(sarif.Runs) != 1 || len(sarif.Runs[0].Results) != 4 {
		t.Fatalf("SARIF: %+v", sarif)
	}
	for _, r := range sarif.Runs[0].Results { // each with when it hurts
		if r.RuleID != "TagNotFound" && r.RuleID != "Imminence" || len(r.Locations) != 1 || len(r.Locations[0].LogicalLocations) == 0 || !strings.Contains(r.Locations[0].LogicalLocations[0].FullyQualifiedName, "shop") {
			t.Errorf("SARIF: %+v", r)
		}
	}
	page := read("out.html", nil)
	for _, want := range []string{"shop/tools:1", "shop/data:1", "it hurts already", "<!doctype html>", "spec.ephemeralContainers[0].image"} {
		if !strings.Contains(strings.ReplaceAll(page, "DOCTYPE", "doctype"), want) {
			t.Errorf("the page does not have %q", want)
		}
	}
}
