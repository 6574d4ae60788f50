package namespace

import "math"

// HostID is the index of a target's host in Snapshot.Hosts.
type HostID uint32

// SiteRef is the index of a target's site name in Snapshot.SiteNames; 0 where
// the configuration names none.
type SiteRef uint32

// Snapshot is all namespaces of this server at one time. It is immutable, and
// all methods of it and of what it hands out are safe for concurrent use.
//
// Folders are numbered level by level: 0 stands for the server, then come the
// tops of the namespaces, then the children of each in turn. So the children of
// one folder are neighbours, and end where those of the next folder begin.
type Snapshot struct {
	roots   []*Root  // the root of folder 1, 2, …
	nodes   []node   // by folder, and one more that ends the last
	folders []folder // likewise
	ids     []uint64 // by folder
	targets []target // the targets of folder 0, 1, …
	index   index    // children by name

	policies []policy // by folder.policy
	places   []place  // by target.place
	hosts    []string // by HostID
	sites    []string // by SiteRef
	members  []string // by place.member
	text     string   // names, comments and paths
}

// maxText is how many bytes of Snapshot.text can be pointed into.
const maxText = math.MaxUint32

// node is what a lookup needs of a folder.
type node struct {
	name   uint32 // where it starts in Snapshot.text
	size   uint16 // of the name
	isLink bool
	parent uint32
	child  uint32 // the first child; the last is the one before the next folder's
}

// folder is what a referral needs of a folder.
type folder struct {
	comment uint32 // where it starts in Snapshot.text
	size    uint16 // of the comment
	policy  uint32
	target  uint32 // the first target; the last is the one before the next folder's
}

// target is one target of a link.
type target struct {
	path  uint32 // share and directory; where they start in Snapshot.text
	size  uint16 // of the path
	class Class
	order uint8 // the rank, and the state in the highest bit
	place uint32
}

// offlineBit marks targets that are offline in target.order.
const offlineBit = 0x80

// place is where a target stands. Many targets share one.
type place struct {
	host   HostID
	site   SiteRef
	member uint32
}

func (p place) clone() place { return p }

// Root returns the namespace with this name, in any case.
func (s *Snapshot) Root(name string) (*Root, bool) {
	found := s.find(0, name)
	if found.node == 0 {
		return nil, false
	}
	return s.roots[found.node-1], true
}

// Roots returns the namespaces in the order of the configuration. The caller
// must not change the slice.
func (s *Snapshot) Roots() []*Root { return s.roots }

// NumTargets returns how many targets all links together have. Target.Index
// numbers them.
func (s *Snapshot) NumTargets() int { return len(s.targets) }

// Hosts returns the hosts of all targets by HostID, each as it is spelled in a
// target's path. The caller must not change the slice.
func (s *Snapshot) Hosts() []string { return s.hosts }

// SiteNames returns the sites that targets name by SiteRef; the first is "". The
// caller must not change the slice.
func (s *Snapshot) SiteNames() []string { return s.sites }

func (s *Snapshot) name(n uint32) string {
	return s.slice(s.nodes[n].name, s.nodes[n].size)
}

func (s *Snapshot) slice(start uint32, size uint16) string {
	return s.text[start : start+uint32(size)]
}
