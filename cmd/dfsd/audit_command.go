package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dfsd/internal/admin"
	"dfsd/internal/audit"
	"dfsd/internal/quantity"
)

func newAuditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Who changed what, from the audit log of this host"}
	cmd.AddCommand(newAuditListCommand(), newAuditVerifyCommand())
	return cmd
}

func newAuditListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the latest changes, oldest first",
		Long: "Lists changes that were made, or tried, through this host's daemon: who, what, why and\n" +
			"with which result; -o json has what stood there before and after, too. It reads the\n" +
			"data directory, with or without a daemon.",
		Example: "  dfsd audit list\n  dfsd audit list -n 1000 -o json",
		Args:    cobra.NoArgs,
	}
	from := addFileFlags(cmd)
	n := cmd.Flags().IntP("number", "n", 50, fmt.Sprintf("how many, at most %d", audit.MaxTail))
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *n < 1 || *n > audit.MaxTail {
			return usageError(cmd, fmt.Errorf("-n: %d is not between 1 and %d", *n, audit.MaxTail))
		}
		dir, err := from.dataDir()
		if err != nil {
			return err
		}
		entries, broken := audit.Tail(dir, *n) // what is whole is shown in any case
		if entries == nil {
			entries = []audit.Entry{}
		}
		if err := out.write(cmd.OutOrStdout(), entries, func(w *tabwriter.Writer) { auditTable(w, entries) }); err != nil {
			return err
		}
		return broken
	}
	return cmd
}

func auditTable(w *tabwriter.Writer, entries []audit.Entry) {
	fmt.Fprintln(w, "WHEN\tWHO\tACTION\tOBJECT\tREASON\tRESULT")
	for _, e := range entries {
		who, result := e.Who.User, "done"
		if who == "" {
			who = e.Who.Way
		}
		if e.Result != "" {
			result = oneLine(e.Result)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", e.At.Local().Format(time.DateTime), shown(who), shown(e.Action), shown(e.Object), shown(e.Reason), result)
	}
}

func newAuditVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that the audit log is what was written",
		Long: "Walks the chain of sums from the oldest entry that is kept to the newest. An entry that\n" +
			"was changed, left out, put in or torn is named with its file and line, and the exit code\n" +
			"is 1. It reads the data directory, with or without a daemon.",
		Example: "  dfsd audit verify && echo untouched",
		Args:    cobra.NoArgs,
	}
	from := addFileFlags(cmd)
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		dir, err := from.dataDir()
		if err != nil {
			return err
		}
		n, err := audit.Verify(dir)
		if err == nil && n == 0 {
			err = findLog(dir)
		}
		if err != nil {
			return fmt.Errorf("after %d good entries: %w", n, err)
		}
		return out.write(cmd.OutOrStdout(), verified{dir, n}, func(w *tabwriter.Writer) {
			fmt.Fprintf(w, "%s, each as it was written\n", countedEntries(n))
		})
	}
	return cmd
}

// verified is what `dfsd audit verify -o json` prints of a whole log.
type verified struct {
	DataDir string `json:"data_dir"`
	Entries uint64 `json:"entries"`
}

func countedEntries(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return quantity.Count(n) + " entries"
}

// findLog says whether a log without entries is there at all: a daemon makes it
// when it starts, so that a missing one was removed, or is somewhere else.
func findLog(dir string) error {
	_, err := os.Stat(filepath.Join(dir, audit.File))
	if errors.Is(err, fs.ErrNotExist) {
		return withHint(fmt.Errorf("%w: there is no audit log in %s", admin.ErrNotFound, dir),
			"every daemon makes one when it starts: is data_dir of the file right, and has anybody removed it?")
	}
	return err
}
