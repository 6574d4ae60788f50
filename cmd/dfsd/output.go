package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"
)

// format is the form of a result: table, json or yaml.
type format string

// String, Set and Type make format a flag.
func (f *format) String() string { return string(*f) }

// Type names the flag's value in help texts.
func (f *format) Type() string { return "table|json|yaml" }

// Set refuses a form that no command prints.
func (f *format) Set(s string) error {
	switch s {
	case "table", "json", "yaml":
		*f = format(s)
		return nil
	}
	return fmt.Errorf("%q is none of table, json, yaml", s)
}

// outputFlag adds -o to a command.
func outputFlag(cmd *cobra.Command) *format {
	f := format("table")
	cmd.Flags().VarP(&f, "output", "o", "form of the result")
	// The flag exists: only a misspelt name could fail here.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
	return &f
}

// write prints value as JSON or YAML, or lets table print it for people.
// JSON and YAML have the same fields in the same order.
func (f *format) write(w io.Writer, value any, table func(w *tabwriter.Writer)) error {
	switch *f {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(value)
	case "yaml":
		return writeYAML(w, value)
	}
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	table(tw)
	return tw.Flush()
}

// writeYAML goes by way of JSON, which is YAML, so that both forms agree.
func writeYAML(w io.Writer, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc); err != nil {
		return err
	}
	block(&doc)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return err
	}
	return enc.Close()
}

// block takes JSON's flow and quoting styles off a document.
func block(n *yaml.Node) {
	n.Style = 0
	for _, inner := range n.Content {
		block(inner)
	}
}
