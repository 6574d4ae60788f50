package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dfsd/internal/smbauth"
)

func newUserCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Local users who may log on over SMB"}
	cmd.AddCommand(newUserSetCommand())
	return cmd
}

func newUserSetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Set a user's password, and make the user if there is none",
		Long: "Asks for a password, or reads one line of standard input where that is no\n" +
			"terminal, and writes the users file that smb.users_file names. A running daemon\n" +
			"sees the change at the next log-on.",
		Example: "  dfsd user set alice\n  pwgen -s 24 1 | dfsd user set svc-backup -c dfsd.yaml",
		Args:    cobra.ExactArgs(1),
	}
	from := addFileFlags(cmd)
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		file, err := from.load()
		if err != nil {
			return err
		}
		if file.SMB == nil || file.SMB.UsersFile == "" {
			return withHint(fmt.Errorf("%s names no users file", from.path()), "set smb.users_file, such as /etc/dfsd/users.yaml")
		}
		password, err := readPassword(cmd.InOrStdin(), cmd.ErrOrStderr(), "New password of "+args[0]+": ", true)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(file.SMB.UsersFile), 0o700); err != nil {
			return err
		}
		err = smbauth.SetPassword(file.SMB.UsersFile, args[0], password)
		if errors.Is(err, smbauth.ErrFaulty) {
			return withHint(err, "the file stays as it is: mend what is named, or move it away and set the password of every user anew")
		}
		if err != nil {
			return err
		}
		if *out != "table" {
			return out.write(cmd.OutOrStdout(), userAnswer{args[0], file.SMB.UsersFile}, nil)
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "password of %s set in %s\n", args[0], file.SMB.UsersFile)
		return nil
	}
	return cmd
}

// userAnswer is what `dfsd user set -o json` prints.
type userAnswer struct {
	User      string `json:"user"`
	UsersFile string `json:"users_file"`
}

// readPassword asks on a terminal, twice where the password is a new one, and
// elsewhere takes one line.
func readPassword(in io.Reader, talk io.Writer, question string, isNew bool) (string, error) {
	tty, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(tty.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read password: %w", err)
		}
		line = strings.TrimRight(line, "\r\n")
		if !isNew {
			return line, nil
		}
		return checkPassword(line)
	}
	first, err := prompt(tty, talk, question)
	if err != nil || !isNew {
		return first, err
	}
	second, err := prompt(tty, talk, "Once more: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return checkPassword(first)
}

func prompt(tty *os.File, talk io.Writer, text string) (string, error) {
	fmt.Fprint(talk, text)
	b, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(talk)
	return string(b), err
}

func checkPassword(p string) (string, error) {
	if p == "" {
		return "", errors.New("an empty password is refused; nothing was changed")
	}
	return p, nil
}
