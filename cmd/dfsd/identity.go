package main

import (
	"errors"
	"fmt"
	"io/fs"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dfsd/configs"
	"dfsd/replication/peer"
)

// identityAnswer is what `dfsd identity` prints.
type identityAnswer struct {
	Fingerprint string `json:"fingerprint"`
	DataDir     string `json:"data_dir"`
}

func newIdentityCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "identity",
		Short: "Print the fingerprint of this host's replication key, and make the key if there is none",
		Long: "Partners know this host by the fingerprint: it stands as `key` of the member in\n" +
			"replication.groups, or of the host in replication.observers. The key lies in the data\n" +
			"directory as " + peer.KeyFile + ", readable by its owner alone, and is never replaced. Run it\n" +
			"as the user that runs the daemon.",
		Example: "  dfsd identity\n  dfsd identity --data-dir /var/lib/dfsd\n  dfsd identity -o json",
		Args:    cobra.NoArgs,
	}
	from := addFileFlags(cmd)
	var dir string
	cmd.Flags().StringVar(&dir, "data-dir", "", "where the key lies (default: data_dir of the configuration file)")
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if dir == "" {
			var err error
			if dir, err = from.dataDir(); err != nil {
				return withHint(err, "name the data directory with --data-dir; that needs no configuration")
			}
		}
		id, err := peer.LoadOrCreateIdentity(dir)
		if err != nil {
			return keyError(dir, err)
		}
		answer := identityAnswer{id.Fingerprint().String(), dir}
		return out.write(cmd.OutOrStdout(), answer, func(w *tabwriter.Writer) {
			fmt.Fprintln(w, answer.Fingerprint)
		})
	}
	return cmd
}

// dataDir is that of the file. A host that has none yet gets the default: keys
// are made before the configuration that names them.
func (f *fileFlags) dataDir() (string, error) {
	file, err := f.load()
	if errors.Is(err, fs.ErrNotExist) && f.file == "" && f.path() == defaultConfig {
		file, err = new(configs.File), nil
		file.SetDefaults()
	}
	if err != nil {
		return "", err
	}
	return file.DataDir, nil
}
