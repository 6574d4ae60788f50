package canary

import (
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestDelayIsMeasured: two members, between which replication takes 3.5 s.
func TestDelayIsMeasured(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newMember(t, hosts[0]), newMember(t, hosts[1])
		replicate(t, a, b, 3500*time.Millisecond)
		replicate(t, b, a, 20500*time.Millisecond)
		a.start()
		b.start()
		pass(30 * time.Second)
		for _, c := range []struct {
			at   *member
			from string
			want time.Duration // and at most a second more
		}{
			{b, hosts[0], 3500 * time.Millisecond},
			{a, hosts[1], 20500 * time.Millisecond},
		} {
			got, ok := c.at.arrival(c.from)
			if !ok || got.Seq != 1 || got.Skewed || got.Delay < c.want || got.Delay > c.want+pause ||
				got.Arrived.Sub(got.Written) != got.Delay || got.Age != 30*time.Second {
				t.Errorf("at %s arrived %+v, want the first after %s", c.at.host, got, c.want)
			}
			if n := len(c.at.Arrivals()); n != 1 {
				t.Errorf("%s has %d arrivals, want that of the other member", c.at.host, n)
			}
		}
		pass(2 * time.Minute)
		if got, _ := b.arrival(hosts[0]); got.Seq != 3 || got.Age != 30*time.Second {
			t.Errorf("after two minutes more arrived %+v, want the third", got)
		}
		a.counts(3, 3, 0, 0)
		b.counts(3, 3, 0, 0)
	})
}

// TestMetricsText pins names, labels and values.
func TestMetricsText(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newMember(t, hosts[1])
		stop := b.start()
		pass(2500 * time.Millisecond)
		b.put(hosts[0], note{FileName(hosts[0]), 7, time.Now().Add(-time.Second)}.append(nil))
		pass(2 * time.Second)
		const counters = `
# HELP dfsd_replication_canaries_skewed_total Canaries that arrived, by this host's clock, before they were written by the writer's; their delay counts as 0.
# TYPE dfsd_replication_canaries_skewed_total counter
dfsd_replication_canaries_skewed_total 0
# HELP dfsd_replication_canaries_total Canaries that were written by this host, that arrived from others, and that could not be written or read.
# TYPE dfsd_replication_canaries_total counter
dfsd_replication_canaries_total{result="arrived"} 1
dfsd_replication_canaries_total{result="failed"} 0
dfsd_replication_canaries_total{result="written"} 1
`
		const gauges = `
# HELP dfsd_replication_canary_age_seconds Time since the newest canary that arrived was written: what would be lost if the writer were.
# TYPE dfsd_replication_canary_age_seconds gauge
dfsd_replication_canary_age_seconds{folder="projects",from="fs1.example.com",group="branch",to="FS2.example.com"} 2.5
# HELP dfsd_replication_convergence_seconds How long the last canary took from its writing to its arrival, by the clocks of the two hosts.
# TYPE dfsd_replication_convergence_seconds gauge
dfsd_replication_convergence_seconds{folder="projects",from="fs1.example.com",group="branch",to="FS2.example.com"} 1.5
`
		if err := testutil.GatherAndCompare(b.registry, strings.NewReader(counters+gauges)); err != nil {
			t.Error(err)
		}
		stop()
		if err := testutil.GatherAndCompare(b.registry, strings.NewReader(counters)); err != nil {
			t.Error("after the end:", err)
		}
	})
}

// TestNumbersGoOn over a restart, and so does the pause.
func TestNumbersGoOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newMember(t, hosts[0])
		stop := a.start()
		pass(130 * time.Second) // written at 0, 60 and 120
		stop()
		again := newMember(t, hosts[0], func(o *Options) { o.Root = a.root })
		stop = again.start()
		pass(40 * time.Second)
		again.counts(0, 0, 0, 0)
		if n := a.note(hosts[0]); n.seq != 3 {
			t.Errorf("number %d before the pause is over, want 3", n.seq)
		}
		pass(15 * time.Second)
		if n := a.note(hosts[0]); n.seq != 4 || time.Since(n.written) != 5*time.Second {
			t.Errorf("after a restart %+v was written, want number 4 a minute after number 3", n)
		}
		stop()

		a.put(hosts[0], note{FileName(hosts[0]), maxSeq, time.Now().Add(-time.Hour)}.append(nil))
		newMember(t, hosts[0], func(o *Options) { o.Root = a.root }).start()
		pass(0)
		if n := a.note(hosts[0]); n.seq != 1 {
			t.Errorf("number %d follows the greatest, want 1", n.seq)
		}
	})
}

// TestWhatWasThereIsNoArrival: a daemon that was down for hours measured none.
func TestWhatWasThereIsNoArrival(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newMember(t, hosts[1])
		b.put(hosts[0], note{FileName(hosts[0]), 7, time.Now().Add(-3 * time.Hour)}.append(nil))
		b.start()
		pass(1500 * time.Millisecond)
		if a, ok := b.arrival(hosts[0]); !ok || !a.Arrived.IsZero() || a.Delay != 0 || a.Age < 3*time.Hour {
			t.Errorf("arrived %+v, want its age alone", a)
		}
		b.counts(1, 0, 0, 0)
		if n := testutil.CollectAndCount(b.m.convergence); n != 0 {
			t.Errorf("%d delays are shown, want none", n)
		}
		b.put(hosts[0], note{FileName(hosts[0]), 8, time.Now()}.append(nil))
		pass(time.Second)
		if a, _ := b.arrival(hosts[0]); a.Seq != 8 || a.Arrived.IsZero() {
			t.Errorf("arrived %+v, want number 8", a)
		}
		b.counts(1, 1, 0, 0)
	})
}

// TestUnmountedFolder: nothing is written in its place, and what appears when
// it is mounted did not arrive then.
func TestUnmountedFolder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newMember(t, hosts[1])
		b.put(hosts[0], note{FileName(hosts[0]), 7, time.Now().Add(-time.Hour)}.append(nil))
		volume := b.root + ".volume"
		must(t, os.Rename(b.root, volume))
		b.start()
		pass(25 * time.Second)
		b.counts(0, 0, 3, 0)
		must(t, os.Mkdir(b.root, 0o755)) // the mount point
		pass(20 * time.Second)
		if left, err := os.ReadDir(b.root); err != nil || len(left) > 0 {
			t.Errorf("the mount point holds %v, %v", left, err)
		}
		if got := b.logs.FilterMessage("the canary could not be written").Len(); got != 1 {
			t.Errorf("one fault was told %d times", got)
		}
		must(t, os.Remove(b.root))
		must(t, os.Rename(volume, b.root))
		pass(10 * time.Second)
		b.counts(1, 0, 5, 0)
		if a, ok := b.arrival(hosts[0]); !ok || !a.Arrived.IsZero() {
			t.Errorf("arrived %+v, want its age alone", a)
		}
		if got := b.logs.FilterMessage("the canary was written again").Len(); got != 1 {
			t.Errorf("the end of the fault was told %d times", got)
		}
	})
}

// TestSkewIsClippedAndCounted: the writer's clock is ahead.
func TestSkewIsClippedAndCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ahead := func() time.Time { return time.Now().Add(time.Hour) }
		a := newMember(t, hosts[0], func(o *Options) { o.Now = ahead })
		b := newMember(t, hosts[1])
		replicate(t, a, b, 3500*time.Millisecond)
		a.start()
		b.start()
		pass(150 * time.Second)
		got, _ := b.arrival(hosts[0])
		if got.Seq != 3 || got.Delay != 0 || got.Age != 0 || !got.Skewed {
			t.Errorf("arrived %+v, want number 3 with a delay of 0", got)
		}
		b.counts(3, 3, 0, 3)
		if n := b.logs.FilterMessageSnippet("clocks").Len(); n != 1 {
			t.Errorf("the clocks were told of %d times, want once", n)
		}
	})
}

// TestPausedFolder: nothing is written while the folder must not change, and
// at once when it may.
func TestPausedFolder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var writable atomic.Bool
		a := newMember(t, hosts[0], func(o *Options) { o.Writable = writable.Load })
		a.start()
		pass(5 * time.Minute)
		if _, err := os.Lstat(a.dir()); !os.IsNotExist(err) {
			t.Errorf("a paused folder was written to: %v", err)
		}
		a.put(hosts[2], note{FileName(hosts[2]), 1, time.Now()}.append(nil))
		pass(time.Second)
		a.counts(0, 1, 0, 0)
		writable.Store(true)
		pass(time.Second)
		a.counts(1, 1, 0, 0)
	})
}

// TestDeletionIsMended: of the file, and of the whole directory.
func TestDeletionIsMended(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newMember(t, hosts[0])
		a.start()
		pass(15 * time.Second)
		must(t, os.Remove(a.file(hosts[0])))
		pass(time.Second)
		if n := a.note(hosts[0]); n.seq != 2 {
			t.Errorf("number %d came back, want 2", n.seq)
		}
		must(t, os.RemoveAll(a.dir()))
		pass(5 * time.Second)
		if _, err := os.Lstat(a.dir()); !os.IsNotExist(err) {
			t.Errorf("the directory is back within %s of the last writing: %v", MinEvery, err)
		}
		pass(5 * time.Second)
		if n := a.note(hosts[0]); n.seq != 3 {
			t.Errorf("number %d came back, want 3", n.seq)
		}
		a.counts(3, 0, 0, 0)
	})
}

// TestOthersFilesAreLeftAlone: that of a host that is no member, too.
func TestOthersFilesAreLeftAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newMember(t, hosts[0])
		old := note{FileName("gone.example.com"), 5, time.Now().Add(-30 * 24 * time.Hour)}.append(nil)
		a.put("gone.example.com", old)
		a.put(hosts[1], []byte("broken"))
		a.start()
		pass(3 * time.Minute)
		for host, want := range map[string]string{"gone.example.com": string(old), hosts[1]: "broken"} {
			if got, err := os.ReadFile(a.file(host)); err != nil || string(got) != want {
				t.Errorf("the file of %s holds %q, %v, want %q", host, got, err, want)
			}
		}
		if got := a.Arrivals(); len(got) > 0 {
			t.Errorf("arrived %+v, want nothing", got)
		}
		a.counts(4, 0, 1, 0)
	})
}

// TestNotify: a hint makes it look at once, a flood of them no more than every
// second, and none at all every ten.
func TestNotify(t *testing.T) {
	bubble(t, func(t *testing.T) {
		hints := make(chan struct{}, 1)
		b := newMember(t, hosts[1], func(o *Options) { o.Notify = hints })
		b.start()
		pass(2500 * time.Millisecond)
		put := func(seq uint64) {
			b.put(hosts[0], note{FileName(hosts[0]), seq, time.Now()}.append(nil))
		}
		put(1)
		pass(2 * time.Second)
		b.counts(1, 0, 0, 0)
		hints <- struct{}{}
		pass(0)
		b.counts(1, 1, 0, 0)
		put(2)
		for range 5 {
			hints <- struct{}{}
			pass(100 * time.Millisecond)
		}
		b.counts(1, 1, 0, 0)
		pass(500 * time.Millisecond)
		b.counts(1, 2, 0, 0)
		put(3)
		pass(10 * time.Second)
		b.counts(1, 3, 0, 0)
		close(hints)
		put(4)
		pass(time.Second)
		b.counts(1, 4, 0, 0)
	})
}

// TestOldCopyIsNoArrival: somebody restored an older file.
func TestOldCopyIsNoArrival(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newMember(t, hosts[1])
		b.start()
		began := time.Now()
		for i, c := range []struct {
			seq     uint64
			written time.Duration
		}{{5, 0}, {4, -time.Minute}, {5, 0}} {
			pass(1500 * time.Millisecond)
			b.put(hosts[0], note{FileName(hosts[0]), c.seq, began.Add(c.written)}.append(nil))
			must(t, os.Chtimes(b.file(hosts[0]), time.Time{}, time.Unix(int64(i), 0)))
		}
		pass(1500 * time.Millisecond)
		b.counts(1, 1, 0, 0)
		if a, _ := b.arrival(hosts[0]); a.Seq != 5 {
			t.Errorf("arrived %+v, want number 5", a)
		}
	})
}

// TestRealClock: on a real disk the arrival is when the file system says, and
// not when somebody looked.
func TestRealClock(t *testing.T) {
	b := newMember(t, hosts[1])
	before := time.Now()
	b.turn(before.Add(-500 * time.Millisecond))
	b.put(hosts[0], note{FileName(hosts[0]), 1, before}.append(nil))
	info, err := os.Stat(b.file(hosts[0]))
	must(t, err)
	b.turn(time.Now().Add(5 * time.Second))
	a, ok := b.arrival(hosts[0])
	if late := a.Arrived.Sub(info.ModTime()); !ok || late < 0 || late > 2*time.Second {
		t.Errorf("arrived %+v, want near %s", a, info.ModTime())
	}
}

// TestOtherModeIsNoOtherCanary: who changes the mode of the own file makes it
// written no more often.
func TestOtherModeIsNoOtherCanary(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newMember(t, hosts[0])
		a.start()
		pass(15 * time.Second)
		must(t, os.Chmod(a.file(hosts[0]), 0o600))
		must(t, os.Chtimes(a.file(hosts[0]), time.Time{}, time.Unix(1, 0)))
		pass(40 * time.Second)
		a.counts(1, 0, 0, 0)
	})
}

func TestNewIsForgiving(t *testing.T) {
	c := New(Options{Host: "a", Members: []string{"A.", "b", "B", "c"}, Folder: "g/f"}, nil)
	if c.o.Every != MinEvery || c.agenda.every != MinEvery {
		t.Errorf("a pause of nothing counts as %s, want %s", c.o.Every, MinEvery)
	}
	var watched []string
	for _, s := range c.others {
		watched = append(watched, s.host)
	}
	if want := []string{"b", "c"}; !slices.Equal(watched, want) {
		t.Errorf("watches %q, want %q", watched, want)
	}
	if got := c.Arrivals(); len(got) != 0 {
		t.Errorf("before Run arrived %+v", got)
	}
}
