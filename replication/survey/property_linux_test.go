package survey

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// user changes a folder at random, and keeps what a journal would have heard.
type user struct {
	h     *house
	r     *rand.Rand
	n     int
	hints []Area
	links bool // makes hard links, too
}

func (u *user) heard(paths ...string) {
	for _, path := range paths {
		dir, name := fsx.Split(path)
		u.hints = append(u.hints, Area{Dir: dir, Name: name})
	}
}

// pick returns some path of one of the kinds, "" if there is none.
func (u *user) pick(kinds ...fs.FileMode) string {
	var all []string
	ok(u.h.t, filepath.WalkDir(u.h.path, func(path string, e fs.DirEntry, err error) error {
		if err == nil && path != u.h.path && slices.Contains(kinds, e.Type()) {
			rel, _ := filepath.Rel(u.h.path, path)
			all = append(all, rel)
		}
		return err
	}))
	if len(all) == 0 {
		return ""
	}
	return all[u.r.IntN(len(all))]
}

func (u *user) dir() string {
	if d := u.pick(fs.ModeDir); d != "" && u.r.IntN(4) > 0 {
		return d
	}
	return "."
}

func (u *user) fresh() string {
	u.n++
	return fsx.Join(u.dir(), fmt.Sprintf("%c%d", 'a'+u.r.IntN(26), u.n))
}

func (u *user) content() []byte {
	return []byte(strings.Repeat(fmt.Sprint(u.r.Uint64()), u.r.IntN(40)))
}

// step makes one change. What the system refuses is no change.
func (u *user) step() {
	file, dir, some := u.pick(0), u.pick(fs.ModeDir), u.pick(0, fs.ModeDir, fs.ModeSymlink)
	fresh := u.fresh()
	abs := u.h.abs
	try := func(err error, paths ...string) {
		if err == nil {
			u.heard(paths...)
		}
	}
	switch n := u.r.IntN(16); {
	case n < 3 || some == "":
		try(os.WriteFile(abs(fresh), u.content(), 0o644), fresh)
	case n == 3:
		try(os.Mkdir(abs(fresh), 0o755), fresh)
	case n == 4:
		try(os.Symlink(fresh, abs(fresh)), fresh)
	case n == 5:
		try(os.Rename(abs(some), abs(fresh)), some, fresh)
	case n == 6 && dir != "":
		try(os.Rename(abs(dir), abs(fresh)), dir, fresh)
	case n == 7 && file != "":
		other := u.pick(0)
		try(os.Rename(abs(file), abs(other)), file, other)
	case n == 8 && dir != "":
		try(os.RemoveAll(abs(dir)), dir)
	case n == 9:
		try(os.RemoveAll(abs(some)), some)
	case n == 10:
		other := u.pick(0, fs.ModeDir, fs.ModeSymlink)
		err := unix.Renameat2(unix.AT_FDCWD, abs(some), unix.AT_FDCWD, abs(other), unix.RENAME_EXCHANGE)
		try(err, some, other)
	case n == 11 && dir != "":
		try(os.Chmod(abs(dir), 0o700+fs.FileMode(u.r.IntN(64))), dir)
		try(unix.Setxattr(abs(dir), "user.d", u.content()[:0], 0), dir)
	case n == 12 && file != "":
		try(unix.Setxattr(abs(file), fmt.Sprintf("user.%d", u.r.IntN(3)), []byte(fresh), 0), file)
	case n == 13 && file != "":
		at := time.Unix(int64(u.r.IntN(1e9)), 5)
		try(os.Chtimes(abs(file), at, at), file)
	case n == 14 && u.links:
		if from := u.pick(0, fs.ModeSymlink); from != "" {
			try(os.Link(abs(from), abs(fresh)), fresh, from)
		}
	case file != "":
		u.rewrite(abs(file), file)
	}
}

// rewrite changes a content in its place, often without changing its length.
func (u *user) rewrite(abs, path string) {
	b, err := os.ReadFile(abs)
	ok(u.h.t, err)
	if len(b) == 0 || u.r.IntN(2) == 0 {
		b = append(b, "more"...)
	} else {
		b[0]++
	}
	f, err := os.OpenFile(abs, os.O_WRONLY, 0)
	ok(u.h.t, err)
	_, err = f.Write(b)
	ok(u.h.t, err)
	ok(u.h.t, f.Close())
	u.heard(path)
}

type born struct {
	inode uint64
	at    int64
}

// identities maps what has just one name on disk to what the model calls it.
func (h *house) identities() map[born]replication.FileID {
	ids := map[born]replication.FileID{}
	for id := range h.m.all {
		info, err := h.root.Stat(h.m.path(id))
		ok(h.t, err)
		if !linked(&info) {
			ids[born{info.Inode, info.BTime}] = id
		}
	}
	return ids
}

// TestRandom: whatever a user does, what a survey reports brings the model to
// the tree, whether everything is looked at or what a journal has heard of; and
// what had one name keeps its identity.
func TestRandom(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			u := &user{h: h, r: rand.New(rand.NewPCG(seed, 1)), links: seed%2 == 0}
			for range 40 {
				u.step()
			}
			h.learn()
			h.check()
			for round := range 12 {
				before := h.identities()
				u.hints = nil
				for range 1 + u.r.IntN(12) {
					u.step()
				}
				areas := whole
				if !u.links {
					areas = u.hints
					u.r.Shuffle(len(areas), func(i, j int) { areas[i], areas[j] = areas[j], areas[i] })
				}
				r, _ := h.survey(areas...)
				if len(r.later) > 0 {
					t.Fatalf("round %d: %v", round, r)
				}
				ok(t, h.m.apply(r))
				h.check()
				for is, id := range h.identities() {
					if was, there := before[is]; there && was != id {
						t.Errorf("round %d: inode %d was %v and is %v at %s", round, is.inode, was, id, h.m.path(id))
					}
				}
				if again, _ := h.survey(whole...); again.String() != "" {
					t.Errorf("round %d: again %v", round, again)
				}
				if t.Failed() {
					t.Fatalf("round %d after %+v:\n%v", round, areas, r)
				}
			}
		})
	}
}
