package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/keyring"
)

// newConfigPrint returns `pullgate config print`.
func newConfigPrint() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "print [FILE]",
		Short: "Print a configuration with all its defaults",
		Long: `Print a configuration with every key, those too that the file leaves out, and
say of each value where it comes from: FILE:LINE or default. Without a FILE,
print the defaults.

The YAML is a configuration file itself. The JSON has it as "configuration", and
beside it "origins", by the path of each key.`,
		Example: `  pullgate config print pullgate.yaml
  pullgate config print -o json pullgate.yaml | jq .origins`,
		Args: func(cmd *cobra.Command, args []string) error {
			return exactArgs(min(len(args), 1), "one FILE at most")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			printed, err := printedConfiguration(args)
			if err != nil {
				return err
			}
			return writePrinted(cmd.OutOrStdout(), output, printed)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "yaml", "`FORMAT` of the output: yaml or json")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"yaml", "json"}, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	return cmd
}

// printedConfiguration spells out what is in the file, if one is named.
func printedConfiguration(files []string) (*policy.Printed, error) {
	configuration, name, lines := policy.Default(), "", map[string]int{}
	if len(files) > 0 {
		name = files[0]
		data, err := configurationFile(name)
		if err != nil {
			return nil, err
		}
		if configuration, err = parseConfiguration(name, data); err != nil {
			return nil, err
		}
		if _, lines, err = policy.Trace(data); err != nil {
			return nil, err
		}
	}
	if hosts := &configuration.Nodes.HiddenCredentials; len(*hosts) == 0 {
		*hosts = keyring.DefaultHiddenHosts()
		delete(lines, "nodes.hiddenCredentials")
	}
	return policy.Print(configuration, func(path string) string {
		if line, ok := lines[path]; ok {
			return fmt.Sprintf("%s:%d", name, line)
		}
		return "default"
	}), nil
}

// writePrinted writes a configuration in a format.
func writePrinted(out io.Writer, format string, printed *policy.Printed) error {
	var text []byte
	var err error
	switch format {
	case "yaml":
		text, err = printed.YAML()
	case "json":
		text, err = printedJSON(printed)
	default:
		err = &hintedError{err: fmt.Errorf("--output %q is unknown", format), hint: "write one of [yaml json]"}
	}
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

func printedJSON(printed *policy.Printed) ([]byte, error) {
	value, err := printed.Value()
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(map[string]any{"configuration": value, "origins": printed.Origins}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("print the configuration: %w", err)
	}
	return append(text, '\n'), nil
}

// newConfigSchema returns `pullgate config schema`.
func newConfigSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of configuration files",
		Long: `Print the JSON Schema (draft 7) of configuration files, by which editors complete
and check them, if the file begins with

  # yaml-language-server: $schema=https://raw.githubusercontent.com/pullgate/pullgate/main/docs/configuration.schema.json`,
		Example: "  pullgate config schema > configuration.schema.json",
		Args:    exactArgs(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := io.WriteString(cmd.OutOrStdout(), policy.Schema())
			return err
		},
	}
}
