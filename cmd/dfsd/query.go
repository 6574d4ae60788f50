package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dfsd/internal/admin"
	"dfsd/internal/smb2"
	"dfsd/internal/smbclient"
	"dfsd/referral/dfsc"
)

// queryFlags say whom to ask, as whom, and how.
type queryFlags struct {
	user, domain string
	server       string
	port         int
	level        int
	site         string
	source       string
	encrypt      bool
	timeout      time.Duration
}

// queryResult is what `referral query` prints: the answer as it came over the
// wire.
type queryResult struct {
	Path         string        `json:"path"`
	Server       string        `json:"server"`
	PathConsumed int           `json:"path_consumed"`
	Version      int           `json:"version"`
	Root         bool          `json:"root"`
	Failback     bool          `json:"failback"`
	TTLSeconds   int           `json:"ttl_seconds"`
	Targets      []queryTarget `json:"targets"`
}

// queryTarget is one entry of the answer. Boundary marks the first target of a
// target set, at level 4 alone.
type queryTarget struct {
	Path     string `json:"path"`
	Boundary bool   `json:"boundary"`
}

func newReferralQueryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "query PATH -U USER",
		Short: "Ask a DFS server over SMB, and show the referral as it came over the wire",
		Long: "Connects to the host in PATH as a client does, and asks it for the referral to\n" +
			"PATH. Any DFS server can be asked: dfsd, Windows, Samba. The password comes after\n" +
			"USER%, or is asked for, or is read from standard input where that is no terminal.",
		Example: "  dfsd referral query '\\\\files\\public\\projects' -U alice\n" +
			"  dfsd referral query //127.0.0.1/public/projects --port 4445 -U demo%secret --from 127.0.1.7\n" +
			"  dfsd referral query //files/public/projects -U alice --level 3 -o json",
		Args: cobra.ExactArgs(1),
	}
	f := &queryFlags{}
	acceptFile(cmd)
	out := outputFlag(cmd)
	cmd.Flags().StringVarP(&f.user, "user", "U", "", "log on as `USER[%PASSWORD]`; empty: anonymous")
	cmd.Flags().StringVarP(&f.domain, "workgroup", "W", "", "domain of the user")
	cmd.Flags().StringVar(&f.server, "server", "", "ask this `host` or address (default: the host in PATH)")
	cmd.Flags().IntVarP(&f.port, "port", "p", 445, "TCP port of the server")
	cmd.Flags().IntVar(&f.level, "level", 4, "highest referral version to accept, 1 to 4")
	cmd.Flags().StringVar(&f.site, "site", "", "send this site name, as FSCTL_DFS_GET_REFERRALS_EX")
	cmd.Flags().StringVar(&f.source, "from", "", "connect from this local IP `address`")
	cmd.Flags().BoolVar(&f.encrypt, "encrypt", false, "encrypt the session")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "give up after this long, 0s: never")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.level < 1 || f.level > 4 {
			return usageError(cmd, fmt.Errorf("--level: %d is none of 1, 2, 3, 4", f.level))
		}
		if f.port < 1 || f.port > 65535 {
			return usageError(cmd, fmt.Errorf("--port: %d is not between 1 and 65535", f.port))
		}
		if err := checkTimeout(cmd, f.timeout); err != nil {
			return err
		}
		result, err := f.query(cmd, args[0])
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), result, func(w *tabwriter.Writer) { queryTable(w, result) })
	}
	return cmd
}

// query asks for one referral.
func (f *queryFlags) query(cmd *cobra.Command, path string) (queryResult, error) {
	path = `\` + strings.TrimLeft(strings.ReplaceAll(path, "/", `\`), `\`)
	host, _, _ := strings.Cut(path[1:], `\`)
	if f.server != "" {
		host = f.server
	}
	if host == "" {
		return queryResult{}, usageError(cmd, fmt.Errorf("%q names no host; a path has the form \\\\host\\namespace\\folder", path))
	}
	o, err := f.options(cmd)
	if err != nil {
		return queryResult{}, err
	}
	ctx, stop := within(cmd.Context(), f.timeout)
	defer stop()
	blob, err := f.ask(ctx, host, path, o)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return queryResult{}, fmt.Errorf("%s does not answer within %s: %w", host, f.timeout, context.DeadlineExceeded)
	}
	if err != nil {
		return queryResult{}, queryError(host, err)
	}
	answer, err := dfsc.ParseResponse(blob)
	if err != nil {
		return queryResult{}, fmt.Errorf("answer of %s: %w", host, err)
	}
	return newQueryResult(`\`+path, host, answer), nil
}

// options takes the password out of USER%PASSWORD, or asks for it.
func (f *queryFlags) options(cmd *cobra.Command) (smbclient.Options, error) {
	o := smbclient.Options{Encrypt: f.encrypt, AllowGuest: true, Workstation: "DFSD"}
	if f.source != "" {
		source, err := netip.ParseAddr(f.source)
		if err != nil {
			return o, usageError(cmd, fmt.Errorf("--from: %q is no IP address", f.source))
		}
		o.SourceAddr = source
	}
	user, password, given := strings.Cut(f.user, "%")
	if user != "" && !given {
		var err error
		if password, err = readPassword(cmd.InOrStdin(), cmd.ErrOrStderr(), "Password of "+user+": ", false); err != nil {
			return o, err
		}
	}
	o.Credentials = smbclient.Credentials{User: user, Domain: f.domain, Password: password}
	return o, nil
}

// ask connects, asks and leaves.
func (f *queryFlags) ask(ctx context.Context, host, path string, o smbclient.Options) ([]byte, error) {
	c, err := smbclient.Dial(ctx, net.JoinHostPort(host, strconv.Itoa(f.port)), o)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	tree, err := c.TreeConnect(ctx, `\\`+host+`\IPC$`)
	if err != nil {
		return nil, err
	}
	const room = 57344 // the most that Windows clients ask for
	if f.site != "" {
		return c.ReferralEx(ctx, tree, path, f.site, uint16(f.level), room)
	}
	return c.Referral(ctx, tree, path, uint16(f.level), room)
}

// queryError says what a refusal means.
func queryError(host string, err error) error {
	var network *net.OpError
	switch {
	case errors.As(err, &network) && network.Op == "dial":
		return &unreachable{fmt.Errorf("%s cannot be reached: %w", host, err)}
	case errors.Is(err, smb2.StatusInvalidParameter):
		return withHint(fmt.Errorf("%s does not understand the question (%w)", host, err), "a path has the form \\\\host\\namespace\\folder")
	case errors.Is(err, smb2.StatusNotFound), errors.Is(err, smb2.StatusObjectPathNotFound):
		return fmt.Errorf("%w: the server has no such namespace or folder (%w)", admin.ErrNotFound, err)
	case errors.Is(err, smb2.StatusFSDriverRequired):
		return fmt.Errorf("the server serves no DFS (%w)", err)
	case errors.Is(err, smb2.StatusLogonFailure):
		return withHint(err, "give another user with -U; `dfsd user set NAME` makes one on a dfsd server")
	}
	return err
}

// unreachable is an admin.ErrUnreachable that is about no daemon of ours.
type unreachable struct{ error }

func (u *unreachable) Unwrap() []error { return []error{u.error, admin.ErrUnreachable} }

func queryTable(w *tabwriter.Writer, r queryResult) {
	kind := "link"
	if r.Root {
		kind = "root"
	}
	fmt.Fprintf(w, "%s: %s referral of version %d from %s; TTL %d s, failback %s, %d bytes of the path consumed\n\n",
		r.Path, kind, r.Version, r.Server, r.TTLSeconds, yesNo(r.Failback), r.PathConsumed)
	if len(r.Targets) == 0 {
		fmt.Fprintln(w, "no target: nothing is there for this client")
		return
	}
	fmt.Fprintln(w, "ORDER\tTARGET\tNEW SET")
	for i, t := range r.Targets {
		fmt.Fprintf(w, "%d\t%s\t%s\n", i+1, t.Path, yesNo(t.Boundary))
	}
}

// newQueryResult puts a decoded answer into the shape for scripts.
func newQueryResult(path, server string, a dfsc.Response) queryResult {
	r := queryResult{
		Path: path, Server: server, PathConsumed: int(a.Consumed),
		Failback: a.Flags&dfsc.TargetFailback != 0, Targets: make([]queryTarget, len(a.Entries)),
	}
	for i, e := range a.Entries {
		r.Version, r.Root, r.TTLSeconds = int(e.Version), e.Root, int(e.TTL/time.Second)
		r.Targets[i] = queryTarget{Path: `\` + e.Target, Boundary: e.Flags&dfsc.TargetSetBoundary != 0}
	}
	return r
}
