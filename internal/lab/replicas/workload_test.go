//go:build integration

package replicas

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// workload is users at every member who save, edit, rename and delete as fast
// as they are told, and a journal of what they achieved. Every user has a
// folder of his own, of which the journal says exactly what must be in it, and
// all save the same files of the folder "shared", without deleting.
type workload struct {
	t     testing.TB
	group *group
	pace  time.Duration // between two deeds of one user
	wg    sync.WaitGroup
	users []*user
	end   chan struct{}

	mu     sync.Mutex
	shared map[string][]saved // guarded by mu: all that was saved there, by path
	torn   bool               // guarded by mu: a cut of the power may have left a user's temporary
}

// saved is one save of a shared file. It took its name between two moments.
type saved struct {
	text     string
	by       int // the member
	from, to time.Time
	synced   bool // it is certain that it is there
}

// mayReplace tells whether the user of s may have seen o when he saved: his
// own saves he has seen, those of others once they had settled.
func (s saved) mayReplace(o saved) bool {
	seen := o.from
	if s.by != o.by {
		seen = seen.Add(50 * time.Millisecond)
	}
	return s.to.After(seen)
}

// user is one member's user. Its fields are its goroutine's.
type user struct {
	load    *workload
	m       *member
	dice    *rand.Rand
	own     map[string]string // path to content of what he has; "" where he deleted
	unknown map[string]bool   // paths whose last deed may or may not have happened
	deeds   int
	wait    sync.Mutex // held while the member's disk is away
}

// startWorkload lets the users begin; stop ends them.
func startWorkload(t testing.TB, g *group, seed uint64, pace time.Duration) *workload {
	t.Helper()
	w := &workload{t: t, group: g, pace: pace, end: make(chan struct{}), shared: map[string][]saved{}}
	for _, m := range g.members {
		u := &user{load: w, m: m, dice: rand.New(rand.NewPCG(seed, uint64(m.index))), own: map[string]string{}, unknown: map[string]bool{}}
		w.users = append(w.users, u)
		w.wg.Go(u.work)
	}
	t.Cleanup(w.stop)
	return w
}

// prepareWorkload makes the folders that the users work in, at one member.
func prepareWorkload(t testing.TB, g *group) {
	t.Helper()
	for _, m := range g.members {
		for i := range 4 {
			mkdir(t, g.members[0].path(fmt.Sprintf("own-%d/%d", m.index, i)))
		}
	}
	mkdir(t, g.members[0].path("shared"))
}

// stop ends the users and waits for them.
func (w *workload) stop() {
	select {
	case <-w.end:
	default:
		close(w.end)
	}
	w.wg.Wait()
}

func (u *user) work() {
	for {
		select {
		case <-u.load.end:
			return
		case <-time.After(u.load.pace):
			u.wait.Lock()
			u.deed()
			u.wait.Unlock()
		}
	}
}

// deed does one thing. A content is unlike every other one.
func (u *user) deed() {
	u.deeds++
	dashes := u.dice.IntN(1 << u.dice.IntN(16))
	text := fmt.Sprintf("%s deed %d, %d dashes|%s", u.m.host, u.deeds, dashes, strings.Repeat("-", dashes))
	path := fmt.Sprintf("own-%d/%d/f%d", u.m.index, u.dice.IntN(4), u.dice.IntN(40))
	switch n := u.dice.IntN(11); {
	case n == 10:
		u.readShared()
	case n < 2:
		u.saveShared(fmt.Sprintf("shared/f%d", u.dice.IntN(20)), text)
	case n < 5:
		u.note(trySave(u.m.root(), path, text), path, text)
	case n < 7:
		u.note(u.overwrite(path, text), path, text)
	case u.own[path] == "" || u.unknown[path]:
		u.note(trySave(u.m.root(), path, text), path, text)
	case n < 9:
		u.delete(path)
	default:
		u.move(path, fmt.Sprintf("own-%d/%d/f%d", u.m.index, u.dice.IntN(4), u.dice.IntN(40)))
	}
}

// note journals that a path holds something now.
func (u *user) note(err error, path, text string) {
	delete(u.unknown, path)
	u.own[path] = text
	if err != nil {
		u.failed(err, path)
	}
}

// failed journals that nobody knows what a path holds.
func (u *user) failed(err error, path string) {
	u.unknown[path] = true
	u.load.mu.Lock()
	defer u.load.mu.Unlock()
	u.load.torn = true
	if !isDiskGone(err) {
		u.load.t.Errorf("%s: the user's own work: %v", u.m.host, err)
	}
}

func (u *user) overwrite(path, text string) error {
	f, err := os.Create(u.m.path(path))
	if err != nil {
		return err
	}
	defer f.Close()
	half := len(text) / 2
	for _, part := range []string{text[:half], text[half:]} {
		if _, err := f.WriteString(part); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(u.m.path(path)))
}

func (u *user) delete(path string) {
	err := os.Remove(u.m.path(path))
	if err == nil {
		err = syncFolder(filepath.Dir(u.m.path(path)))
	}
	u.note(err, path, "")
}

func (u *user) move(from, to string) {
	if from == to {
		return
	}
	text := u.own[from]
	err := os.Rename(u.m.path(from), u.m.path(to))
	if err == nil {
		err = errors.Join(syncFolder(filepath.Dir(u.m.path(from))), syncFolder(filepath.Dir(u.m.path(to))))
	}
	u.note(err, from, "")
	u.note(err, to, text)
}

func (u *user) saveShared(rel, text string) {
	path := u.m.path(rel)
	s := saved{text: text, by: u.m.index, from: time.Now(), to: time.Now()}
	temp, err := writeTemp(path, text)
	if err == nil {
		s.from = time.Now()
		err = os.Rename(temp, path)
		s.to = time.Now()
		if err == nil {
			err = syncFolder(filepath.Dir(path))
		}
	}
	s.synced = err == nil
	u.load.mu.Lock()
	defer u.load.mu.Unlock()
	u.load.shared[rel] = append(u.load.shared[rel], s)
	if err != nil {
		u.load.torn = true
	}
	if err != nil && !isDiskGone(err) {
		u.load.t.Errorf("%s: the user's own work: %v", u.m.host, err)
	}
}

// readShared looks at what stands in "shared" at the user's own member: whole
// contents under names of users, whatever is on its way.
func (u *user) readShared() {
	names, err := os.ReadDir(u.m.path("shared"))
	if err != nil && !isDiskGone(err) {
		u.load.t.Errorf("%s: the user's own work: %v", u.m.host, err)
	}
	for _, entry := range names {
		name, saving := strings.CutPrefix(entry.Name(), ".save-")
		if saving {
			name, _, _ = strings.Cut(name, "-")
		}
		if digits, ok := strings.CutPrefix(name, "f"); !ok || strings.Trim(digits, "0123456789") != "" {
			u.load.t.Errorf("%s: a stranger's name shows: %q", u.m.host, entry.Name())
		}
		if saving {
			continue
		}
		b, err := os.ReadFile(u.m.path("shared/" + entry.Name()))
		if err == nil && !whole(string(b)) {
			u.load.t.Errorf("%s: shared/%s shows a part of a content: %d bytes, %.60q", u.m.host, entry.Name(), len(b), b)
		}
	}
}

// whole tells whether a content is one that a user wrote, to its end.
func whole(text string) bool {
	head, tail, _ := strings.Cut(text, "|")
	var host string
	var deed, dashes int
	_, err := fmt.Sscanf(head, "%s deed %d, %d dashes", &host, &deed, &dashes)
	return err == nil && tail == strings.Repeat("-", dashes)
}

// verify holds the tree of all members, and what they preserved, against the
// journal. Call it when the users have ended and the group has converged.
func (w *workload) verify(t testing.TB, got tree) {
	t.Helper()
	allowed := map[string]bool{"shared": true}
	deeds := 0
	for _, u := range w.users {
		deeds += u.deeds
		u.verify(t, got, allowed)
	}
	root := w.group.runningMembers()[0]
	wanted, ever := w.demands()
	w.group.demandKept(t, got, wanted)
	for path, e := range got {
		if w.torn && strings.HasPrefix(filepath.Base(path), ".save-") {
			continue
		}
		if filepath.Dir(path) == "shared" && e.kind == "file" {
			allowed[path] = true
			if text := content(root.path(path)); !ever[text] {
				t.Errorf("%s holds %.60q, which nobody saved", path, text)
			}
		}
		if !allowed[path] {
			t.Errorf("%q (%s of %d bytes) is there, and nobody left it", path, e.kind, e.size)
		}
	}
	t.Logf("%d deeds, %d entries, %d demands on shared files", deeds, len(got), len(wanted))
}

// demands returns the saves of shared files that nobody can have replaced
// knowingly, and the texts of all.
func (w *workload) demands() (wanted map[[32]byte]string, ever map[string]bool) {
	wanted, ever = map[[32]byte]string{}, map[string]bool{}
	for path, all := range w.shared {
		for i, s := range all {
			ever[s.text] = true
			replaced := !s.synced
			for j, later := range all {
				replaced = replaced || i != j && later.mayReplace(s)
			}
			if !replaced {
				wanted[sumOf(s.text)] = fmt.Sprintf("%.30q, saved last as %s", s.text, path)
			}
		}
	}
	return wanted, ever
}

// verify holds the folder of one user against his journal: what he has is
// there as he saved it, what he deleted is not back.
func (u *user) verify(t testing.TB, got tree, allowed map[string]bool) {
	t.Helper()
	allowed[fmt.Sprintf("own-%d", u.m.index)] = true
	for i := range 4 {
		allowed[fmt.Sprintf("own-%d/%d", u.m.index, i)] = true
	}
	for path, text := range u.own {
		_, live := got[path]
		switch {
		case u.unknown[path]:
			allowed[path] = true
		case text == "" && live:
			t.Errorf("%s was deleted by its only user and is back", path)
			allowed[path] = true
		case text != "" && got[path].sum != sumOf(text):
			t.Errorf("%s (live: %v) does not hold what its only user saved last, %.40q", path, live, text)
			fallthrough
		default:
			allowed[path] = true
		}
	}
}
