package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"dfsd/configs"
	"dfsd/internal/admin"
)

func newConfigCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "The configuration file"}
	cmd.AddCommand(newConfigCheckCommand(), newConfigShowCommand(), newConfigSchemaCommand(), newConfigReloadCommand())
	return cmd
}

// checkResult is what `config check` prints for scripts.
type checkResult struct {
	File     string       `json:"file"`
	OK       bool         `json:"ok"`
	Faults   []checkFault `json:"faults"`
	Unserved []checkFault `json:"unserved"`
}

// checkFault is a fault and where it stands.
type checkFault struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

func checkFaults(faults []configs.Fault) []checkFault {
	out := make([]checkFault, len(faults))
	for i, f := range faults {
		out[i] = checkFault{File: f.File, Line: f.Line, Column: f.Column, Message: f.Message}
	}
	return out
}

func newConfigCheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Validate the whole file, and show every fault with its line and column",
		Long: "Validates the whole file and shows every fault with file:line:column. It opens no other\n" +
			"file, and asks nobody but for this machine's full name where the file has no `host`.\n" +
			"What is valid but cannot be served by this version is named too; `dfsd serve` refuses it.",
		Example: "  dfsd config check -c dfsd.yaml\n  dfsd config check -c dfsd.yaml -o json",
		Args:    cobra.NoArgs,
	}
	from := addFileFlags(cmd)
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		result := checkResult{File: from.path(), Faults: []checkFault{}, Unserved: []checkFault{}}
		file, err := from.load()
		var refused *configs.Error
		switch {
		case errors.As(err, &refused) && *out != "table":
			result.Faults = checkFaults(refused.Faults)
		case err != nil:
			return err
		default:
			result.OK = true
			result.Unserved = checkFaults(unserved(file, from.path()))
		}
		if werr := out.write(cmd.OutOrStdout(), result, func(w *tabwriter.Writer) { checkTable(w, result, file) }); werr != nil {
			return werr
		}
		return err
	}
	return cmd
}

func checkTable(w *tabwriter.Writer, r checkResult, file *configs.File) {
	noun := "namespaces"
	if len(file.Namespaces) == 1 {
		noun = "namespace"
	}
	fmt.Fprintf(w, "%s: valid; %d %s, this host is %s\n", r.File, len(file.Namespaces), noun, file.Host)
	for _, u := range r.Unserved {
		at := u.File
		if u.Line > 0 {
			at = fmt.Sprintf("%s:%d:%d", u.File, u.Line, u.Column)
		}
		fmt.Fprintf(w, "%s: not served by this version: %s\n", at, u.Message)
	}
}

func newConfigShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show the configuration with every default filled in; secrets stay in their files",
		Example: "  dfsd config show -c dfsd.yaml\n  dfsd config show -c dfsd.yaml -o json | jq .smb",
		Args:    cobra.NoArgs,
	}
	from := addFileFlags(cmd)
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		file, err := from.load()
		if err != nil {
			return err
		}
		text, err := file.Show()
		if err != nil {
			return err
		}
		return writeYAMLText(cmd.OutOrStdout(), *out, text)
	}
	return cmd
}

// writeYAMLText writes a YAML file as it is, whose table it is too, or as JSON.
func writeYAMLText(w io.Writer, f format, text []byte) error {
	if f != "json" {
		_, err := w.Write(text)
		return err
	}
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return err
	}
	return f.write(w, value, nil)
}

func newConfigSchemaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the file, for editors",
		Long: "Prints the JSON Schema of the configuration file. Editors with a YAML language\n" +
			"server check and complete a file that begins with\n\n" +
			"  # yaml-language-server: $schema=dfsd.schema.json",
		Example: "  dfsd config schema > dfsd.schema.json",
		Args:    cobra.NoArgs,
	}
	acceptFile(cmd)
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		schema, err := configs.Schema()
		if err != nil {
			return err
		}
		if *out != "yaml" { // the table of a schema is the schema
			_, err = cmd.OutOrStdout().Write(schema)
			return err
		}
		return out.write(cmd.OutOrStdout(), json.RawMessage(schema), nil)
	}
	return cmd
}

func newConfigReloadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have the running daemon read its file again; a faulty file changes nothing",
		Long: "Has the running daemon read its file again. It is asked also where the file has become\n" +
			"faulty: its log, its audit log and its metrics then tell of it, and the exit code is 9.",
		Example: "  dfsd config reload\n  dfsd config reload --socket /run/dfsd/admin.sock",
		Args:    cobra.NoArgs,
	}
	f := addDaemonFlags(cmd, time.Minute)
	addReasonFlag(cmd, f)
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		now, err := askDaemon(cmd, f, func(ctx context.Context, c *admin.Client) (admin.Configuration, error) { return c.Reload(ctx) })
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), now, func(w *tabwriter.Writer) {
			fmt.Fprintf(w, "read %s (SHA-256 %.12s…) as %s\n", now.File, now.Digest, now.Host)
			if len(now.RestartNeeded) > 0 {
				fmt.Fprintf(w, "what is new in %s counts from the next start of the daemon\n", strings.Join(now.RestartNeeded, ", "))
			}
		})
	}
	return cmd
}
