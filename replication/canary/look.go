package canary

import (
	"errors"
	"io"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/fsx"
)

var (
	errKind = errors.New("not a regular file")
	errSize = errors.New("larger than any canary")
	errHost = errors.New("the canary of another host")
)

// sighting is what was seen of one other member.
type sighting struct {
	host, file string

	// Run's own:
	known   bool // the place was looked at before
	seen    signature
	failing bool

	any  bool // last is set; guarded by Canary.mu, as is last
	last Arrival
}

// signature tells one state of a file from another.
type signature struct {
	dev, inode   uint64
	size         int64
	mtime, ctime int64
	kind         fsx.Kind
}

func signatureOf(i fsx.Info) signature {
	return signature{i.Dev, i.Inode, i.Size, i.MTime, i.CTime, i.Kind}
}

// look takes in what is new in the folder. It fails where the root cannot be
// looked at; a directory that is not there is an answer.
func (c *Canary) look(now time.Time) error {
	root, err := c.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	dir, err := openExisting(root)
	if err != nil {
		return err
	}
	if dir != nil {
		defer dir.Close()
	}
	if err := c.lookAtOwn(dir, now); err != nil {
		return err
	}
	for _, s := range c.others {
		c.lookAt(dir, s, now)
	}
	c.looked = now
	return nil
}

// openRoot opens the folder, if it is there. An unmounted one must not pass for
// one without canaries, which would arrive when it is mounted.
func (c *Canary) openRoot() (fsx.Dir, error) {
	root, err := c.fs.OpenRoot(c.o.Root)
	if err != nil {
		return nil, err
	}
	i, err := root.Stat(marker)
	if err == nil && i.Kind == fsx.Regular {
		return root, nil
	}
	_ = root.Close() // it was only looked at
	if err == nil || errors.Is(err, fsx.ErrNotExist) {
		err = errUnmarked
	}
	return nil, err
}

// openExisting opens the directory, nil where there is none.
func openExisting(root fsx.Dir) (fsx.Dir, error) {
	dir, err := root.OpenDir(Directory)
	for _, none := range [...]error{fsx.ErrNotExist, fsx.ErrNotDirectory, fsx.ErrEscapes} {
		if errors.Is(err, none) {
			return nil, nil
		}
	}
	return dir, err
}

// lookAt takes in the canary of one member; dir is nil where there is none.
func (c *Canary) lookAt(dir fsx.Dir, s *sighting, now time.Time) {
	first := !s.known
	info, err := stat(dir, s.file)
	if errors.Is(err, fsx.ErrNotExist) {
		s.known, s.seen = true, signature{}
		return
	}
	if err != nil {
		c.unread(s, err)
		return
	}
	sig := signatureOf(info)
	if sig == s.seen {
		return
	}
	n, err := read(dir, s.file, info)
	if err != nil && !refused(err) { // another look may succeed
		c.unread(s, err)
		return
	}
	s.known, s.seen = true, sig
	if err != nil {
		c.refuse(s, err)
		return
	}
	s.failing = false
	c.take(s, n, first, arrivedAt(c.looked, info.CTime, now), now)
}

// unread notes that a file could not be read; it counts once, however often
// that is tried.
func (c *Canary) unread(s *sighting, err error) {
	if !s.failing {
		c.refuse(s, err)
	}
}

// refuse counts a file that gave no canary. Of several in a row the first is
// told: users may write here.
func (c *Canary) refuse(s *sighting, err error) {
	c.m.failed.Inc()
	if !s.failing {
		c.log.Warn("the canary of a member could not be read", zap.String("member", s.host), zap.Error(err))
	}
	s.failing = true
}

// take notes a canary, unless it is no newer than the last. The first one was
// there before anybody looked.
func (c *Canary) take(s *sighting, n note, first bool, arrived, now time.Time) {
	if s.any && !newer(n, s.last, now) {
		return
	}
	a := Arrival{From: s.host, Seq: n.seq, Written: n.written}
	if !first {
		a.Arrived = arrived
		a.Delay = arrived.Sub(n.written)
		a.Skewed = a.Delay < 0
		a.Delay = max(a.Delay, 0)
		c.count(s, a)
	}
	c.mu.Lock()
	s.any, s.last = true, a
	c.mu.Unlock()
}

// count shows an arrival.
func (c *Canary) count(s *sighting, a Arrival) {
	c.m.arrived.Inc()
	c.m.convergence.WithLabelValues(c.way(s)...).Set(a.Delay.Seconds())
	if !a.Skewed {
		return
	}
	c.m.skewed.Inc()
	if !s.last.Skewed {
		c.log.Warn("a canary arrived before it was written: the clocks of the two hosts disagree",
			zap.String("member", s.host), zap.Duration("by", a.Written.Sub(a.Arrived)))
	}
}

// newer tells whether n was written after last, or at least may have been. A
// lost file makes numbers begin anew, and a clock may be set back, but not both
// at once. A last one from the future may be forged, and must not shut out what
// follows.
func newer(n note, last Arrival, now time.Time) bool {
	if n.seq == last.Seq && n.written.Equal(last.Written) {
		return false
	}
	return n.seq > last.Seq || n.written.After(last.Written) || last.Written.After(now)
}

// arrivedAt is when a file arrived that was found at now and not at before: at
// its change time (Unix nanoseconds) if that lies between the two.
func arrivedAt(before time.Time, changed int64, now time.Time) time.Time {
	if at := time.Unix(0, changed); !before.IsZero() && at.After(before) && !at.After(now) {
		return at
	}
	return now
}

func stat(dir fsx.Dir, name string) (fsx.Info, error) {
	if dir == nil {
		return fsx.Info{}, fsx.ErrNotExist
	}
	return dir.Stat(name)
}

// refused tells whether err says that a file holds no canary, rather than that
// it could not be read.
func refused(err error) bool {
	for _, e := range [...]error{errKind, errSize, errHost, errMalformed} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// read reads the canary in the file name, which info describes.
func read(dir fsx.Dir, name string, info fsx.Info) (note, error) {
	switch {
	case info.Kind != fsx.Regular:
		return note{}, errKind
	case info.Size > maxLine:
		return note{}, errSize
	}
	f, err := dir.Open(name, fsx.ReadOnly)
	if err != nil {
		return note{}, err
	}
	defer f.Close()
	var b [maxLine]byte
	n, err := f.ReadAt(b[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return note{}, err
	}
	said, err := parse(b[:n:n])
	if err == nil && said.file != name {
		err = errHost
	}
	return said, err
}
