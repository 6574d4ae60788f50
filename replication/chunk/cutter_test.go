package chunk

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/zeebo/blake3"
	"pgregory.net/rapid"
)

func collect(b []byte, a Average) [][]byte { return slices.Collect(Split(b, a)) }

// TestGearIsFrozen pins the table against its definition: the first value of
// SplitMix64 worked out by hand, and the hash of all.
func TestGearIsFrozen(t *testing.T) {
	if string(binary.BigEndian.AppendUint64(nil, gearSeed)) != "dfsdgear" {
		t.Errorf("seed %x is not %q", uint64(gearSeed), "dfsdgear")
	}
	var all []byte
	for _, g := range gear {
		all = binary.LittleEndian.AppendUint64(all, g)
	}
	sum := blake3.Sum256(all)
	if got, want := hex.EncodeToString(sum[:8]), goldenGear; got != want {
		t.Errorf("BLAKE3 of the gear table begins with %s, want %s", got, want)
	}
	// The published first output of SplitMix64 from state 0.
	if got, want := makeGear(0)[0], uint64(0xe220a8397b1dcdaf); got != want {
		t.Errorf("first output of SplitMix64(0) = %x, want %x", got, want)
	}
}

// TestCutsAreFrozen pins where content is cut and what the chunks are called.
// A failure here is a new format, which shares nothing with members of the old.
func TestCutsAreFrozen(t *testing.T) {
	content := noise(1, 2<<20)
	for _, test := range goldenCuts {
		l := ListOf(content, test.average)
		sum := blake3.Sum256(l.Append(nil))
		if got := hex.EncodeToString(sum[:8]); len(l.Chunks) != test.chunks || l.Chunks[0].Length != test.first || got != test.hash {
			t.Errorf("ListOf(2 MiB, %v): %d chunks, first of %d, hash %s; want %d, %d, %s",
				test.average, len(l.Chunks), l.Chunks[0].Length, got, test.chunks, test.first, test.hash)
		}
	}
}

// slowCut is the definition of the first cut of b, byte by byte and without
// state: the hash at i is that of the window of 64 bytes that ends there.
func slowCut(b []byte, a Average) int {
	shift := 64 - a.log2()
	for n := int(a) / 4; n <= len(b) && n < 4*int(a); n++ {
		if n == int(a)/4 {
			continue // a chunk of the least length is not tested yet
		}
		var h uint64
		for _, x := range b[n-window : n] {
			h = h<<1 + gear[x]
		}
		bound := uint64(1) << (shift - 2)
		if n > int(a) {
			bound = 1 << (shift + 2)
		}
		if h < bound {
			return n
		}
	}
	return min(len(b), 4*int(a))
}

func TestCutsFollowTheirDefinition(t *testing.T) {
	for seed := range byte(8) {
		content := noise(seed, 64<<10)
		if seed%2 == 1 { // few different bytes
			for i := range content {
				content[i] &= 3
			}
		}
		rest := content
		for i, piece := range collect(content, 1<<10) {
			if want := slowCut(rest, 1<<10); len(piece) != want {
				t.Fatalf("seed %d: chunk %d is %d bytes, want %d", seed, i, len(piece), want)
			}
			rest = rest[len(piece):]
		}
	}
}

func TestChunksAreTheContentWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := drawContent(t, "content", 40<<10)
		a := Average(1 << rapid.IntRange(10, 13).Draw(t, "log2"))
		pieces := collect(content, a)
		if !bytes.Equal(bytes.Join(pieces, nil), content) {
			t.Fatal("chunks do not join to the content")
		}
		for i, p := range pieces {
			if len(p) > 4*int(a) || i < len(pieces)-1 && len(p) < int(a)/4 {
				t.Fatalf("chunk %d of %d is %d bytes for an average of %v", i, len(pieces), len(p), a)
			}
		}
	})
}

// drawContent draws bytes that are random, constant or periodic in stretches.
func drawContent(t *rapid.T, label string, longest int) []byte {
	var b []byte
	for len(b) < longest && rapid.IntRange(0, 5).Draw(t, label+" goes on") > 0 {
		n := rapid.IntRange(1, longest/2).Draw(t, label+" stretch")
		seed := rapid.Byte().Draw(t, label+" seed")
		stretch := noise(seed, n)
		switch period := rapid.SampledFrom([]int{0, 1, 3, 700}).Draw(t, label+" period"); period {
		case 0:
		default:
			stretch = bytes.Repeat(noise(seed, period), n/period+1)[:n]
		}
		b = append(b, stretch...)
	}
	return b
}

func TestEveryWayOfReadingGivesTheSameList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := drawContent(t, "content", 30<<10)
		want := ListOf(content, 1<<10)
		s := NewSummer(1 << 10)
		for rest := content; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "write")
			_, _ = s.Write(rest[:n])
			rest = rest[n:]
			_ = s.List() // looking changes nothing
		}
		if got := s.List(); !equalLists(got, want) {
			t.Fatalf("Summer: %v, want %v", got, want)
		}
		if got, err := ReadList(bytes.NewReader(content), 1<<10); err != nil || !equalLists(got, want) {
			t.Fatalf("ReadList: %v, %v, want %v", got, err, want)
		}
	})
}

func equalLists(a, b List) bool {
	return a.Average == b.Average && a.Level == b.Level && a.Size == b.Size && a.Sum == b.Sum && slices.Equal(a.Chunks, b.Chunks)
}

func TestMeanLengthIsTheAverage(t *testing.T) {
	content := noise(3, 16<<20)
	for _, a := range []Average{1 << 10, 4 << 10, 64 << 10} {
		mean := len(content) / len(collect(content, a))
		if mean < int(a)*9/10 || mean > int(a)*13/10 {
			t.Errorf("mean chunk of an average of %v is %d bytes", a, mean)
		}
	}
}

// TestInsertionChangesFewChunks: of 200 insertions, deletions and overwritings
// of a few bytes, none costs more than a handful of chunks, and two are usual.
func TestInsertionChangesFewChunks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	base := noise(4, 512<<10)
	list := ListOf(base, 4<<10)
	total, worst := 0, 0
	const trials = 200
	for range trials {
		at, n := rng.IntN(len(base)-100), 1+rng.IntN(50)
		drop := rng.IntN(100)
		edited := slices.Concat(base[:at], noise(byte(n), n), base[at+drop:])
		changed := len(Diff(list, ListOf(edited, 4<<10)).Missing())
		total += changed
		worst = max(worst, changed)
	}
	if worst > 8 || total > trials*5/2 {
		t.Errorf("%d edits changed %d chunks, the worst %d; want at most %d and 8", trials, total, worst, trials*5/2)
	}
}

// TestSameBytesGiveSameChunks: a block is cut alike wherever it stands, but for
// its ends.
func TestSameBytesGiveSameChunks(t *testing.T) {
	block := noise(5, 256<<10)
	list := ListOf(block, 4<<10)
	for _, front := range []int{1, 100, 5000, 70000} {
		moved := ListOf(slices.Concat(noise(6, front), block, noise(7, 9000)), 4<<10)
		known := map[ID]bool{}
		for _, c := range moved.Chunks {
			known[c.ID] = true
		}
		lost := 0
		for _, c := range list.Chunks {
			if !known[c.ID] {
				lost++
			}
		}
		if lost > 6 {
			t.Errorf("behind %d bytes, %d of %d chunks are others", front, lost, len(list.Chunks))
		}
	}
}

func TestAverageOf(t *testing.T) {
	for _, test := range []struct {
		size         int64
		coarse, fine Average
	}{
		{0, 4 << 10, 1 << 10},
		{1 << 20, 4 << 10, 1 << 10},
		{2 << 20, 4 << 10, 1 << 10},
		{3<<20 - 2048, 4 << 10, 1 << 10},
		{3 << 20, 4 << 10, 2 << 10},
		{6<<20 - 2048, 4 << 10, 2 << 10},
		{6 << 20, 8 << 10, 4 << 10},
		{1 << 30, 1 << 20, 4 << 10},
		{4 << 30, 4 << 20, 4 << 10},
		{MaxSize, 4 << 20, 4 << 10},
	} {
		if got := AverageOf(test.size); got != test.coarse || got.Validate() != nil {
			t.Errorf("AverageOf(%d) = %v, want %v", test.size, got, test.coarse)
		}
		if got := FineAverageOf(test.size); got != test.fine {
			t.Errorf("FineAverageOf(%d) = %v, want %v", test.size, got, test.fine)
		}
	}
	for _, bad := range []Average{0, 512, 3 << 10, 8 << 20} {
		if bad.Validate() == nil {
			t.Errorf("Average(%d).Validate() = nil, want ErrAverage", bad)
		}
	}
}

func TestTraitsFindSimilarContent(t *testing.T) {
	base := noise(8, 1<<20)
	traits := ListOf(base, 4<<10).Traits()
	edited := slices.Concat(base[:300000], []byte("edit"), base[310000:])
	if got := traits.Similarity(ListOf(edited, 4<<10).Traits()); got < 6 {
		t.Errorf("similarity of an edited copy = %d, want at least 6", got)
	}
	half := slices.Concat(base[:512<<10], noise(9, 512<<10))
	if got := traits.Similarity(ListOf(half, 4<<10).Traits()); got < 1 || got > 7 {
		t.Errorf("similarity of half a copy = %d, want 1 to 7", got)
	}
	if got := traits.Similarity(ListOf(noise(10, 1<<20), 4<<10).Traits()); got > 1 {
		t.Errorf("similarity of a stranger = %d, want 0 or 1", got)
	}
}
