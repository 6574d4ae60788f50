package smbtree

import (
	"strings"
	"time"

	"dfsd/internal/dcerpc"
	"dfsd/internal/fscc"
	"dfsd/internal/smb2"
	"dfsd/namespace"
)

// ipcShare is the share that holds the pipes.
const ipcShare = "IPC$"

// Options say what a Forest serves.
type Options struct {
	// Snapshot returns the namespaces of this moment, never nil.
	Snapshot func() *namespace.Snapshot
	// Host is what the pipes tell about this host.
	Host Host
	// Start is every timestamp in the trees.
	Start time.Time
	// VolumeSerial distinguishes the volumes of this host from those of
	// others; it should stay across restarts.
	VolumeSerial uint32
}

// Host is what the pipes tell about this host.
type Host struct {
	Name    string // as NetBIOS would have it, without backslashes
	Domain  string
	Comment string
}

// Client is what a tree must know of the session that connects to it.
type Client struct {
	// Anonymous clients proved nothing; they reach IPC$, and no pipe in it.
	Anonymous bool
	// Guest clients are let in under no name of their own. They may do what
	// everyone may, which in a namespace is what all may.
	Guest   bool
	Dialect smb2.Dialect
}

// Forest holds all shares of this host.
type Forest struct {
	o     Options
	start fscc.Filetime
}

// New returns the Forest of o.
func New(o Options) *Forest {
	return &Forest{o: o, start: fscc.FiletimeOf(o.Start)}
}

// Connect returns the tree that unc names as `\\host\share`: any host, the share
// in any case ([MS-SMB2] 3.3.5.7). It fails with STATUS_INVALID_PARAMETER for
// another form, STATUS_BAD_NETWORK_NAME for an unknown share, and
// STATUS_ACCESS_DENIED, known or not, for an anonymous client.
func (f *Forest) Connect(unc string, c Client) (*Tree, error) {
	share, ok := shareOf(unc)
	switch {
	case !ok:
		return nil, smb2.StatusInvalidParameter
	case namespace.EqualFold(share, ipcShare):
		return &Tree{forest: f, client: c, share: ipcShare, pipes: true}, nil
	case c.Anonymous:
		return nil, smb2.StatusAccessDenied
	}
	root, ok := f.o.Snapshot().Root(share)
	if !ok {
		return nil, smb2.StatusBadNetworkName
	}
	return &Tree{forest: f, client: c, share: root.Name()}, nil
}

// shareOf returns the share in `\\host\share`.
func shareOf(unc string) (string, bool) {
	rest, ok := strings.CutPrefix(unc, `\\`)
	host, share, found := strings.Cut(rest, `\`)
	ok = ok && found && host != "" && share != "" && !strings.Contains(share, `\`)
	return share, ok
}

// shares lists the shares as the pipes tell them: the namespaces of this moment
// and IPC$.
func (f *Forest) shares() []dcerpc.Share {
	var list []dcerpc.Share
	for _, r := range f.o.Snapshot().Roots() {
		list = append(list, dcerpc.Share{Name: r.Name(), Comment: r.Comment(), Type: dcerpc.Disktree, DFSRoot: true})
	}
	return append(list, dcerpc.Share{Name: ipcShare, Comment: "Remote IPC", Type: dcerpc.IPC})
}

// serial returns the serial number of the volume that a namespace is. Folders
// of two namespaces may share an id, so no two namespaces share a volume. The
// lower half is the number in the classes that have only 32 bits for it.
func (f *Forest) serial(r *namespace.Root) uint64 {
	id := r.ID()
	return uint64(f.o.VolumeSerial)<<32 | uint64(f.o.VolumeSerial^uint32(id)^uint32(id>>32))
}
