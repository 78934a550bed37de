package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
)

// newConfig returns `pullgate config`.
func newConfig() *cobra.Command {
	config := &cobra.Command{
		Use:   "config",
		Short: "Work with configuration files",
		Args:  cobra.ArbitraryArgs,
		RunE:  onlyCommands,
	}
	config.AddCommand(&cobra.Command{
		Use:     "validate FILE",
		Short:   "Check a configuration file",
		Long:    "Check a configuration file as serve and check would read it: strictly, with the path of every offending key.",
		Example: "  pullgate config validate pullgate.yaml",
		Args:    exactArgs(1, "one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := readConfiguration(args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is valid\n", args[0])
			return err
		},
	})
	config.AddCommand(newConfigPrint(), newConfigSchema())
	return config
}

// readConfiguration reads a configuration file; without a name, the defaults.
func readConfiguration(file string) (policy.Configuration, error) {
	if file == "" {
		return policy.Default(), nil
	}
	data, err := configurationFile(file)
	if err != nil {
		return policy.Configuration{}, err
	}
	return parseConfiguration(file, data)
}

// configurationFile returns what is in a configuration file.
func configurationFile(file string) ([]byte, error) {
	data, err := readFile(file)
	if err != nil {
		hint := "name the file with --config; without the flag the defaults are used"
		if errors.Is(err, fs.ErrPermission) {
			hint = "make the file readable for the user that runs pullgate"
		}
		return nil, &hintedError{err: fmt.Errorf("configuration: %w", err), hint: hint}
	}
	return data, nil
}

// readFile reads a configuration file, and no more of it than one can have.
func readFile(name string) ([]byte, error) {
	file, err := os.Open(name) //nolint:gosec // the file that the user named
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(file, policy.MaxSize+1))
}

// parseConfiguration reads what is in a configuration file.
func parseConfiguration(file string, data []byte) (policy.Configuration, error) {
	configuration, err := policy.Parse(data)
	if err == nil {
		err = checkGlobs(configuration.Nodes)
	}
	if err != nil {
		return configuration, &hintedError{
			err:  fmt.Errorf("configuration %s: %s", file, strings.ReplaceAll(err.Error(), "\n", "; ")),
			hint: "the keys are described in docs/configuration.md",
		}
	}
	return configuration, nil
}

// checkGlobs says which of nodes.hiddenCredentials mean nothing. Of a scheme the
// kubelet's globs know nothing: the host would be "https".
func checkGlobs(nodes policy.Nodes) error {
	for i, glob := range nodes.HiddenCredentials {
		err := dockerconfig.CheckGlob(glob)
		if _, host, scheme := strings.Cut(glob, "://"); scheme {
			err = fmt.Errorf("no image names a scheme: write %q", host)
		}
		if err != nil {
			return fmt.Errorf("nodes.hiddenCredentials[%d]: %w", i, err)
		}
	}
	return nil
}
