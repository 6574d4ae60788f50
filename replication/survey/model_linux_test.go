package survey

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/zeebo/blake3"
	"golang.org/x/sys/unix"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/index"
	"dfsd/replication/reconcile"
)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type (
	Standing = index.Standing
	Facts    = index.Facts
)

// model is an index in memory.
type model struct {
	mu    sync.RWMutex
	last  uint64
	all   map[replication.FileID]*Standing
	dirs  map[replication.FileID]map[string]replication.FileID
	inode map[[2]uint64][]replication.FileID
	// order are the sorted names of directories, made when they are asked for.
	order map[replication.FileID][]string
	fault error
}

func newModel() *model {
	return &model{
		all: map[replication.FileID]*Standing{}, dirs: map[replication.FileID]map[string]replication.FileID{},
		inode: map[[2]uint64][]replication.FileID{}, order: map[replication.FileID][]string{},
	}
}

func (m *model) Standing(dir replication.FileID) iter.Seq2[Standing, error] {
	return func(yield func(Standing, error) bool) {
		m.mu.Lock()
		if m.order[dir] == nil {
			m.order[dir] = slices.Sorted(maps.Keys(m.dirs[dir]))
		}
		names, ids := m.order[dir], m.dirs[dir]
		m.mu.Unlock()
		if m.fault != nil {
			yield(Standing{}, m.fault)
			return
		}
		for _, name := range names {
			if !yield(*m.all[ids[name]], nil) {
				return
			}
		}
	}
}

func (m *model) StandingAt(p reconcile.Place) ([]Standing, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if id, ok := m.dirs[p.Parent][p.Name]; ok {
		return []Standing{*m.all[id]}, m.fault
	}
	return nil, m.fault
}

func (m *model) Bound(dev, inode uint64) (all []Facts, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, id := range m.inode[[2]uint64{dev, inode}] {
		all = append(all, m.all[id].Facts)
	}
	return all, m.fault
}

func (m *model) Entry(id replication.FileID) (reconcile.Entry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if s, ok := m.all[id]; ok {
		return s.Entry, m.fault
	}
	return reconcile.Entry{}, cmp.Or(m.fault, index.ErrNotFound)
}

func (m *model) drop(id replication.FileID) {
	s := m.all[id]
	if at := s.Entry.At; m.dirs[at.Parent][at.Name] == id {
		delete(m.dirs[at.Parent], at.Name)
		delete(m.order, at.Parent)
	}
	key := [2]uint64{s.Facts.Dev, s.Facts.Inode}
	m.inode[key] = slices.DeleteFunc(m.inode[key], func(o replication.FileID) bool { return o == id })
	delete(m.all, id)
}

func (m *model) put(id replication.FileID, at reconcile.Place, f *Found) {
	if m.all[id] != nil {
		m.drop(id)
	}
	s := &Standing{Name: at.Name, HasFacts: true}
	s.Facts = Facts{
		ID: id, Dev: f.Info.Dev, Inode: f.Info.Inode, Birth: f.Info.BTime, Changed: f.Info.CTime,
		Modified: f.Info.MTime, Size: f.Info.Size,
	}
	s.Entry = reconcile.Entry{ID: id, OnRecord: true, At: at, Disk: replication.Record{
		ID: id, Parent: at.Parent, Name: at.Name, Kind: f.Kind, Size: f.Size, Hash: f.Hash, Target: f.Target, Attr: f.Attr,
	}}
	m.all[id] = s
	if m.dirs[at.Parent] == nil {
		m.dirs[at.Parent] = map[string]replication.FileID{}
	}
	m.dirs[at.Parent][at.Name] = id
	delete(m.order, at.Parent)
	key := [2]uint64{f.Info.Dev, f.Info.Inode}
	m.inode[key] = append(m.inode[key], id)
}

// report is all that one survey told.
type report struct {
	found   []Found
	missing []Missing
	later   []Later
	busy    sync.Mutex
	t       testing.TB
	hook    func() error // called before each Found
}

func (r *report) enter() func() {
	if !r.busy.TryLock() {
		r.t.Error("the sink is called by two goroutines at once")
		return func() {}
	}
	return r.busy.Unlock
}

func (r *report) Found(f Found) error {
	defer r.enter()()
	if r.hook != nil {
		if err := r.hook(); err != nil {
			return err
		}
	}
	r.found = append(r.found, f)
	return nil
}

func (r *report) Missing(m Missing) error {
	defer r.enter()()
	r.missing = append(r.missing, m)
	return nil
}

func (r *report) Later(l Later) error {
	defer r.enter()()
	r.later = append(r.later, l)
	return nil
}

// String is the report as tests compare it, sorted.
func (r *report) String() string {
	var lines []string
	for _, f := range r.found {
		s := "found " + fsx.Join(f.Dir, f.Name)
		switch {
		case f.Stood:
			s += " stood"
		case f.ID != replication.RootID:
			s += " moved"
		}
		lines = append(lines, s)
	}
	for _, m := range r.missing {
		s := "missing " + fsx.Join(m.Dir, m.Name)
		if m.Replaced {
			s += " replaced"
		}
		lines = append(lines, s)
	}
	for _, l := range r.later {
		lines = append(lines, "later "+fsx.Join(l.Dir, l.Name))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// apply brings the model to what the report says. It returns what was at fault
// with the report.
func (m *model) apply(r *report) error {
	dirs := map[string]replication.FileID{".": replication.RootID, holding: reconcile.HoldID}
	moved := map[replication.FileID]string{}
	before := map[replication.FileID]map[string]replication.FileID{}
	for id, names := range m.dirs {
		before[id] = maps.Clone(names)
	}
	var resolve func(path string) (replication.FileID, error)
	resolve = func(path string) (replication.FileID, error) {
		if id, ok := dirs[path]; ok {
			return id, nil
		}
		dir, name := fsx.Split(path)
		up, err := resolve(dir)
		if err != nil {
			return up, err
		}
		id, ok := before[up][name]
		if !ok {
			return id, fmt.Errorf("%s is not known before what is in it", path)
		}
		return id, nil
	}
	for i := range r.found {
		f := &r.found[i]
		parent, err := resolve(f.Dir)
		if err != nil {
			return err
		}
		at, id := reconcile.Place{Parent: parent, Name: f.Name}, f.ID
		if stands := before[parent][f.Name]; f.Stood && stands != f.ID {
			return fmt.Errorf("%s stood as %v, and the index has %v there", fsx.Join(f.Dir, f.Name), f.ID, stands)
		}
		if id == replication.RootID {
			m.last++
			binary.BigEndian.PutUint64(id[:], m.last)
		}
		if other, twice := moved[id]; twice {
			return fmt.Errorf("%s and %s are both %v", other, fsx.Join(f.Dir, f.Name), id)
		}
		moved[id] = fsx.Join(f.Dir, f.Name)
		if f.Kind == replication.Directory {
			dirs[fsx.Join(f.Dir, f.Name)] = id
		}
		m.put(id, at, f)
	}
	for _, g := range r.missing {
		if _, there := moved[g.ID]; !there && m.all[g.ID] != nil {
			m.drop(g.ID)
		}
	}
	m.prune()
	return nil
}

// prune drops what stands in directories that are gone.
func (m *model) prune() {
	for again := true; again; {
		again = false
		for id, s := range m.all {
			if up := s.Entry.At.Parent; up != replication.RootID && up != reconcile.HoldID && m.all[up] == nil {
				m.drop(id)
				again = true
			}
		}
	}
}

func (m *model) path(id replication.FileID) string {
	path := "."
	for id != replication.RootID {
		if id == reconcile.HoldID {
			return join2(holding, path)
		}
		path, id = join2(m.all[id].Entry.At.Name, path), m.all[id].Entry.At.Parent
	}
	return path
}

// tree describes what the model holds, by path.
func (m *model) tree() map[string]string {
	tree := map[string]string{}
	for id, s := range m.all {
		d := &s.Entry.Disk
		tree[m.path(id)] = describe(d.Kind, d.Hash, d.Size, d.Target, d.Attr)
	}
	return tree
}

func describe(k replication.Kind, h replication.Hash, size int64, target string, a replication.Attr) string {
	s := fmt.Sprintf("%v %x %d %q %o %d:%d", k, h[:4], size, target, a.Mode, a.UID, a.GID)
	if k != replication.Directory {
		s += fmt.Sprint(" ", a.MTime)
	}
	for _, x := range a.Xattrs {
		s += fmt.Sprintf(" %s=%q", x.Name, x.Value)
	}
	return s
}

// onDisk describes a tree by other means than the survey's.
func onDisk(t testing.TB, root string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	ok(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		rel, err := filepath.Rel(root, path)
		ok(t, err)
		if e.Name() == ".dfsd" {
			return fs.SkipDir
		}
		var st unix.Stat_t
		ok(t, unix.Lstat(path, &st))
		a := replication.Attr{Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid, MTime: st.Mtim.Nano()}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			b, err := os.ReadFile(path)
			ok(t, err)
			a.Xattrs = xattrs(t, path)
			tree[rel] = describe(replication.File, blake3.Sum256(b), int64(len(b)), "", a)
		case unix.S_IFDIR:
			a.Xattrs = xattrs(t, path)
			tree[rel] = describe(replication.Directory, replication.Hash{}, 0, "", a)
		case unix.S_IFLNK:
			target, err := os.Readlink(path)
			ok(t, err)
			tree[rel] = describe(replication.Symlink, replication.Hash{}, 0, target, a)
		}
		return nil
	}))
	return tree
}

func xattrs(t testing.TB, path string) (all []replication.Xattr) {
	t.Helper()
	b := make([]byte, 4096)
	n, err := unix.Llistxattr(path, b)
	ok(t, err)
	for name := range bytes.SplitSeq(b[:n], []byte{0}) {
		if !bytes.HasPrefix(name, []byte("user.")) {
			continue
		}
		v := make([]byte, 4096)
		k, err := unix.Lgetxattr(path, string(name), v)
		ok(t, err)
		all = append(all, replication.Xattr{Name: string(name), Value: v[:k]})
	}
	slices.SortFunc(all, func(a, b replication.Xattr) int { return strings.Compare(a.Name, b.Name) })
	return all
}

const holding = ".dfsd/hold"

// house is a folder on disk with its model.
type house struct {
	t    testing.TB
	path string
	root fsx.Dir
	m    *model
	o    Options
}

func newHouse(t testing.TB) *house {
	t.Helper()
	path := filepath.Join(t.TempDir(), "folder")
	ok(t, os.Mkdir(path, 0o755))
	return openHouse(t, path, fsx.OS())
}

func openHouse(t testing.TB, path string, below fsx.FS) *house {
	t.Helper()
	root, err := below.OpenRoot(path)
	ok(t, err)
	t.Cleanup(func() { _ = root.Close() })
	m := newModel()
	return &house{t, path, root, m, Options{Root: root, Index: m, Private: ".dfsd", Hold: holding}}
}

var whole = []Area{{Dir: ".", Deep: true}}

// survey runs one and leaves the model alone.
func (h *house) survey(areas ...Area) (*report, Result) {
	h.t.Helper()
	r := &report{t: h.t}
	result, err := Run(context.Background(), h.o, areas, r)
	ok(h.t, err)
	return r, result
}

// learn runs a survey of everything and applies it.
func (h *house) learn() {
	h.t.Helper()
	r, _ := h.survey(whole...)
	ok(h.t, h.m.apply(r))
}

func (h *house) abs(path string) string { return filepath.Join(h.path, path) }

func (h *house) write(path, content string) {
	h.t.Helper()
	ok(h.t, os.MkdirAll(filepath.Dir(h.abs(path)), 0o755))
	ok(h.t, os.WriteFile(h.abs(path), []byte(content), 0o644))
}

// check compares the model with the disk.
func (h *house) check() {
	h.t.Helper()
	got, want := h.m.tree(), onDisk(h.t, h.path)
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if got[path] != want[path] {
			h.t.Errorf("%s: the model has %q, the disk %q", path, got[path], want[path])
		}
		delete(got, path)
	}
	for path, what := range got {
		h.t.Errorf("%s: the model has %q, the disk nothing", path, what)
	}
}
