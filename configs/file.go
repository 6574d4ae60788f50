package configs

import (
	"dfsd/internal/smbd"
	"dfsd/namespace"
	"dfsd/replication"
	"dfsd/sites"
	"dfsd/sites/adsites"
)

// Version is the one that a file must name. Defaults belong to it: another
// version may have others.
const Version = 1

// File is the configuration of a whole deployment, with defaults filled in.
// A nil section was left out.
type File struct {
	Version int `yaml:"version"`
	// Host is the name under which this host finds itself in the file.
	Host string `yaml:"host"`
	// DataDir holds index, keys and last good snapshots.
	DataDir     string              `yaml:"data_dir"`
	Log         Log                 `yaml:"log"`
	Admin       Admin               `yaml:"admin"`
	SMB         *smbd.Config        `yaml:"smb"`
	Sites       *Sites              `yaml:"sites"`
	Namespaces  []namespace.Config  `yaml:"namespaces"`
	Replication *replication.Config `yaml:"replication"`

	name   string           // of the file
	digest [32]byte         // of its bytes, where Load read them
	places map[string]place // of what may be unserved, by path
}

// Log says what is logged, and how.
type Log struct {
	Level  Level  `yaml:"level"`
	Format Format `yaml:"format"`
}

// Admin says where this host is asked and steered.
type Admin struct {
	// Socket is a unix socket with full rights for the owner and root.
	Socket string `yaml:"socket"`
	// Listen is a host:port for HTTP; empty: none.
	Listen string `yaml:"listen"`
	// TokenFile holds the secret that changes over Listen need; empty: Listen
	// only reads.
	TokenFile string `yaml:"token_file"`
}

// Sites says where clients and targets are.
type Sites struct {
	// Default is the site of clients whose address is in no subnet; empty: none.
	Default string `yaml:"default"`
	// Static is used alone, or laid over what LDAP says.
	Static *sites.Config   `yaml:"static"`
	LDAP   *adsites.Config `yaml:"ldap"`
}

// SetDefaults gives every field its value for a file that does not name it.
func (f *File) SetDefaults() { f.DataDir = "/var/lib/dfsd" }

// SetDefaults gives every field its value for a file that does not name it.
func (l *Log) SetDefaults() { *l = Log{Level: LevelInfo, Format: FormatJSON} }

// SetDefaults gives every field its value for a file that does not name it.
func (a *Admin) SetDefaults() { a.Socket = "/run/dfsd/admin.sock" }
