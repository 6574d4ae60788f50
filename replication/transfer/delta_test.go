package transfer

import (
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"dfsd/replication"
	"dfsd/replication/chunk"
	"dfsd/replication/wire"
)

// TestWireCost holds the bytes of frames, both ways, that edits cost.
func TestWireCost(t *testing.T) {
	heavy(t)
	t.Parallel()
	doc := noise(1, 2<<20)
	at := 700_001
	fresh := noise(2, 8<<20)
	for _, test := range []struct {
		name         string
		base, target []byte
		known        bool // the server knows the base's list
		max          int
	}{
		{"800 bytes overwritten in 2 MiB", doc, slices.Concat(doc[:at], fresh[:800], doc[at+800:]), false, 20 << 10},
		{"800 bytes overwritten in 2 MiB, base known", doc, slices.Concat(doc[:at], fresh[:800], doc[at+800:]), true, 14 << 10},
		{"777 bytes inserted in 2 MiB", doc, slices.Concat(doc[:at], fresh[:777], doc[at:]), false, 20 << 10},
		{"777 bytes inserted in 2 MiB, base known", doc, slices.Concat(doc[:at], fresh[:777], doc[at:]), true, 14 << 10},
		{"1 byte in front of 2 MiB", doc, slices.Concat([]byte{1}, doc), false, 20 << 10},
		{"1000 bytes appended to 2 MiB", doc, slices.Concat(doc, fresh[:1000]), false, 20 << 10},
		{"60 KB overwritten in 2 MiB", doc, slices.Concat(doc[:at], fresh[:60_000], doc[at+60_000:]), false, 72_000 + 16<<10},
		{"600 KB overwritten in 2 MiB", doc, slices.Concat(doc[:at], fresh[:600_000], doc[at+600_000:]), false, 720_000},
		{"1 MiB in the middle of 2 MiB", doc, slices.Concat(doc[:at], fresh[:1<<20], doc[at:]), false, 6 << 20 / 5},
		{"1 byte in front of 64 MiB", noise(3, 64<<20), slices.Concat([]byte{1}, noise(3, 64<<20)), false, 40 << 10},
		{"8 MiB overwritten in 64 MiB", noise(3, 64<<20), slices.Concat(noise(3, 64<<20)[:40<<20], fresh, noise(3, 64<<20)[48<<20:]), false, 8 << 20 * 6 / 5},
	} {
		there := newShelf().add(test.target)
		if test.known {
			there.KeepList(chunk.ListOf(test.base, chunk.AverageOf(int64(len(test.base)))))
		}
		partner := linkTo(there)
		x := start(t, Options{}, partner)
		x.local.add(test.base)
		x.Want(Job{Record: recordOf(1, test.target), Base: hashOf(test.base), HasBase: true})
		x.mustBe(t, x.one(t), test.target)
		x.stop()
		t.Logf("%-45s %9d bytes there, %6d here", test.name, partner.received.Load(), partner.sent.Load())
		if got := partner.total(); got > int64(test.max) {
			t.Errorf("%s: %d bytes on the wire, want at most %d", test.name, got, test.max)
		}
		if asked := partner.asked[wire.TypeWantRange].Load(); asked > 0 {
			t.Errorf("%s: went by pieces", test.name)
		}
	}
}

// TestNearCopy: a new file that is like another costs a tenth of it at most.
func TestNearCopy(t *testing.T) {
	t.Parallel()
	old := noise(4, 8<<20)
	target := slices.Concat(old[:3<<20], noise(5, 50_000), old[3<<20:6<<20], noise(6, 10), old[6<<20:])
	there := newShelf().add(target)
	there.KeepList(chunk.ListOf(target, chunk.AverageOf(int64(len(target)))))
	partner := linkTo(there)
	x := start(t, Options{}, partner)
	x.local.add(old)
	x.local.KeepList(chunk.ListOf(old, chunk.AverageOf(int64(len(old)))))
	x.Want(Job{Record: recordOf(1, target)})
	x.mustBe(t, x.one(t), target)
	t.Logf("near-copy of %d bytes: %d bytes on the wire", len(target), partner.total())
	if got := partner.total(); got > int64(len(target)/10) {
		t.Errorf("a near-copy of %d bytes costs %d on the wire, want a tenth", len(target), got)
	}
}

// TestRecipeOnAnyEdit: whatever was done to a file, what arrives is the target,
// and little travels that is not new.
func TestRecipeOnAnyEdit(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	for round := range 12 {
		base := noise(byte(round), 300_000+rng.IntN(3<<20))
		target := slices.Clone(base)
		fresh := 0
		for range 1 + rng.IntN(6) {
			at, n := rng.IntN(len(target)), rng.IntN(40_000)
			switch rng.IntN(5) {
			case 0: // insert
				target = slices.Insert(target, at, noise(byte(100+round), n)...)
				fresh += n
			case 1: // delete
				target = slices.Delete(target, at, min(len(target), at+n))
			case 2: // overwrite
				fresh += copy(target[at:], noise(byte(150+round), n))
			case 3: // repeat
				target = slices.Concat(target, target[at:min(len(target), at+n)])
			case 4: // zeros
				clear(target[at:min(len(target), at+n)])
			}
		}
		partner := linkTo(newShelf().add(target))
		x := start(t, Options{}, partner)
		x.local.add(base)
		x.Want(Job{Record: recordOf(1, target), Base: hashOf(base), HasBase: true})
		x.mustBe(t, x.one(t), target)
		x.stop()
		if got := partner.total(); got > int64(fresh*6/5+120_000) {
			t.Errorf("round %d: %d bytes on the wire for %d new ones", round, got, fresh)
		}
	}
}

// TestBaseThatIsAnotherNow: a base that changed while it was read costs a whole
// transfer and no more.
func TestBaseThatIsAnotherNow(t *testing.T) {
	t.Parallel()
	base := noise(9, 1<<20)
	target := slices.Concat(base[:500_000], []byte("edit"), base[500_000:])
	there := newShelf().add(target)
	partner := linkTo(there)
	x := start(t, Options{}, partner)
	x.local.KeepList(chunk.ListOf(base, chunk.AverageOf(int64(len(base)))))
	x.local.plain[hashOf(base)] = noise(10, 1<<20) // not what its list says
	x.Want(Job{Record: recordOf(1, target), Base: hashOf(base), HasBase: true})
	x.mustBe(t, x.one(t), target)
	if asked := partner.asked[wire.TypeWantRange].Load(); asked != 1 {
		t.Errorf("%d questions for a range, want 1", asked)
	}
}

// TestListsOfTwoLevels drives the outline of an outline.
func TestListsOfTwoLevels(t *testing.T) {
	heavy(t)
	t.Parallel()
	base := noise(11, 24<<20)
	target := slices.Concat(base[:9<<20], []byte("edit"), base[9<<20:])
	there := newShelf().add(target)
	there.KeepList(chunk.ListOf(target, 1<<10)) // a fine list: 24,000 entries
	partner := linkTo(there)
	x := start(t, Options{}, partner)
	x.local.add(base)
	x.Want(Job{Record: recordOf(1, target), Base: hashOf(base), HasBase: true})
	x.mustBe(t, x.one(t), target)
	t.Logf("%d bytes on the wire", partner.total())
	if got := partner.total(); got > 20<<10 {
		t.Errorf("%d bytes on the wire by fine lists, want at most 20 KiB", got)
	}
}

// BenchmarkFrontByteOfGiB inserts a byte in front of 1 GiB.
func BenchmarkFrontByteOfGiB(b *testing.B) {
	const size = 1 << 30
	dir := osDir(b)
	write := func(name string, front []byte) replication.Hash {
		f, err := dir.Create(name, 0o600)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		sum := chunk.NewSummer(chunk.MaxAverage)
		w := io.MultiWriter(sum, io.NewOffsetWriter(f, 0))
		_, _ = w.Write(front)
		if _, err := io.CopyBuffer(w, io.LimitReader(rand.NewChaCha8([32]byte{9}), size), make([]byte, 1<<20)); err != nil {
			b.Fatal(err)
		}
		return sum.List().Sum
	}
	base, target := write("base", nil), write("target", []byte{1})
	there := newShelf()
	there.addFile(dir, "target", target, size+1)
	for b.Loop() {
		partner := linkTo(there)
		x := start(b, Options{Staging: osDir(b)}, partner)
		x.local.addFile(dir, "base", base, size)
		r := recordOf(1, nil)
		r.Hash, r.Size = target, size+1
		x.Want(Job{Record: r, Base: base, HasBase: true})
		result := x.one(b)
		x.stop()
		if result.Err != nil || partner.total() > 200_000 {
			b.Fatalf("%d bytes on the wire, want at most 200000; %v", partner.total(), result.Err)
		}
		b.ReportMetric(float64(partner.total()), "wire-B")
		_ = x.staging.Remove(result.Staged)
	}
}
