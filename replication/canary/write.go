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

var errUnmarked = errors.New("the root is not that of a replicated folder: it has no " + marker)

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

// temporary begins the name of a canary that is being written. Filters leave
// such names alone as a rule, and it is gone before a name settles in any case.
const temporary = "~"

// put makes b the content of the file name, by a new file that takes its place:
// what stands there may be a file that a user has linked to, so it is never
// written to. A directory makes way only if it is empty.
func put(dir fsx.Dir, name string, b []byte) (fsx.Info, error) {
	info, err := dir.Stat(name)
	if err == nil && info.Kind == fsx.Directory {
		err = dir.RemoveDir(name)
	}
	if err != nil && !errors.Is(err, fsx.ErrNotExist) {
		return fsx.Info{}, err
	}
	if err := dir.Remove(temporary + name); err != nil && !errors.Is(err, fsx.ErrNotExist) { // of one that was killed
		return fsx.Info{}, err
	}
	f, err := dir.Create(temporary+name, fileMode)
	if err != nil {
		return fsx.Info{}, err
	}
	// It is not synced: a canary that power loss takes is one that did not arrive.
	_, err = f.WriteAt(b, 0)
	if err = errors.Join(err, f.Close()); err == nil {
		err = dir.Rename(temporary+name, dir, name, fsx.Replace)
	}
	if err != nil {
		_ = dir.Remove(temporary + name) // the error before counts
		return fsx.Info{}, err
	}
	return dir.Stat(name)
}
