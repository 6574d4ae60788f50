package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"dfsd/internal/admin"
	"dfsd/internal/report"
)

func newStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how everything is, what is wrong first",
		Long: "Prints a line for each part of the deployment as this host knows it, what is wrong\n" +
			"first, each with the next step. Exit code 8 says that something is degraded.",
		Example: "  dfsd status\n  dfsd status -o json\n  dfsd status >/dev/null || mail -s 'dfsd is degraded' ops@example.com",
		Args:    cobra.NoArgs,
	}
	f := addDaemonFlags(cmd, 10*time.Second)
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		_, status, err := askHealth(cmd, f)
		if err != nil {
			return err
		}
		if *out == "table" {
			err = status.Text(cmd.OutOrStdout())
		} else {
			err = out.write(cmd.OutOrStdout(), status, nil)
		}
		if err == nil && status.Degraded() {
			return errDegraded
		}
		return err
	}
	return cmd
}

// askHealth asks the daemon for all that it knows, and judges it.
func askHealth(cmd *cobra.Command, f *daemonFlags) (report.Facts, report.Status, error) {
	facts, err := askDaemon(cmd, f, func(ctx context.Context, c *admin.Client) (report.Facts, error) { return c.Health(ctx) })
	if err != nil {
		return facts, report.Status{}, err
	}
	return facts, report.Judge(&facts, facts.At), nil
}

func newReportCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "report", Short: "Reports on the whole deployment"}
	cmd.AddCommand(newReportHealthCommand())
	return cmd
}

func newReportHealthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "health [--html FILE]",
		Short: "One page on the whole deployment",
		Long: "Says how the deployment is: namespaces, targets, members, backlog, conflicts,\n" +
			"decisions, events. With --html it is one page that needs nothing else to be read;\n" +
			"FILE - is standard output. Exit code 8 says that something is degraded.",
		Example: "  dfsd report health --html /var/www/dfsd.html\n  dfsd report health -o json >health.json",
		Args:    cobra.NoArgs,
	}
	f := addDaemonFlags(cmd, 30*time.Second)
	out := outputFlag(cmd)
	page := cmd.Flags().String("html", "", "write one page of HTML to this file")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		facts, status, err := askHealth(cmd, f)
		if err != nil {
			return err
		}
		if err := writeReport(cmd, *page, out, &facts, status); err != nil {
			return err
		}
		if status.Degraded() {
			return errDegraded
		}
		return nil
	}
	return cmd
}

func writeReport(cmd *cobra.Command, page string, out *format, facts *report.Facts, status report.Status) error {
	switch {
	case page == "-":
		return report.HTML(cmd.OutOrStdout(), facts, status, facts.At)
	case page != "":
		if err := writeFile(page, func(w io.Writer) error { return report.HTML(w, facts, status, facts.At) }); err != nil {
			return fmt.Errorf("write the page: %w", err)
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s; the page is %s\n", status.Summary, page)
		return nil
	case *out == "table":
		return status.Text(cmd.OutOrStdout())
	}
	return out.write(cmd.OutOrStdout(), struct {
		Status report.Status `json:"status"`
		Facts  *report.Facts `json:"facts"`
	}{status, facts}, nil)
}

// writeFile writes a file whole or not at all: readers see the one before until
// then. A link is followed, and what is no file, such as /dev/stdout or a pipe, is
// written to and stays what it is.
func writeFile(path string, write func(io.Writer) error) error {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return replaceFile(path, write)
	case err != nil:
		return err
	case st.IsDir():
		return fmt.Errorf("%s is a folder", path)
	case !st.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	return replaceFile(path, write)
}

func replaceFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".dfsd-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the error before counts
		}
	}()
	if err = write(f); err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
