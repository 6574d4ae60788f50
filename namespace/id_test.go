package namespace

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestIDs pins numbers that clients keep: they must not change from one version
// to the next.
func TestIDs(t *testing.T) {
	s := newSnapshot(t, tree("other"), tree("Public", link(`Dept\Straße`, `\\h\a`), link("x", `\\h\x`)))
	r := s.Roots()[1]
	want := map[string]uint64{
		"":            0xb91384bde6451f59,
		"dept":        0x6e3478f384ff4124,
		`dept\straße`: 0xc009812092a31d09,
		"x":           0xf482fc92b8d7e8ab,
	}
	for path, id := range want {
		if n, _ := r.Walk(path); n.ID() != id {
			t.Errorf("ID of %q = %#x, want %#x", path, n.ID(), id)
		}
	}
	if r.ID() != r.Top().ID() {
		t.Errorf("Root.ID() = %#x, want %#x", r.ID(), r.Top().ID())
	}
}

// TestIDsStay adds, removes and respells other folders.
func TestIDsStay(t *testing.T) {
	before := newSnapshot(t, tree("public", link(`dept\a`, `\\h\a`), link(`dept\b`, `\\h\b`), plain("c")))
	after := newSnapshot(t, tree("apps"), tree("PUBLIC", link("0", `\\h\0`), link(`DEPT\B`, `\\h2\b`), plain(`dept\a`), link(`c\d`, `\\h\d`)))
	for _, path := range []string{"", "dept", `dept\a`, `dept\b`, "c"} {
		was, _ := before.Roots()[0].Walk(path)
		is, _ := after.Roots()[1].Walk(path)
		if was.ID() != is.ID() || was.ID() == 0 {
			t.Errorf("ID of %q = %#x, and %#x after the change", path, was.ID(), is.ID())
		}
	}
}

// TestIDsClash has two folders fall on one number.
func TestIDsClash(t *testing.T) {
	cfgs := []Config{tree("public", link("a", `\\h\a`), link("b", `\\h\b`))}
	listings, _ := checkAll(cfgs)
	b := newBuilder(cfgs, listings)
	b.addRoots()
	b.addFolders()
	b.s.ids[3] = b.s.ids[2]
	if s := b.finish(); s.ids[2] == s.ids[3] {
		t.Errorf("ids = %#x, want all distinct", s.ids)
	}
}

func TestIDsDiffer(t *testing.T) {
	s := newSnapshot(t, largeConfig(100_000)...)
	ids := slices.Clone(s.ids)
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != len(s.ids) {
		t.Errorf("%d folders have %d ids", len(s.ids), n)
	}
}

func TestDistinct(t *testing.T) {
	tests := []struct {
		name string
		ids  []uint64
		kept []int // indices of ids that must not change
	}{
		{name: "none"},
		{name: "distinct", ids: []uint64{1, 2, 3}, kept: []int{0, 1, 2}},
		{name: "the first keeps its id", ids: []uint64{7, 5, 7, 9, 7}, kept: []int{0, 1, 3}},
		{name: "reserved", ids: []uint64{4, 0, math.MaxUint64}, kept: []int{0}},
		{name: "reserved twice", ids: []uint64{0, 0, math.MaxUint64, math.MaxUint64}},
		{name: "next choice is another's own", ids: []uint64{1, 1, scramble(2)}, kept: []int{0, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := slices.Clone(tt.ids)
			distinct(got)
			checkDistinct(t, tt.ids, got)
			for _, i := range tt.kept {
				if got[i] != tt.ids[i] {
					t.Errorf("distinct(%d) = %d, want %d kept at %d", tt.ids, got, tt.ids[i], i)
				}
			}
		})
	}
}

func TestDistinctProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOf(rapid.OneOf(rapid.Uint64Range(0, 5), rapid.Just(uint64(math.MaxUint64)), rapid.Just(scramble(3)))).Draw(t, "ids")
		got := slices.Clone(ids)
		distinct(got)
		checkDistinct(t, ids, got)
	})
}

func checkDistinct(t rapid.TB, ids, got []uint64) {
	t.Helper()
	seen := make(map[uint64]bool)
	for i, id := range got {
		if id == 0 || id == math.MaxUint64 || seen[id] {
			t.Errorf("distinct(%d) = %d, where %d at %d is reserved or taken", ids, got, id, i)
		}
		seen[id] = true
	}
}
