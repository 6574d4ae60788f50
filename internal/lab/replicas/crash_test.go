//go:build integration

package replicas

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// isDiskGone tells an error of a disk that has no power from one that a user
// should never meet.
func isDiskGone(err error) bool { return errors.Is(err, unix.EIO) || errors.Is(err, unix.EROFS) }

// dice are the test's own, or those of a run that is to be repeated.
func dice(t testing.TB) (uint64, *rand.Rand) {
	t.Helper()
	seed := uint64(fromEnv(t, "DFSD_SEED", int(time.Now().UnixNano()&0x7fffffff)))
	t.Logf("DFSD_SEED=%d repeats these dice", seed)
	return seed, rand.New(rand.NewPCG(seed, 1))
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

// TestKilledAgain: daemons are killed at any moment while users work at every
// member. In the end all agree, nothing that was saved is lost, nothing that
// was deleted is back, and no temporary is left.
func TestKilledAgain(t *testing.T) {
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d members", n), func(t *testing.T) {
			seed, r := dice(t)
			g := newGroup(t, setup{members: n, imageMB: 2048, seed: func(g *group) { prepareWorkload(t, g) }})
			g.converged(t, patience)
			load := startWorkload(t, g, seed, 10*time.Millisecond)
			for range fromEnv(t, "DFSD_KILLS", 5) {
				pause(between(r, 20*time.Millisecond, 700*time.Millisecond))
				victim := g.members[r.IntN(n)]
				victim.kill()
				if r.IntN(3) == 0 { // now and then one is away for a while, now and then two are
					pause(between(r, time.Millisecond, 400*time.Millisecond))
				}
				if r.IntN(4) == 0 {
					other := g.members[r.IntN(n)]
					other.kill()
				}
				g.start(t)
			}
			pause(time.Second) // and a while in peace
			load.stop()
			load.verify(t, g.converged(t, 2*patience))
		})
	}
}

// TestPowerLoss: the power of a member's disk is cut while users work at
// every member. After the journal of the file system is played back all
// agree, and what users had synced is there.
func TestPowerLoss(t *testing.T) {
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d members", n), func(t *testing.T) { powerLoss(t, n) })
	}
}

func powerLoss(t *testing.T, members int) {
	seed, r := dice(t)
	g := newGroup(t, setup{members: members, imageMB: 2048, seed: func(g *group) { prepareWorkload(t, g) }})
	g.converged(t, patience)
	for _, m := range g.members {
		must(t, "sync", "-f", m.root()) // what was there before the users came is not theirs to lose
	}
	load := startWorkload(t, g, seed, 10*time.Millisecond)
	for range fromEnv(t, "DFSD_KILLS", 3) {
		pause(between(r, 50*time.Millisecond, time.Second))
		victim := r.IntN(len(g.members))
		m, u := g.members[victim], load.users[victim]
		// With the power goes the network: a disk that is being shut down may still
		// say that it has synced, and nobody is to hear of that.
		g.isolate(victim)
		m.disk.cutPower(t)
		pause(between(r, time.Millisecond, 100*time.Millisecond)) // the daemon meets EIO
		m.kill()
		g.rejoin(victim)
		u.wait.Lock()
		err := m.disk.unmount()
		if err == nil {
			if r.IntN(3) == 0 {
				newImage(t, t.TempDir(), "other", 16) // which takes the number that the disk had
			}
			m.disk.mount(t)
		}
		u.wait.Unlock()
		check(t, err)
		m.start(t)
	}
	pause(time.Second) // and a while in peace
	load.stop()
	load.verify(t, g.converged(t, 2*patience))
	for _, m := range g.members {
		m.stop(t)
		check(t, m.disk.unmount())
		m.disk.check(t)
	}
}

// lostIndex lets a member lose or garble its index while it is stopped, and
// others edit meanwhile; it comes back and is told of little more than what
// changed.
func lostIndex(t *testing.T, harm func(t testing.TB, state string)) {
	const (
		files = 1000
		most  = 400 << 10 // bytes; the contents are 16 MB
	)
	g := newGroup(t, setup{seed: func(g *group) {
		for i := range files {
			write(t, g.members[0].path(fmt.Sprintf("%d/file %d", i%10, i)), strings.Repeat(fmt.Sprintf("%d of 16 KiB ", i), 1300))
		}
	}})
	g.converged(t, 2*patience)
	for _, victim := range []int{1, 0} { // a member, and the primary
		m, other := g.members[victim], g.members[1-victim]
		m.stop(t)
		harm(t, m.state())
		edited := fmt.Sprintf("3/file %d", 13+10*victim)
		write(t, other.path(edited), "edited while the other was away")
		remove(t, other.path(fmt.Sprintf("4/file %d", 14+10*victim)))
		want := read(t, other.root())
		mark := g.wire()
		m.start(t)
		g.becomes(t, want, 2*patience)
		spent := g.wire() - mark
		t.Logf("%s came back for %d bytes on the wire", m.host, spent)
		if spent > most {
			t.Errorf("%s came back for %d bytes on the wire, want %d at most", m.host, spent, most)
		}
		g.change(t, victim, func(m *member) { write(t, m.path("since"), m.host) })
		if r := m.command("replication", "status"); r.code != 0 {
			t.Errorf("after all is well again: %s", r)
		}
	}
}

// TestIndexDeleted: a member that lost its index finds its files again instead
// of fetching them, takes what others changed, and gives nothing deleted back.
func TestIndexDeleted(t *testing.T) {
	lostIndex(t, func(t testing.TB, state string) {
		indexFiles(t, state, func(path string) { remove(t, path) })
	})
}

// TestIndexCorrupted: so does one whose index is garbage.
func TestIndexCorrupted(t *testing.T) {
	_, r := dice(t)
	lostIndex(t, func(t testing.TB, state string) {
		indexFiles(t, state, func(path string) {
			info, err := os.Stat(path)
			check(t, err)
			if info.Size() == 0 {
				return
			}
			for range 1 + info.Size()/4096 {
				garbage := make([]byte, 16)
				for i := range garbage {
					garbage[i] = byte(r.Uint32())
				}
				writeAt(t, path, r.Int64N(info.Size()), string(garbage))
			}
		})
	})
}

// indexFiles visits every file of a data directory but the key of the host,
// which no crash of an index takes along.
func indexFiles(t testing.TB, state string, visit func(path string)) {
	t.Helper()
	visited := 0
	check(t, filepath.WalkDir(state, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.Contains(d.Name(), "key") && filepath.Dir(path) != state {
			visited++
			visit(path)
		}
		return err
	}))
	if visited == 0 {
		t.Errorf("%s holds no file of an index below it", state)
	}
}

// TestIndexRolledBack: a member whose index was brought back from an old copy
// neither undoes what happened since nor loses it.
func TestIndexRolledBack(t *testing.T) {
	g := newGroup(t, setup{})
	g.converged(t, patience)
	g.change(t, 0, func(m *member) { write(t, m.path("old"), "1"); write(t, m.path("edited"), "1") })
	m := g.members[1]
	m.stop(t)
	backup := filepath.Join(g.dir, "backup")
	must(t, "cp", "-a", m.state(), backup)
	m.start(t)
	g.converged(t, patience)
	g.change(t, 1, func(m *member) {
		write(t, m.path("edited"), "2, at the one that forgets")
		write(t, m.path("new"), "2")
		remove(t, m.path("old"))
	})
	g.change(t, 0, func(m *member) { write(t, m.path("other"), "2") })
	want := read(t, m.root())
	m.stop(t)
	removeAll(t, m.state())
	must(t, "cp", "-a", backup, m.state())
	m.start(t)
	g.becomes(t, want, 2*patience)
	g.change(t, 1, func(m *member) { write(t, m.path("edited"), "3") })
	g.change(t, 0, func(m *member) { write(t, m.path("new"), "3") })
}
