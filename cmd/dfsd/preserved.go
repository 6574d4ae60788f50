package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dfsd/internal/admin"
	"dfsd/replication/status"
)

func newPreservedCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "preserved", Short: "Conflict losers, deleted and pre-existing files kept for recovery"}
	cmd.AddCommand(newPreservedListCommand(), newPreservedRestoreCommand())
	return cmd
}

func newPreservedListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [GROUP/FOLDER]",
		Short: "List what is preserved on this host, oldest first",
		Long: "Lists what is preserved on this host, oldest first: why, for whose version, and\n" +
			"where it was. --path takes a glob: without a slash it is held against each name\n" +
			"on the way, with one against the path and the folders around it.",
		Example: "  dfsd preserved list\n  dfsd preserved list branch/projects --since 24h --path '*.odt'\n" +
			"  dfsd preserved list --path 'plans/2026*' -o json",
		Args: cobra.MaximumNArgs(1),
	}
	f := addDaemonFlags(cmd, time.Minute)
	out := outputFlag(cmd)
	glob := cmd.Flags().String("path", "", "only what was at paths that match this `glob`")
	var since span
	cmd.Flags().Var(&since, "since", "only what was preserved within this span, such as 24h or 7d")
	cmd.ValidArgsFunction = completeFolders(f)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		folder, err := optionalFolder(cmd, args)
		if err != nil {
			return err
		}
		if _, err := path.Match(*glob, ""); err != nil {
			return usageError(cmd, fmt.Errorf("--path: %q is no glob: a bracket or backslash is left open", *glob))
		}
		files, err := askReplicas(cmd, f, func(ctx context.Context, r admin.ReplicasClient) ([]status.PreservedFile, error) {
			return r.Preserved(ctx, folder)
		})
		if err != nil {
			return err
		}
		files = choosePreserved(files, *glob, time.Duration(since), time.Now())
		return out.write(cmd.OutOrStdout(), files, func(w *tabwriter.Writer) { preservedTable(w, files) })
	}
	return cmd
}

// choosePreserved leaves what glob and since allow, oldest first.
func choosePreserved(files []status.PreservedFile, glob string, since time.Duration, now time.Time) []status.PreservedFile {
	files = slices.DeleteFunc(files, func(f status.PreservedFile) bool {
		return since > 0 && now.Sub(f.When) > since || glob != "" && !globMatches(glob, f.Path)
	})
	slices.SortStableFunc(files, func(a, b status.PreservedFile) int { return a.When.Compare(b.When) })
	return files
}

// globMatches holds a glob without a slash against each name of a path, and
// one with a slash against the path and each folder around it. The glob is
// well formed.
func globMatches(glob, p string) bool {
	glob = strings.Trim(glob, "/")
	names := strings.Split(p, "/")
	for i := range names {
		candidate := names[i]
		if strings.Contains(glob, "/") {
			candidate = strings.Join(names[:i+1], "/")
		}
		if ok, _ := path.Match(glob, candidate); ok {
			return true
		}
	}
	return false
}

func preservedTable(w *tabwriter.Writer, files []status.PreservedFile) {
	if len(files) == 0 {
		fmt.Fprintln(w, "nothing preserved")
		return
	}
	fmt.Fprintln(w, "ID\tWHEN\tWHY\tBY\tSIZE\tFOLDER\tPATH")
	for _, f := range files {
		was := shown(f.Path)
		if f.Kind != "" && f.Kind != "file" {
			was += " (" + oneLine(f.Kind) + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", shown(f.ID), f.When.Local().Format(time.DateTime), orNone(oneLine(f.Why)), shown(f.By),
			humanSize(f.Size), shown(f.Group+"/"+f.Folder), was)
	}
}

func newPreservedRestoreCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore ID",
		Short: "Take a file out of the preserved store, and print where it stands now",
		Long: "Puts a preserved file back where it was, or where --to says, and prints where it\n" +
			"stands now. Nothing is overwritten: where the name is taken, the file gets a\n" +
			"suffix. From there it replicates like any other new file. Leading zeros of ID may be\n" +
			"left out.",
		Example: "  dfsd preserved list --path plan.odt\n  dfsd preserved restore 42\n" +
			"  dfsd preserved restore 42 --folder branch/projects --to recovered/plan.odt",
		Args: cobra.ExactArgs(1),
	}
	f := addDaemonFlags(cmd, time.Minute)
	addReasonFlag(cmd, f)
	out := outputFlag(cmd)
	folder := cmd.Flags().String("folder", "", "the `GROUP/FOLDER` that preserves it (default: the only one that has the ID)")
	to := cmd.Flags().String("to", "", "put it at this `path`, within the folder or absolute below it (default: where it was)")
	_ = cmd.RegisterFlagCompletionFunc("folder", func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return f.folderNames(cmd.Context()), cobra.ShellCompDirectiveNoFileComp
	}) // the flag exists: only a misspelt name could fail here
	cmd.ValidArgsFunction = completePreserved(f)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if args[0] == "" {
			return usageError(cmd, errors.New("the ID is empty; `dfsd preserved list` shows them"))
		}
		if *folder != "" {
			if _, err := folderName(cmd, *folder); err != nil {
				return err
			}
		}
		done, err := askReplicas(cmd, f, func(ctx context.Context, r admin.ReplicasClient) (admin.RestoreAnswer, error) {
			return r.RestoreAnywhere(ctx, *folder, args[0], *to)
		})
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), done, func(w *tabwriter.Writer) { fmt.Fprintln(w, shown(done.Path)) })
	}
	return cmd
}

// maxCompletions bounds what a shell is offered.
const maxCompletions = 200

// completePreserved completes IDs with the paths they had, the newest ones,
// where the daemon answers at once.
func completePreserved(f *daemonFlags) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, stop := context.WithTimeout(cmd.Context(), completionPatience)
		defer stop()
		c, err := f.client(ctx, io.Discard)
		if len(args) > 0 || err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		files, err := c.Replicas().Preserved(ctx, "")
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp // a completion has nobody to tell
		}
		files = files[max(0, len(files)-maxCompletions):]
		offers := make([]cobra.Completion, len(files))
		for i, file := range files {
			offers[i] = cobra.CompletionWithDesc(file.ID, shown(file.Path))
		}
		return offers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// span is a length of time as a flag: Go's form, or whole days as in 7d.
type span time.Duration

// String writes it in Go's form, "" for none.
func (s *span) String() string {
	if *s == 0 {
		return ""
	}
	return time.Duration(*s).String()
}

// Type names the flag's value in help texts.
func (s *span) Type() string { return "duration" }

// Set reads a span above 0.
func (s *span) Set(text string) error {
	const most = 100 * 365 * 24 * time.Hour
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		if n, err = strconv.ParseUint(days, 10, 16); err == nil {
			d = time.Duration(n) * 24 * time.Hour
		}
	}
	if err != nil || d <= 0 || d > most {
		return fmt.Errorf("%q is no span of time: want one such as 90m, 24h or 7d", text)
	}
	*s = span(d)
	return nil
}
