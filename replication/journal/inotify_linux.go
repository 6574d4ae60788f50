package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

const (
	inMask = inModify | inAttrib | inCloseWrite | inMovedFrom | inMovedTo | inCreate | inDelete | inDeleteSelf |
		unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK
	inBuffer = 256 << 10
	// maxHop is the longest piece of a path that is opened in one step.
	maxHop = 2048
	// maxListed is how many entries of a directory are read at once.
	maxListed = 1024
	// maxOpens bounds how often a path that others rename is resolved again.
	maxOpens = 64
	// maxHalves bounds the first sides of renames that wait for the second.
	maxHalves = 64
	// maxRebuilds bounds how often a tree that moves is walked again.
	maxRebuilds = 3
)

var errRootGone = errors.New("the root of the folder is gone")

// inotify is a source with a watch on every directory.
type inotify struct {
	file *os.File
	fd   int
	root int // descriptor of the root
	skip string
	log  *zap.Logger
	buf  []byte
	stop atomic.Bool
	add  func(fd int) (int32, error) // watches an open directory

	tree    tree
	heard   []event
	halves  []half
	partial bool // some directory could not be watched
	abroad  bool // a mount below the root was seen
}

// half is the first side of a rename.
type half struct {
	cookie uint32
	from   name
}

// openInotify watches every directory below the root. It fails where not even
// the root can be watched.
func openInotify(o Options) (_ source, err error) {
	in := &inotify{fd: -1, root: -1, skip: o.Skip, log: o.Log.With(zap.String("path", o.Path)), buf: make([]byte, inBuffer)}
	defer func() {
		if err != nil {
			_ = in.close()
		}
	}()
	if in.root, err = unix.Open(o.Path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	if in.fd, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err != nil {
		return nil, fmt.Errorf("inotify_init1: %w", err)
	}
	in.file = os.NewFile(uintptr(in.fd), "inotify")
	in.add = in.addWatch
	if err := in.rebuild(); err != nil {
		return nil, err
	}
	return in, nil
}

func (in *inotify) next() ([]event, error) {
	for {
		if len(in.heard) > 0 {
			batch := in.heard
			in.heard = nil
			return batch, nil
		}
		n, err := in.file.Read(in.buf)
		if err != nil {
			return nil, fmt.Errorf("inotify: %w", err)
		}
		parsed, err := parseInotify(in.buf[:n:n])
		if err == nil {
			err = in.takeAll(parsed)
		}
		if err != nil {
			return in.heard, err
		}
	}
}

func (in *inotify) interrupt() error {
	in.stop.Store(true)
	return in.file.SetReadDeadline(time.Unix(1, 0))
}

func (in *inotify) close() error {
	if in.root >= 0 {
		_ = unix.Close(in.root)
	}
	if in.file == nil {
		return nil
	}
	return in.file.Close()
}

// takeAll takes the events of one read.
func (in *inotify) takeAll(batch []inEvent) error {
	lost := false
	for _, e := range batch {
		if e.mask&inOverflow != 0 {
			lost = true
			continue
		}
		if err := in.take(e); err != nil {
			return err
		}
	}
	if lost || in.tree.torn {
		// Directories may have come, gone and moved unheard.
		if err := in.rebuild(); err != nil {
			return err
		}
		in.say(everything())
		return nil
	}
	in.settleDebts()
	// What left its place and came to no other one has left the folder. Its
	// second side may be in the read after this one.
	for _, wd := range in.tree.sweep() {
		in.unwatch(wd)
	}
	return nil
}

// say keeps an event for next, unless it is of the private directory.
func (in *inotify) say(e event) {
	if e, keep := e.without(in.skip); keep {
		in.heard = append(in.heard, e)
	}
}

func (in *inotify) take(e inEvent) error {
	n := in.tree.nodes[e.watch]
	if n == nil {
		return nil
	}
	if e.mask&(inIgnored|inDeleteSelf) != 0 {
		if n == in.tree.root {
			in.say(everything())
			return errRootGone
		}
		if e.mask&inIgnored != 0 {
			in.tree.remove(n)
		}
		return nil
	}
	dir, placed := n.path()
	if !placed {
		// When it has a place again everything in it is told, but what was made
		// in it meanwhile must be watched.
		if e.mask&inIsDir != 0 && e.mask&(inCreate|inMovedTo) != 0 {
			in.tree.owing[n] = true
		}
		return nil
	}
	if e.name == "" {
		// Of any other directory the one above it tells the same.
		if n == in.tree.root {
			in.say(event{at: name{dir: "."}})
		}
		return nil
	}
	in.takeNamed(e, n, name{dir, e.name})
	return nil
}

// takeNamed takes an event about a name in a watched directory.
func (in *inotify) takeNamed(e inEvent, n *watched, at name) {
	dir := e.mask&inIsDir != 0
	if dir && e.mask&(inMovedFrom|inDelete) != 0 {
		in.tree.loosen(n.children[e.name])
	}
	if dir && e.mask&(inMovedTo|inCreate) != 0 {
		// Watched before it is told, so that who then surveys it misses nothing.
		in.watch(n, e.name)
	}
	switch {
	case e.mask&inMovedFrom != 0:
		in.halves = append(in.halves, half{e.cookie, at})
		if len(in.halves) > maxHalves {
			in.halves = in.halves[1:]
		}
		in.say(event{at: at, kind: removed, deep: dir})
	case e.mask&inMovedTo != 0:
		if from, found := in.other(e.cookie); found {
			in.say(event{at: at, from: from, kind: renamed, deep: dir})
		} else {
			in.say(event{at: at, deep: dir})
		}
	case e.mask&inDelete != 0:
		in.say(event{at: at, kind: removed, deep: dir})
	case e.mask&inModify != 0:
		in.say(event{at: at, kind: written})
	case e.mask&inCloseWrite != 0:
		in.say(event{at: at, kind: closed})
	default:
		in.say(event{at: at, deep: dir && e.mask&inCreate != 0})
	}
}

// other is the first side of a rename whose second side has come.
func (in *inotify) other(cookie uint32) (name, bool) {
	for i, h := range in.halves {
		if h.cookie == cookie {
			in.halves = append(in.halves[:i], in.halves[i+1:]...)
			return h.from, true
		}
	}
	return name{}, false
}

// rebuild walks the whole tree. A directory that is watched already keeps its
// watch; those that are no more below the root lose it.
func (in *inotify) rebuild() error {
	before := in.tree.nodes
	for try := 0; ; try++ {
		in.tree = newTree()
		wd, err := in.add(in.root)
		if err != nil {
			return fmt.Errorf("watch the root: %w", err)
		}
		what, err := identify(in.root)
		if err != nil {
			return fmt.Errorf("watch the root: %w", err)
		}
		in.tree.plant(wd, what)
		in.watchBelow(in.tree.root)
		in.settleDebts()
		if !in.tree.torn {
			break
		}
		if try == maxRebuilds {
			in.tree.torn = false
			in.refuse(errors.New("directories move faster than they are watched"))
			break
		}
	}
	for wd := range before {
		if in.tree.nodes[wd] == nil {
			in.unwatch(wd)
		}
	}
	return nil
}

// settleDebts lists again what could not be listed. Whoever is not where the
// tree has it goes on owing: an event that tells where it is will come.
func (in *inotify) settleDebts() {
	debts := in.tree.owing
	if len(debts) == 0 {
		return
	}
	in.tree.owing = map[*watched]bool{}
	for n := range debts {
		in.watchBelow(n)
		if path, placed := n.path(); placed && !in.tree.owing[n] {
			in.say(event{at: name{dir: path}, deep: true})
		}
	}
}

// watch watches the directory that is now at base in parent, and every one
// below it that was not watched before.
func (in *inotify) watch(parent *watched, base string) {
	if parent == in.tree.root && base == in.skip {
		return
	}
	fd, err := in.openNode(parent)
	if err != nil {
		in.missed(err)
		in.tree.owing[parent] = true
		in.tree.loosen(parent.children[base])
		return
	}
	defer func() { _ = unix.Close(fd) }()
	if n := in.watchOne(fd, parent, base); n != nil {
		in.watchBelow(n)
	}
}

// watchOne watches the directory at base in parent, which is open as fd, and
// gives it its place in the tree. It returns the node of one that was not
// watched before, whose directories must be watched too.
func (in *inotify) watchOne(fd int, parent *watched, base string) *watched {
	child, err := openBelow(fd, base)
	if err != nil {
		in.missed(err)
		in.tree.loosen(parent.children[base])
		return nil
	}
	defer func() { _ = unix.Close(child) }()
	what, err := identify(child)
	if err == nil {
		var wd int32
		if wd, err = in.add(child); err == nil {
			return in.tree.put(wd, what, parent, base)
		}
	}
	in.missed(err)
	in.tree.loosen(parent.children[base])
	return nil
}

// watchBelow watches every directory below n.
func (in *inotify) watchBelow(n *watched) {
	todo := []*watched{n}
	for len(todo) > 0 && !in.stop.Load() {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		fd, err := in.openNode(n)
		if err != nil {
			in.missed(err)
			in.tree.owing[n] = true
			continue
		}
		todo = append(todo, in.watchIn(fd, n)...)
	}
}

// watchIn watches the directories in n, which is open as fd, closes it and
// returns those that were not watched before.
func (in *inotify) watchIn(fd int, n *watched) (fresh []*watched) {
	// The name lets ReadDir find the kind where the file system does not say it.
	f := os.NewFile(uintptr(fd), procFD(fd))
	defer f.Close()
	for {
		entries, err := f.ReadDir(maxListed)
		for _, e := range entries {
			if !e.IsDir() || n == in.tree.root && e.Name() == in.skip {
				continue
			}
			if child := in.watchOne(fd, n, e.Name()); child != nil {
				fresh = append(fresh, child)
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			in.missed(err)
		}
		if err != nil || len(entries) == 0 {
			return fresh
		}
	}
}

// addWatch gives the watch that an open directory has already, if it has one.
func (in *inotify) addWatch(fd int) (int32, error) {
	wd, err := unix.InotifyAddWatch(in.fd, procFD(fd), inMask)
	if errors.Is(err, unix.ENOSPC) {
		err = fmt.Errorf("the system allows no more watches, raise the sysctl fs.inotify.max_user_watches: %w", err)
	}
	return int32(wd), err
}

// openNode opens a watched directory, if it still is where the tree has it.
func (in *inotify) openNode(n *watched) (int, error) {
	path, placed := n.path()
	if !placed {
		return -1, unix.ENOENT
	}
	fd, err := in.open(path)
	if err != nil {
		return -1, err
	}
	what, err := identify(fd)
	if err == nil && what != n.what {
		err = unix.ENOENT
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// open opens a directory below the root. Long paths are walked in hops, for
// the kernel takes only so much at once.
func (in *inotify) open(path string) (int, error) {
	at := in.root
	for {
		hop, rest := path, ""
		if len(path) > maxHop {
			if i := strings.LastIndexByte(path[:maxHop], '/'); i > 0 {
				hop, rest = path[:i], path[i+1:]
			}
		}
		fd, err := openBelow(at, hop)
		if at != in.root {
			_ = unix.Close(at)
		}
		if err != nil || rest == "" {
			return fd, err
		}
		at, path = fd, rest
	}
}

// openBelow opens a directory below another, through no link and no mount.
func openBelow(at int, path string) (int, error) {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}
	for try := 0; ; try++ {
		fd, err := unix.Openat2(at, path, &how)
		if try < maxOpens && (errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)) {
			continue
		}
		return fd, err
	}
}

func identify(fd int) (identity, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return identity{}, err
	}
	return identity{st.Dev, st.Ino}, nil
}

// missed takes an error of a directory that could not be watched. One that is
// gone, or is a link now, needs no watch: whatever is there is told by the
// directory above it.
func (in *inotify) missed(err error) {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
	case errors.Is(err, unix.EXDEV):
		if !in.abroad {
			in.abroad = true
			in.log.Warn("changes of a file system mounted below the root are not heard")
		}
	default:
		in.refuse(err)
	}
}

// refuse tells once that part of the tree is not heard.
func (in *inotify) refuse(err error) {
	if in.partial {
		return
	}
	in.partial = true
	in.log.Warn("not every directory is watched and the folder is surveyed instead",
		zap.Int("watched", len(in.tree.nodes)), zap.Error(err))
	in.say(event{at: name{dir: "."}, kind: refused, deep: true})
}

// unwatch gives a watch back; one whose directory is gone is gone too.
func (in *inotify) unwatch(wd int32) {
	_, _ = unix.InotifyRmWatch(in.fd, uint32(wd))
}

func procFD(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
