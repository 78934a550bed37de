// Command provider is a credential provider of the kubelet's: whatever it is asked, it
// gives one registry's user name and password, which are its arguments.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	const arguments = 4
	if len(os.Args) != arguments {
		fmt.Fprintln(os.Stderr, "usage: provider REGISTRY USER PASSWORD")
		os.Exit(2)
	}
	err := json.NewEncoder(os.Stdout).Encode(map[string]any{
		"apiVersion": "credentialprovider.kubelet.k8s.io/v1", "kind": "CredentialProviderResponse", "cacheKeyType": "Image", "cacheDuration": "1s",
		"auth": map[string]any{os.Args[1]: map[string]string{"username": os.Args[2], "password": os.Args[3]}},
	})
	if err != nil {
		os.Exit(1)
	}
}
