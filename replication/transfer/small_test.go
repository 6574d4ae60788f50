package transfer

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"dfsd/replication"
	"dfsd/replication/chunk"
	"dfsd/replication/version"
	"dfsd/replication/wire"
)

// TestSmallFiles brings many files of all sizes, some of which stand here.
func TestSmallFiles(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	there := newShelf()
	partner := linkTo(there)
	x := start(t, Options{}, partner)
	contents := map[replication.FileID][]byte{}
	for i := range 3000 {
		size := rng.IntN(6000)
		switch rng.IntN(20) {
		case 0:
			size = 0
		case 1:
			size = rng.IntN(wire.MaxInline + 1)
		case 2:
			size = wire.MaxInline
		}
		b := noise(byte(rng.IntN(200)), size)
		if size > 0 {
			there.add(b)
		}
		if i%10 == 0 {
			x.local.add(b)
		}
		contents[idOf(i)] = b
		x.Want(Job{Record: recordOf(i, b)})
	}
	results := x.await(t, len(contents))
	for id, b := range contents {
		r := results[id]
		if r.Staged != "" || r.Hash != hashOf(b) {
			t.Fatalf("result of %v: %q, %x", id, r.Staged, r.Hash)
		}
		x.mustBe(t, r, b)
	}
	if p := x.Progress(); p.Queued != 0 || p.QueuedBytes != 0 || p.Done != 3000 || p.Received["a"] == 0 {
		t.Errorf("Progress = %+v", p)
	}
	if n := partner.asked[wire.TypeWantFiles].Load(); n > 300 {
		t.Errorf("%d questions for 3000 files", n)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.Fetcher.mu.Lock()
	defer x.Fetcher.mu.Unlock()
	if x.charged != 0 {
		t.Errorf("%d bytes are charged when all is done", x.charged)
	}
}

func TestEmptyAsksNobody(t *testing.T) {
	t.Parallel()
	x := start(t, Options{})
	x.Want(Job{Record: recordOf(1, nil)})
	r := x.one(t)
	if r.Err != nil || r.Bytes == nil || len(r.Bytes) != 0 || x.local.opens > 0 {
		t.Errorf("result %+v after %d openings", r, x.local.opens)
	}
}

func TestNowhere(t *testing.T) {
	t.Parallel()
	for _, size := range []int{100, 1 << 20} {
		x := start(t, Options{}, linkTo(newShelf()), linkTo(newShelf()))
		x.Want(Job{Record: recordOf(1, noise(1, size))})
		if r := x.one(t); !errors.Is(r.Err, wire.ErrNotFound) || !r.Gone {
			t.Errorf("%d bytes that nobody has: %+v", size, r)
		}
		if names := x.names(t); len(names) > 0 {
			t.Errorf("%v stay in staging", names)
		}
		x.stop()
	}
}

// TestHolders: who does not hold a version is not asked for it, and while
// nobody does the job waits.
func TestHolders(t *testing.T) {
	t.Parallel()
	for _, size := range []int{100, 1 << 20} {
		b := noise(2, size)
		without, with := linkTo(newShelf().add(b)), linkTo(newShelf().add(b))
		x := start(t, Options{})
		x.mu.Lock()
		x.sources = []Source{{Host: "without", Partner: without, Holds: func(version.Stamp) bool { return false }}}
		x.mu.Unlock()
		x.Want(Job{Record: recordOf(1, b)})
		x.mu.Lock()
		x.sources = append(x.sources, Source{Host: "with", Partner: with, Holds: func(s version.Stamp) bool { return s.Count == 1 }})
		x.mu.Unlock()
		x.Changed()
		x.mustBe(t, x.one(t), b)
		if without.total() > 0 || x.Progress().Received["with"] != int64(size) {
			t.Errorf("%d bytes with who does not hold it; %+v", without.total(), x.Progress())
		}
		// The one that holds a version has lost it, the other was not asked.
		other := noise(3, size)
		x.Want(Job{Record: recordOf(1, other)})
		if r := x.one(t); !errors.Is(r.Err, wire.ErrNotFound) || r.Gone {
			t.Errorf("content that its holder lacks: %+v", r)
		}
		x.Want(Job{Record: recordOf(2, b), AskAll: true})
		x.mu.Lock()
		x.sources[1].Partner = linkTo(newShelf())
		x.mu.Unlock()
		x.mustBe(t, x.one(t), b)
		// All were asked.
		x.Want(Job{Record: recordOf(3, other), AskAll: true})
		if r := x.one(t); !errors.Is(r.Err, wire.ErrNotFound) || !r.Gone {
			t.Errorf("content that all lack: %+v", r)
		}
		x.stop()
	}
}

// TestUnclaimed: a job that waits because nobody claims to hold its version asks
// all once it is told to, and says what came of it.
func TestUnclaimed(t *testing.T) {
	t.Parallel()
	for _, size := range []int{100, 1 << 20} {
		b, lost := noise(2, size), noise(3, size)
		x := start(t, Options{})
		no := func(version.Stamp) bool { return false }
		x.mu.Lock()
		x.sources = []Source{{Host: "empty", Partner: linkTo(newShelf()), Holds: no}, {Host: "full", Partner: linkTo(newShelf().add(b)), Holds: no}}
		x.mu.Unlock()
		x.Want(Job{Record: recordOf(1, b)})
		x.Want(Job{Record: recordOf(2, lost)})
		x.awaitParked(t, 2)
		x.AskAll()
		results := x.await(t, 2)
		x.mustBe(t, results[idOf(1)], b)
		if r := results[idOf(2)]; !errors.Is(r.Err, wire.ErrNotFound) || !r.Gone || !r.Unclaimed {
			t.Errorf("content that all lack: %+v", r)
		}
		x.stop()
	}
}

// TestNextSource: what one source cannot give, or gives wrong, comes from the
// next.
func TestNextSource(t *testing.T) {
	t.Parallel()
	for _, size := range []int{5000, 3 << 20} {
		b := noise(4, size)
		changed := newShelf().add(b)
		changed.changed[hashOf(b)] = true
		wrong := newShelf()
		wrong.plain[hashOf(b)] = noise(5, size)
		short := newShelf()
		short.plain[hashOf(b)] = b[:size-1]
		for name, first := range map[string]*shelf{"lacks": newShelf(), "changed": changed, "wrong": wrong, "short": short} {
			x := start(t, Options{}, linkTo(first), linkTo(newShelf().add(b)))
			x.Want(Job{Record: recordOf(1, b)})
			r := x.one(t)
			if r.Err != nil {
				t.Errorf("%d bytes, first source %s: %v", size, name, r.Err)
				continue
			}
			x.mustBe(t, r, b)
			x.stop()
		}
		x := start(t, Options{}, linkTo(wrong), linkTo(wrong), linkTo(wrong), linkTo(wrong), linkTo(wrong))
		x.Want(Job{Record: recordOf(1, b)})
		if r := x.one(t); !errors.Is(r.Err, chunk.ErrMismatch) || r.Gone {
			t.Errorf("%d wrong bytes everywhere: %+v", size, r)
		}
		x.stop()
	}
}

// TestLostSession: what was under way when a session ended comes from who is
// left, or when one is back.
func TestLostSession(t *testing.T) {
	t.Parallel()
	there := newShelf()
	first, second := linkTo(there), linkTo(there)
	first.cutAfter.Store(300_000)
	x := start(t, Options{}, first)
	contents := map[int][]byte{}
	for i := range 500 {
		contents[i] = noise(byte(i), 2000+i)
		there.add(contents[i])
		x.Want(Job{Record: recordOf(i, contents[i])})
	}
	for first.cutAfter.Load() > 1 {
		select {
		case batch := <-x.Results():
			for _, r := range batch {
				delete(contents, int(r.ID[14])<<8|int(r.ID[15]))
			}
		case <-time.After(time.Millisecond):
		}
	}
	x.connect(first, second)
	x.Changed()
	for id, r := range x.await(t, len(contents)) {
		x.mustBe(t, r, contents[int(id[14])<<8|int(id[15])])
	}
}

// TestReplaceAndDrop: a job that is replaced or dropped gives no result.
func TestReplaceAndDrop(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1000, 1 << 20} {
		old, now, kept := noise(6, size), noise(7, size), noise(8, size)
		x := start(t, Options{})
		x.Want(Job{Record: recordOf(1, old)})
		x.Want(Job{Record: recordOf(2, old)})
		x.Want(Job{Record: recordOf(3, kept)})
		x.Want(Job{Record: recordOf(1, now)})
		x.Drop(idOf(2))
		x.Drop(idOf(99))
		if p := x.Progress(); p.Queued != 2 || p.QueuedBytes != int64(2*size) {
			t.Errorf("Progress = %+v", p)
		}
		x.connect(linkTo(newShelf().add(old, now, kept)))
		x.Changed()
		results := x.await(t, 2)
		x.mustBe(t, results[idOf(1)], now)
		x.mustBe(t, results[idOf(3)], kept)
		x.stop()
	}
}

// TestMemoryIsBounded: small files wait for whoever takes the results.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	there := newShelf()
	partner := linkTo(there)
	x := start(t, Options{}, partner)
	const n, size = 400, 200 << 10
	for i := range n {
		b := noise(byte(i), size)
		b[0], b[1] = byte(i), byte(i>>8)
		there.add(b)
		x.Want(Job{Record: recordOf(i, b)})
	}
	// Nobody takes results: what travels comes to an end at the bound.
	x.Fetcher.mu.Lock()
	for x.charged+size+jobOverhead <= memory || x.progress.Done*(size+jobOverhead) < x.charged {
		x.changed.Wait()
	}
	x.Fetcher.mu.Unlock()
	if got := partner.received.Load(); got > memory+memory/8 {
		t.Errorf("%d bytes came although nobody took them", got)
	}
	x.await(t, n)
}

// TestHostilePacks: each answer that is out of place is a strike, and the
// content comes from elsewhere.
func TestHostilePacks(t *testing.T) {
	t.Parallel()
	a, b := noise(9, 3000), noise(10, 3000)
	one := func(change func(*wire.Pack)) func(wire.Message) []wire.Message {
		return func(m wire.Message) []wire.Message {
			p, ok := m.(wire.Pack)
			if !ok {
				return []wire.Message{m}
			}
			p.Files = slices.Clone(p.Files)
			change(&p)
			return []wire.Message{p}
		}
	}
	for name, lie := range map[string]func(wire.Message) []wire.Message{
		"nothing":        func(wire.Message) []wire.Message { return nil },
		"empty packs":    func(wire.Message) []wire.Message { return []wire.Message{wire.Pack{Folder: folder}} },
		"other message":  func(wire.Message) []wire.Message { return []wire.Message{wire.Data{Bytes: a}} },
		"other folder":   one(func(p *wire.Pack) { p.Folder[0]++ }),
		"other file":     one(func(p *wire.Pack) { p.Files[0].ID[0]++ }),
		"other hash":     one(func(p *wire.Pack) { p.Files[0].Hash[0]++ }),
		"other order":    one(func(p *wire.Pack) { slices.Reverse(p.Files) }),
		"other content":  one(func(p *wire.Pack) { p.Files[0].Data = noise(11, 3000) }),
		"too much":       one(func(p *wire.Pack) { p.Files[0].Data = append(slices.Clone(p.Files[0].Data), 0) }),
		"too few files":  one(func(p *wire.Pack) { p.Files = p.Files[:len(p.Files)-1] }),
		"too many files": one(func(p *wire.Pack) { p.Files = append(p.Files, p.Files...) }),
		"endless": func(m wire.Message) []wire.Message {
			return slices.Repeat([]wire.Message{m}, 1000)
		},
	} {
		liar := linkTo(newShelf().add(a, b))
		liar.lie = lie
		x := start(t, Options{}, liar, linkTo(newShelf().add(a, b)))
		x.Want(Job{Record: recordOf(1, a)})
		x.Want(Job{Record: recordOf(2, b)})
		results := x.await(t, 2)
		for id, want := range map[replication.FileID][]byte{idOf(1): a, idOf(2): b} {
			if results[id].Err != nil {
				t.Errorf("%s: %v", name, results[id].Err)
				continue
			}
			x.mustBe(t, results[id], want)
		}
		x.stop()
	}
}
