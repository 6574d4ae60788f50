package fsx

import (
	"bytes"
	"maps"
	"slices"
)

type memoryHandle struct {
	m      *Memory
	n      *inode
	closed bool // guarded by m.mu
}

// hold makes a handle; the caller holds m.mu.
func (m *Memory) hold(n *inode) memoryHandle {
	n.opens++
	return memoryHandle{m: m, n: n}
}

// with runs call under the lock.
func (h *memoryHandle) with(op Op, call func(n *inode) error) error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if h.closed {
		return refuse(op, "", ErrClosed)
	}
	return call(h.n)
}

func (h *memoryHandle) Info() (i Info, err error) {
	err = h.with(OpInfo, func(n *inode) error { i = n.info(); return nil })
	return i, err
}

func (h *memoryHandle) Chmod(mode uint32) error {
	return h.with(OpChmod, func(n *inode) error {
		if n.kind == Symlink {
			return refuse(OpChmod, "", ErrUnsupported)
		}
		n.meta.mode = mode & 0o7777
		h.m.touch(n)
		return nil
	})
}

// Chown clears setuid and setgid of a file, as Linux does.
func (h *memoryHandle) Chown(uid, gid uint32) error {
	return h.with(OpChown, func(n *inode) error {
		n.meta.uid, n.meta.gid = uid, gid
		if n.kind == Regular {
			n.meta.mode &^= 0o6000
		}
		h.m.touch(n)
		return nil
	})
}

func (h *memoryHandle) SetMTime(ns int64) error {
	return h.with(OpSetMTime, func(n *inode) error {
		h.m.touch(n)
		n.meta.mtime = ns
		return nil
	})
}

func (h *memoryHandle) Xattrs() (list []string, err error) {
	err = h.with(OpXattrs, func(n *inode) error {
		list = slices.Sorted(maps.Keys(n.meta.xattrs))
		return nil
	})
	return list, err
}

func (h *memoryHandle) Xattr(name string) (value []byte, err error) {
	err = h.with(OpXattr, func(n *inode) error {
		v, ok := n.meta.xattrs[name]
		if !ok {
			return refuse(OpXattr, name, ErrNoXattr)
		}
		value = bytes.Clone(v)
		return nil
	})
	return value, err
}

// SetXattr answers ErrNoSpace when a file's attributes outgrow their space,
// as ext4 does.
func (h *memoryHandle) SetXattr(name string, value []byte) error {
	return h.changeXattrs(OpSetXattr, name, func(x map[string][]byte) error {
		x[name] = bytes.Clone(value)
		space := 0
		for k, v := range x {
			space += len(k) + len(v)
		}
		if space > h.m.o.XattrSpace {
			return refuse(OpSetXattr, name, ErrNoSpace)
		}
		return nil
	})
}

func (h *memoryHandle) RemoveXattr(name string) error {
	return h.changeXattrs(OpRemoveXattr, name, func(x map[string][]byte) error {
		if _, ok := x[name]; !ok {
			return refuse(OpRemoveXattr, name, ErrNoXattr)
		}
		delete(x, name)
		return nil
	})
}

func (h *memoryHandle) changeXattrs(op Op, name string, change func(map[string][]byte) error) error {
	return h.with(op, func(n *inode) error {
		if n.kind == Symlink {
			return refuse(op, name, ErrUnsupported)
		}
		x := maps.Clone(n.meta.xattrs)
		if x == nil {
			x = map[string][]byte{}
		}
		if err := change(x); err != nil {
			return err
		}
		n.meta.xattrs = x
		h.m.touch(n)
		return nil
	})
}

// Sync of a directory commits the journal up to its last change.
func (h *memoryHandle) Sync() error {
	return h.with(OpSync, func(n *inode) error {
		n.save()
		delete(h.m.dirty, n)
		h.m.commitFor(n)
		return nil
	})
}

func (h *memoryHandle) Close() error {
	return h.with(OpClose, func(n *inode) error {
		h.closed = true
		if n.opens > 0 {
			n.opens--
			h.m.release(n)
		}
		return nil
	})
}
