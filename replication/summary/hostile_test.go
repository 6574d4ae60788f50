package summary

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"dfsd/replication/status"
)

// raw is a peer that says what a test wants.
type raw struct {
	*end
	t   *testing.T
	got uint64
}

// call opens a connection with m as name, and leaves the rest to the test.
func (w *world) call(name string, m *member) *raw {
	ours, theirs := newPipe()
	m.wg.Go(func() { m.x.Serve(m.ctx, name, theirs) })
	return &raw{end: ours, t: w.t}
}

func (r *raw) say(k kind, body []byte) {
	if _, err := r.Write(endFrame(append(beginFrame(nil, k), body...), 0)); err != nil {
		r.t.Logf("say: %v", err)
	}
}

// greet says hello and beats with what it has until the connection ends, and
// reads all that comes.
func (r *raw) greet(name string, have ...standing) {
	r.say(kindHello, hello{1, 1, name, "liar"}.append(nil))
	r.say(kindBeat, beat{0, have}.append(nil))
	go func() {
		for {
			k, body, err := readFrame(r, nil)
			if err != nil {
				return
			}
			switch k {
			case kindUpdate:
				r.got++
			case kindBeat:
				_ = body
				r.say(kindBeat, beat{r.got, have}.append(nil))
			}
		}
	}()
}

// claim is an update of host.
func claim(host string, s stand, files int64) []byte {
	folders, _ := trimAll([]status.Folder{sample(files)}, time.Now())
	return (&update{host: host, stand: s, tick: 1 << 40, folders: folders}).append(nil, time.Now())
}

// TestLiar: fs3 is a member and lies about all others.
func TestLiar(t *testing.T) {
	inWorld(t, func(w *world) {
		w.configure(names(5))
		m := w.start("fs1", "fs2")
		m.living(func() int64 { return 1 })
		w.start("fs2").living(func() int64 { return 2 })
		time.Sleep(time.Second)

		liar := w.call("fs3", m)
		liar.greet("fs3")
		high := newBoot(time.Now(), 0) + 1<<40
		liar.say(kindUpdate, claim("fs1", stand{high, 1}, 666))     // our own name
		liar.say(kindUpdate, claim("fs2", stand{high, 1}, 666))     // a host that is connected
		liar.say(kindUpdate, claim("fs9", stand{high, 1}, 666))     // nobody
		liar.say(kindUpdate, claim("fs5", stand{maxBoot, 1}, 666))  // numbers that are not for others
		liar.say(kindUpdate, claim("fs4", stand{high, 1}, 666))     // a host that is not connected
		liar.say(kindUpdate, claim("fs3", stand{high << 5, 1}, 33)) // itself
		time.Sleep(time.Second)
		w.expect("fs1", 1, "fs1", "fs2")
		w.expect("fs2", 2, "fs1")
		w.expect("fs9", -1, "fs1")
		w.expect("fs5", -1, "fs1")
		w.expect("fs4", 666, "fs1", "fs2")
		w.expect("fs3", 33, "fs1", "fs2")
		if n := m.warnings("a host claims the name of this one; what it says of it is ignored"); n != 1 {
			t.Errorf("%d warnings, want 1", n)
		}
		for why, want := range map[ignored]float64{ignoredOwnName: 1, ignoredConnected: 1, ignoredUnknown: 1, ignoredBoot: 1} {
			if got := testutil.ToFloat64(m.x.metrics.ignored[why]); got != want {
				t.Errorf("%v ignored for %s, want %v", got, ignoredLabels[why], want)
			}
		}

		// The host that was lied about comes and is believed.
		w.start("fs4", "fs2").living(func() int64 { return 4 })
		time.Sleep(5 * time.Second)
		w.expect("fs4", 4, "fs2", "fs1")
		// And so is one whose connection breaks: what it said is newer than a lie
		// of old numbers.
		w.cut("fs1", "fs2")
		time.Sleep(time.Second)
		liar.say(kindUpdate, claim("fs2", stand{1, 99}, 666))
		time.Sleep(time.Second)
		w.expect("fs2", 2, "fs1")
	})
}

// TestLieAboutTheOwnBoot: whoever holds a later word of a host makes it say its
// own again, but not without end.
func TestLieAboutTheOwnBoot(t *testing.T) {
	inWorld(t, func(w *world) {
		w.configure(names(3))
		m := w.start("fs1", "fs2")
		m.living(func() int64 { return 1 })
		w.start("fs2").living(func() int64 { return 2 })
		time.Sleep(time.Second)
		own := func() uint64 {
			m.x.mu.Lock()
			defer m.x.mu.Unlock()
			return m.x.book.own().boot
		}
		before := own()
		liar := w.call("fs3", m)
		liar.greet("fs3")
		boots := map[uint64]bool{}
		for i := range uint64(600) {
			liar.say(kindBeat, beat{0, []standing{{host: "fs1", stand: stand{before + i<<20, 1}}}}.append(nil))
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			boots[own()] = true
		}
		if n := len(boots); n < 2 || n > 8 {
			t.Errorf("%d boots in a minute of lies, want one in ten seconds", n)
		}
		w.expect("fs1", 1, "fs2")
	})
}

func TestGarbage(t *testing.T) {
	frame := func(k kind, body []byte) []byte { return endFrame(append(beginFrame(nil, k), body...), 0) }
	greeting := append(frame(kindHello, hello{1, 1, "fs2", ""}.append(nil)), frame(kindBeat, beat{}.append(nil))...)
	part := sampleUpdate()
	part.host = "fs2"
	other := sampleUpdate()
	other.host = "fs3"
	junk := make([]byte, 4096)
	for i := range junk {
		junk[i] = byte(rand.Uint32())
	}
	junk[0] = 0xff
	tests := []struct {
		name string
		send []byte
	}{
		{"random bytes", junk},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: fs1\r\n\r\n")},
		{"a beat first", frame(kindBeat, beat{}.append(nil))},
		{"another's name", frame(kindHello, hello{1, 1, "fs3", ""}.append(nil))},
		{"our name", frame(kindHello, hello{1, 1, "fs1", ""}.append(nil))},
		{"a later version", frame(kindHello, hello{2, 9, "fs2", ""}.append(nil))},
		{"two hellos", slices.Concat(greeting, frame(kindHello, hello{1, 1, "fs2", ""}.append(nil)))},
		{"a frame of 4 GiB", slices.Concat(greeting, binary.BigEndian.AppendUint32([]byte{3, 0, 0, 0}, 1<<32-1))},
		{"an empty update", slices.Concat(greeting, frame(kindUpdate, nil))},
		{"parts of two hosts", slices.Concat(greeting, frame(kindUpdate, part.append(nil, noon)), frame(kindUpdate, other.append(nil, noon)))},
		{"beats without end", slices.Concat(greeting, slices.Repeat(frame(kindBeat, beat{}.append(nil)), mostBeats))},
		{"silence", nil},
		{"half a hello", frame(kindHello, hello{1, 1, "fs2", ""}.append(nil))[:9]},
		{"silence after the hello", greeting},
	}
	for _, tt := range tests {
		inWorld(t, func(w *world) {
			w.configure(names(3))
			m := w.start("fs1")
			m.x.Publish([]status.Folder{sample(1)}, nil)
			r := w.call("fs2", m)
			if _, err := r.Write(tt.send); err != nil {
				t.Fatal(err)
			}
			if time.Sleep(time.Second); slices.Contains([]string{"silence", "half a hello", "silence after the hello"}, tt.name) {
				time.Sleep(Silence)
			}
			synctest.Wait()
			if _, err := r.Write([]byte{0}); err == nil {
				t.Errorf("%s: the connection is still open", tt.name)
			}
			if m.of("fs2") != nil {
				t.Errorf("%s: it became a summary", tt.name)
			}
		})
	}
}

// TestSlowReader: a peer that takes nothing holds up nobody, costs no memory,
// and is let go.
func TestSlowReader(t *testing.T) {
	inWorld(t, func(w *world) {
		w.configure(names(3))
		m := w.start("fs1")
		w.start("fs2", "fs1")
		slow := w.call("fs3", m)
		slow.say(kindHello, hello{1, 1, "fs3", ""}.append(nil))
		slow.say(kindBeat, beat{0, []standing{{host: "fs1", want: true}}}.append(nil))
		stop := make(chan struct{})
		go func() { // it is alive but does not read
			for {
				select {
				case <-stop:
					return
				case <-time.After(BeatEvery):
					slow.say(kindBeat, beat{}.append(nil))
				}
			}
		}()
		all := load(2000, 10)
		var before, after runtime.MemStats
		began := time.Now()
		for i := range 40 {
			for f := range all {
				all[f].Files = int64(i)
			}
			m.x.Publish(all, nil)
			time.Sleep(100 * time.Millisecond)
			if i == 5 {
				runtime.GC()
				runtime.ReadMemStats(&before)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		time.Sleep(600 * time.Millisecond)
		w.expect("fs1", 39, "fs2")
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
			t.Errorf("a peer that does not read costs %d bytes", grown)
		}
		slow.in.mu.Lock()
		buffered := slow.in.total
		slow.in.mu.Unlock()
		if buffered > pipeBuffer+1024 {
			t.Errorf("%d bytes were sent to one who reads nothing", buffered)
		}
		time.Sleep(time.Until(began.Add(Silence + 3*time.Second)))
		synctest.Wait()
		links := m.x.Links()
		if i := slices.IndexFunc(links, func(l Link) bool { return l.Host == "fs3" }); links[i].Connected || links[i].Err == nil {
			t.Errorf("it was not let go: %+v", links[i])
		}
		close(stop)
	})
}

// TestLateReader gets the latest alone, however much it missed.
func TestLateReader(t *testing.T) {
	inWorld(t, func(w *world) {
		w.configure(names(2))
		m := w.start("fs1")
		r := w.call("fs2", m)
		r.say(kindHello, hello{1, 1, "fs2", ""}.append(nil))
		for i := range int64(80) {
			m.x.Publish([]status.Folder{sample(i)}, nil)
			time.Sleep(100 * time.Millisecond)
		}
		r.say(kindBeat, beat{0, []standing{{host: "fs1", want: true}}}.append(nil))
		updates := 0
		go func() {
			for {
				k, body, err := readFrame(r, nil)
				if err != nil {
					return
				}
				if k == kindUpdate {
					updates++
					if u, err := parseUpdate(body, time.Now()); err != nil || u.folders[0].status.Files != 79 {
						t.Errorf("update %+v, %v", u, err)
					}
				}
			}
		}()
		time.Sleep(time.Second)
		synctest.Wait()
		if updates != 1 {
			t.Errorf("%d updates, want 1", updates)
		}
		_ = r.Close()
	})
}

// TestUnusable: an exchange without what it needs says so and serves nobody.
func TestUnusable(t *testing.T) {
	x := NewExchange(Options{Host: "fs1"})
	if err := x.Run(t.Context()); err == nil {
		t.Error("Run without peers and dial works")
	}
	a, b := net.Pipe()
	x.Serve(context.Background(), "fs2", b)
	if _, err := a.Read(make([]byte, 1)); err == nil {
		t.Error("it serves")
	}
}

func TestBackoff(t *testing.T) {
	for failed, want := range map[int]time.Duration{-1: 0, 0: 0, 1: 500 * time.Millisecond, 2: time.Second, 5: 8 * time.Second, 6: 10 * time.Second, 1 << 40: 10 * time.Second} {
		if got := backoff(failed, 0); got != want {
			t.Errorf("backoff(%d) = %v, want %v", failed, got, want)
		}
		for chance := range uint64(1000) {
			if got := backoff(failed, chance<<50+chance); got > want || got < want/2 {
				t.Errorf("backoff(%d, %d) = %v", failed, chance, got)
			}
		}
	}
}

// TestToldAgain: a peer that took nothing of what came is told again, once a
// beat, and not while what was sent may be on its way.
func TestToldAgain(t *testing.T) {
	for _, took := range []bool{true, false} {
		inWorld(t, func(w *world) {
			w.configure(names(2))
			m := w.start("fs1")
			m.x.Publish([]status.Folder{sample(1)}, nil)
			r := w.call("fs2", m)
			wants := beat{0, []standing{{host: "fs1", want: true}}}
			r.say(kindHello, hello{1, 1, "fs2", ""}.append(nil))
			r.say(kindBeat, wants.append(nil))
			updates := uint64(0)
			go func() {
				for {
					k, _, err := readFrame(r, nil)
					if err != nil {
						return
					}
					if k == kindUpdate {
						updates++
					}
					if k == kindBeat {
						if took {
							wants.got = updates
						}
						r.say(kindBeat, wants.append(nil))
					}
				}
			}()
			time.Sleep(5 * BeatEvery)
			synctest.Wait()
			if took && (updates < 4 || updates > 8) || !took && updates != 1 {
				t.Errorf("told %d times in 5 beats, the peer took it: %v", updates, took)
			}
			_ = r.Close()
		})
	}
}
