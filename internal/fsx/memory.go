package fsx

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// pageSize is the unit of space, of holes and of torn writes.
const pageSize = 4096

// MemoryOptions shape a file system in memory. The zero value is a large one
// with the limits of ext4.
type MemoryOptions struct {
	// Capacity bounds the bytes of all files in whole pages; 0: no bound.
	Capacity int64
	// MaxFiles bounds files, directories and links together; 0: no bound.
	MaxFiles int
	// XattrSpace bounds names and values of one file together; 0: 4000 bytes.
	XattrSpace int
	// RefuseName tells which names this file system cannot hold.
	RefuseName func(name string) bool
	// NoExchange refuses RenameMode Exchange, as some file systems do.
	NoExchange bool
	// NoUnnamed refuses CreateUnnamed, as some file systems do.
	NoUnnamed bool
}

// Memory is a file system in memory that knows what has been synced. Times
// come from a counter, so that a run can be repeated exactly. It does not
// check permissions. Safe for concurrent use.
type Memory struct {
	o MemoryOptions

	mu      sync.Mutex
	root    *inode              // guarded by mu, as all that it leads to
	journal []action            // changes of directories that are not durable, oldest first
	dirty   map[*inode]struct{} // inodes that changed since they were saved
	last    uint64              // inode number
	clock   int64               // Unix nanoseconds
	used    int64               // bytes
	files   int
}

// NewMemory returns an empty file system.
func NewMemory(o MemoryOptions) *Memory {
	if o.XattrSpace == 0 {
		o.XattrSpace = 4000
	}
	m := &Memory{o: o, dirty: map[*inode]struct{}{}, clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()}
	m.root = m.newInode(Directory, 0o755)
	m.root.links = 1
	m.root.save()
	return m
}

// OpenRoot opens a directory by its path from the top: "/", "/a/b".
func (m *Memory) OpenRoot(path string) (Dir, error) {
	top := &memoryDir{memoryHandle{m: m, n: m.root}}
	if rest := strings.Trim(path, "/"); rest != "" {
		return top.OpenDir(rest)
	}
	return top, nil
}

// tick returns the time of the next change.
func (m *Memory) tick() int64 {
	m.clock += int64(time.Microsecond)
	return m.clock
}

// SetClock sets the time that the next changes are stamped after.
func (m *Memory) SetClock(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clock = t.UnixNano()
}

// inode is a file, directory or symbolic link. Its pages are never written
// once they are there: a write puts a new one in their place, so that saved
// images share them.
type inode struct {
	number  uint64
	kind    Kind
	born    int64
	meta    meta
	body    body
	target  string            // of a symbolic link
	entries map[string]*inode // of a directory, as programs see it
	parent  *inode            // of a directory; nil once removed, and for the root
	links   int
	opens   int

	birth meta              // what a crash leaves of an inode that was never saved
	loose bool              // got its first name since it was saved
	saved *image            // what a crash leaves; nil until the first save
	disk  map[string]*inode // the entries that a crash leaves
}

// meta is what chmod and its kind change.
type meta struct {
	mode, uid, gid uint32
	mtime, ctime   int64
	xattrs         map[string][]byte // never changed in place
}

// body is a file's content; a page that is missing is a hole.
type body struct {
	size  int64
	pages map[int64][]byte
}

func (b body) clone() body { return body{size: b.size, pages: maps.Clone(b.pages)} }

// image is one saved state of an inode.
type image struct {
	meta meta
	body body
}

func (m *Memory) newInode(kind Kind, mode uint32) *inode {
	m.last++
	m.files++
	now := m.tick()
	n := &inode{number: m.last, kind: kind, born: now, meta: meta{mode: mode, mtime: now, ctime: now}}
	n.birth = n.meta
	switch kind {
	case Directory:
		n.entries, n.disk = map[string]*inode{}, map[string]*inode{}
	case Regular:
		n.body.pages = map[int64][]byte{}
	}
	m.dirty[n] = struct{}{}
	return n
}

// save makes metadata and content durable; entries are the journal's.
func (n *inode) save() {
	n.saved, n.loose = &image{meta: n.meta, body: n.body.clone()}, false
}

// touch notes a change of metadata.
func (m *Memory) touch(n *inode) {
	n.meta.ctime = m.tick()
	m.dirty[n] = struct{}{}
}

// modify notes a change of content.
func (m *Memory) modify(n *inode) {
	m.touch(n)
	n.meta.mtime = n.meta.ctime
}

// release gives back the space of an inode without names and handles.
func (m *Memory) release(n *inode) {
	if n.links > 0 || n.opens > 0 {
		return
	}
	m.used -= int64(len(n.body.pages)) * pageSize
	m.files--
	delete(m.dirty, n)
}

func (n *inode) info() Info {
	i := Info{
		Dev: 1, Mount: 1, Inode: n.number, Kind: n.kind, Mode: n.meta.mode, Links: uint32(n.links),
		UID: n.meta.uid, GID: n.meta.gid, Size: n.body.size, Allocated: int64(len(n.body.pages)) * pageSize,
		MTime: n.meta.mtime, CTime: n.meta.ctime, BTime: n.born,
	}
	if n.kind == Symlink {
		i.Size = int64(len(n.target))
	}
	return i
}

// below tells whether n is top or lies beneath it.
func (n *inode) below(top *inode) bool {
	for ; n != nil; n = n.parent {
		if n == top {
			return true
		}
	}
	return false
}

// names returns the entries in order, so that runs repeat.
func names(entries map[string]*inode) []string { return slices.Sorted(maps.Keys(entries)) }
