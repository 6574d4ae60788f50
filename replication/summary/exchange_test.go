package summary

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"dfsd/replication/status"
)

// topologies are who dials whom.
var topologies = []struct {
	name  string
	dials map[string][]string
	hops  int
}{
	{"pair", map[string][]string{"fs1": {"fs2"}, "fs2": {"fs1"}}, 1},
	{"line", map[string][]string{"fs1": {"fs2"}, "fs2": {"fs3"}, "fs3": {"fs4"}, "fs4": nil}, 3},
	{"ring", map[string][]string{"fs1": {"fs2", "fs5"}, "fs2": {"fs3", "fs1"}, "fs3": {"fs4"}, "fs4": {"fs5", "fs3"}, "fs5": {"fs1"}}, 2},
	{"star", map[string][]string{"fs1": {"fs2", "fs3", "fs4"}, "fs2": {"fs1"}, "fs3": {"fs1"}, "fs4": {"fs1"}}, 2},
	{"mesh", map[string][]string{"fs1": {"fs2", "fs3", "fs4"}, "fs2": {"fs1", "fs3", "fs4"}, "fs3": {"fs1", "fs2", "fs4"}, "fs4": {"fs1", "fs2", "fs3"}}, 1},
}

// build starts the hosts of a topology; each publishes its files.
func (w *world) build(dials map[string][]string, files map[string]*atomic.Int64) {
	if w.names == nil {
		w.configure(names(len(dials)))
	}
	for _, name := range names(len(dials)) {
		n := new(atomic.Int64)
		n.Store(1)
		files[name] = n
		w.start(name, dials[name]...).living(n.Load)
	}
	time.Sleep(3 * time.Second)
}

func TestAllHearOfAll(t *testing.T) {
	for _, tt := range topologies {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				files := map[string]*atomic.Int64{}
				w.build(tt.dials, files)
				all := w.running()
				for _, name := range all {
					w.expect(name, 1, all...)
				}
				// A change reaches all within 600 ms a hop, at any time.
				for i := range 20 {
					time.Sleep(time.Duration(i) * 137 * time.Millisecond)
					w.hosts["fs1"].x.Publish([]status.Folder{sample(int64(100 + i))}, nil)
					files["fs1"].Store(int64(100 + i))
					time.Sleep(time.Duration(tt.hops) * 600 * time.Millisecond)
					w.expect("fs1", int64(100+i), all...)
				}
				if h := w.hosts["fs2"].of("fs1"); !slices.Equal(h.Notes, []byte(nil)) || h.Software != "dfsd 1" {
					t.Errorf("fs2 knows %q and notes %v of fs1", h.Software, h.Notes)
				}
			})
		})
	}
}

// TestOneConnectionAPair: where both dial, one connection stays.
func TestOneConnectionAPair(t *testing.T) {
	for _, tt := range topologies {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.build(tt.dials, map[string]*atomic.Int64{})
				pairs := map[[2]string]bool{}
				for from, to := range tt.dials {
					for _, p := range to {
						pairs[pairOf(from, p)] = true
					}
				}
				if n := w.connections(); n != 2*len(pairs) {
					t.Errorf("%d ends of connections, want %d", n, 2*len(pairs))
				}
				dials := w.dialled()
				time.Sleep(time.Hour)
				if n := w.dialled() - dials; n != 0 {
					t.Errorf("%d dials in an hour of peace", n)
				}
				for _, name := range w.running() {
					for _, l := range w.hosts[name].x.Links() {
						if !l.Connected || l.Err != nil {
							t.Errorf("%s: %+v", name, l)
						}
					}
				}
			})
		})
	}
}

// TestBothDialAtOnce: of two connections the one that the host with the smaller
// name has dialled stays, and at no time is there none.
func TestBothDialAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		w.latency = 100 * time.Millisecond
		a, b := w.start("fs1", "fs2"), w.start("fs2", "fs1")
		a.living(func() int64 { return 1 })
		b.living(func() int64 { return 2 })
		connected := false
		for range 400 {
			time.Sleep(5 * time.Millisecond)
			synctest.Wait()
			for _, m := range []*member{a, b} {
				links := m.x.Links()
				if connected && !links[0].Connected {
					t.Fatalf("%s lost its connection", m.name)
				}
			}
			connected = connected || a.x.Links()[0].Connected && b.x.Links()[0].Connected
		}
		if !connected || w.dialled() != 2 || w.connections() != 2 {
			t.Errorf("connected: %v, %d dials, %d ends, want 2 and 2", connected, w.dialled(), w.connections())
		}
		if l := a.x.Links()[0]; !l.Dialled {
			t.Errorf("fs1 did not keep its own: %+v", l)
		}
		if l := b.x.Links()[0]; l.Dialled {
			t.Errorf("fs2 kept its own: %+v", l)
		}
		w.expect("fs2", 2, "fs1")
		w.expect("fs1", 1, "fs2")
	})
}

// TestAges: figures get older while their host is silent, and by no more than
// the way of a beat while it is not.
func TestAges(t *testing.T) {
	inWorld(t, func(w *world) {
		w.build(topologies[1].dials, map[string]*atomic.Int64{})
		time.Sleep(time.Minute)
		synctest.Wait()
		if age := time.Since(w.hosts["fs4"].of("fs1").HeardAt); age > 8*time.Second {
			t.Errorf("the age of fs1 on fs4 is %v", age)
		}
		h := w.hosts["fs4"].of("fs1")
		if oldest := h.Folders[0].Connections[0].OldestSeconds; oldest < 82 || oldest > 94 {
			t.Errorf("the oldest change of fs1 is %v s old, want about 90", oldest)
		}
		w.halt("fs1")
		w.configure(names(4))
		died := time.Now()
		time.Sleep(time.Hour)
		for _, on := range []string{"fs2", "fs3", "fs4"} {
			if age := time.Since(w.hosts[on].of("fs1").HeardAt); age < time.Hour || age > time.Hour+8*time.Second {
				t.Errorf("the age of fs1 on %s is %v an hour after its end", on, age)
			}
		}
		time.Sleep(time.Until(died.Add(Forget + BeatEvery)))
		for _, on := range []string{"fs2", "fs3", "fs4"} {
			if w.hosts[on].of("fs1") != nil {
				t.Errorf("%s still knows fs1 after a day", on)
			}
		}
	})
}

func TestRestarts(t *testing.T) {
	inWorld(t, func(w *world) {
		w.configure(names(4))
		files := map[string]*atomic.Int64{}
		w.build(topologies[1].dials, files)
		for i := range int64(5) {
			w.halt("fs1")
			time.Sleep(time.Second)
			w.start("fs1", "fs2").living(func() int64 { return 10 + i })
			time.Sleep(2 * time.Second)
			w.expect("fs1", 10+i, "fs1", "fs2", "fs3", "fs4")
			w.expect("fs4", 1, "fs1")
		}
	})
}

// TestClockSetBack: a host whose clock went back a year between two runs is
// heard all the same.
func TestClockSetBack(t *testing.T) {
	inWorld(t, func(w *world) {
		w.configure(names(4))
		w.build(topologies[1].dials, map[string]*atomic.Int64{})
		w.halt("fs1")
		m := w.start("fs1", "fs2")
		m.x.mu.Lock()
		m.x.book.records["fs1"].boot = newBoot(time.Now().AddDate(-1, 0, 0), 7)
		m.x.mu.Unlock()
		m.living(func() int64 { return 77 })
		time.Sleep(4 * time.Second)
		w.expect("fs1", 77, "fs1", "fs2", "fs3", "fs4")
	})
}

func TestPartition(t *testing.T) {
	inWorld(t, func(w *world) {
		files := map[string]*atomic.Int64{}
		w.build(topologies[2].dials, files)
		all := w.running()
		w.cut("fs1", "fs2") // the ring is a line
		files["fs1"].Store(2)
		time.Sleep(5 * time.Second)
		w.expect("fs1", 2, all...)
		w.cut("fs3", "fs4") // two islands: fs2 fs3, fs4 fs5 fs1
		files["fs1"].Store(3)
		files["fs2"].Store(3)
		time.Sleep(time.Minute)
		w.expect("fs1", 3, "fs1", "fs4", "fs5")
		w.expect("fs1", 2, "fs2", "fs3")
		w.expect("fs2", 3, "fs2", "fs3")
		if age := time.Since(w.hosts["fs2"].of("fs1").HeardAt); age < 50*time.Second {
			t.Errorf("fs1 is %v old on the other island", age)
		}
		w.heal("fs1", "fs2")
		time.Sleep(12 * time.Second)
		w.expect("fs1", 3, all...)
		w.expect("fs2", 3, all...)
	})
}

// TestForeignHosts: what is not in the configuration is neither taken nor
// kept.
func TestForeignHosts(t *testing.T) {
	inWorld(t, func(w *world) {
		w.build(topologies[1].dials, map[string]*atomic.Int64{})
		w.configure([]string{"fs1", "fs2", "fs3"})
		time.Sleep(BeatEvery + time.Second)
		synctest.Wait()
		for _, on := range []string{"fs1", "fs2", "fs3"} {
			if w.hosts[on].of("fs4") != nil {
				t.Errorf("%s knows fs4, which is not in the configuration", on)
			}
		}
		links := w.hosts["fs3"].x.Links()
		if len(links) == 0 || slices.ContainsFunc(links, func(l Link) bool { return l.Host == "fs4" && l.Connected }) {
			t.Errorf("links of fs3: %+v", links)
		}
	})
}

// TestObservers speak for themselves alone, and have no folders to speak of.
func TestObservers(t *testing.T) {
	inWorld(t, func(w *world) {
		w.members = []string{"fs1", "fs3"}
		w.build(topologies[1].dials, map[string]*atomic.Int64{}) // fs2 and fs4 are observers
		w.expect("fs1", 1, "fs2")
		w.expect("fs3", 1, "fs2", "fs4")
		w.expect("fs1", -1, "fs3", "fs4")
		w.expect("fs2", -1, "fs1", "fs3", "fs4")
		w.expect("fs4", -1, "fs2", "fs3")
		for _, c := range []struct{ on, of string }{{"fs1", "fs2"}, {"fs3", "fs2"}, {"fs4", "fs2"}, {"fs2", "fs4"}, {"fs3", "fs4"}} {
			if h := w.hosts[c.on].of(c.of); h == nil || h.HeardAt.IsZero() || h.Folders != nil {
				t.Errorf("%s knows of the observer %s %+v, want that it was heard, and no folders", c.on, c.of, h)
			}
		}
		if x := w.hosts["fs1"].x; !x.Knows("fs4") || x.Knows("fs9") {
			t.Errorf("Knows(fs4) = %v, Knows(fs9) = %v", x.Knows("fs4"), x.Knows("fs9"))
		}
	})
}

// TestOwnName: others know this host by the spelling of the configuration, and
// refuse one that calls itself otherwise.
func TestOwnName(t *testing.T) {
	for _, c := range []struct {
		host  string
		known []string
		want  string
	}{
		{"FS1.", []string{"fs2", "fs1"}, "fs1"},
		{"fs1", []string{"FS1", "fs1"}, "fs1"},
		{"fs3", []string{"fs1"}, "fs3"},
	} {
		x := NewExchange(Options{Host: c.host, Known: func() []string { return c.known }})
		if got := x.Hosts()[0].Host; got != c.want {
			t.Errorf("%s among %q is %q, want %q", c.host, c.known, got, c.want)
		}
	}
}

// TestLateConfiguration: a host that joins the configuration of another later is
// told, though its neighbours had believed it was.
func TestLateConfiguration(t *testing.T) {
	inWorld(t, func(w *world) {
		w.build(topologies[1].dials, map[string]*atomic.Int64{})
		knows := func(all ...string) {
			w.mu.Lock()
			w.hosts["fs1"].knows = all
			w.mu.Unlock()
			time.Sleep(3 * BeatEvery)
		}
		knows("fs1", "fs2", "fs3")
		w.expect("fs4", -1, "fs1")
		knows("fs1", "fs2", "fs3", "fs4")
		w.expect("fs4", 1, "fs1")
	})
}

// TestNothingIsSentTwice: each host that is not connected with the one that
// speaks is told once, and nobody is told what he said.
func TestNothingIsSentTwice(t *testing.T) {
	for name, want := range map[string]uint64{"pair": 1, "line": 3, "star": 3, "mesh": 3} {
		inWorld(t, func(w *world) {
			for _, tt := range topologies {
				if tt.name != name {
					continue
				}
				files := map[string]*atomic.Int64{}
				w.build(tt.dials, files)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				before := w.sent()
				files["fs1"].Store(9)
				time.Sleep(30 * time.Second)
				w.expect("fs1", 9, w.running()...)
				if got := w.sent() - before; got != want {
					t.Errorf("%s: %d updates for one change, want %d", name, got, want)
				}
			}
		})
	}
}

// TestPace: changes are sent at most every 500 ms, the latest alone, and the
// first one at once.
func TestPace(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.start("fs1", "fs2"), w.start("fs2")
		a.x.Publish([]status.Folder{sample(0)}, nil)
		time.Sleep(3 * time.Second) // between two beats, which would come first by chance
		synctest.Wait()
		before := w.sent()
		for i := range int64(100) {
			a.x.Publish([]status.Folder{sample(1 + i)}, nil)
			if synctest.Wait(); i == 0 && b.files("fs1") != 1 {
				t.Error("the first change waits")
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Second)
		if n := w.sent() - before; n < 18 || n > 22 {
			t.Errorf("%d updates in 10 s, want 20", n)
		}
		w.expect("fs1", 100, "fs2")
	})
}

// TestAnotherWay: when a host loses its connection, what it has to say comes
// by another way within the time of a relay.
func TestAnotherWay(t *testing.T) {
	inWorld(t, func(w *world) {
		files := map[string]*atomic.Int64{}
		w.build(map[string][]string{"fs1": {"fs2", "fs3"}, "fs2": {"fs3"}, "fs3": nil}, files)
		time.Sleep(1400 * time.Millisecond) // the next beats are far
		w.cut("fs1", "fs3")
		time.Sleep(300 * time.Millisecond)
		files["fs1"].Store(5)
		w.hosts["fs1"].x.Publish([]status.Folder{sample(5)}, nil)
		time.Sleep(1200 * time.Millisecond)
		w.expect("fs1", 5, "fs3")
		if h := w.hosts["fs3"].of("fs1"); h.Via != "fs2" {
			t.Errorf("fs1 is heard via %q", h.Via)
		}
	})
}

// TestAgeingIsNoChange: a status that only gets older sends nothing but beats.
func TestAgeingIsNoChange(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.start("fs1", "fs2"), w.start("fs2")
		for i := range 600 {
			s := sample(5)
			s.Connections[0].OldestSeconds = 30 + float64(i)/10
			a.x.Publish([]status.Folder{s}, nil)
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		b.x.mu.Lock()
		seq := b.x.book.records["fs1"].seq
		b.x.mu.Unlock()
		if seq != 1 {
			t.Errorf("%d changes, want 1", seq)
		}
		oldest := b.of("fs1").Folders[0].Connections[0].OldestSeconds
		if oldest < 86 || oldest > 91 {
			t.Errorf("oldest = %v s, want about 89", oldest)
		}
	})
}

func TestChangedTells(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.start("fs1", "fs2"), w.start("fs2")
		a.x.Publish([]status.Folder{sample(1)}, nil)
		time.Sleep(time.Second)
		drain := func() bool {
			synctest.Wait()
			select {
			case <-b.x.Changed():
				return true
			default:
				return false
			}
		}
		drain()
		time.Sleep(time.Minute)
		if drain() {
			t.Error("beats count as changes")
		}
		a.x.Publish([]status.Folder{sample(2)}, nil)
		time.Sleep(time.Second)
		if !drain() {
			t.Error("a change was not told")
		}
		a.x.Publish([]status.Folder{}, nil)
		time.Sleep(time.Second)
		if !drain() || len(b.of("fs1").Folders) != 0 {
			t.Error("a folder that is gone stays")
		}
	})
}

// warnings counts the log lines of a host with a message.
func (m *member) warnings(message string) int {
	return m.logs.FilterMessage(message).FilterLevelExact(zapcore.WarnLevel).Len()
}
