package journal

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	fanInitFlags = unix.FAN_CLASS_NOTIF | unix.FAN_CLOEXEC | unix.FAN_NONBLOCK | unix.FAN_REPORT_DFID_NAME
	fanMask      = fanCreate | fanDelete | fanModify | fanAttrib | fanCloseWrite | fanOnDir
	// fanBuffer takes some thousand events in one read.
	fanBuffer = 256 << 10
	// probeTime is how long the event of the probe file may take.
	probeTime = 2 * time.Second
)

// fanotify is a source with one mark on a whole file system.
type fanotify struct {
	file  *os.File
	root  int // descriptor of the root
	where *directories
	skip  string
	own   int32 // whose changes are not told; 0 is none
	buf   []byte
	heard []event // by the probe
}

// openFanotify marks the file system of the root and proves that changes in
// it are heard.
func openFanotify(o Options) (_ source, err error) {
	f := &fanotify{root: -1, skip: o.Skip, buf: make([]byte, fanBuffer)}
	defer func() {
		if err != nil {
			_ = f.close()
		}
	}()
	if f.root, err = unix.Open(o.Path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	f.where = newDirectories(f.root)
	fd, err := unix.FanotifyInit(fanInitFlags|unix.FAN_UNLIMITED_QUEUE, unix.O_RDONLY|unix.O_LARGEFILE)
	if errors.Is(err, unix.EPERM) {
		fd, err = unix.FanotifyInit(fanInitFlags, unix.O_RDONLY|unix.O_LARGEFILE)
	}
	if err != nil {
		return nil, fmt.Errorf("fanotify_init: %w", err)
	}
	f.file = os.NewFile(uintptr(fd), "fanotify")
	if err := markFileSystem(fd, f.root); err != nil {
		return nil, err
	}
	if err := f.prove(); err != nil {
		return nil, err
	}
	f.own = int32(o.Own) // the proof is this process's
	return f, nil
}

// markFileSystem asks for both sides of a rename in one event, as Linux 5.17
// can, or in two.
func markFileSystem(fd, root int) error {
	const add = unix.FAN_MARK_ADD | unix.FAN_MARK_FILESYSTEM
	err := unix.FanotifyMark(fd, add, fanMask|fanRename, root, "")
	if errors.Is(err, unix.EINVAL) {
		err = unix.FanotifyMark(fd, add, fanMask|fanMovedFrom|fanMovedTo, root, "")
	}
	if err != nil {
		return fmt.Errorf("fanotify_mark: %w", err)
	}
	return nil
}

// prove finds the root by its handle and, where the private directory is
// there, waits for the event of a file that it makes in it.
func (f *fanotify) prove() error {
	h, _, err := unix.NameToHandleAt(f.root, "", unix.AT_EMPTY_PATH)
	if err != nil {
		return fmt.Errorf("name_to_handle_at: %w", err)
	}
	if p := f.where.find(newHandle(h)); p != (place{dir: ".", found: true}) {
		return errors.New("the root is not found by its handle: no /proc, no right to open by handle, or a file system that cannot")
	}
	if f.skip == "" {
		return nil
	}
	private, err := unix.Openat(f.root, f.skip, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = unix.Close(private) }()
	probe := "journal-probe-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	fd, err := unix.Openat(private, probe, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		// A read-only folder may be heard all the same.
		return nil
	}
	defer func() {
		_ = unix.Close(fd)
		_ = unix.Unlinkat(private, probe, 0)
	}()
	return f.await(name{f.skip, probe})
}

// await reads until at was heard of, and keeps what else was.
func (f *fanotify) await(at name) error {
	if err := f.file.SetReadDeadline(time.Now().Add(probeTime)); err != nil {
		return fmt.Errorf("fanotify: %w", err)
	}
	for {
		batch, err := f.read()
		if err != nil {
			return fmt.Errorf("no event of the probe file: %w", err)
		}
		seen := false
		for _, e := range batch {
			seen = seen || e.at == at || e.at == everything().at && e.deep
		}
		f.heard = append(f.heard, f.wanted(batch)...)
		if seen {
			return f.file.SetReadDeadline(time.Time{})
		}
	}
}

func (f *fanotify) next() ([]event, error) {
	if len(f.heard) > 0 {
		batch := f.heard
		f.heard = nil
		return batch, nil
	}
	for {
		batch, err := f.read()
		batch = f.wanted(batch)
		if err != nil || len(batch) > 0 {
			return batch, err
		}
	}
}

func (f *fanotify) interrupt() error { return f.file.SetReadDeadline(time.Unix(1, 0)) }

func (f *fanotify) close() error {
	if f.root >= 0 {
		_ = unix.Close(f.root)
	}
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// wanted leaves out the private directory.
func (f *fanotify) wanted(batch []event) []event {
	out := batch[:0]
	for _, e := range batch {
		if e, keep := e.without(f.skip); keep {
			out = append(out, e)
		}
	}
	return out
}

// read returns the events below the root of one read.
func (f *fanotify) read() ([]event, error) {
	n, err := f.file.Read(f.buf)
	if err != nil {
		return nil, fmt.Errorf("fanotify: %w", err)
	}
	parsed, err := parseFanotify(f.buf[:n:n])
	t := translator{where: f.where, own: f.own}
	for _, e := range parsed {
		t.take(e)
	}
	return t.end(), err
}

// translator turns the events of one read into names below the root.
type translator struct {
	where *directories
	own   int32
	out   []event
	gone  *name // the last MOVED_FROM below the root that has no MOVED_TO yet
	shut  []event
	moved bool // something was renamed
}

// end returns the events of the read. The kernel joins an event with an older
// one of the same name, across a rename between the two. A close that came
// after the rename then seems to be of the file that had the name before. So
// every close counts once more at the end.
func (t *translator) end() []event {
	if t.moved {
		t.out = append(t.out, t.shut...)
	}
	return t.out
}

func (t *translator) take(e fanEvent) {
	if e.mask&fanOverflow != 0 {
		// What moved is not known either.
		t.where.forget()
		t.out = append(t.out, everything())
		return
	}
	dir := e.mask&fanOnDir != 0
	t.moved = t.moved || e.mask&(fanRename|fanMovedTo) != 0
	if t.own != 0 && e.pid == t.own {
		if dir && e.mask&(fanRename|fanMovedFrom|fanMovedTo) != 0 {
			t.where.forget()
		}
		return
	}
	at, atFound := t.find(e.at)
	old, oldFound := t.find(e.old)
	if dir && e.mask&(fanRename|fanMovedFrom|fanMovedTo) != 0 && (atFound || oldFound) {
		t.where.forget()
	}
	if e.mask&fanRename != 0 {
		switch {
		case atFound && oldFound:
			t.out = append(t.out, event{at: at, from: old, kind: renamed, deep: dir})
		case oldFound:
			t.out = append(t.out, event{at: old, kind: removed, deep: dir})
		case atFound:
			t.out = append(t.out, event{at: at, deep: dir})
		}
	}
	if atFound {
		t.takeHere(e.mask, at)
	}
}

// takeHere takes the bits that are about one name. The kernel joins events of
// one name, so several may be set and their order is lost; closed comes last,
// since a hint too early is better than one that waits for a second close.
func (t *translator) takeHere(mask uint64, at name) {
	dir := mask&fanOnDir != 0
	say := func(bits uint64, e event) {
		if mask&bits != 0 {
			e.at = at
			t.out = append(t.out, e)
		}
	}
	if mask&fanMovedTo != 0 && t.gone != nil {
		say(fanMovedTo, event{from: *t.gone, kind: renamed, deep: dir})
		t.gone = nil
	}
	say(fanCreate|fanMovedTo, event{deep: dir})
	say(fanAttrib, event{})
	say(fanModify, event{kind: written})
	say(fanCloseWrite, event{kind: closed})
	if mask&fanCloseWrite != 0 {
		t.shut = append(t.shut, event{at: at, kind: closed})
	}
	say(fanDelete|fanMovedFrom, event{kind: removed, deep: dir})
	if mask&fanMovedFrom != 0 {
		t.gone = &at
	}
}

// find is the name below the root, where it is one.
func (t *translator) find(d dirName) (name, bool) {
	if d.dir == "" {
		return name{}, false
	}
	p := t.where.find(d.dir)
	switch {
	case !p.found:
		return name{}, false
	case p.coarse:
		// Told here, because only a whole directory can be named.
		t.out = append(t.out, event{at: name{dir: p.dir}, deep: true})
		return name{}, false
	case d.name == ".":
		dir, base := split(p.dir)
		return name{dir, base}, true
	}
	return name{p.dir, d.name}, true
}
