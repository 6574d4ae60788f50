// Command dfsd serves DFS namespaces over SMB2/3 and sends each client to the
// target that its site deserves.
//
// It is a parts list: flags, wiring, signals and exit codes. Decisions are
// made in the rooms that it puts together.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"dfsd/configs"
)

func main() {
	os.Exit(run(context.Background(), streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Args[1:]))
}

// streams are the three of the process: results go to out, all talk to err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, std streams, args []string) int {
	root := newRootCommand(std)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, errDegraded) {
		return exitCode(err)
	}
	var refused *configs.Error
	if errors.As(err, &refused) {
		fmt.Fprintln(std.err, err) // file:line:column begins the line, as editors like it
	} else {
		fmt.Fprintln(std.err, "dfsd:", err)
	}
	var hinted *hintedError
	if errors.As(err, &hinted) {
		fmt.Fprintln(std.err, "hint:", hinted.hint)
	}
	return exitCode(err)
}

func newRootCommand(std streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "dfsd",
		Short: "DFS namespaces for unmodified SMB clients, each sent to the best target",
		Long: "dfsd serves DFS namespaces over SMB2/3: it shows one tree of shared folders, refers\n" +
			"each client to the nearest target that is alive and holds the data, and keeps folders\n" +
			"equal on several hosts.",
		Example:       "  dfsd serve -c /etc/dfsd/dfsd.yaml\n  dfsd referral explain '\\\\files\\public\\projects' --client 10.1.2.3 -c dfsd.yaml",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, err) })
	root.AddCommand(
		newServeCommand(),
		newConfigCommand(),
		newReferralCommand(),
		newSiteCommand(),
		newNamespaceCommand(),
		newTargetCommand(),
		newReplicationCommand(),
		newPreservedCommand(),
		newStatusCommand(),
		newReportCommand(),
		newDoctorCommand(),
		newAuditCommand(),
		newIdentityCommand(),
		newUserCommand(),
		newVersionCommand(),
	)
	finish(root)
	root.SetHelpCommand(newHelpCommand(root)) // after finish: its nouns are the other commands
	return root
}

// finish gives every command what all of them share: positional mistakes are
// usage errors, a noun without a verb is one too, and the help names the exit codes.
func finish(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError(cmd, err)
			}
			return nil
		}
	}
	if cmd.HasSubCommands() {
		cmd.SuggestionsMinimumDistance = 2
		cmd.RunE = needVerb
		cmd.Args = cobra.ArbitraryArgs
	} else {
		cmd.SetHelpTemplate(helpTemplate)
		if cmd.ValidArgsFunction == nil {
			cmd.ValidArgsFunction = cobra.NoFileCompletions // no argument is a file of this machine
		}
	}
	for _, sub := range cmd.Commands() {
		finish(sub)
	}
}

// newHelpCommand is cobra's, but for a command that there is none of.
func newHelpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [command]", Short: "Help about any command",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || cmd.HasSubCommands() && len(rest) > 0 {
				return needVerb(cmd, rest)
			}
			return cmd.Help()
		},
	}
}

func needVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		err = fmt.Errorf("%w; did you mean %q?", err, strings.Join(near, `" or "`))
	}
	return usageError(cmd, err)
}

// helpTemplate opens with examples, because that is what is looked for.
const helpTemplate = `{{with .Example}}Examples:
{{.}}

{{end}}{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}Usage:
  {{.UseLine}}
{{if .HasAvailableLocalFlags}}
Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}
Exit codes: 0 fine, 1 failed, 2 usage, 3 not found, 6 daemon unreachable, 7 timed out, 8 degraded, 9 configuration refused
`
