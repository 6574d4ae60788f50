package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dfsd/internal/fsx"
	"dfsd/replication/chunk"
	"dfsd/replication/wire"
)

func TestLargeFiles(t *testing.T) {
	t.Parallel()
	hollow := make([]byte, 40<<20)
	copy(hollow[5<<20+17:], noise(1, 3<<20))
	copy(hollow[30<<20:], "one word")
	for name, b := range map[string][]byte{
		"just large":   noise(2, wire.MaxInline+1),
		"odd":          noise(3, 20<<20+12345),
		"marks exact":  noise(4, 2*markStep),
		"all zeros":    make([]byte, 33<<20+5),
		"hollow":       hollow,
		"zeros at end": append(noise(5, 1<<20), make([]byte, 3<<20)...),
	} {
		for _, dir := range []fsx.Dir{memoryDir(t, fsx.MemoryOptions{}), osDir(t)} {
			partner := linkTo(newShelf().add(b))
			x := start(t, Options{Staging: dir}, partner)
			x.Want(Job{Record: recordOf(1, b)})
			r := x.one(t)
			x.mustBe(t, r, b)
			if names := x.names(t); !slices.Equal(names, []string{r.Staged}) || !KeepTemporary(r.Staged) {
				t.Errorf("%s: staging holds %v, want %s", name, names, r.Staged)
			}
			if _, ok := x.local.List(hashOf(b)); !ok {
				t.Errorf("%s: the list was not kept", name)
			}
			info, err := dir.Stat(r.Staged)
			if err != nil {
				t.Fatal(err)
			}
			if name == "hollow" && (info.Allocated > 5<<20 || partner.total() > 6<<20) {
				t.Errorf("%s: %d bytes on disk, %d on the wire", name, info.Allocated, partner.total())
			}
			x.stop()
		}
	}
}

// TestHoleOfAFile: holes that the file system tells travel as numbers.
func TestHoleOfAFile(t *testing.T) {
	heavy(t)
	t.Parallel()
	dir := osDir(t)
	f, err := dir.Create("hollow", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 300 << 20
	if _, err := f.WriteAt(noise(6, 5000), 100<<20); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	l, err := chunk.ReadList(&reading{f: f, size: size}, chunk.AverageOf(size))
	if err != nil {
		t.Fatal(err)
	}
	there := newShelf()
	there.addFile(dir, "hollow", l.Sum, size)
	partner := linkTo(there)
	x := start(t, Options{Staging: osDir(t)}, partner)
	r := recordOf(1, nil)
	r.Hash, r.Size = l.Sum, size
	x.Want(Job{Record: r})
	if got := x.one(t); got.Err != nil || got.List.Sum != l.Sum {
		t.Errorf("result %+v", got)
	}
	if partner.received.Load() > 64<<10 {
		t.Errorf("%d bytes for a hole", partner.received.Load())
	}
}

type reading struct {
	f        fsx.File
	at, size int64
}

func (r *reading) Read(b []byte) (int, error) {
	n, err := r.f.ReadAt(b, r.at)
	r.at += int64(n)
	return n, err
}

// TestResume cuts a transfer at any byte and any process, and goes on: what is
// delivered is the source, and no cut costs more than 64 MiB.
func TestResume(t *testing.T) {
	heavy(t)
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	b := noise(7, 50<<20)
	for round := range 3 {
		memory := fsx.NewMemory(fsx.MemoryOptions{})
		cuts, received := 0, int64(0)
		for done := false; !done; cuts++ {
			dir, err := memory.OpenRoot("/")
			if err != nil {
				t.Fatal(err)
			}
			partner := linkTo(newShelf().add(b))
			partner.cutAfter.Store(1 + rng.Int64N(45<<20))
			x := start(t, Options{Staging: dir}, partner)
			x.Want(Job{Record: recordOf(1, b)})
			for over := false; !over; {
				select {
				case batch := <-x.Results():
					x.mustBe(t, batch[0], b)
					done, over = true, true
				case <-time.After(time.Millisecond):
					over = partner.cutAfter.Load() == 1
				}
			}
			x.stop()
			received += partner.received.Load()
			switch round % 3 {
			case 1: // power cut: what was not synced is lost in part
				memory = memory.CrashClone(rand.New(rand.NewPCG(uint64(round), uint64(cuts))))
			case 2: // what was not synced is lost
				memory = memory.CrashClone(nil)
			}
		}
		if bound := int64(len(b)+1<<20) + int64(cuts-1)*(64<<20); received > bound {
			t.Errorf("round %d: %d bytes came in %d runs, want at most %d", round, received, cuts, bound)
		}
		t.Logf("round %d: %d cuts, %d bytes came", round, cuts-1, received)
	}
}

// TestResumeDistrustsTheDisk: bytes that are not what the marks say are fetched
// again.
func TestResumeDistrustsTheDisk(t *testing.T) {
	heavy(t)
	t.Parallel()
	b := noise(8, 70<<20)
	for _, at := range []int64{100, 20 << 20, 60 << 20} {
		dir := memoryDir(t, fsx.MemoryOptions{})
		partner := linkTo(newShelf().add(b))
		partner.cutAfter.Store(66 << 20)
		x := start(t, Options{Staging: dir}, partner)
		x.Want(Job{Record: recordOf(1, b)})
		for partner.cutAfter.Load() != 1 {
			<-time.After(time.Millisecond)
		}
		x.stop()
		f, err := dir.Open(partName(hashOf(b)), fsx.ReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte{b[at] + 1}, at); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		again := linkTo(newShelf().add(b))
		x = start(t, Options{Staging: dir}, again)
		x.Want(Job{Record: recordOf(1, b)})
		x.mustBe(t, x.one(t), b)
		x.stop()
		kept := at / markStep * markStep
		if got := again.received.Load(); got > int64(len(b))-kept+1<<20 || got < int64(len(b))-kept {
			t.Errorf("damage at %d: %d bytes came again, want those behind %d", at, got, kept)
		}
	}
}

// TestOtherSourceGoesOn: a source that vanishes in the middle costs nothing.
func TestOtherSourceGoesOn(t *testing.T) {
	t.Parallel()
	b := noise(9, 50<<20)
	first, second := linkTo(newShelf().add(b)), linkTo(newShelf().add(b))
	first.cutAfter.Store(30 << 20)
	x := start(t, Options{}, first, second)
	x.Want(Job{Record: recordOf(1, b)})
	x.mustBe(t, x.one(t), b)
	if sum := first.total() + second.total(); sum > int64(len(b)+2<<20) {
		t.Errorf("%d bytes for %d", sum, len(b))
	}
}

// TestRecipeResumes: a delta that is cut goes on too.
func TestRecipeResumes(t *testing.T) {
	heavy(t)
	t.Parallel()
	base := noise(10, 40<<20)
	target := slices.Concat(base[:10<<20], noise(11, 8<<20), base[10<<20:30<<20], noise(12, 8<<20), base[30<<20:])
	dir := memoryDir(t, fsx.MemoryOptions{})
	received := int64(0)
	for _, cut := range []int64{3 << 20, 11 << 20, 0} {
		partner := linkTo(newShelf().add(target))
		partner.cutAfter.Store(cut)
		x := start(t, Options{Staging: dir}, partner)
		x.local.add(base)
		x.Want(Job{Record: recordOf(1, target), Base: hashOf(base), HasBase: true})
		if cut == 0 {
			x.mustBe(t, x.one(t), target)
		} else {
			for partner.cutAfter.Load() != 1 {
				<-time.After(time.Millisecond)
			}
		}
		x.stop()
		received += partner.received.Load()
	}
	t.Logf("%d bytes came in three runs", received)
	if received > 22<<20 {
		t.Errorf("%d bytes came in three runs for 16 MiB of new ones", received)
	}
}

func TestHeldHere(t *testing.T) {
	t.Parallel()
	b := noise(13, 20<<20)
	partner := linkTo(newShelf().add(b))
	x := start(t, Options{Staging: osDir(t)}, partner)
	x.local.add(b)
	x.Want(Job{Record: recordOf(1, b)})
	x.mustBe(t, x.one(t), b)
	if partner.total() > 0 {
		t.Errorf("%d bytes on the wire for what is held here", partner.total())
	}
	// A file that is not what it is held to be costs a transfer.
	other := noise(14, 20<<20)
	x.local.plain[hashOf(other)] = b
	partner.server.local.(*shelf).add(other)
	x.Want(Job{Record: recordOf(2, other)})
	x.mustBe(t, x.one(t), other)
}

// TestTwins: one content for many files comes once.
func TestTwins(t *testing.T) {
	t.Parallel()
	b := noise(15, 20<<20)
	partner := linkTo(newShelf().add(b))
	x := start(t, Options{}, partner)
	for i := range 4 {
		x.Want(Job{Record: recordOf(i, b)})
	}
	results := x.await(t, 4)
	for _, r := range results {
		x.mustBe(t, r, b)
	}
	if len(x.names(t)) != 4 || partner.total() > 21<<20 {
		t.Errorf("%v in staging, %d bytes on the wire", x.names(t), partner.total())
	}
}

// TestGivenBack: a temporary that was not used up serves the same job again.
func TestGivenBack(t *testing.T) {
	t.Parallel()
	b := noise(16, 20<<20)
	dir := memoryDir(t, fsx.MemoryOptions{})
	x := start(t, Options{Staging: dir}, linkTo(newShelf().add(b)))
	x.Want(Job{Record: recordOf(1, b)})
	x.mustBe(t, x.one(t), b)
	x.stop()
	x = start(t, Options{Staging: dir})
	x.Want(Job{Record: recordOf(1, b)})
	x.mustBe(t, x.one(t), b)
}

func TestDropRemovesThePart(t *testing.T) {
	t.Parallel()
	b := noise(17, 40<<20)
	partner := linkTo(newShelf().add(b))
	partner.cutAfter.Store(20 << 20)
	x := start(t, Options{}, partner)
	x.Want(Job{Record: recordOf(1, b)})
	for partner.cutAfter.Load() != 1 {
		<-time.After(time.Millisecond)
	}
	x.Drop(idOf(1))
	for deadline := time.Now().Add(20 * time.Second); len(x.names(t)) > 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%v stay in staging", x.names(t))
		}
	}
}

func TestNoSpace(t *testing.T) {
	t.Parallel()
	big, little := noise(18, 40<<20), noise(19, 1<<20)
	x := start(t, Options{Staging: memoryDir(t, fsx.MemoryOptions{Capacity: 20 << 20})}, linkTo(newShelf().add(big, little)))
	x.Want(Job{Record: recordOf(1, big)})
	if r := x.one(t); !errors.Is(r.Err, fsx.ErrNoSpace) || r.Gone {
		t.Errorf("result without space: %+v", r)
	}
	if names := x.names(t); len(names) > 0 {
		t.Errorf("%v stay in staging", names)
	}
	x.Want(Job{Record: recordOf(2, little)})
	x.mustBe(t, x.one(t), little)
}

// TestNoSpaceIsNotTriedForNothing: a content that did not fit is not brought
// again before something was freed, or a good while has passed.
func TestNoSpaceIsNotTriedForNothing(t *testing.T) {
	t.Parallel()
	big := noise(18, 40<<20)
	dir := memoryDir(t, fsx.MemoryOptions{Capacity: 50 << 20})
	ballast := func(name string, size int64) {
		f, err := dir.Create(name, 0o600)
		if err == nil {
			_, err = f.WriteAt(make([]byte, size), 0)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	ballast("one", 15<<20)
	ballast("two", 15<<20)
	var now atomic.Int64
	partner := linkTo(newShelf().add(big))
	x := start(t, Options{Staging: dir, Now: func() time.Time { return time.Unix(now.Load(), 0) }}, partner)
	try := func() (error, bool) {
		before := partner.sent.Load()
		x.Want(Job{Record: recordOf(1, big)})
		r := x.one(t)
		return r.Err, partner.sent.Load() > before
	}
	for i, step := range []struct {
		change func()
		asks   bool
		fits   bool
	}{
		{func() {}, true, false},
		{func() {}, false, false},
		{func() { now.Store(int64(cramTime/time.Second) - 1) }, false, false},
		{func() { now.Store(int64(cramTime / time.Second)) }, true, false},
		{func() { _ = dir.Remove("one") }, true, false},
		{func() {}, false, false},
		{func() { _ = dir.Remove("two") }, true, true},
	} {
		step.change()
		err, asked := try()
		if asked != step.asks || (err == nil) != step.fits || err != nil && !errors.Is(err, fsx.ErrNoSpace) {
			t.Fatalf("step %d: %v, asked %v, want asked %v, fits %v", i, err, asked, step.asks, step.fits)
		}
	}
}

// TestEachCallFails: whatever call of the staging disk fails, there is one
// result, with the content or the error, and nothing wrong is delivered.
func TestEachCallFails(t *testing.T) {
	heavy(t)
	t.Parallel()
	b := make([]byte, 34<<20) // mostly zeros, which cost little
	copy(b, noise(20, 1<<20+5))
	copy(b[33<<20:], noise(21, 1<<20))
	for n := 1; ; n++ {
		var calls atomic.Int64
		pieces := 0
		policy := fsx.FailNth(n, fsx.ErrIO, func(c fsx.Call) bool {
			if c.Op == fsx.OpWriteAt { // one piece is like another
				pieces++
				return pieces%2 == 1
			}
			return c.Op != fsx.OpOpenRoot
		})
		dir, err := fsx.Inject(fsx.NewMemory(fsx.MemoryOptions{}), func(c fsx.Call) error {
			calls.Add(1)
			return policy(c)
		}).OpenRoot("/")
		if err != nil {
			t.Fatal(err)
		}
		x := start(t, Options{Staging: dir}, linkTo(newShelf().add(b)))
		x.Want(Job{Record: recordOf(1, b)})
		r := x.one(t)
		x.stop()
		if r.Err == nil {
			if f, err := dir.Open(r.Staged, fsx.ReadOnly); err == nil {
				got := make([]byte, len(b))
				if _, err := f.ReadAt(got, 0); err == nil && !bytes.Equal(got, b) {
					t.Fatalf("call %d failed: wrong content delivered", n)
				}
			}
		} else if !errors.Is(r.Err, fsx.ErrIO) {
			t.Errorf("call %d failed: %v", n, r.Err)
		}
		if int64(n) > calls.Load() {
			t.Logf("%d calls", n)
			return
		}
	}
}

// TestQuota: contents under way and delivered stay below the quota, one that is
// larger goes alone, and a receiver that uses nothing up delays but stops
// nothing.
func TestQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		there := newShelf()
		var most atomic.Int64
		dir := memoryDir(t, fsx.MemoryOptions{})
		x := start(t, Options{Staging: dir, Quota: 3 << 20}, linkTo(there))
		contents := map[int][]byte{}
		for i := range 8 {
			contents[i] = noise(byte(30+i), 1<<20)
		}
		contents[8] = noise(40, 5<<20)
		for i := range 9 {
			there.add(contents[i])
			x.Want(Job{Record: recordOf(i, contents[i])})
		}
		use := func(r Result) {
			total := int64(0)
			for _, name := range x.names(t) {
				info, err := dir.Stat(name)
				if err == nil {
					total += info.Size
				}
			}
			most.Store(max(most.Load(), total))
			x.mustBe(t, r, contents[int(r.ID[15])])
			if err := dir.Remove(r.Staged); err != nil {
				t.Error(err)
			}
		}
		for used := 0; used < 9; {
			for _, r := range x.await(t, 1) {
				use(r)
				used++
			}
		}
		if most.Load() > 5<<20+1<<10 {
			t.Errorf("%d bytes in staging", most.Load())
		}
		// Results that stay delay the next.
		begun := time.Now()
		for i := range 4 {
			x.Want(Job{Record: recordOf(i, contents[i])})
		}
		x.await(t, 4)
		if took := time.Since(begun); took < patience {
			t.Errorf("4 MiB in staging after %v, with a quota of 3 MiB", took)
		}
		x.stop()
	})
}

// TestFairness: small files and one that is not huge come while large ones are
// under way.
func TestFairness(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	held := &stuck{link: linkTo(newShelf()), ctx: ctx}
	there := held.server.local.(*shelf)
	x := start(t, Options{}, held)
	for i := range 5 {
		r := recordOf(i, []byte{byte(i)})
		r.Size = medium + 1
		x.Want(Job{Record: r})
	}
	for i := 5; i < 10; i++ {
		b := noise(byte(i), 1<<uint(4*(i-5)+2))
		there.add(b)
		x.Want(Job{Record: recordOf(i, b)})
	}
	for id, r := range x.await(t, 5) {
		if r.Err != nil {
			t.Errorf("%v: %v", id, r.Err)
		}
	}
	stop()
	x.stop()
}

// stuck is a partner that never answers about huge files.
type stuck struct {
	*link
	ctx context.Context
}

func (s *stuck) Call(ctx context.Context, lane wire.Lane, m wire.Message) (wire.Message, error) {
	return s.link.Call(ctx, lane, m)
}

func (s *stuck) Stream(ctx context.Context, lane wire.Lane, m wire.Message, each func(wire.Message) error) error {
	if r, ok := m.(wire.WantRange); ok && r.Length > medium {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return fmt.Errorf("%w: stuck", errLost)
		}
	}
	return s.link.Stream(ctx, lane, m, each)
}
