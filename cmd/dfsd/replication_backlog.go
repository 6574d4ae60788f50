package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dfsd/internal/admin"
	"dfsd/internal/quantity"
	"dfsd/replication/status"
)

func newReplicationBacklogCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backlog [GROUP/FOLDER]",
		Short: "Show what is owed in each direction, file by file, and what it waits for",
		Long: "Shows for each direction between this host and its partners how much the member\n" +
			"on the right lacks of what the one on the left holds, and the first files of it.",
		Example: "  dfsd replication backlog\n  dfsd replication backlog branch/projects --member fs2.lon.corp.example.com --limit 1000\n" +
			"  dfsd replication backlog --limit 0 -o json",
		Args: cobra.MaximumNArgs(1),
	}
	f := addDaemonFlags(cmd, 10*time.Second)
	out := outputFlag(cmd)
	member := cmd.Flags().String("member", "", "only the directions to and from this `host`")
	limit := cmd.Flags().Int("limit", admin.DefaultBacklog, fmt.Sprintf("list at most this many files in each direction, 0: totals alone, at most %d", admin.MaxBacklog))
	_ = cmd.RegisterFlagCompletionFunc("member", completeMembers(f)) // the flag exists: only a misspelt name could fail here
	cmd.ValidArgsFunction = completeFolders(f)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		folder, err := optionalFolder(cmd, args)
		if err != nil {
			return err
		}
		if *limit < 0 || *limit > admin.MaxBacklog {
			return usageError(cmd, fmt.Errorf("--limit: %d is not between 0 and %d", *limit, admin.MaxBacklog))
		}
		found, err := askReplicas(cmd, f, func(ctx context.Context, r admin.ReplicasClient) ([]status.Backlog, error) {
			return r.Backlog(ctx, folder, *member, *limit)
		})
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), found, func(w *tabwriter.Writer) { backlogTable(w, found) })
	}
	return cmd
}

func backlogTable(w *tabwriter.Writer, found []status.Backlog) {
	if len(found) == 0 {
		fmt.Fprintln(w, "no connection: nothing can be owed")
	}
	for i, b := range found {
		if i > 0 {
			fmt.Fprintln(w)
		}
		head := fmt.Sprintf("%s  %s → %s: ", shown(b.Group+"/"+b.Folder), shown(b.From), shown(b.To))
		if b.Files == 0 && b.Bytes == 0 && len(b.Items) == 0 {
			fmt.Fprintln(w, head+"nothing owed")
			continue
		}
		fmt.Fprintf(w, "%s%s, %s%s\n", head, humanFiles(b.Files), humanSize(b.Bytes), backlogAges(b))
		if len(b.Items) > 0 {
			fmt.Fprintln(w, "AGE\tSIZE\tKIND\tREASON\tPATH")
		}
		for _, it := range b.Items {
			kind := oneLine(it.Kind)
			if it.Deleted {
				kind += ", deleted"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", humanSeconds(it.AgeSeconds), humanSize(it.Bytes), kind, orNone(oneLine(it.Reason)), shown(it.Path))
		}
		if more := b.Files - int64(len(b.Items)); more > 0 && len(b.Items) > 0 {
			fmt.Fprintf(w, "… and %s more; a greater --limit lists them\n", quantity.Count(more))
		}
	}
}

// backlogAges says how old the oldest change of a backlog is, and when it may be
// gone.
func backlogAges(b status.Backlog) string {
	text := ""
	if b.OldestSeconds > 0 {
		text = "; the oldest is " + humanSeconds(b.OldestSeconds) + " old"
	}
	if b.SecondsLeft > 0 {
		text += "; about " + humanSeconds(b.SecondsLeft) + " left"
	}
	return text
}

func newReplicationInspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect PATH",
		Short: "Show what is known of one path: versions, who holds it, what it waits for",
		Long: "PATH is a path of this host, absolute or beginning with ./ or ../, or it is\n" +
			"GROUP/FOLDER/PATH within a replicated folder.",
		Example: "  dfsd replication inspect /srv/projects/plan.odt\n  dfsd replication inspect branch/projects/plan.odt -o json",
		Args:    cobra.ExactArgs(1),
	}
	f := addDaemonFlags(cmd, 10*time.Second)
	out := outputFlag(cmd)
	cmd.ValidArgsFunction = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault) // files
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := hostPath(args[0])
		if err != nil {
			return usageError(cmd, err)
		}
		file, err := askReplicas(cmd, f, func(ctx context.Context, r admin.ReplicasClient) (status.File, error) {
			return r.Inspect(ctx, path)
		})
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), file, func(w *tabwriter.Writer) { inspectTable(w, file, time.Now()) })
	}
	return cmd
}

// hostPath makes a path that was typed against the working directory absolute,
// and leaves one of the form group/folder/path alone.
func hostPath(path string) (string, error) {
	relative := path == "." || path == ".." || strings.HasPrefix(path, "./") || strings.HasPrefix(path, "../")
	switch {
	case relative:
		return filepath.Abs(path)
	case filepath.IsAbs(path):
		return filepath.Clean(path), nil
	case strings.Count(strings.Trim(path, "/"), "/") < 1:
		return "", fmt.Errorf("%q is neither absolute nor GROUP/FOLDER/PATH; ./%s is the one in this directory", path, path)
	}
	return path, nil
}

func inspectTable(w *tabwriter.Writer, f status.File, now time.Time) {
	line := func(name, value string) { fmt.Fprintf(w, "%s\t%s\n", name, orNone(value)) }
	line("Folder", shown(f.Group+"/"+f.Folder))
	line("Path", shown(f.Path))
	line("State", inspectState(f))
	kind := oneLine(f.Kind)
	if f.Deleted {
		kind += ", deleted"
	}
	line("Kind", kind)
	if !f.Deleted {
		line("Size", fmt.Sprintf("%s (%s bytes)", humanSize(f.Size), quantity.Count(f.Size)))
		line("Mode", fmt.Sprintf("%s, owner %d, group %d", orNone(oneLine(f.Mode)), f.UID, f.GID))
		line("Modified", humanTime(f.Modified, now))
		line("Content", oneLine(f.Hash))
		names := make([]string, len(f.Xattrs))
		for i, name := range f.Xattrs {
			names[i] = shown(name)
		}
		line("Attributes", strings.Join(names, " "))
	}
	line("Version", oneLine(f.Version))
	if f.Latest != f.Version {
		line("Latest", oneLine(f.Latest))
	}
	line("Made by", shown(f.MadeBy))
	line("Changed", humanTime(f.Changed, now))
	line("File ID", oneLine(f.ID))
	if len(f.HeldBy) == 0 {
		return
	}
	fmt.Fprintln(w, "\nMEMBER\tHOLDS IT")
	for _, member := range slices.Sorted(maps.Keys(f.HeldBy)) {
		line(shown(member), oneLine(f.HeldBy[member]))
	}
}

func inspectState(f status.File) string {
	switch {
	case f.Settled:
		return "settled: nothing newer was heard of"
	case f.Waiting == "":
		return "unsettled"
	}
	return "waits: " + oneLine(f.Waiting)
}

// humanTime is a moment in this machine's time, and how long ago it was.
func humanTime(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	text := t.Local().Format(time.DateTime)
	if ago := humanSeconds(now.Sub(t).Seconds()); ago != "-" {
		text += " (" + ago + " ago)"
	}
	return text
}
