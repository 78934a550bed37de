package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write the documentation anew")

// TestCommandLineDocumented keeps docs/cli.md equal to what the commands say of
// themselves.
func TestCommandLineDocumented(t *testing.T) {
	const file = "../../docs/cli.md"
	t.Setenv("POD_NAMESPACE", "") // is a flag's default
	var b strings.Builder
	b.WriteString("# Which commands and flags are there?\n\nThis page is made from the program (`go test ./cmd/pullgate -update`).\n")
	describe(&b, newRoot())
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != b.String() {
		t.Errorf("%s differs from what the program says: run `go test ./cmd/pullgate -update`", file)
	}
}

// describe writes a command and those below it.
func describe(b *strings.Builder, cmd *cobra.Command) {
	if cmd.Runnable() && cmd.HasParent() && !cmd.HasSubCommands() {
		fmt.Fprintf(b, "\n## `%s`\n\n%s\n", cmd.UseLine(), strings.TrimSpace(cmd.Long))
		if cmd.Long == "" {
			fmt.Fprintf(b, "%s.\n", cmd.Short)
		}
		if cmd.Example != "" {
			fmt.Fprintf(b, "\n```sh\n%s\n```\n", cmd.Example)
		}
		describeFlags(b, cmd.LocalFlags())
	}
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			describe(b, child)
		}
	}
}

func describeFlags(b *strings.Builder, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	b.WriteString("\n| flag | default | meaning |\n|---|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		name, usage := pflag.UnquoteUsage(f)
		short := ""
		if f.Shorthand != "" {
			short = "`-" + f.Shorthand + "`, "
		}
		fmt.Fprintf(b, "| %s`%s` | %s | %s |\n", short, strings.TrimSpace("--"+f.Name+" "+name), f.DefValue, strings.ReplaceAll(usage, "|", `\|`))
	})
}
