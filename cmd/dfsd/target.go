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
)

func newTargetCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "target", Short: "Take targets out of referrals, and back"}
	cmd.AddCommand(newTargetDrainCommand(), newTargetOfflineCommand(), newTargetOnlineCommand(), newTargetListCommand())
	return cmd
}

// changeFlags are those of all changes of targets.
type changeFlags struct {
	*daemonFlags
	lasting time.Duration
}

func addChangeFlags(cmd *cobra.Command, lasts bool) *changeFlags {
	f := &changeFlags{daemonFlags: addDaemonFlags(cmd, time.Minute)}
	addReasonFlag(cmd, f.daemonFlags)
	cmd.ValidArgsFunction = only(2, f.complete(&f.socket, targetArgs))
	if lasts {
		cmd.Flags().DurationVar(&f.lasting, "for", 0, "end by itself after this long, such as 2h; 0s: when 'dfsd target online' ends it")
	}
	return f
}

// change reads what a command line is about: PATH TARGET, PATH HOST, or HOST.
func (f *changeFlags) change(cmd *cobra.Command, args []string) (admin.TargetChange, error) {
	c := admin.TargetChange{Target: args[len(args)-1], Reason: f.reason, For: f.lasting}
	if slices.Contains(args, "") { // of a variable that is not set: never all targets of a host for it
		return c, usageError(cmd, errors.New("an empty argument: want "+cmd.Use[len(cmd.Name())+1:]))
	}
	if f.lasting < 0 {
		return c, usageError(cmd, fmt.Errorf("--for: %s is below 0s", f.lasting))
	}
	if len(args) == 2 {
		c.Path = args[0]
	} else if strings.ContainsAny(c.Target, `\/`) {
		return c, usageError(cmd, errors.New("a folder alone: name its target too, or give a host for all its targets"))
	}
	return c, nil
}

const targetArguments = "PATH TARGET is a folder and one of its targets; PATH HOST the target that the folder has\n" +
	"on a host; HOST alone all targets on a host."

func newTargetDrainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drain PATH TARGET | PATH HOST | HOST",
		Short: "Have clients sent elsewhere, and take targets out once others hold everything",
		Long: "Shortens what clients keep of referrals, waits until another target of each folder\n" +
			"is up and holds everything, takes the target out of referrals, and waits until no\n" +
			"client can hold an old one. It goes on in the daemon, also over restarts, until\n" +
			"`dfsd target online`; --wait waits for its end. Given again, it keeps its reason and\n" +
			"its end unless others are given.\n\n" + targetArguments,
		Example: "  dfsd target drain '\\\\files\\public\\projects' '\\\\fs2\\projects' --wait --reason 'new disks'\n" +
			"  dfsd target drain fs2.lon.corp.example.com --for 2h",
		Args: cobra.RangeArgs(1, 2),
	}
	f := addChangeFlags(cmd, true)
	out := outputFlag(cmd)
	wait := cmd.Flags().Bool("wait", false, "wait until no client is sent there any more, for ever unless --timeout is given")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *wait && !cmd.Flags().Changed("timeout") {
			f.timeout = 0
		}
		change, err := f.change(cmd, args)
		if err != nil {
			return err
		}
		var d admin.TargetDecision // as it was seen last
		_, err = askDaemon(cmd, f.daemonFlags, func(ctx context.Context, c *admin.Client) (_ admin.TargetDecision, err error) {
			if d, err = c.Drain(ctx, change); err == nil && *wait {
				d, err = awaitDrain(ctx, c, d, cmd.ErrOrStderr(), time.Second)
			}
			return d, err
		})
		if err != nil && d.Phase != "" && errors.Is(err, context.DeadlineExceeded) {
			err = withHint(fmt.Errorf("not drained within %s (%s): %w", f.timeout, drainText(d), context.DeadlineExceeded),
				"the daemon goes on; `dfsd target list` shows how far it is, `dfsd target online` ends it")
		}
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), d, func(w *tabwriter.Writer) { decisionTable(w, []admin.TargetDecision{d}) })
	}
	return cmd
}

// drainText is how far a drain is.
func drainText(d admin.TargetDecision) string {
	return d.Phase + ": " + strings.Join(d.WaitingFor, "; ")
}

// awaitDrain asks again until a drain is done, and tells what it waits for
// whenever that is something else. A daemon that is not there for a while goes
// on with the drain when it is back, and so does the waiting.
func awaitDrain(ctx context.Context, c *admin.Client, d admin.TargetDecision, talk io.Writer, every time.Duration) (admin.TargetDecision, error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	told := ""
	tell := func(now string) {
		if now != told {
			fmt.Fprintln(talk, now)
			told = now
		}
	}
	for !d.Done {
		if d.Phase != "" {
			tell(oneLine(drainText(d)))
		}
		select {
		case <-ctx.Done():
			return d, ctx.Err()
		case <-tick.C:
		}
		all, err := c.Decisions(ctx)
		for err != nil && ctx.Err() == nil && errors.Is(err, admin.ErrUnreachable) {
			tell("the daemon does not answer: waiting for it")
			select {
			case <-ctx.Done():
			case <-tick.C:
				all, err = c.Decisions(ctx)
			}
		}
		if err != nil {
			return d, cmp.Or(ctx.Err(), err)
		}
		same := func(o admin.TargetDecision) bool { return o.Host == d.Host && o.Path == d.Path && o.Target == d.Target }
		i := slices.IndexFunc(all, same)
		if i < 0 {
			return d, errors.New("the drain was ended by `dfsd target online`, or its time was over")
		}
		d = all[i]
	}
	return d, nil
}

func newTargetOfflineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "offline PATH TARGET | PATH HOST | HOST",
		Short: "Take targets out of referrals at once",
		Long: "Clients that ask are no longer sent there, whether or not others hold everything.\n" +
			"Those that were sent there keep their referral until its time is over. Where a\n" +
			"folder has no other target, clients are still sent to it: `state: offline` in the\n" +
			"configuration leaves a folder without any.\n\n" + targetArguments,
		Example: "  dfsd target offline '\\\\files\\public\\projects' fs2 --reason 'disk fails'\n  dfsd target offline fs2 --for 30m",
		Args:    cobra.RangeArgs(1, 2),
	}
	f := addChangeFlags(cmd, true)
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		change, err := f.change(cmd, args)
		if err != nil {
			return err
		}
		d, err := askDaemon(cmd, f.daemonFlags, func(ctx context.Context, c *admin.Client) (admin.TargetDecision, error) {
			return c.Offline(ctx, change)
		})
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), d, func(w *tabwriter.Writer) { decisionTable(w, []admin.TargetDecision{d}) })
	}
	return cmd
}

func newTargetOnlineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "online PATH TARGET | PATH HOST | HOST",
		Short: "End what drain and offline began",
		Long: "The targets come back when they answer, and where their folder replicates, when they\n" +
			"have caught up.\n\n" + targetArguments,
		Example: "  dfsd target online '\\\\files\\public\\projects' '\\\\fs2\\projects'\n  dfsd target online fs2.lon.corp.example.com",
		Args:    cobra.RangeArgs(1, 2),
	}
	f := addChangeFlags(cmd, false)
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		change, err := f.change(cmd, args)
		if err != nil {
			return err
		}
		ended, err := askDaemon(cmd, f.daemonFlags, func(ctx context.Context, c *admin.Client) ([]admin.TargetDecision, error) {
			return c.Online(ctx, change)
		})
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), ended, func(w *tabwriter.Writer) {
			if len(ended) == 0 {
				fmt.Fprintln(w, "nothing was decided about it; it stands as the configuration says")
			}
			for _, d := range ended {
				fmt.Fprintf(w, "%s is no longer %s\n", subjectOf(d), d.Kind)
			}
		})
	}
	return cmd
}

func newTargetListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List what was decided about targets, and what it has come to",
		Example: "  dfsd target list\n  dfsd target list -o json",
		Args:    cobra.NoArgs,
	}
	f := addDaemonFlags(cmd, 10*time.Second)
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		all, err := askDaemon(cmd, f, func(ctx context.Context, c *admin.Client) ([]admin.TargetDecision, error) { return c.Decisions(ctx) })
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), all, func(w *tabwriter.Writer) { decisionTable(w, all) })
	}
	return cmd
}

// subjectOf says what a decision is about.
func subjectOf(d admin.TargetDecision) string {
	if d.Host != "" {
		return "all of " + d.Host
	}
	return fmt.Sprintf("%s of %s", d.Target, d.Path)
}

func decisionTable(w *tabwriter.Writer, all []admin.TargetDecision) {
	fmt.Fprintln(w, "TARGET\tDECISION\tPHASE\tBY\tSINCE\tUNTIL\tREASON")
	for _, d := range all {
		until := "-"
		if !d.Until.IsZero() {
			until = d.Until.Local().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", subjectOf(d), d.Kind, d.Phase, orNone(d.By), d.At.Local().Format(time.DateTime), until, orNone(d.Reason))
	}
	for _, d := range all { // behind the table, whose columns they would break
		for _, what := range d.WaitingFor {
			fmt.Fprintf(w, "%s waits for %s\n", subjectOf(d), what)
		}
		if d.Connections >= 0 {
			fmt.Fprintf(w, "clients still connected to %s: %d\n", subjectOf(d), d.Connections)
		}
	}
}
