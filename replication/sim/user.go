package sim

import (
	"path"
	"time"
)

// parent finds the directory that path stands in.
func (m *Member) parent(p string) (dir uint64, name string, ok bool) {
	parent, name := path.Split(p)
	if parent != "" {
		parent = parent[:len(parent)-1]
	}
	dir, ok = m.disk.find(parent)
	return dir, name, ok && m.disk.isDir(dir)
}

// touched lets the journal hear of a change a moment later.
func (m *Member) touched() {
	if m.up && !m.scanning {
		m.scanning = true
		m.again(m.w.soon(300*time.Millisecond), m.scan)
	}
}

// retire notes that the user of m replaced or deleted o, knowing it.
func (m *Member) retire(o object, deleted bool) {
	if s := m.w.saves[o.content]; s != nil && !o.dir {
		s.retired = true
		s.deleted = s.deleted || deleted
	}
}

// edit saves content at path: in place, or by renaming a new file over the old.
func (m *Member) edit(p, content string, byRename bool) bool {
	dir, name, ok := m.parent(p)
	if !ok {
		return false
	}
	o, found := m.disk.lookup(dir, name)
	if found && o.dir {
		return false
	}
	m.w.saves[content] = &save{by: m.name}
	switch {
	case !found:
		m.disk.add(dir, name, false, content, 0o644)
	case byRename:
		m.retire(o, false)
		m.disk.remove(o.inode)
		m.disk.add(dir, name, false, content, 0o644)
	default:
		m.retire(o, false)
		o.content = content
		m.disk.objects[o.inode] = o
	}
	m.touched()
	return true
}

func (m *Member) mkdir(p string) bool {
	dir, name, ok := m.parent(p)
	if !ok {
		return false
	}
	if _, found := m.disk.lookup(dir, name); found {
		return false
	}
	m.disk.add(dir, name, true, "", 0o755)
	m.touched()
	return true
}

// move renames from to to; a file goes over another file.
func (m *Member) move(from, to string) bool {
	inode, ok := m.disk.find(from)
	dir, name, found := m.parent(to)
	if !ok || !found || inode == rootInode || m.disk.below(dir, inode) {
		return false
	}
	o := m.disk.objects[inode]
	if old, taken := m.disk.lookup(dir, name); taken {
		if old.inode == inode || old.dir || o.dir {
			return false
		}
		m.retire(old, true)
		m.disk.remove(old.inode)
	}
	o.parent, o.name = dir, name
	m.disk.objects[inode] = o
	m.touched()
	return true
}

// remove deletes path and all below it.
func (m *Member) remove(p string) bool {
	inode, ok := m.disk.find(p)
	if !ok || inode == rootInode {
		return false
	}
	m.disk.walk(inode, "", func(_ string, o object) {
		m.retire(o, true)
		m.disk.remove(o.inode)
	})
	m.retire(m.disk.objects[inode], true)
	m.disk.remove(inode)
	m.touched()
	return true
}

func (m *Member) chmod(p string) bool {
	inode, ok := m.disk.find(p)
	if !ok || inode == rootInode {
		return false
	}
	o := m.disk.objects[inode]
	o.mode ^= 0o111
	m.disk.objects[inode] = o
	m.touched()
	return true
}
