package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dfsd/configs"
	"dfsd/internal/admin"
	"dfsd/namespace"
)

func newNamespaceCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "namespace", Short: "Namespaces, their folders and targets"}
	cmd.AddCommand(newNamespaceListCommand(), newNamespaceShowCommand(), newNamespaceExportCommand())
	return cmd
}

func newNamespaceListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the namespaces",
		Example: "  dfsd namespace list\n  dfsd namespace list -c dfsd.yaml -o json",
		Args:    cobra.NoArgs,
	}
	from := addSourceFlags(cmd)
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		items, err := ask(cmd, from, func(ctx context.Context, s source) ([]admin.NamespaceItem, error) { return s.Namespaces(ctx) })
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), items, func(w *tabwriter.Writer) {
			fmt.Fprintln(w, "NAMESPACE\tTYPE\tSTATE\tFOLDERS\tDEGRADED\tTTL\tORDERING\tCOMMENT")
			for _, n := range items {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%ds\t%s\t%s\n", n.Name, n.Type, n.State, n.Folders, n.Degraded, n.TTLSeconds, n.Ordering, n.Comment)
			}
		})
	}
	return cmd
}

func newNamespaceShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a namespace with its folders and their targets",
		Example: "  dfsd namespace show public\n  dfsd namespace show public -c dfsd.yaml -o yaml",
		Args:    cobra.ExactArgs(1),
	}
	from := addSourceFlags(cmd)
	out := outputFlag(cmd)
	cmd.ValidArgsFunction = only(1, from.complete(&from.socket, namespaceNames))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if strings.Trim(args[0], `/\.`) == "" {
			return usageError(cmd, fmt.Errorf("%q names no namespace", args[0]))
		}
		n, err := ask(cmd, from, func(ctx context.Context, s source) (admin.NamespaceAnswer, error) { return s.Namespace(ctx, args[0]) })
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), n, func(w *tabwriter.Writer) { namespaceTable(w, n) })
	}
	return cmd
}

func namespaceTable(w *tabwriter.Writer, n admin.NamespaceAnswer) {
	fmt.Fprintf(w, "%s: %s, %s, TTL %d s, ordering %s, in-site only %s, failback %s\n\n",
		n.Name, n.Type, n.State, n.TTLSeconds, n.Ordering, yesNo(n.InSiteOnly), yesNo(n.Failback))
	fmt.Fprintln(w, "FOLDER\tSTATE\tTTL\tTARGET\tSITE\tSTATE\tPRIORITY\tRANK\tREASON")
	for _, f := range n.Links {
		head := fmt.Sprintf("%s\t%s\t%ds", f.Path, f.State, f.TTLSeconds)
		for _, t := range f.Targets {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", head, t.Path, orNone(t.Site), t.Present, t.Priority, t.Rank, orNone(t.Reason))
			head = "\t\t"
		}
	}
}

func newNamespaceExportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export [NAME…]",
		Short: "Print namespaces as the configuration of another host or file",
		Long: "Prints the namespaces of the configuration file, all or those named, with every\n" +
			"setting, as a configuration that dfsd reads. Loaded, it is equal. Folders that\n" +
			"replicate name their group: it is not printed, and has to be in the file that takes them.",
		Example: "  dfsd namespace export >namespaces.yaml\n  dfsd namespace export public -c dfsd.yaml",
		Args:    cobra.ArbitraryArgs,
	}
	from := addFileFlags(cmd)
	out := outputFlag(cmd)
	cmd.ValidArgsFunction = from.complete(nil, namespaceNames)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		file, err := from.load()
		if err != nil {
			return err
		}
		for _, name := range args {
			if !slices.ContainsFunc(file.Namespaces, func(ns namespace.Config) bool { return namespace.EqualFold(ns.Name, name) }) {
				return fmt.Errorf("%w: no namespace is named %q; `dfsd namespace list` shows them", admin.ErrNotFound, name)
			}
		}
		text, err := file.ShowNamespaces(args...)
		if err != nil {
			return err
		}
		if groups := groupsOf(file, args); len(groups) > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "note: folders replicate; the file that takes these namespaces needs replication.groups with %s\n", strings.Join(groups, ", "))
		}
		return writeYAMLText(cmd.OutOrStdout(), *out, text)
	}
	return cmd
}

// groupsOf are the replication groups behind the folders of the named namespaces,
// or of all.
func groupsOf(file *configs.File, names []string) []string {
	var groups []string
	for _, ns := range file.Namespaces {
		if len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return namespace.EqualFold(n, ns.Name) }) {
			continue
		}
		for _, f := range ns.Folders {
			if group, _, found := strings.Cut(f.Replicates, "/"); found {
				groups = append(groups, group)
			}
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}
