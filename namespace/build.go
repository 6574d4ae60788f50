package namespace

import (
	"errors"
	"strings"
)

var errTooLarge = errors.New("namespaces hold more text than 4 GiB")

// New makes a Snapshot of cfgs, and keeps nothing of them. The error is the
// fault.List of ValidateAll.
func New(cfgs []Config) (*Snapshot, error) {
	listings, faults := checkAll(cfgs)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	b := newBuilder(cfgs, listings)
	b.addRoots()
	b.addFolders()
	if uint64(len(b.text)) > maxText {
		return nil, errTooLarge
	}
	return b.finish(), nil
}

// builder fills a Snapshot level by level.
type builder struct {
	s        *Snapshot
	cfgs     []Config
	listings []listing
	queue    []branch // folders whose children are still to come, in their order
	text     []byte
	comments map[string]uint32 // where comments start that came before
	hosts    table[string]
	sites    table[string]
	members  table[string]
	places   table[place]
	policies table[policy]
}

// branch is a folder with children: what lies below it are the entries from
// first to last of its namespace's listing.
type branch struct {
	node        uint32
	root        uint32 // index into builder.cfgs and builder.listings
	first, last uint32
	key         uint32 // bytes of the entries' keys that name the folder itself
	depth       uint32
}

func newBuilder(cfgs []Config, listings []listing) *builder {
	nodes, targets := 1+len(cfgs), 0
	for i := range cfgs {
		nodes += listings[i].nodes()
		for j := range cfgs[i].Folders {
			targets += len(cfgs[i].Folders[j].Targets)
		}
	}
	return &builder{
		s: &Snapshot{
			roots:   make([]*Root, 0, len(cfgs)),
			nodes:   make([]node, 0, nodes+1),
			folders: make([]folder, 0, nodes+1),
			ids:     make([]uint64, 0, nodes),
			targets: make([]target, 0, targets),
		},
		cfgs:     cfgs,
		listings: listings,
		comments: make(map[string]uint32),
		hosts:    newTable(strings.Clone),
		sites:    newTable(strings.Clone, ""),
		members:  newTable(strings.Clone, ""),
		places:   newTable(place.clone),
		policies: newTable(policy.clone),
	}
}

// addRoots adds folder 0 and the tops of the namespaces.
func (b *builder) addRoots() {
	b.s.nodes = append(b.s.nodes, node{child: 1})
	b.s.folders = append(b.s.folders, folder{})
	b.s.ids = append(b.s.ids, childID(0, nil))
	for i := range b.cfgs {
		cfg := &b.cfgs[i]
		top := b.add(0, cfg.Name, appendFold(nil, cfg.Name))
		b.setComment(cfg.Comment)
		b.s.roots = append(b.s.roots, newRoot(cfg, Node{b.s, top}))
		b.queue = append(b.queue, branch{node: top, root: uint32(i), last: uint32(len(b.listings[i].entries))})
	}
}

// addFolders adds the folders below the tops, and what ends the last of them.
func (b *builder) addFolders() {
	for n := uint32(1); int(n) < len(b.s.nodes); n++ {
		b.s.nodes[n].child = uint32(len(b.s.nodes))
		if len(b.queue) > 0 && b.queue[0].node == n {
			parent := b.queue[0]
			b.queue = b.queue[1:]
			b.addChildren(parent)
		}
	}
	b.s.nodes = append(b.s.nodes, node{child: uint32(len(b.s.nodes))})
	b.s.folders = append(b.s.folders, folder{target: uint32(len(b.s.targets))})
}

// addChildren adds the folders that lie right below one.
func (b *builder) addChildren(parent branch) {
	l := &b.listings[parent.root]
	for first := parent.first; first < parent.last; {
		name := l.name(first, parent.key)
		last := l.groupEnd(first, parent.last, parent.key, name)
		child := branch{
			root:  parent.root,
			first: first,
			last:  last,
			key:   parent.key + uint32(len(name)),
			depth: parent.depth + 1,
		}
		b.addChild(parent, child, name)
		first = last
	}
}

// addChild adds the folder called name when it is folded. The entry at child.first
// is its own, or else all are of folders below it. It is spelled as its own entry
// has it, or else as the first in the configuration.
func (b *builder) addChild(parent, child branch, name []byte) {
	entries := b.listings[child.root].entries[child.first:child.last]
	spelled := entries[0].folder
	own := entries[0].size == child.key
	if !own {
		for _, e := range entries {
			spelled = min(spelled, e.folder)
		}
	}
	f := &b.cfgs[child.root].Folders[spelled]
	child.node = b.add(parent.node, component(f.Path, int(parent.depth)), name)
	if own {
		b.describe(f, child.root)
		child.first++
	}
	if child.first < child.last {
		child.key++ // the separator
		b.queue = append(b.queue, child)
	}
}

// add appends a folder that has no targets and no comment yet.
func (b *builder) add(parent uint32, name string, folded []byte) uint32 {
	n := uint32(len(b.s.nodes))
	b.s.nodes = append(b.s.nodes, node{name: uint32(len(b.text)), size: uint16(len(name)), parent: parent})
	b.s.folders = append(b.s.folders, folder{target: uint32(len(b.s.targets))})
	b.s.ids = append(b.s.ids, childID(b.s.ids[parent], folded))
	b.text = append(b.text, name...)
	return n
}

// describe fills in the folder added last.
func (b *builder) describe(f *FolderConfig, root uint32) {
	b.setComment(f.Comment)
	if len(f.Targets) == 0 {
		return
	}
	n := len(b.s.nodes) - 1
	b.s.nodes[n].isLink = true
	b.s.folders[n].policy = b.policy(f)
	b.s.roots[root].links++
	for i := range f.Targets {
		b.addTarget(f.Targets, i)
	}
}

// maxSharedComments bounds the memory for comments that many folders have.
const maxSharedComments = 1 << 16

// setComment gives the folder added last its comment.
func (b *builder) setComment(comment string) {
	start, ok := b.comments[comment]
	if !ok {
		start = uint32(len(b.text))
		b.text = append(b.text, comment...)
		if len(b.comments) < maxSharedComments {
			b.comments[comment] = start
		}
	}
	f := &b.s.folders[len(b.s.folders)-1]
	f.comment, f.size = start, uint16(len(comment))
}

func (b *builder) policy(f *FolderConfig) uint32 {
	p := policy{
		ttl:        f.TTL,
		state:      f.State,
		inSiteOnly: f.InSiteOnly,
		failback:   f.Failback,
		interlink:  f.Interlink,
		replicates: f.Replicates,
	}
	if f.Gate != nil {
		p.maxLag = f.Gate.MaxLag
	}
	return b.policies.id(p)
}

// addTarget appends target i of a link. Targets of one link mostly lie at the
// same path of different hosts, so they share the text.
func (b *builder) addTarget(targets []TargetConfig, i int) {
	cfg := &targets[i]
	host, path := cfg.Path.cut()
	t := target{
		path:  uint32(len(b.text)),
		size:  uint16(len(path)),
		class: cfg.Priority,
		order: uint8(cfg.Rank),
		place: b.places.id(place{
			host:   HostID(b.hosts.id(host)),
			site:   SiteRef(b.sites.id(cfg.Site)),
			member: b.members.id(cfg.Member),
		}),
	}
	if cfg.State == Offline {
		t.order |= offlineBit
	}
	if i > 0 && path == targets[i-1].Path.dir() {
		t.path = b.s.targets[len(b.s.targets)-1].path
	} else {
		b.text = append(b.text, path...)
	}
	b.s.targets = append(b.s.targets, t)
}

// finish returns the Snapshot, which shares no memory with the configuration.
func (b *builder) finish() *Snapshot {
	s := b.s
	distinct(s.ids)
	s.text = string(b.text)
	s.index = newIndex(s)
	s.hosts, s.sites, s.members = b.hosts.values, b.sites.values, b.members.values
	s.places, s.policies = b.places.values, b.policies.values
	return s
}
