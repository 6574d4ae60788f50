package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"dfsd/configs"
	"dfsd/internal/admin"
	"dfsd/internal/doctor"
	"dfsd/internal/report"
	"dfsd/internal/smbprobe"
	"dfsd/replication"
	"dfsd/replication/peer"
)

// diagnosis is what `dfsd doctor -o json` prints.
type diagnosis struct {
	Host     string           `json:"host"`
	At       time.Time        `json:"at"`
	State    doctor.Level     `json:"state"` // the worst of the findings
	Findings []doctor.Finding `json:"findings"`
}

func newDoctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at all that this host depends on, and say how to mend each fault",
		Long: "Looks at names, ports, DNS, the directory, its certificate and log-on, clocks, the\n" +
			"keytab, sites, disks, targets and replication partners, as this host sees them, and\n" +
			"names for each fault the command or setting that mends it. It changes nothing. Run it\n" +
			"as the user that runs the daemon. Exit code 8 says that something is to be mended.",
		Example: "  dfsd doctor\n  dfsd doctor --all -o json\n  dfsd doctor -c dfsd.yaml --host fs2.lon.corp.example.com",
		Args:    cobra.NoArgs,
	}
	from := addFileFlags(cmd)
	out := outputFlag(cmd)
	all := cmd.Flags().Bool("all", false, "show what is well too")
	timeout := cmd.Flags().Duration("timeout", time.Minute, "give up after this long, 0s: never")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		file, err := from.load()
		if err != nil {
			return err
		}
		if err := checkTimeout(cmd, *timeout); err != nil {
			return err
		}
		ctx, stop := within(cmd.Context(), *timeout)
		defer stop()
		d, err := diagnose(ctx, file, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		if err := out.write(cmd.OutOrStdout(), d, func(w *tabwriter.Writer) { diagnosisTable(w, d, *all) }); err != nil {
			return err
		}
		if d.State == doctor.Warning || d.State == doctor.Failed {
			return errDegraded
		}
		if ctx.Err() != nil { // what was not looked at is not well for that
			return withHint(fmt.Errorf("not all was looked at within %s: %w", *timeout, ctx.Err()), "a longer --timeout looks at more, 0s at all")
		}
		return nil
	}
	return cmd
}

// diagnose looks at everything, and tells on a terminal how far it is.
func diagnose(ctx context.Context, file *configs.File, talk io.Writer) (diagnosis, error) {
	o, err := doctorOptions(ctx, file, talk)
	if err != nil {
		return diagnosis{}, err
	}
	prober := o.prober
	defer prober.Close()
	terminal, done := isTerminal(talk), 0
	findings := doctor.Run(ctx, doctor.Checks(o.Options), func(f doctor.Finding) {
		if done++; terminal {
			fmt.Fprintf(talk, "\r\x1b[K%d looked at: %s %s", done, f.Area, shown(f.Subject))
		}
	})
	if terminal {
		fmt.Fprint(talk, "\r\x1b[K")
	}
	return diagnosis{Host: file.Host, At: time.Now().UTC(), State: doctor.Worst(findings), Findings: findings}, nil
}

// doctorNeeds is what a diagnosis works with.
type doctorNeeds struct {
	doctor.Options
	prober *smbprobe.Prober
}

func doctorOptions(ctx context.Context, file *configs.File, talk io.Writer) (doctorNeeds, error) {
	s, err := newState(file)
	if err != nil {
		return doctorNeeds{}, err
	}
	if s, err = s.seen(lastWorld(file, io.Discard), zap.NewNop()); err != nil {
		return doctorNeeds{}, err
	}
	knock := &knocking{log: zap.NewNop()}
	knock.use(file)
	prober := smbprobe.New(smbprobe.Options{Credentials: knock.of, Port: knock.port})
	o := doctor.Options{
		Host: file.Host, DataDir: file.DataDir, AdminSocket: file.Admin.Socket, Directory: ldapOf(file),
		Namespaces: s.namespaces, Topology: s.view.Topology(), Replication: file.Replication, ProbeTarget: prober.Probe,
		OwnKey: func() (replication.Fingerprint, error) {
			identity, err := peer.LoadIdentity(file.DataDir)
			if err != nil {
				return replication.Fingerprint{}, err
			}
			return identity.Fingerprint(), nil
		},
	}
	if file.Replication != nil && !replicates(file) { // an observer does not listen
		only := *file.Replication
		only.Listen = ""
		o.Replication = &only
	}
	if file.Sites != nil {
		o.DefaultSite = file.Sites.Default
	}
	if ldap := ldapOf(file); ldap != nil && ldap.DNS != "" {
		o.FreshDNS = []string{ldap.DNS}
	}
	if smb := file.SMB; smb != nil {
		o.AllowRC4 = smb.AllowRC4
		o.Keytab, o.ServiceNames, o.SMBListen, o.SMBNames = smb.Keytab, smb.Names, smb.Listen, smb.Names
		o.UsersFile, o.Guest = smb.UsersFile, smb.Guest
	}
	client := admin.NewClient(file.Admin.Socket)
	asked, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	if facts, err := client.Health(asked); err == nil {
		o.Live = liveFacts{facts}
	} else {
		fmt.Fprintf(talk, "note: no daemon answers on %s; what only it knows is left out\n", file.Admin.Socket)
	}
	return doctorNeeds{o, prober}, nil
}

// liveFacts are what the daemon that runs knows.
type liveFacts struct{ facts report.Facts }

// ClientsWithoutSite implements doctor.Live.
func (l liveFacts) ClientsWithoutSite(context.Context) ([]doctor.Network, error) {
	return networks(l.facts.Clients.Sample)
}

// ClientsByDefault implements doctor.Live.
func (l liveFacts) ClientsByDefault(context.Context) (string, []doctor.Network, error) {
	all, err := networks(l.facts.Clients.DefaultSample)
	return l.facts.Clients.DefaultSite, all, err
}

func networks(sample []report.Unmapped) (all []doctor.Network, err error) {
	for _, u := range sample {
		prefix, err := netip.ParsePrefix(u.Network)
		if err != nil {
			return nil, fmt.Errorf("the daemon names the network %q: %w", u.Network, err)
		}
		all = append(all, doctor.Network{Prefix: prefix, Count: u.Count, Last: u.Last})
	}
	return all, nil
}

// Listening implements doctor.Live.
func (l liveFacts) Listening(context.Context) ([]string, error) { return l.facts.Listening, nil }

// HostFaults implements doctor.Live.
func (l liveFacts) HostFaults(context.Context) (map[string]string, error) {
	return l.facts.Unresolved, nil
}

// DirectoryAge implements doctor.Live.
func (l liveFacts) DirectoryAge(context.Context) (time.Duration, error) {
	if l.facts.Directory.At.IsZero() {
		return -1, nil
	}
	return time.Duration(l.facts.Directory.AgeSeconds * float64(time.Second)), nil
}

func diagnosisTable(w *tabwriter.Writer, d diagnosis, all bool) {
	well := 0
	fmt.Fprintln(w, "AREA\tSTATE\tSUBJECT\tFOUND")
	for _, f := range d.Findings {
		if f.Level == doctor.OK && !all {
			well++
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.Area, f.Level, shown(f.Subject), shown(f.Summary))
		if f.Mend != "" {
			fmt.Fprintf(w, "\t\t\tmend: %s\n", shown(f.Mend))
		}
	}
	if well > 0 {
		fmt.Fprintf(w, "\n%d more were looked at and are well; --all shows them\n", well)
	}
}
