package providers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	head = "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\n"
	one  = "- {name: one, matchImages: [quay.io], defaultCacheDuration: 1h, apiVersion: credentialprovider.kubelet.k8s.io/v1}\n"
	two  = "- {name: two, matchImages: [quay.io], defaultCacheDuration: 0s, apiVersion: credentialprovider.kubelet.k8s.io/v1}\n"
)

// newBin makes a directory with some programs.
func newBin(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	for _, name := range []string{"one", "one.exe", "two"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

func TestProviderConfigFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	write(t, path, head+"providers:\n"+one+two, 0)
	all, err := NewPlugins(path, newBin(t), nil)
	if err != nil || len(all.providers) != 2 || all.providers[0].Name != "one" {
		t.Fatalf("%v, %v, want both providers", all, err)
	}
}

// TestProviderProgramsHere: the directory's programs, never those in the PATH.
func TestProviderProgramsHere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	write(t, path, head+"providers:\n"+one, 0)
	bin := newBin(t)
	t.Chdir(bin)
	if all, err := NewPlugins(path, ".", nil); err != nil || all.providers[0].program != filepath.Join(bin, "one") {
		t.Errorf("%v, %v, want the program in the directory", all, err)
	}
}

// TestProviderConfigDirectory: the files by name, everything else passed over.
func TestProviderConfigDirectory(t *testing.T) {
	directory := t.TempDir()
	write(t, filepath.Join(directory, "b.yml"), head+"providers:\n"+one, 0)
	write(t, filepath.Join(directory, "a.json"), `{"apiVersion":"kubelet.config.k8s.io/v1beta1","kind":"CredentialProviderConfig","providers":[
		{"name":"two","matchImages":["*.io"],"defaultCacheDuration":"1s","apiVersion":"credentialprovider.kubelet.k8s.io/v1beta1"}]}`, 0)
	write(t, filepath.Join(directory, "c.yaml"), strings.Replace(head, "v1", "v1alpha1", 1)+"providers:\n"+strings.Replace(one, "one", "one.exe", 1), 0)
	write(t, filepath.Join(directory, "README"), "not one", 0)
	if err := os.Mkdir(filepath.Join(directory, "old.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	all, err := NewPlugins(directory, newBin(t), nil)
	if err != nil || len(all.providers) != 3 || all.providers[0].Name != "two" || all.providers[1].Name != "one" {
		t.Fatalf("%v, %v, want all providers in the order of the files", all, err)
	}
}

// TestProviderConfigErrors: what the kubelet would not start with.
func TestProviderConfigErrors(t *testing.T) {
	token := func(attributes string) string {
		return head + "providers:\n" + strings.Replace(one, "}", ", tokenAttributes: {"+attributes+"}}", 1)
	}
	tests := map[string]struct{ file, want string }{
		"empty":                {"", `kind "" of apiVersion "" is not known`},
		"neither kind":         {"{}", `kind "" of apiVersion "" is not known`},
		"not YAML":             {"\t{", "yaml: "},
		"broken JSON":          {"{", "unexpected end of JSON input"},
		"no providers":         {head, "providers: Required value"},
		"another kind":         {strings.Replace(head, "Credential", "Docker", 1), `kind "DockerProviderConfig"`},
		"another group":        {strings.Replace(head, "kubelet.config", "kubelet", 1), "is not known"},
		"another version":      {strings.Replace(head, "/v1", "/v2", 1), "is not known"},
		"unknown field":        {head + "provider:\n" + one, `unknown field "provider"`},
		"field in upper case":  {head + "Providers:\n" + one, `unknown field "Providers"`},
		"field twice":          {head + "providers:\n" + one + "providers:\n" + two, `key "providers" already set`},
		"wrong type":           {head + "providers: 1\n", "cannot unmarshal number"},
		"same name":            {head + "providers:\n" + one + one, "providers[1].name: Duplicate value"},
		"no name":              {head + "providers:\n" + strings.Replace(one, "name: one, ", "", 1), "providers[0].name: Invalid value"},
		"name with a slash":    {head + "providers:\n" + strings.Replace(one, "one", "../one", 1), "providers[0].name: Invalid value"},
		"name with a space":    {head + "providers:\n" + strings.Replace(one, "one", "o ne", 1), "providers[0].name: Invalid value"},
		"no such program":      {head + "providers:\n" + strings.Replace(one, "one", "three", 1), `find the program of credential provider "three"`},
		"no images":            {head + "providers:\n" + strings.Replace(one, "[quay.io]", "[]", 1), "providers[0].matchImages: Required value"},
		"no host":              {head + "providers:\n" + strings.Replace(one, "quay.io", "'%zz'", 1), "providers[0].matchImages[0]: Invalid value"},
		"no duration":          {head + "providers:\n" + strings.Replace(one, "defaultCacheDuration: 1h, ", "", 1), "providers[0].defaultCacheDuration: Required value"},
		"a negative duration":  {head + "providers:\n" + strings.Replace(one, "1h", "-1h", 1), "providers[0].defaultCacheDuration: Invalid value"},
		"no duration at all":   {head + "providers:\n" + strings.Replace(one, "1h", "soon", 1), "invalid duration"},
		"no apiVersion":        {head + "providers:\n" + strings.Replace(one, "credentialprovider.kubelet.k8s.io/v1", "''", 1), "providers[0].apiVersion: Unsupported value"},
		"token before v1":      {strings.Replace(token("serviceAccountTokenAudience: a"), "/v1\n", "/v1beta1\n", 1), `unknown field "providers[0].tokenAttributes"`},
		"token for v1beta1":    {strings.Replace(token("serviceAccountTokenAudience: a, cacheType: Token, requireServiceAccount: true"), "k8s.io/v1,", "k8s.io/v1beta1,", 1), "tokenAttributes: Forbidden"},
		"token without more":   {token(""), "serviceAccountTokenAudience: Required value"},
		"token cache":          {token("serviceAccountTokenAudience: a, requireServiceAccount: true, cacheType: Pod"), "cacheType: Unsupported value"},
		"token requirement":    {token("serviceAccountTokenAudience: a, cacheType: Token"), "requireServiceAccount: Required value"},
		"token keys":           {token("serviceAccountTokenAudience: a, cacheType: Token, requireServiceAccount: false, requiredServiceAccountAnnotationKeys: [a]"), "requiredServiceAccountAnnotationKeys: Forbidden"},
		"token keys twice":     {token("serviceAccountTokenAudience: a, cacheType: Token, requireServiceAccount: true, requiredServiceAccountAnnotationKeys: [a], optionalServiceAccountAnnotationKeys: [a]"), "Duplicate value"},
		"token keys malformed": {token("serviceAccountTokenAudience: a, cacheType: Token, requireServiceAccount: true, optionalServiceAccountAnnotationKeys: ['a b']"), "Invalid value"},
	}
	bin := newBin(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.yaml")
			write(t, path, test.file, 0)
			if _, err := NewPlugins(path, bin, nil); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestProviderConfigOddFiles(t *testing.T) {
	for path, want := range map[string]string{
		"": "no such file", filepath.Join(t.TempDir(), "gone"): "no such file", t.TempDir(): "no *.json, *.yaml or *.yml", os.DevNull: "is not a regular file",
	} {
		if _, err := NewPlugins(path, "", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, want one with %q", path, err, want)
		}
	}
}
