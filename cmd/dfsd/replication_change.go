package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dfsd/internal/admin"
	"dfsd/replication/status"
)

func newReplicationPauseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pause GROUP/FOLDER | --all",
		Short: "Stop replicating a folder until resume, also over restarts",
		Long: "Stops sending and receiving in a folder on this host, also over restarts. What\n" +
			"changes meanwhile is owed until `dfsd replication resume`.",
		Example: "  dfsd replication pause branch/projects\n  dfsd replication pause --all",
	}
	f := addDaemonFlags(cmd, time.Minute)
	runChange(cmd, f, func(ctx context.Context, r admin.ReplicasClient, folder string) (string, error) {
		return "paused", r.Pause(ctx, folder)
	})
	return cmd
}

func newReplicationResumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume GROUP/FOLDER | --all",
		Short: "Replicate a paused folder again",
		Long: "Ends what `dfsd replication pause` began. A folder that halted because it was\n" +
			"suddenly empty is taken to be meant so: its files are deleted on the partners,\n" +
			"which preserve them.",
		Example: "  dfsd replication resume branch/projects\n  dfsd replication resume --all",
	}
	f := addDaemonFlags(cmd, time.Minute)
	runChange(cmd, f, func(ctx context.Context, r admin.ReplicasClient, folder string) (string, error) {
		return "resumed", r.Resume(ctx, folder)
	})
	return cmd
}

func newReplicationSyncCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sync GROUP/FOLDER | --all",
		Short: "Compare a folder with the disk and ask all partners anew",
		Long: "Has the daemon compare a folder with the disk and ask every partner for what it\n" +
			"holds. It ends when that was begun, or with --wait when nothing is owed in either\n" +
			"direction. --wait waits for ever unless --timeout is given; exit code 7 says that\n" +
			"the time ran out, and the daemon goes on.",
		Example: "  dfsd replication sync branch/projects\n  dfsd replication sync branch/projects --wait --timeout 10m\n" +
			"  dfsd replication sync --all --wait && echo in step",
	}
	f := addDaemonFlags(cmd, time.Minute)
	wait := cmd.Flags().Bool("wait", false, "wait until nothing is owed in either direction")
	cmd.PreRun = func(cmd *cobra.Command, _ []string) {
		if *wait && !cmd.Flags().Changed("timeout") {
			f.timeout = 0
		}
	}
	runChange(cmd, f, func(ctx context.Context, r admin.ReplicasClient, folder string) (string, error) {
		if !*wait {
			return "started", r.Sync(ctx, folder, false)
		}
		if talk := cmd.ErrOrStderr(); isTerminal(talk) {
			return "finished", syncTelling(ctx, r, folder, talk, 2*time.Second)
		}
		return "finished", r.Sync(ctx, folder, true)
	})
	return cmd
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// syncTelling waits for a sync and says meanwhile, on one line of a terminal,
// what is still owed.
func syncTelling(ctx context.Context, r admin.Replicas, folder string, talk io.Writer, every time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- r.Sync(ctx, folder, true) }()
	tick := time.NewTicker(every)
	defer tick.Stop()
	defer fmt.Fprint(talk, "\r\x1b[K") // the result stands alone
	for {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
		}
		if s, err := r.Status(ctx); err == nil { // the sync itself tells what is wrong
			fmt.Fprint(talk, "\r\x1b[K"+owedText(s, folder))
		}
	}
}

// owedText sums up what the folder, or all with "", owes and is owed.
func owedText(s status.Replication, folder string) string {
	var files, bytes int64
	for _, f := range s.Folders {
		if folder != "" && f.Group+"/"+f.Folder != folder {
			continue
		}
		if f.Progress != nil && folder != "" {
			return humanProgress(*f.Progress)
		}
		for _, c := range f.Connections {
			files += c.BacklogFiles
			bytes += c.BacklogBytes
		}
	}
	return fmt.Sprintf("still owed: %s, %s", humanFiles(files), humanSize(bytes))
}

// runChange has cmd change one folder, or with --all every one of the host.
// change answers what was then done, in one word.
func runChange(cmd *cobra.Command, f *daemonFlags, change func(context.Context, admin.ReplicasClient, string) (string, error)) {
	out := outputFlag(cmd)
	addReasonFlag(cmd, f)
	all := cmd.Flags().Bool("all", false, "every replicated folder of this host")
	cmd.Args = cobra.MaximumNArgs(1)
	cmd.ValidArgsFunction = completeFolders(f)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *all == (len(args) == 1) {
			return usageError(cmd, errors.New("name one GROUP/FOLDER, or give --all"))
		}
		folder, err := optionalFolder(cmd, args)
		if err != nil {
			return err
		}
		done, err := askReplicas(cmd, f, func(ctx context.Context, r admin.ReplicasClient) (admin.Change, error) {
			did, err := change(ctx, r, folder)
			return admin.Change{Folder: folder, Did: did}, err
		})
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), done, func(w *tabwriter.Writer) {
			fmt.Fprintln(w, changeText(done))
		})
	}
}

func changeText(c admin.Change) string {
	name, verb := "all folders", "--all"
	if c.Folder != "" {
		name, verb = shown(c.Folder), shown(c.Folder)
	}
	switch c.Did {
	case "paused":
		return fmt.Sprintf("%s: paused; `dfsd replication resume %s` ends it", name, verb)
	case "started":
		return fmt.Sprintf("%s: sync started; `dfsd replication status` shows how far it is", name)
	case "finished":
		return fmt.Sprintf("%s: in step, nothing is owed in either direction", name)
	}
	return fmt.Sprintf("%s: %s", name, c.Did)
}
