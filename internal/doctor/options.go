package doctor

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"dfsd/namespace"
	"dfsd/referral/health"
	"dfsd/replication"
	"dfsd/sites"
	"dfsd/sites/adsites"
)

// Options say what the host depends on. Parts that are left out are not looked
// at. The caller must not change what they point to while checks run.
type Options struct {
	// Host is this host's name in the configuration.
	Host string
	// DataDir is data_dir.
	DataDir string
	// AdminSocket is admin.socket; empty: not looked at.
	AdminSocket string
	// FreshDNS is sites.ldap.dns: the host:port of each resolver to ask; none:
	// the system's.
	FreshDNS []string
	// Directory is sites.ldap; nil: there is none.
	Directory *adsites.Config
	// Keytab is smb.keytab; empty: no Kerberos.
	Keytab string
	// AllowRC4 is smb.allow_rc4.
	AllowRC4 bool
	// ServiceNames are the names for which the keytab must have keys, beside
	// Host: those of smb.names that are of the domain.
	ServiceNames []string
	// SMBListen is smb.listen.
	SMBListen []string
	// SMBNames is smb.names.
	SMBNames []string
	// UsersFile is smb.users_file.
	UsersFile string
	// Guest is smb.guest.
	Guest bool
	// Namespaces hold the targets; nil: none.
	Namespaces *namespace.Snapshot
	// Topology is the one in force; nil: no sites.
	Topology *sites.Topology
	// DefaultSite is sites.default; empty: there is none.
	DefaultSite string
	// Replication is the replication section; nil: there is none.
	Replication *replication.Config
	// OwnKey returns this host's key without making one. Its error wraps
	// fs.ErrNotExist where there is none; nil: the key is not looked at.
	OwnKey func() (replication.Fingerprint, error)
	// ProbeTarget knocks at one file server and looks at some targets on it,
	// each share or share\folder, as smbprobe.Prober.Probe does: it ends with
	// ctx and is called concurrently. nil: targets are not knocked at.
	ProbeTarget func(ctx context.Context, host string, paths []string) health.Result
	// Live asks the running daemon; nil: none runs.
	Live Live
	// Now is the clock; nil: time.Now.
	Now func() time.Time

	// world replaces the network and the system in tests; nil: the real ones.
	world *world
}

// Live is what only the running daemon knows. Its methods end with ctx.
type Live interface {
	// ClientsWithoutSite returns the networks of clients that asked and have no
	// site.
	ClientsWithoutSite(ctx context.Context) ([]Network, error)
	// ClientsByDefault returns sites.default, empty where there is none now, and
	// the networks of clients that asked, are in no subnet, and were given that
	// site.
	ClientsByDefault(ctx context.Context) (site string, from []Network, err error)
	// Listening returns the addresses at which the daemon takes connections of
	// clients and members, as the configuration that it began with has them; none
	// where it does not say.
	Listening(ctx context.Context) ([]string, error)
	// HostFaults returns the targets' hosts whose addresses cannot be looked
	// up, and why.
	HostFaults(ctx context.Context) (map[string]string, error)
	// DirectoryAge returns the age of the topology in force that the directory
	// told; below 0: it never did.
	DirectoryAge(ctx context.Context) (time.Duration, error)
}

// Network is a network of clients that is in no subnet of a site.
type Network struct {
	// Prefix is the network.
	Prefix netip.Prefix
	// Count is how many requests came from there.
	Count uint64
	// Last is when the last one came.
	Last time.Time
}

// doctor is Options with all that may be left out filled in.
type doctor struct {
	Options
	*world
}

// Checks returns the checks that fit o, those of one area together, in an
// order that is always the same. Nothing is looked at yet.
func Checks(o Options) []Check {
	d := &doctor{Options: o, world: o.world}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.world == nil {
		d.world = realWorld()
	}
	return slices.Concat(d.nameChecks(), d.portChecks(), d.dnsChecks(), d.ldapChecks(), d.clockChecks(), d.kerberosChecks(),
		d.siteChecks(), d.diskChecks(), d.targetChecks(), d.replicationChecks())
}

// check makes a Check that reports into one area.
func check(area, name string, look func(ctx context.Context, r *report)) Check {
	return Check{Area: area, Name: name, Run: func(ctx context.Context) []Finding {
		r := &report{area: area}
		look(ctx, r)
		return r.findings
	}}
}
