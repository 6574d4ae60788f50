package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"dfsd/configs"
)

func newServeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon in the foreground",
		Long: "Serves the namespaces of the configuration, and keeps this host's replicated\n" +
			"folders equal with its partners', until SIGINT or SIGTERM. SIGHUP and\n" +
			"`dfsd config reload` read the configuration again; a faulty one changes nothing.\n" +
			"Under systemd it reports READY=1, RELOADING=1 and STOPPING=1, and WATCHDOG=1 where\n" +
			"the unit has WatchdogSec.",
		Example: "  dfsd serve -c /etc/dfsd/dfsd.yaml\n  dfsd serve -c dfsd.yaml --host fs2.lon.corp.example.com",
		Args:    cobra.NoArgs,
	}
	from := addFileFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := readState(from)
		if err != nil {
			return err
		}
		log := newLogger(s.config.Log, cmd.ErrOrStderr())
		defer log.Sync() //nolint:errcheck // a terminal cannot be synced
		d, err := newDaemon(from, s, log)
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return d.run(ctx)
	}
	return cmd
}

// refuseUnserved returns an error that lists what this version cannot serve
// for this host: a setting is served or refused, never ignored.
func refuseUnserved(file *configs.File, path string) error {
	if faults := unserved(file, path); len(faults) > 0 {
		return fmt.Errorf("this version cannot serve all that the configuration asks for:\n%w", &configs.Error{Faults: faults})
	}
	return nil
}

// unserved are the settings that this version cannot serve for the file's host.
func unserved(file *configs.File, path string) []configs.Fault {
	faults := file.Unserved(file.Host)
	if file.SMB == nil && !replicates(file) {
		faults = append(faults, configs.Fault{File: path, Message: "no `smb` section, and this host is in no replication group: it would serve nothing; add a section (`smb: {}` takes every default), or check `host`"})
	}
	return faults
}
