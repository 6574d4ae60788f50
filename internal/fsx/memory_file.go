package fsx

import (
	"io"
	"maps"
	"slices"
)

type memoryFile struct {
	memoryHandle
	readOnly bool
}

// change runs call under the lock on a file that may be written.
func (f *memoryFile) change(op Op, call func(n *inode) error) error {
	return f.with(op, func(n *inode) error {
		if f.readOnly {
			return refuse(op, "", ErrPermission)
		}
		return call(n)
	})
}

func (f *memoryFile) ReadAt(b []byte, off int64) (done int, err error) {
	err = f.with(OpReadAt, func(n *inode) error {
		done = n.body.read(b, off)
		if done < len(b) {
			return io.EOF
		}
		return nil
	})
	return done, err
}

// read copies what there is at off, holes as zeros.
func (c body) read(b []byte, off int64) int {
	b = b[:max(min(int64(len(b)), c.size-off), 0)]
	for done := 0; done < len(b); {
		at := off + int64(done)
		part := b[done:min(len(b), done+int(pageSize-at%pageSize))]
		if page := c.pages[at/pageSize]; page != nil {
			copy(part, page[at%pageSize:])
		} else {
			clear(part)
		}
		done += len(part)
	}
	return len(b)
}

func (f *memoryFile) WriteAt(b []byte, off int64) (int, error) {
	err := f.change(OpWriteAt, func(n *inode) error { return f.m.write(OpWriteAt, n, b, off) })
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// write changes all of b's range, or nothing where space lacks.
func (m *Memory) write(op Op, n *inode, b []byte, off int64) error {
	if len(b) == 0 {
		return nil
	}
	if err := m.reserve(op, n, off, int64(len(b))); err != nil {
		return err
	}
	for done := 0; done < len(b); {
		at := off + int64(done)
		page := make([]byte, pageSize)
		copy(page, n.body.pages[at/pageSize])
		done += copy(page[at%pageSize:], b[done:])
		n.body.pages[at/pageSize] = page
	}
	n.body.size = max(n.body.size, off+int64(len(b)))
	m.modify(n)
	return nil
}

// reserve gives the missing pages of a range their space, zeroed.
func (m *Memory) reserve(op Op, n *inode, off, length int64) error {
	var missing []int64
	for p := off / pageSize; p <= (off+length-1)/pageSize; p++ {
		if n.body.pages[p] == nil {
			missing = append(missing, p)
		}
	}
	need := int64(len(missing)) * pageSize
	if m.o.Capacity > 0 && m.used+need > m.o.Capacity {
		return refuse(op, "", ErrNoSpace)
	}
	m.used += need
	for _, p := range missing {
		n.body.pages[p] = make([]byte, pageSize)
	}
	return nil
}

// SyncData keeps content and size; the rest of the metadata stays as it was
// saved.
func (f *memoryFile) SyncData() error {
	return f.with(OpSyncData, func(n *inode) error {
		meta := n.birth
		if n.saved != nil {
			meta = n.saved.meta
		}
		n.saved = &image{meta: meta, body: n.body.clone()}
		return nil
	})
}

func (f *memoryFile) Truncate(size int64) error {
	return f.change(OpTruncate, func(n *inode) error {
		f.m.cut(n, size, max(n.body.size, size)-size)
		n.body.size = size
		f.m.modify(n)
		return nil
	})
}

func (f *memoryFile) PunchHole(off, length int64) error {
	return f.change(OpPunchHole, func(n *inode) error {
		f.m.cut(n, off, min(length, max(n.body.size-off, 0)))
		f.m.modify(n)
		return nil
	})
}

// cut zeroes a range and frees its whole pages; a range that reaches the end
// of the file frees the last page too.
func (m *Memory) cut(n *inode, off, length int64) {
	end := off + length
	for p, page := range n.body.pages {
		from, to := max(off-p*pageSize, 0), min(end-p*pageSize, pageSize)
		switch {
		case from >= to:
		case from == 0 && (to == pageSize || end >= n.body.size):
			delete(n.body.pages, p)
			m.used -= pageSize
		default:
			fresh := slices.Clone(page)
			clear(fresh[from:to])
			n.body.pages[p] = fresh
		}
	}
}

func (f *memoryFile) Allocate(off, length int64) error {
	return f.change(OpAllocate, func(n *inode) error {
		f.m.touch(n)
		return f.m.reserve(OpAllocate, n, off, length)
	})
}

func (f *memoryFile) SeekData(off int64) (int64, error) {
	return f.seek(OpSeekData, off, func(c body, at int64) bool { return c.pages[at/pageSize] != nil })
}

func (f *memoryFile) SeekHole(off int64) (int64, error) {
	at, err := f.seek(OpSeekHole, off, func(c body, at int64) bool { return c.pages[at/pageSize] == nil })
	if err == io.EOF { //nolint:errorlint // seek's own
		info, err := f.Info()
		if err == nil && off >= info.Size {
			return 0, io.EOF
		}
		return info.Size, err
	}
	return at, err
}

// seek finds the first place at or after off, page by page, that fits.
func (f *memoryFile) seek(op Op, off int64, fits func(body, int64) bool) (found int64, err error) {
	err = f.with(op, func(n *inode) error {
		for at := off; at < n.body.size; at = (at/pageSize + 1) * pageSize {
			if fits(n.body, at) {
				found = at
				return nil
			}
		}
		return io.EOF
	})
	return found, err
}

func (f *memoryFile) CopyFrom(src File, srcOff, off, length int64) (int64, error) {
	from, ok := src.(*memoryFile)
	if !ok || from.m != f.m {
		return 0, refuse(OpCopyFrom, "", ErrUnsupported)
	}
	err := f.change(OpCopyFrom, func(n *inode) error {
		b := make([]byte, max(min(length, from.n.body.size-srcOff), 0))
		length = int64(from.n.body.read(b, srcOff))
		return f.m.write(OpCopyFrom, n, b, off)
	})
	if err != nil {
		return 0, err
	}
	return length, nil
}

func (f *memoryFile) Clone(src File) error {
	from, ok := src.(*memoryFile)
	if !ok || from.m != f.m {
		return refuse(OpClone, "", ErrUnsupported)
	}
	return f.change(OpClone, func(n *inode) error {
		f.m.used += int64(len(from.n.body.pages)-len(n.body.pages)) * pageSize
		n.body = body{size: from.n.body.size, pages: maps.Clone(from.n.body.pages)}
		f.m.modify(n)
		return nil
	})
}
