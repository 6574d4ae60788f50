package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dfsd/internal/admin"
	"dfsd/replication/status"
)

func newReplicationCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "replication", Short: "Replicated folders: state, backlog, pause, resume, sync"}
	cmd.AddCommand(
		newReplicationStatusCommand(),
		newReplicationBacklogCommand(),
		newReplicationInspectCommand(),
		newReplicationPauseCommand(),
		newReplicationResumeCommand(),
		newReplicationSyncCommand(),
	)
	return cmd
}

// daemonFlags say which running daemon is asked, and how long.
type daemonFlags struct {
	*fileFlags
	socket  string
	timeout time.Duration
	reason  string // of a change; recorded with it
	told    bool   // that the file cannot be used
}

// addReasonFlag has a change carry the administrator's words.
func addReasonFlag(cmd *cobra.Command, f *daemonFlags) {
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for those who look: it stands in the audit log")
}

func addDaemonFlags(cmd *cobra.Command, timeout time.Duration) *daemonFlags {
	f := &daemonFlags{fileFlags: addFileFlags(cmd)}
	cmd.Flags().StringVar(&f.socket, "socket", "", "the daemon's admin socket (default: the one that the file names)")
	cmd.Flags().DurationVar(&f.timeout, "timeout", timeout, "give up waiting after this long, 0s: never; the daemon goes on")
	return f
}

// client asks the daemon that the flags mean. A file that has become faulty hides
// no daemon: what runs is what was there before, which talk is told.
func (f *daemonFlags) client(ctx context.Context, talk io.Writer) (*admin.Client, error) {
	if f.socket != "" {
		return admin.NewClient(f.socket), nil
	}
	file, err := f.load()
	if err != nil {
		return f.despite(ctx, talk, err)
	}
	return admin.NewClient(file.Admin.Socket), nil
}

// askReplicas puts a question about replication to the daemon.
func askReplicas[T any](cmd *cobra.Command, f *daemonFlags, question func(context.Context, admin.ReplicasClient) (T, error)) (T, error) {
	return askDaemon(cmd, f, func(ctx context.Context, c *admin.Client) (T, error) { return question(ctx, c.Replicas()) })
}

// askDaemon puts a question to the daemon within the time-out, and gives its
// errors their next step.
func askDaemon[T any](cmd *cobra.Command, f *daemonFlags, question func(context.Context, *admin.Client) (T, error)) (T, error) {
	var none T
	if err := checkTimeout(cmd, f.timeout); err != nil {
		return none, err
	}
	ctx, stop := within(cmd.Context(), f.timeout)
	defer stop()
	c, err := f.client(ctx, cmd.ErrOrStderr())
	if err != nil {
		return none, err
	}
	if f.reason != "" {
		ctx = admin.WithReason(ctx, f.reason)
	}
	answer, err := question(ctx, c)
	if err != nil {
		return none, daemonError(ctx, f.timeout, err)
	}
	return answer, nil
}

// daemonError says what to do next about an error of the daemon.
func daemonError(ctx context.Context, timeout time.Duration, err error) error {
	shownErr := &harmlessError{err}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("no answer within %s: %w", timeout, context.DeadlineExceeded)
		return withHint(err, "the daemon goes on; a longer --timeout waits longer, 0s for ever")
	case errors.Is(err, admin.ErrUnreachable):
		return withHint(shownErr, "is `dfsd serve` running? --socket PATH names another admin socket")
	case errors.Is(err, admin.ErrNoReplication):
		return withHint(shownErr, "name this host in a group under replication.groups, then start the daemon again")
	case errors.Is(err, admin.ErrUnknownFolder):
		return withHint(shownErr, "`dfsd replication status` lists the folders of this host")
	}
	return shownErr
}

// folderName checks the form of a GROUP/FOLDER that was typed.
func folderName(cmd *cobra.Command, text string) (string, error) {
	group, folder, ok := strings.Cut(text, "/")
	if !ok || group == "" || folder == "" || strings.Contains(folder, "/") {
		return "", usageError(cmd, fmt.Errorf("%q is no replicated folder; one is named GROUP/FOLDER, such as branch/projects", text))
	}
	return text, nil
}

// optionalFolder is the GROUP/FOLDER argument, "" where there is none.
func optionalFolder(cmd *cobra.Command, args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	return folderName(cmd, args[0])
}

// completionPatience bounds how long a shell waits for names.
const completionPatience = time.Second

// completeFolders completes GROUP/FOLDER as the first argument: from the file,
// or with --socket from the daemon.
func completeFolders(f *daemonFlags) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f.folderNames(cmd.Context()), cobra.ShellCompDirectiveNoFileComp
	}
}

func (f *daemonFlags) folderNames(ctx context.Context) (names []string) {
	if f.socket != "" {
		ctx, stop := context.WithTimeout(ctx, completionPatience)
		defer stop()
		s, err := admin.NewClient(f.socket).Replicas().Status(ctx)
		if err != nil {
			return nil // a completion has nobody to tell
		}
		for _, folder := range s.Folders {
			names = append(names, folder.Group+"/"+folder.Folder)
		}
		return names
	}
	file, err := f.load()
	if err != nil || file.Replication == nil {
		return nil
	}
	for _, g := range file.Replication.Groups {
		if _, member := g.Member(file.Host); !member {
			continue
		}
		for _, folder := range g.Folders {
			names = append(names, g.Name+"/"+folder.Name)
		}
	}
	return names
}

// completeMembers completes the hosts of the file's groups.
func completeMembers(f *daemonFlags) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		file, err := f.load()
		if err != nil || file.Replication == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		hosts := memberHosts(file.Replication)
		slices.Sort(hosts)
		return slices.Compact(hosts), cobra.ShellCompDirectiveNoFileComp
	}
}

func newReplicationStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status [GROUP/FOLDER]",
		Short: "Show each replicated folder and connection: state, backlog, progress, last error",
		Long: "Shows the replicated folders of the daemon's host, what is wrong first, each with\n" +
			"its connections in both directions. A backlog is what the member on the right\n" +
			"lacks of what the one on the left holds. The exit code is 0 whatever the state.",
		Example: "  dfsd replication status\n  dfsd replication status branch/projects --watch 2s\n" +
			"  dfsd replication status -o json | jq '.folders[] | select(.state != \"normal\")'",
		Args: cobra.MaximumNArgs(1),
	}
	f := addDaemonFlags(cmd, 10*time.Second)
	out := outputFlag(cmd)
	every := cmd.Flags().Duration("watch", 0, "show it again after each such span, such as 2s, until interrupted")
	cmd.ValidArgsFunction = completeFolders(f)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		folder, err := optionalFolder(cmd, args)
		if err != nil {
			return err
		}
		look := func() (status.Replication, error) {
			s, err := askReplicas(cmd, f, func(ctx context.Context, r admin.ReplicasClient) (status.Replication, error) {
				return r.Status(ctx)
			})
			if err != nil {
				return s, err
			}
			return onlyFolder(s, folder)
		}
		if cmd.Flags().Changed("watch") {
			return watchStatus(cmd, *every, *out, look)
		}
		s, err := look()
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), s, func(w *tabwriter.Writer) { statusTable(w, s, nil) })
	}
	return cmd
}

// onlyFolder leaves one folder of s, or all where none is named.
func onlyFolder(s status.Replication, name string) (status.Replication, error) {
	if name == "" {
		return s, nil
	}
	for _, f := range s.Folders {
		if f.Group+"/"+f.Folder == name {
			s.Folders = []status.Folder{f}
			return s, nil
		}
	}
	return s, withHint(fmt.Errorf("%w: %s", admin.ErrUnknownFolder, name), "`dfsd replication status` lists the folders of this host")
}

// wireRates are the bytes a second that connections sent and received since
// the look before; nil at the first look.
type wireRates map[connectionKey]wireRate

type connectionKey struct{ group, folder, from, to string }

type wireRate struct{ sent, received float64 }

// statusTable prints a folder a line, and indented below it a connection a line.
func statusTable(w *tabwriter.Writer, s status.Replication, rates wireRates) {
	if len(s.Folders) == 0 {
		fmt.Fprintf(w, "%s replicates no folder\n", shown(s.Host))
		return
	}
	folders := slices.Clone(s.Folders)
	slices.SortStableFunc(folders, func(a, b status.Folder) int {
		return cmp.Or(cmp.Compare(folderWeight(b), folderWeight(a)), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Folder, b.Folder))
	})
	fmt.Fprintln(w, "FOLDER\tSTATE\tNOW")
	for _, f := range folders {
		fmt.Fprintf(w, "%s\t%s\t%s\n", shown(f.Group+"/"+f.Folder), oneLine(string(f.State)), folderNow(f))
		connections := slices.Clone(f.Connections)
		slices.SortStableFunc(connections, func(a, b status.Connection) int {
			return cmp.Or(cmp.Compare(connectionWeight(b), connectionWeight(a)), cmp.Compare(b.OldestSeconds, a.OldestSeconds),
				cmp.Compare(b.BacklogFiles, a.BacklogFiles), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
		})
		for _, c := range connections {
			rate := rates[connectionKey{f.Group, f.Folder, c.From, c.To}]
			fmt.Fprintf(w, "  %s → %s\t%s\t%s\n", shown(c.From), shown(c.To), oneLine(string(c.State)), connectionNow(c, rate))
		}
		unreadRows(w, f)
	}
}

// unreadAfter is for how many seconds a path must have been unreadable to be
// worth a row: a program that saves has its file open for a moment.
const unreadAfter = 10

// unreadRows lists what does not replicate because it cannot be read.
func unreadRows(w *tabwriter.Writer, f status.Folder) {
	listed := int64(0)
	for _, u := range f.Unread {
		if listed++; u.Seconds >= unreadAfter {
			fmt.Fprintf(w, "\tnot read\t%s: %s, for %s\n", shown(u.Path), oneLine(u.Error), humanSeconds(u.Seconds))
		}
	}
	if more := f.UnreadFiles - listed; more > 0 && listed > 0 {
		fmt.Fprintf(w, "\tnot read\t%s more\n", humanFiles(more))
	}
}

// folderWeight is how bad a folder's state is.
func folderWeight(f status.Folder) int {
	switch f.State {
	case status.Normal:
		worst := 0
		for _, c := range f.Connections {
			worst = max(worst, connectionWeight(c))
		}
		return worst
	case status.InitialSync:
		return 4
	case status.Paused:
		return 5
	case status.Recovering:
		return 6
	}
	return 7 // halted, or a state that a newer daemon knows
}

// connectionWeight is how bad a connection's state is, below every folder's
// that is not normal.
func connectionWeight(c status.Connection) int {
	switch c.State {
	case status.Connected:
		return min(1, len(c.LastError)) // a trouble that is over or not of the link
	case status.ClosedBySchedule:
		return 1
	case status.ConnectionPaused:
		return 2
	}
	return 3
}

func folderNow(f status.Folder) string {
	if f.Error != "" {
		return oneLine(f.Error)
	}
	if f.Progress != nil {
		return humanProgress(*f.Progress)
	}
	text := fmt.Sprintf("%s, %s in %s", humanFiles(f.Files), humanSize(f.Bytes), shown(f.Path))
	if f.Watch == "scan" {
		text += "; changes are heard by scans alone"
	}
	if p := f.Preserved; p.Files > 0 {
		text += fmt.Sprintf("; preserved %s, %s", humanFiles(int64(p.Files)), humanSize(p.Bytes))
		if p.Quota > 0 {
			text += " of " + humanSize(p.Quota)
		}
	}
	return text
}

func connectionNow(c status.Connection, rate wireRate) string {
	text := "no backlog"
	if c.State != status.Connected {
		text = "no known backlog" // the partner may know better
	}
	if c.BacklogFiles > 0 || c.BacklogBytes > 0 {
		text = fmt.Sprintf("backlog %s, %s, oldest %s", humanFiles(c.BacklogFiles), humanSize(c.BacklogBytes), humanSeconds(c.OldestSeconds))
	}
	if rate.sent >= 1 || rate.received >= 1 {
		text += fmt.Sprintf("; sends %s/s, receives %s/s", humanSize(int64(rate.sent)), humanSize(int64(rate.received)))
	}
	if c.LastError != "" {
		text += "; last error: " + oneLine(c.LastError)
	}
	return text
}
