package fsx

type injectedHandle struct {
	*injector
	path string
	h    Handle
}

func (h *injectedHandle) on(op Op, to string, call func() error) error {
	if err := h.ask(Call{Op: op, Path: h.path, To: to}); err != nil {
		return err
	}
	return call()
}

func (h *injectedHandle) Info() (i Info, err error) {
	err = h.on(OpInfo, "", func() error { i, err = h.h.Info(); return err })
	return i, err
}

func (h *injectedHandle) Chmod(mode uint32) error {
	return h.on(OpChmod, "", func() error { return h.h.Chmod(mode) })
}

func (h *injectedHandle) Chown(uid, gid uint32) error {
	return h.on(OpChown, "", func() error { return h.h.Chown(uid, gid) })
}

func (h *injectedHandle) SetMTime(ns int64) error {
	return h.on(OpSetMTime, "", func() error { return h.h.SetMTime(ns) })
}

func (h *injectedHandle) Xattrs() (list []string, err error) {
	err = h.on(OpXattrs, "", func() error { list, err = h.h.Xattrs(); return err })
	return list, err
}

func (h *injectedHandle) Xattr(name string) (value []byte, err error) {
	err = h.on(OpXattr, name, func() error { value, err = h.h.Xattr(name); return err })
	return value, err
}

func (h *injectedHandle) SetXattr(name string, value []byte) error {
	return h.on(OpSetXattr, name, func() error { return h.h.SetXattr(name, value) })
}

func (h *injectedHandle) RemoveXattr(name string) error {
	return h.on(OpRemoveXattr, name, func() error { return h.h.RemoveXattr(name) })
}

func (h *injectedHandle) Sync() error { return h.on(OpSync, "", h.h.Sync) }

// Close closes the handle below even when it is made to fail, as close does.
func (h *injectedHandle) Close() error {
	told := h.on(OpClose, "", func() error { return nil })
	if err := h.h.Close(); err != nil {
		return err
	}
	return told
}

type injectedFile struct {
	injectedHandle
	f File
}

func (f *injectedFile) ReadAt(b []byte, off int64) (n int, err error) {
	err = f.on(OpReadAt, "", func() error { n, err = f.f.ReadAt(b, off); return err })
	return n, err
}

func (f *injectedFile) WriteAt(b []byte, off int64) (n int, err error) {
	err = f.on(OpWriteAt, "", func() error { n, err = f.f.WriteAt(b, off); return err })
	return n, err
}

func (f *injectedFile) SyncData() error { return f.on(OpSyncData, "", f.f.SyncData) }

func (f *injectedFile) Truncate(size int64) error {
	return f.on(OpTruncate, "", func() error { return f.f.Truncate(size) })
}

func (f *injectedFile) PunchHole(off, n int64) error {
	return f.on(OpPunchHole, "", func() error { return f.f.PunchHole(off, n) })
}

func (f *injectedFile) Allocate(off, n int64) error {
	return f.on(OpAllocate, "", func() error { return f.f.Allocate(off, n) })
}

func (f *injectedFile) SeekData(off int64) (at int64, err error) {
	err = f.on(OpSeekData, "", func() error { at, err = f.f.SeekData(off); return err })
	return at, err
}

func (f *injectedFile) SeekHole(off int64) (at int64, err error) {
	err = f.on(OpSeekHole, "", func() error { at, err = f.f.SeekHole(off); return err })
	return at, err
}

func (f *injectedFile) CopyFrom(src File, srcOff, off, length int64) (n int64, err error) {
	err = f.on(OpCopyFrom, "", func() error { n, err = f.f.CopyFrom(fileBelow(src), srcOff, off, length); return err })
	return n, err
}

func (f *injectedFile) Clone(src File) error {
	return f.on(OpClone, "", func() error { return f.f.Clone(fileBelow(src)) })
}

// fileBelow is the file that the back end made.
func fileBelow(f File) File {
	if wrapped, ok := f.(*injectedFile); ok {
		return wrapped.f
	}
	return f
}
