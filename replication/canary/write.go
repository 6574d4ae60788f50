package canary

import (
	"errors"
	"fmt"
	"time"

	"dfsd/internal/fsx"
)

// marker is the file that replication puts into the root of a folder. Where it
// is not, the root is not that of the folder: as a rule its volume is not
// mounted, and nothing may be written in its place.
const marker = ".dfsd/marker"

const (
	dirMode  = 0o755
	fileMode = 0o644
)

var (
	errUnmarked = errors.New("the root is not that of a replicated folder: it has no " + marker)
	errLinked   = errors.New("the file has other names")
)

// own is this host's canary.
type own struct {
	file    string
	resumed bool // seq is known as far as the disk knows it
	seq     uint64
	line    string    // that this host wrote last
	tried   time.Time // when this process last tried to write
	seen    signature
	failing bool
}

// lookAtOwn takes up the number at the first look, and later sees whether
// somebody has changed what this host wrote. It fails where the number may be
// had another time.
func (c *Canary) lookAtOwn(dir fsx.Dir, now time.Time) error {
	o := &c.own
	info, err := stat(dir, o.file)
	sig := signatureOf(info)
	if o.resumed && err == nil && sig == o.seen {
		return nil
	}
	var n note
	if err == nil {
		n, err = read(dir, o.file, info)
	}
	line := string(n.append(nil))
	switch {
	case !o.resumed && err == nil:
		o.resumed, o.seq, o.line, o.seen = true, n.seq, line, sig
		c.agenda.resume(now, n.written)
	case !o.resumed && (refused(err) || errors.Is(err, fsx.ErrNotExist)):
		o.resumed = true
	case !o.resumed:
		return err
	case err == nil && line == o.line: // its owner or mode have changed
		o.seen = sig
	default:
		c.agenda.rewrite(now, o.tried)
	}
	return nil
}

// write writes this host's next canary.
func (c *Canary) write() error {
	root, err := c.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	dir, err := openOrMake(root)
	if err != nil {
		return err
	}
	defer dir.Close()
	o := &c.own
	n := note{file: o.file, seq: o.seq%maxSeq + 1, written: c.o.Now()}
	line := n.append(nil)
	info, err := put(dir, o.file, line)
	if err != nil {
		return fmt.Errorf("write %s: %w", Directory+"/"+o.file, err)
	}
	o.seq, o.line, o.seen = n.seq, string(line), signatureOf(info)
	return nil
}

// openOrMake opens the directory, in place of whatever else has its name.
func openOrMake(root fsx.Dir) (fsx.Dir, error) {
	info, err := root.Stat(Directory)
	if err == nil && info.Kind != fsx.Directory {
		if err = root.Remove(Directory); err == nil {
			err = fsx.ErrNotExist
		}
	}
	if errors.Is(err, fsx.ErrNotExist) {
		err = root.Mkdir(Directory, dirMode)
		if errors.Is(err, fsx.ErrExist) { // it has just arrived from a partner
			err = nil
		}
	}
	if err != nil {
		return nil, err
	}
	return root.OpenDir(Directory)
}

// put makes b the content of the file name in one write, and describes it then.
// What is no file, or has other names beside this one, makes way; a directory
// only if it is empty.
func put(dir fsx.Dir, name string, b []byte) (fsx.Info, error) {
	info, err := dir.Stat(name)
	switch {
	case errors.Is(err, fsx.ErrNotExist):
		return putNew(dir, name, b)
	case err != nil:
		return fsx.Info{}, err
	case info.Kind == fsx.Directory:
		err = dir.RemoveDir(name)
	case info.Kind != fsx.Regular, info.Links > 1:
		err = dir.Remove(name)
	default:
		return overwrite(dir, name, b)
	}
	if err != nil {
		return fsx.Info{}, err
	}
	return putNew(dir, name, b)
}

func putNew(dir fsx.Dir, name string, b []byte) (fsx.Info, error) {
	f, err := dir.Create(name, fileMode)
	if err != nil {
		return fsx.Info{}, err
	}
	return fill(f, b)
}

func overwrite(dir fsx.Dir, name string, b []byte) (fsx.Info, error) {
	f, err := dir.Open(name, fsx.ReadWrite)
	if err != nil {
		return fsx.Info{}, err
	}
	// What is open is looked at once more: it need not be what had the name.
	info, err := f.Info()
	if err == nil && info.Links > 1 {
		err = errLinked
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return fsx.Info{}, err
	}
	return fill(f, b)
}

// fill writes b and closes f. It is not synced: a canary that power loss takes
// is one that did not arrive.
func fill(f fsx.File, b []byte) (fsx.Info, error) {
	_, err := f.WriteAt(b, 0)
	var info fsx.Info
	if err == nil {
		info, err = f.Info()
	}
	if err == nil && info.Size > int64(len(b)) {
		if err = f.Truncate(int64(len(b))); err == nil {
			info, err = f.Info()
		}
	}
	return info, errors.Join(err, f.Close())
}
