package fsx

import "strings"

type memoryDir struct{ memoryHandle }

// walk finds the directory of path's last component; the caller holds the
// lock.
func (d *memoryDir) walk(op Op, path string) (dir *inode, name string, err error) {
	if err := checkPath(path, false); err != nil {
		return nil, "", refuse(op, path, err)
	}
	if d.closed {
		return nil, "", refuse(op, path, ErrClosed)
	}
	parent, name := Split(path)
	dir = d.n
	if parent == "." {
		return dir, name, nil
	}
	for c := range strings.SplitSeq(parent, "/") {
		next, ok := dir.entries[c]
		switch {
		case !ok:
			return nil, "", refuse(op, path, ErrNotExist)
		case next.kind == Symlink:
			return nil, "", refuse(op, path, ErrEscapes)
		case next.kind != Directory:
			return nil, "", refuse(op, path, ErrNotDirectory)
		}
		dir = next
	}
	return dir, name, nil
}

// find runs call on what path names.
func (d *memoryDir) find(op Op, path string, call func(n *inode) error) error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	dir, name, err := d.walk(op, path)
	if err != nil {
		return err
	}
	n, ok := dir.entries[name]
	if !ok {
		return refuse(op, path, ErrNotExist)
	}
	return call(n)
}

// add puts a new inode at path.
func (d *memoryDir) add(op Op, path string, kind Kind, mode uint32, then func(n *inode)) error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	dir, name, err := d.walk(op, path)
	if err != nil {
		return err
	}
	if _, taken := dir.entries[name]; taken {
		return refuse(op, path, ErrExist)
	}
	if err := d.m.mayAdd(op, path, dir, name); err != nil {
		return err
	}
	if d.m.o.MaxFiles > 0 && d.m.files >= d.m.o.MaxFiles {
		return refuse(op, path, ErrNoSpace)
	}
	n := d.m.newInode(kind, mode&0o7777)
	then(n)
	d.m.apply(change{dir, name, n})
	return nil
}

// mayAdd tells whether dir can take name.
func (m *Memory) mayAdd(op Op, path string, dir *inode, name string) error {
	switch {
	case dir.links == 0:
		return refuse(op, path, ErrNotExist)
	case m.o.RefuseName != nil && m.o.RefuseName(name):
		return refuse(op, path, ErrName)
	}
	return nil
}

func (d *memoryDir) OpenDir(path string) (dir Dir, err error) {
	open := func(n *inode) error {
		switch n.kind {
		case Directory:
			dir = &memoryDir{d.m.hold(n)}
			return nil
		case Symlink:
			return refuse(OpOpenDir, path, ErrEscapes)
		}
		return refuse(OpOpenDir, path, ErrNotDirectory)
	}
	if path == "." {
		err = d.with(OpOpenDir, open)
	} else {
		err = d.find(OpOpenDir, path, open)
	}
	return dir, err
}

func (d *memoryDir) ReadDir(yield func(Entry) bool) error {
	var list []Entry
	err := d.with(OpReadDir, func(n *inode) error {
		for _, name := range names(n.entries) {
			list = append(list, Entry{Name: name, Kind: n.entries[name].kind, Inode: n.entries[name].number})
		}
		return nil
	})
	for _, e := range list {
		if !yield(e) {
			break
		}
	}
	return err
}

func (d *memoryDir) Stat(path string) (i Info, err error) {
	stat := func(n *inode) error { i = n.info(); return nil }
	if path == "." {
		err = d.with(OpStat, stat)
	} else {
		err = d.find(OpStat, path, stat)
	}
	return i, err
}

func (d *memoryDir) Open(path string, access Access) (f File, err error) {
	err = d.find(OpOpen, path, func(n *inode) error {
		switch n.kind {
		case Regular:
			f = &memoryFile{memoryHandle: d.m.hold(n), readOnly: access == ReadOnly}
			return nil
		case Symlink:
			return refuse(OpOpen, path, ErrEscapes)
		case Directory:
			if access == ReadWrite {
				return refuse(OpOpen, path, ErrIsDirectory)
			}
		}
		return refuse(OpOpen, path, ErrNotRegular)
	})
	return f, err
}

func (d *memoryDir) OpenLink(path string) (h Handle, err error) {
	err = d.find(OpOpenLink, path, func(n *inode) error {
		held := d.m.hold(n)
		h = &held
		return nil
	})
	return h, err
}

func (d *memoryDir) Create(path string, mode uint32) (f File, err error) {
	err = d.add(OpCreate, path, Regular, mode, func(n *inode) { f = &memoryFile{memoryHandle: d.m.hold(n)} })
	return f, err
}

func (d *memoryDir) CreateUnnamed(mode uint32) (f File, err error) {
	err = d.with(OpCreateUnnamed, func(dir *inode) error {
		switch {
		case d.m.o.NoUnnamed:
			return refuse(OpCreateUnnamed, "", ErrUnsupported)
		case dir.links == 0:
			return refuse(OpCreateUnnamed, "", ErrNotExist)
		case d.m.o.MaxFiles > 0 && d.m.files >= d.m.o.MaxFiles:
			return refuse(OpCreateUnnamed, "", ErrNoSpace)
		}
		f = &memoryFile{memoryHandle: d.m.hold(d.m.newInode(Regular, mode&0o7777))}
		return nil
	})
	return f, err
}

func (d *memoryDir) Mkdir(path string, mode uint32) error {
	return d.add(OpMkdir, path, Directory, mode, func(*inode) {})
}

func (d *memoryDir) Symlink(target, path string) error {
	return d.add(OpSymlink, path, Symlink, 0o777, func(n *inode) { n.target = target })
}

func (d *memoryDir) Readlink(path string) (target string, err error) {
	err = d.find(OpReadlink, path, func(n *inode) error {
		if n.kind != Symlink {
			return refuse(OpReadlink, path, nil)
		}
		target = n.target
		return nil
	})
	return target, err
}

func (d *memoryDir) Remove(path string) error {
	return d.drop(OpRemove, path, func(n *inode) error {
		if n.kind == Directory {
			return ErrIsDirectory
		}
		return nil
	})
}

func (d *memoryDir) RemoveDir(path string) error {
	return d.drop(OpRemoveDir, path, func(n *inode) error {
		switch {
		case n.kind != Directory:
			return ErrNotDirectory
		case len(n.entries) > 0:
			return ErrNotEmpty
		}
		return nil
	})
}

func (d *memoryDir) drop(op Op, path string, check func(*inode) error) error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	dir, name, err := d.walk(op, path)
	if err != nil {
		return err
	}
	n, ok := dir.entries[name]
	if !ok {
		return refuse(op, path, ErrNotExist)
	}
	if err := check(n); err != nil {
		return refuse(op, path, err)
	}
	d.m.apply(change{dir, name, nil})
	return nil
}

// SyncFS commits the journal and saves every inode.
func (d *memoryDir) SyncFS() error {
	return d.with(OpSyncFS, func(*inode) error {
		d.m.commit(len(d.m.journal))
		for n := range d.m.dirty {
			n.save()
		}
		clear(d.m.dirty)
		return nil
	})
}

func (d *memoryDir) Space() (s Space, err error) {
	err = d.with(OpSpace, func(*inode) error {
		s = Space{Free: 1 << 40, Total: 1 << 40, FreeInodes: -1}
		if c := d.m.o.Capacity; c > 0 {
			s.Free, s.Total = max(c-d.m.used, 0), c
		}
		if c := d.m.o.MaxFiles; c > 0 {
			s.FreeInodes = int64(c - d.m.files)
		}
		return nil
	})
	return s, err
}
