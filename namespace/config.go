package namespace

import (
	"strings"
	"time"
)

// Config is one namespace as the configuration file gives it.
type Config struct {
	// Name is the share that clients open: \\HOST\Name.
	Name string `yaml:"name"`
	// Type says where the namespace lives.
	Type Type `yaml:"type"`
	// Comment is shown to those who browse the server.
	Comment string `yaml:"comment"`
	// TTL is how long a client keeps a root referral, in whole seconds.
	TTL time.Duration `yaml:"ttl"`
	// DegradedTTL is the most that a client keeps a referral for a link whose
	// targets are not all well, in whole seconds; 0: as long as any other.
	DegradedTTL time.Duration `yaml:"degraded_ttl"`
	// Ordering is the order among targets of the root and of all its links.
	Ordering Ordering `yaml:"ordering"`
	// InSiteOnly leaves out targets in other sites than the client's.
	InSiteOnly bool `yaml:"in_site_only"`
	// Failback lets clients return to a better target once it is back.
	Failback bool `yaml:"failback"`
	// State takes the whole namespace out of referrals.
	State State `yaml:"state"`
	// Probe says how the health of targets is probed; nil: it is not.
	Probe *ProbeConfig `yaml:"probe"`
	// Folders are the links, and those tree folders that carry a comment.
	Folders []FolderConfig `yaml:"folders"`
}

// ProbeConfig says how the health of a namespace's targets is probed.
type ProbeConfig struct {
	Interval time.Duration `yaml:"interval"`
	Timeout  time.Duration `yaml:"timeout"`
	// DownAfter probes failed in a row make a target down.
	DownAfter int `yaml:"down_after"`
	// UpAfter probes answered in a row make it up again.
	UpAfter int `yaml:"up_after"`
	// Port is where the targets' servers listen for SMB.
	Port int `yaml:"port"`
	// User, DOMAIN\user or user, logs on to targets, so that probes look at the
	// share and the path too; empty: they end when the server negotiates.
	User string `yaml:"user"`
	// PasswordFile holds the user's password.
	PasswordFile string `yaml:"password_file"`
}

// FolderConfig is one folder of a namespace: a link where it has targets, a
// plain folder of the tree where it has none.
type FolderConfig struct {
	// Path is relative to the namespace: a\b\c.
	Path    string `yaml:"path"`
	Comment string `yaml:"comment"`
	// TTL is how long a client keeps a referral for this link, in whole seconds.
	TTL        time.Duration `yaml:"ttl"`
	State      State         `yaml:"state"`
	InSiteOnly bool          `yaml:"in_site_only"`
	Failback   bool          `yaml:"failback"`
	// Interlink says that the targets are folders of other namespaces.
	Interlink bool `yaml:"interlink"`
	// Replicates names the replicated folder, group/folder, whose content the
	// targets share; empty: none.
	Replicates string `yaml:"replicates"`
	// Gate demotes targets by their replication state; nil: it does not.
	Gate    *GateConfig    `yaml:"gate"`
	Targets []TargetConfig `yaml:"targets"`
}

// GateConfig says when replication state demotes a target.
type GateConfig struct {
	// MaxLag is how far behind the others a target may be.
	MaxLag time.Duration `yaml:"max_lag"`
}

// TargetConfig is one place where the content of a link lives.
type TargetConfig struct {
	Path     UNC   `yaml:"path"`
	State    State `yaml:"state"`
	Priority Class `yaml:"priority"`
	// Rank orders targets within a class, 0 first, to 31.
	Rank int `yaml:"rank"`
	// Site is where the target stands; empty: where its address is.
	Site string `yaml:"site"`
	// Member is the replication member behind the target; empty: the host in Path.
	Member string `yaml:"member"`
}

// SetDefaults fills in what a namespace has where the file is silent.
func (c *Config) SetDefaults() { c.TTL, c.DegradedTTL = 300*time.Second, 60*time.Second }

// SetDefaults fills in what a probe has where the file is silent.
func (c *ProbeConfig) SetDefaults() {
	*c = ProbeConfig{Interval: 10 * time.Second, Timeout: 3 * time.Second, DownAfter: 3, UpAfter: 2, Port: 445}
}

// clone returns a copy without memory of the configuration.
func (c *ProbeConfig) clone() *ProbeConfig {
	if c == nil {
		return nil
	}
	copied := *c
	copied.User, copied.PasswordFile = strings.Clone(c.User), strings.Clone(c.PasswordFile)
	return &copied
}

// SetDefaults fills in what a folder has where the file is silent.
func (c *FolderConfig) SetDefaults() { c.TTL = 1800 * time.Second }
