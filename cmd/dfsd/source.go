package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"dfsd/configs"
	"dfsd/internal/admin"
	"dfsd/sites/adsites"
)

// defaultConfig is where the packaged service has its configuration.
const defaultConfig = "/etc/dfsd/dfsd.yaml"

// source answers questions: a running daemon, or a file on its own.
type source interface {
	Explain(ctx context.Context, q admin.ExplainQuery) (admin.Explanation, error)
	SiteOf(ctx context.Context, ip netip.Addr) (admin.SiteAnswer, error)
	Sites(ctx context.Context) (admin.SiteList, error)
	Cost(ctx context.Context, from, to string) (admin.CostAnswer, error)
	Namespaces(ctx context.Context) ([]admin.NamespaceItem, error)
	Namespace(ctx context.Context, name string) (admin.NamespaceAnswer, error)
}

var (
	_ source = admin.Picture{}
	_ source = (*admin.Client)(nil)
)

// fileFlags name the configuration file and this host in it.
type fileFlags struct {
	file string
	host string
}

func addFileFlags(cmd *cobra.Command) *fileFlags {
	f := &fileFlags{}
	cmd.Flags().StringVarP(&f.file, "config", "c", "", "configuration file (default $DFSD_CONFIG, then "+defaultConfig+")")
	cmd.Flags().StringVar(&f.host, "host", "", "this host in the file (default: its `host`, then this machine's full name)")
	_ = cmd.RegisterFlagCompletionFunc("host", f.completeHosts) // the flag exists: only a misspelt name could fail here
	return f
}

// acceptFile has a command that reads no configuration take -c as all others do.
func acceptFile(cmd *cobra.Command) {
	cmd.Flags().StringP("config", "c", "", "not used: nothing of the configuration is asked for here")
	_ = cmd.Flags().MarkHidden("config") // the flag exists: only a misspelt name could fail here
}

// path is the file that the flags mean.
func (f *fileFlags) path() string {
	if f.file != "" {
		return f.file
	}
	if env := os.Getenv("DFSD_CONFIG"); env != "" {
		return env
	}
	return defaultConfig
}

// load reads and validates the file.
func (f *fileFlags) load() (*configs.File, error) {
	file, err := configs.Load(f.path())
	if errors.Is(err, fs.ErrNotExist) && f.file == "" {
		return nil, withHint(err, "name a configuration file with -c FILE or DFSD_CONFIG")
	}
	if err != nil {
		return nil, err
	}
	if f.host != "" {
		file.Host = f.host
	}
	return file, nil
}

// sourceFlags choose who answers a question.
type sourceFlags struct {
	*fileFlags
	socket  string
	offline bool
	timeout time.Duration
}

func addSourceFlags(cmd *cobra.Command) *sourceFlags {
	f := &sourceFlags{fileFlags: addFileFlags(cmd)}
	cmd.Flags().StringVar(&f.socket, "socket", "", "ask the daemon on this admin socket, whatever it runs")
	cmd.Flags().BoolVar(&f.offline, "offline", false, "answer from the file alone, whatever daemon runs")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "give up after this long, 0s: never")
	return f
}

// open returns who answers: the daemon that runs this very file, so that its
// knowledge counts, and else the file itself. talk says which, where it may
// surprise.
func (f *sourceFlags) open(ctx context.Context, talk io.Writer) (source, error) {
	if f.socket != "" && !f.offline {
		return admin.NewClient(f.socket), nil
	}
	file, err := f.load()
	var refused *configs.Error
	if errors.As(err, &refused) && !f.offline { // what is asked is about this file: no daemon answers for it unasked
		socket, _ := socketDespite(f.path())
		return nil, withHint(err, "--socket %s asks the daemon that runs, whatever stands in the file", socket)
	}
	if err != nil {
		return nil, err
	}
	if !f.offline {
		if daemon := f.daemonOf(ctx, file, talk); daemon != nil {
			return daemon, nil
		}
	}
	return pictureOf(file, talk)
}

// pictureOf is what a file alone tells, with what its daemon has learnt last.
func pictureOf(file *configs.File, talk io.Writer) (source, error) {
	s, err := newState(file)
	if err != nil {
		return nil, err
	}
	if s, err = s.seen(lastWorld(file, talk), zap.NewNop()); err != nil {
		return nil, err
	}
	return s.picture(), nil
}

// lastWorld is what the daemon of a file has learnt last, as it left that on disk.
func lastWorld(file *configs.File, talk io.Writer) world {
	if ldapOf(file) == nil {
		return world{own: ownAddrs()}
	}
	r, err := adsites.LoadSnapshot(file.DataDir)
	if err != nil {
		fmt.Fprintf(talk, "note: no sites of the directory are known here (%v); this answer is from the file alone\n", err)
		return world{own: ownAddrs()}
	}
	fmt.Fprintf(talk, "note: sites as %s told them at %s\n", r.Server, r.At.UTC().Format(time.RFC3339))
	return world{reading: &r, own: ownAddrs()}
}

// daemonOf returns the daemon that runs the file, nil where none does. One that
// is there and does not answer knows more than the file, which talk says.
func (f *sourceFlags) daemonOf(ctx context.Context, file *configs.File, talk io.Writer) source {
	daemon := admin.NewClient(file.Admin.Socket)
	ctx, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	running, err := daemon.Configuration(ctx)
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil // none runs
	default:
		fmt.Fprintf(talk, "note: the daemon on %s does not answer (%v); this answer is from the file alone, where every target is up\n", file.Admin.Socket, err)
		return nil
	}
	if running.Digest == file.Digest() && (f.host == "" || f.host == running.Host) {
		return daemon
	}
	fmt.Fprintf(talk, "note: the daemon on %s runs another configuration (%s, read %s); this answer is from %s\n",
		file.Admin.Socket, running.File, running.Loaded, f.path())
	return nil
}

// ask opens the source and puts a question to it within the time-out.
func ask[T any](cmd *cobra.Command, f *sourceFlags, question func(context.Context, source) (T, error)) (T, error) {
	var none T
	if err := checkTimeout(cmd, f.timeout); err != nil {
		return none, err
	}
	ctx, stop := within(cmd.Context(), f.timeout)
	defer stop()
	s, err := f.open(ctx, cmd.ErrOrStderr())
	if err != nil {
		return none, err
	}
	answer, err := question(ctx, s)
	if errors.Is(err, admin.ErrUnreachable) {
		err = withHint(err, "is `dfsd serve` running? Without --socket the answer comes from the configuration file")
	}
	return answer, err
}

// within bounds what a command may take, 0: not at all.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout > 0 {
		return context.WithTimeout(ctx, timeout)
	}
	return context.WithCancel(ctx)
}

// checkTimeout refuses a time-out that is none.
func checkTimeout(cmd *cobra.Command, timeout time.Duration) error {
	if timeout < 0 {
		return usageError(cmd, fmt.Errorf("--timeout: %s is below 0s", timeout))
	}
	return nil
}
