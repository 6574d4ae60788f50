package chunk

import (
	"io"
	"math/rand/v2"
	"slices"
	"testing"
)

// hotCost is what one push costs in bytes when the sender has the fine list of
// the receiver's version: the recipe and the chunks, not compressed.
func hotCost(base, target []byte) int {
	a := FineAverageOf(int64(len(target)))
	r := Diff(ListOf(base, a), ListOf(target, a))
	return len(r.Append(nil)) + bytesOf(r.Missing())
}

func bytesOf(chunks []Chunk) (n int) {
	for _, c := range chunks {
		n += int(c.Length)
	}
	return n
}

// coldCost is what members pay that know nothing of each other's version: the
// outline of the coarse list, the groups that differ, fine lists of both sides'
// differing stretches by way of the target's, and the chunks. Requests count
// with 20 bytes for each thing named.
func coldCost(base, target List, cut func(Gap) (base, target List)) int {
	outline := target.Outline()
	cost := len(outline.Append(nil))
	known, sender := Groups{}, Groups{}
	known.Add(base)
	sender.Add(target)
	for _, m := range known.Missing(outline) {
		cost += 20 + len(AppendChunks(nil, sender[m.ID]))
	}
	r := Diff(base, target)
	for _, g := range r.Gaps(base.Size) {
		was, is := cut(g)
		cost += 20 + len(is.Append(nil))
		for _, c := range Diff(was, is).Missing() {
			cost += 20 + int(c.Length)
		}
	}
	return cost
}

func coldCostOf(base, target []byte) int {
	a := AverageOf(int64(len(target)))
	return coldCost(ListOf(base, a), ListOf(target, a), func(g Gap) (List, List) {
		return ListOf(of(base, g.Base), g.Average()), ListOf(of(target, g.Target), g.Average())
	})
}

// TestWireCost holds the bytes that an edit of a 2 MiB document costs, at eight
// places of it, to bounds; -v prints the means.
func TestWireCost(t *testing.T) {
	base := noise(1, 2<<20)
	for _, test := range []struct {
		name            string
		edit            func(at int) []byte
		hotMax, coldMax int
	}{
		{"no change", func(int) []byte { return base }, 100, 1000},
		{"800 bytes overwritten", func(at int) []byte {
			return slices.Concat(base[:at], noise(2, 800), base[at+800:])
		}, 10 << 10, 20 << 10},
		{"777 bytes inserted", func(at int) []byte {
			return slices.Concat(base[:at], noise(2, 777), base[at:])
		}, 10 << 10, 20 << 10},
		{"1 byte in front", func(int) []byte { return slices.Concat([]byte{1}, base) }, 8 << 10, 20 << 10},
		{"1000 bytes appended", func(int) []byte { return slices.Concat(base, noise(2, 1000)) }, 10 << 10, 20 << 10},
		{"60 KB overwritten", func(at int) []byte {
			return slices.Concat(base[:at], noise(2, 60000), base[at+60000:])
		}, 70 << 10, 76 << 10},
		{"200 KB moved to the end", func(at int) []byte {
			return slices.Concat(base[:at], base[at+200000:], base[at:at+200000])
		}, 20 << 10, 40 << 10},
	} {
		rng := rand.New(rand.NewPCG(3, 4))
		hot, cold := 0, 0
		const places = 8
		for range places {
			at := rng.IntN(len(base) - 200000)
			target := test.edit(at)
			h, c := hotCost(base, target), coldCostOf(base, target)
			if h > test.hotMax || c > test.coldMax {
				t.Errorf("%s at %d: %d bytes with a known base, %d without, want at most %d and %d", test.name, at, h, c, test.hotMax, test.coldMax)
			}
			hot += h / places
			cold += c / places
		}
		t.Logf("%-24s %6d bytes with a known base, %6d without", test.name, hot, cold)
	}
}

// frontByte returns what a byte in front of a stream of size bytes costs
// members that know nothing of each other's version.
func frontByte(tb testing.TB, size int64) int {
	stream := func(n int64) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{9}), n) }
	a := AverageOf(size)
	was, is := NewSummer(a), NewSummer(a)
	_, _ = is.Write([]byte{1})
	if _, err := io.CopyBuffer(io.MultiWriter(was, is), stream(size), make([]byte, readBuffer)); err != nil {
		tb.Fatal(err)
	}
	base := make([]byte, 32*int64(a)) // more than the edit can reach
	if _, err := io.ReadFull(stream(int64(len(base))), base); err != nil {
		tb.Fatal(err)
	}
	target := slices.Concat([]byte{1}, base)
	return coldCost(was.List(), is.List(), func(g Gap) (List, List) {
		return ListOf(of(base, g.Base), g.Average()), ListOf(of(target, g.Target), g.Average())
	})
}

func TestFrontByteOfALargeStream(t *testing.T) {
	size := int64(64 << 20)
	if got := frontByte(t, size); got > 40<<10 {
		t.Errorf("a byte in front of %d bytes costs %d bytes, want at most 40 KiB", size, got)
	}
}

// BenchmarkFrontByteOfGiB reports the bytes on the wire for one byte inserted in
// front of 1 GiB, and fails above the bound of 200 KB.
func BenchmarkFrontByteOfGiB(b *testing.B) {
	for b.Loop() {
		cost := frontByte(b, 1<<30)
		if cost > 200000 {
			b.Fatalf("%d bytes, want at most 200000", cost)
		}
		b.ReportMetric(float64(cost), "wire-B")
	}
}
