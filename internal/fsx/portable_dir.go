package fsx

import (
	"errors"
	"io"
	"os"
	"strings"
)

type portableDir struct {
	portableHandle
	owner bool // of root, which Close then closes
}

func (d *portableDir) Close() error {
	if !d.owner {
		return nil
	}
	return failPortable(OpClose, "", d.root.Close())
}

// at returns path from the root, having looked that no directory on the way
// is a symbolic link.
func (d *portableDir) at(op Op, path string) (string, error) {
	if err := checkPath(path, op == OpOpenDir || op == OpStat); err != nil {
		return "", refuse(op, path, err)
	}
	full := Join(d.path, path)
	for i, c := range full {
		if c != '/' {
			continue
		}
		fi, err := d.root.Lstat(full[:i])
		switch {
		case err != nil:
			return "", failPortable(op, path, err)
		case portableKind(fi.Mode()) == Symlink:
			return "", refuse(op, path, ErrEscapes)
		case !fi.IsDir():
			return "", refuse(op, path, ErrNotDirectory)
		}
	}
	return full, nil
}

func (d *portableDir) OpenDir(path string) (Dir, error) {
	full, err := d.at(OpOpenDir, path)
	if err != nil {
		return nil, err
	}
	fi, err := d.root.Lstat(full)
	switch {
	case err != nil:
		return nil, failPortable(OpOpenDir, path, err)
	case portableKind(fi.Mode()) == Symlink:
		return nil, refuse(OpOpenDir, path, ErrEscapes)
	case !fi.IsDir():
		return nil, refuse(OpOpenDir, path, ErrNotDirectory)
	}
	return &portableDir{portableHandle: portableHandle{root: d.root, path: full}}, nil
}

func (d *portableDir) ReadDir(yield func(Entry) bool) error {
	f, err := d.root.Open(d.path)
	if err != nil {
		return failPortable(OpReadDir, "", err)
	}
	defer f.Close()
	for {
		list, err := f.ReadDir(256)
		for _, e := range list {
			if !yield(Entry{Name: e.Name(), Kind: portableKind(e.Type())}) {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return failPortable(OpReadDir, "", err)
		}
	}
}

func (d *portableDir) Stat(path string) (Info, error) {
	full, err := d.at(OpStat, path)
	if err != nil {
		return Info{}, err
	}
	fi, err := d.root.Lstat(full)
	if err != nil {
		return Info{}, failPortable(OpStat, path, err)
	}
	return portableInfo(fi), nil
}

func (d *portableDir) Open(path string, access Access) (File, error) {
	full, err := d.at(OpOpen, path)
	if err != nil {
		return nil, err
	}
	fi, err := d.root.Lstat(full)
	switch {
	case err != nil:
		return nil, failPortable(OpOpen, path, err)
	case portableKind(fi.Mode()) == Symlink:
		return nil, refuse(OpOpen, path, ErrEscapes)
	case !fi.Mode().IsRegular():
		return nil, refuse(OpOpen, path, ErrNotRegular)
	}
	return d.open(OpOpen, path, full, map[Access]int{ReadOnly: os.O_RDONLY, ReadWrite: os.O_RDWR}[access], 0)
}

func (d *portableDir) Create(path string, mode uint32) (File, error) {
	full, err := d.at(OpCreate, path)
	if err != nil {
		return nil, err
	}
	return d.open(OpCreate, path, full, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
}

func (d *portableDir) open(op Op, path, full string, flags int, mode uint32) (File, error) {
	f, err := d.root.OpenFile(full, flags, portableMode(mode).Perm())
	if err != nil {
		return nil, failPortable(op, path, err)
	}
	return &portableFile{portableHandle: portableHandle{root: d.root, path: full}, f: f}, nil
}

// CreateUnnamed is not to be had: every file has a name.
func (d *portableDir) CreateUnnamed(uint32) (File, error) {
	return nil, refuse(OpCreateUnnamed, "", ErrUnsupported)
}

// LinkUnnamed has nothing to link.
func (d *portableDir) LinkUnnamed(_ File, path string) error {
	return refuse(OpLinkUnnamed, path, ErrUnsupported)
}

func (d *portableDir) OpenLink(path string) (Handle, error) {
	full, err := d.at(OpOpenLink, path)
	if err != nil {
		return nil, err
	}
	if _, err := d.root.Lstat(full); err != nil {
		return nil, failPortable(OpOpenLink, path, err)
	}
	return &portableHandle{root: d.root, path: full}, nil
}

// on runs call with path from the root.
func (d *portableDir) on(op Op, path string, call func(full string) error) error {
	full, err := d.at(op, path)
	if err != nil {
		return err
	}
	return failPortable(op, path, call(full))
}

func (d *portableDir) Mkdir(path string, mode uint32) error {
	return d.on(OpMkdir, path, func(full string) error { return d.root.Mkdir(full, portableMode(mode).Perm()) })
}

func (d *portableDir) Symlink(target, path string) error {
	return d.on(OpSymlink, path, func(full string) error { return d.root.Symlink(target, full) })
}

func (d *portableDir) Readlink(path string) (target string, err error) {
	err = d.on(OpReadlink, path, func(full string) error {
		target, err = d.root.Readlink(full)
		return err
	})
	return target, err
}

// pair returns both paths from the root that the two directories share.
func (d *portableDir) pair(op Op, path string, to Dir, newPath string) (from, into string, err error) {
	dest, ok := to.(*portableDir)
	if !ok || dest.root != d.root {
		return "", "", refuse(op, path, ErrCrossDevice)
	}
	if from, err = d.at(op, path); err != nil {
		return "", "", err
	}
	into, err = dest.at(op, newPath)
	return from, into, err
}

func (d *portableDir) Link(path string, to Dir, newPath string) error {
	from, into, err := d.pair(OpLink, path, to, newPath)
	if err != nil {
		return err
	}
	return failPortable(OpLink, path, d.root.Link(from, into))
}

func (d *portableDir) Rename(path string, to Dir, newPath string, how RenameMode) error {
	from, into, err := d.pair(OpRename, path, to, newPath)
	switch {
	case err != nil:
		return err
	case how == Exchange:
		return refuse(OpRename, path, ErrUnsupported)
	case strings.HasPrefix(into, from+"/"):
		return refuse(OpRename, path, ErrUnsupported)
	case how == NoReplace:
		return d.renameNoReplace(path, from, into)
	}
	return failPortable(OpRename, path, d.root.Rename(from, into))
}

// renameNoReplace gives a file its second name before it takes the first, so
// that nothing can be replaced; for other kinds it looks first.
func (d *portableDir) renameNoReplace(path, from, into string) error {
	fi, err := d.root.Lstat(from)
	if err != nil {
		return failPortable(OpRename, path, err)
	}
	if fi.Mode().IsRegular() {
		if err := d.root.Link(from, into); err != nil {
			return failPortable(OpRename, path, err)
		}
		return failPortable(OpRename, path, d.root.Remove(from))
	}
	if _, err := d.root.Lstat(into); err == nil {
		return refuse(OpRename, path, ErrExist)
	}
	return failPortable(OpRename, path, d.root.Rename(from, into))
}

func (d *portableDir) Remove(path string) error {
	return d.on(OpRemove, path, func(full string) error {
		fi, err := d.root.Lstat(full)
		if err != nil {
			return err
		}
		if fi.IsDir() {
			return refuse(OpRemove, path, ErrIsDirectory)
		}
		return d.root.Remove(full)
	})
}

func (d *portableDir) RemoveDir(path string) error {
	return d.on(OpRemoveDir, path, func(full string) error {
		fi, err := d.root.Lstat(full)
		if err != nil {
			return err
		}
		if !fi.IsDir() {
			return refuse(OpRemoveDir, path, ErrNotDirectory)
		}
		return d.root.Remove(full)
	})
}

// SyncFS is not to be had: sync each file.
func (d *portableDir) SyncFS() error { return refuse(OpSyncFS, "", ErrUnsupported) }

// Space is not to be had.
func (d *portableDir) Space() (Space, error) { return Space{}, refuse(OpSpace, "", ErrUnsupported) }
