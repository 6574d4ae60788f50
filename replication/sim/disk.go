package sim

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"dfsd/replication"
)

// The inodes that every disk has.
const (
	rootInode = 1
	holdInode = 2
)

// object is a file or directory; content is "" for a directory.
type object struct {
	inode, parent uint64
	name          string
	dir           bool
	content       string
	mode          uint32
}

// disk is a tree in memory. Each call is one atomic, durable step.
type disk struct {
	objects   map[uint64]object
	next      uint64
	preserved map[string]bool // contents
}

func newDisk() *disk {
	return &disk{objects: map[uint64]object{}, next: holdInode + 1, preserved: map[string]bool{}}
}

func (d *disk) add(parent uint64, name string, dir bool, content string, mode uint32) uint64 {
	inode := d.next
	d.next++
	d.objects[inode] = object{inode, parent, name, dir, content, mode}
	return inode
}

func (d *disk) lookup(parent uint64, name string) (object, bool) {
	for _, o := range d.objects {
		if o.parent == parent && o.name == name {
			return o, true
		}
	}
	return object{}, false
}

// list returns what is in a directory, by name.
func (d *disk) list(parent uint64) []object {
	var out []object
	for _, o := range d.objects {
		if o.parent == parent {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b object) int { return strings.Compare(a.name, b.name) })
	return out
}

// find follows path from the root; "" is the root.
func (d *disk) find(path string) (inode uint64, ok bool) {
	inode = rootInode
	for _, name := range split(path) {
		o, ok := d.lookup(inode, name)
		if !ok {
			return 0, false
		}
		inode = o.inode
	}
	return inode, true
}

// isDir tells whether inode is a directory of the tree or the root.
func (d *disk) isDir(inode uint64) bool { return inode == rootInode || d.objects[inode].dir }

// below tells whether inode is top or stands below it.
func (d *disk) below(inode, top uint64) bool {
	for inode > holdInode {
		if inode == top {
			return true
		}
		inode = d.objects[inode].parent
	}
	return false
}

// walk calls f for everything below a directory, parents first, by name.
func (d *disk) walk(dir uint64, prefix string, f func(path string, o object)) {
	for _, o := range d.list(dir) {
		path := prefix + o.name
		f(path, o)
		if o.dir {
			d.walk(o.inode, path+"/", f)
		}
	}
}

// tree returns path and content of all files; directories end in a slash.
func (d *disk) tree() map[string]string {
	out := map[string]string{}
	d.walk(rootInode, "", func(path string, o object) {
		if o.dir {
			path += "/"
		}
		out[path] = o.content
	})
	return out
}

// holds tells whether content can be read here, live or preserved.
func (d *disk) holds(hash replication.Hash) (string, bool) {
	for _, inode := range slices.Sorted(maps.Keys(d.objects)) {
		if o := d.objects[inode]; !o.dir && hashOf(o.content) == hash {
			return o.content, true
		}
	}
	for _, c := range slices.Sorted(maps.Keys(d.preserved)) {
		if hashOf(c) == hash {
			return c, true
		}
	}
	return "", false
}

func hashOf(content string) replication.Hash { return sha256.Sum256([]byte(content)) }

func split(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}
