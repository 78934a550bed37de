package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/report"
)

// TestReportsAreReplacedAtTheEnd: a check that fails, or has not ended, leaves
// the report of the last one.
func TestReportsAreReplacedAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	old, fresh := filepath.Join(dir, "old.json"), filepath.Join(dir, "new.html")
	if err := os.WriteFile(old, []byte("the last report, which is longer than any that follows"), 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.json")
	if err := os.Symlink("old.json", link); err != nil {
		t.Fatal(err)
	}
	all, err := openOutputs([]string{"json=" + link, "html=" + fresh}, report.Formats(), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(old); err != nil || !strings.HasPrefix(string(text), "the last report") {
		t.Errorf("before there is a report, the file is %q, %v", text, err)
	}
	if _, err := os.Stat(fresh); !os.IsNotExist(err) {
		t.Errorf("before there is a report, a file is there: %v", err)
	}
	if err := all.write(report.New(nil, nil, 0, report.Vantage{})); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{link: "{\n", fresh: "<!DOCTYPE html>"} {
		if text, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(text), want) || strings.Contains(string(text), "the last report") {
			t.Errorf("%s is %q, %v", file, text, err)
		}
	}
	if info, err := os.Stat(old); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file's mode is %v, %v, want what it was", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link is replaced: %v, %v", info.Mode(), err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 3 {
		t.Errorf("%v, %v, want three files", files, err)
	}
}

// TestReportsInPlace: what cannot be replaced is written to.
func TestReportsInPlace(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close() //nolint:errcheck // it was only read
	all, err := openOutputs([]string{"json=/dev/null", "text=/proc/self/fd/" + strconv.Itoa(int(writer.Fd()))}, report.Formats(), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if err := all.write(report.New(nil, nil, 0, report.Vantage{})); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := got.ReadFrom(reader); err != nil || got.String() != "no images found in 0 objects\n" {
		t.Errorf("the pipe got %q, %v", got.String(), err)
	}
	if info, err := os.Stat("/dev/null"); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Errorf("/dev/null is replaced: %v, %v", info.Mode(), err)
	}
}

func TestOutputsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "report")
	stdout, err := os.Create(filepath.Join(dir, "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close() //nolint:errcheck // nothing is written
	if err := os.Symlink("nothing", filepath.Join(dir, "dangling")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("stdout", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		outputs []string
		want    string
	}{
		"a format of none":             {[]string{"pdf"}, `--output "pdf" is unknown`},
		"no such folder":               {[]string{"json=" + dir + "/none/report"}, "no such file or directory"},
		"a folder":                     {[]string{"json=" + dir}, "is a directory"},
		"a link to nothing":            {[]string{"json=" + dir + "/dangling"}, "file exists"},
		"standard output twice":        {[]string{"text", "json=-"}, "--output text and json both go to standard output"},
		"a file twice":                 {[]string{"json=" + file, "sarif=" + dir + "/./report"}, "--output json and sarif both go to " + file},
		"where standard output goes":   {[]string{"text", "json=" + dir + "/stdout"}, "--output text and json both go to standard output"},
		"by a link to standard output": {[]string{"text", "json=" + dir + "/link"}, "both go to standard output"},
	} {
		if _, err := openOutputs(test.outputs, report.Formats(), stdout); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 3 {
		t.Errorf("%v, %v: something was made", files, err)
	}
	if _, err := openOutputs([]string{"text", "json=" + file, "html=" + file + ".html"}, report.Formats(), stdout); err != nil {
		t.Error(err)
	}
}
