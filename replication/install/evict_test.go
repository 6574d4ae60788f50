package install

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"dfsd/internal/fsx"
)

// shelved makes an entry for the decision: so many bytes, preserved so long ago.
func shelved(id uint64, why Reason, bytes int64, ago time.Duration) *entry {
	return &entry{line: &line{ID: id, Why: why, When: now().Add(-ago)}, info: fsx.Info{Allocated: bytes}}
}

func ids(es []*entry) (out []uint64) {
	for _, e := range es {
		out = append(out, e.line.ID)
	}
	return out
}

func bytesOf(es []*entry) (n int64) {
	for _, e := range es {
		n += e.info.Allocated
	}
	return n
}

func TestEvictions(t *testing.T) {
	const day = 24 * time.Hour
	mixed := []*entry{
		shelved(1, Conflicting, 10, 50*day), shelved(2, PreExisting, 10, 40*day), shelved(3, Recovered, 10, 31*day),
		shelved(4, Deleted, 10, 30*day), shelved(5, Conflicting, 10, 20*day), shelved(6, Replaced, 10, 3*day),
		shelved(7, Deleted, 10, 2*day), shelved(8, Superseded, 10, day), shelved(9, Replaced, 10, 0),
	}
	for _, tc := range []struct {
		name    string
		entries []*entry
		used    int64
		quota   int64
		want    []uint64
	}{
		{"an empty store", nil, 0, 10, nil},
		{"no bound", mixed, 90, 0, nil},
		{"a bound below nothing", mixed, 90, -1, nil},
		{"at the high mark", mixed, 90, 100, nil},
		{"above it, by what replaced versions hold", mixed, 91, 100, []uint64{6, 8, 9, 4}},
		{"replaced versions first", mixed, 90, 99, []uint64{6, 8, 9, 4}},
		{"then deleted files", mixed, 90, 70, []uint64{6, 8, 9, 4, 7}},
		{"then what exists once", mixed, 90, 50, []uint64{6, 8, 9, 4, 7, 1}},
		{"but not below the floor", mixed, 90, 1, []uint64{6, 8, 9, 4, 7, 1, 2, 3}},
		{"room is needed by what may not go", mixed, 1000, 100, []uint64{6, 8, 9, 4, 7, 1, 2, 3}},
		{"the largest bound", mixed, 90, math.MaxInt64, nil},
		{"a large bound", mixed, math.MaxInt64/100*95 + 30, math.MaxInt64, []uint64{6, 8, 9, 4, 7, 1, 2, 3}},
		{"the floor's last moment", []*entry{shelved(1, Conflicting, 10, floor-1)}, 10, 1, nil},
		{"the floor is over", []*entry{shelved(1, Conflicting, 10, floor)}, 10, 1, []uint64{1}},
		{"a time to come", []*entry{shelved(1, Conflicting, 10, -1000*day)}, 10, 1, nil},
		{"a word of a later version", []*entry{shelved(1, "quarantined", 10, 0), shelved(2, "quarantined", 10, 99*day)}, 20, 1, []uint64{2}},
		{"a replaced version larger than the bound", []*entry{shelved(1, Replaced, 500, 0)}, 500, 100, []uint64{1}},
		{"a conflict loser larger than the bound", []*entry{shelved(1, Conflicting, 500, 0), shelved(2, Deleted, 1, 0)}, 501, 100, []uint64{2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := slices.Clone(tc.entries)
			if got := ids(evictions(tc.entries, tc.used, tc.quota, now())); !slices.Equal(got, tc.want) {
				t.Errorf("evictions(%d of %d) = %v, want %v", tc.used, tc.quota, got, tc.want)
			}
			if !slices.Equal(before, tc.entries) {
				t.Error("the entries have changed")
			}
		})
	}
}

// TestEvictionsKeepThePromise checks what must hold of every decision.
func TestEvictionsKeepThePromise(t *testing.T) {
	reasons := []Reason{Superseded, Replaced, Deleted, Conflicting, PreExisting, Recovered, "new word"}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var entries []*entry
		for id := range uint64(r.IntN(30)) {
			entries = append(entries, shelved(id+1, reasons[r.IntN(len(reasons))], r.Int64N(50), time.Duration(r.Int64N(int64(2*floor)))-floor/8))
		}
		used, quota := bytesOf(entries)+r.Int64N(20), r.Int64N(800)
		gone := evictions(entries, used, quota, now())
		if wrong := brokenPromise(entries, gone, used, quota); wrong != "" {
			t.Fatalf("seed %d: %s: of %d bytes with a quota of %d go %v", seed, wrong, used, quota, ids(gone))
		}
	}
}

func brokenPromise(entries, gone []*entry, used, quota int64) string {
	left := used - bytesOf(gone)
	var stay []*entry // that might have gone
	for _, e := range entries {
		young := now().Sub(e.line.When) < 30*24*time.Hour
		once := e.line.Why != Deleted && e.line.Why != Replaced && e.line.Why != Superseded
		switch {
		case !slices.Contains(gone, e):
			if !young || !once {
				stay = append(stay, e)
			}
		case young && once:
			return fmt.Sprintf("%d is young and exists once", e.line.ID)
		}
	}
	switch {
	case (quota == 0 || used*100 <= quota*90) != (len(gone) == 0) && len(stay) > 0:
		return "the high mark does not decide"
	case len(gone) == 0:
		return ""
	case left*100 > quota*60 && len(stay) > 0:
		return fmt.Sprintf("%d may go and does not", stay[0].line.ID)
	case (left+gone[len(gone)-1].info.Allocated)*100 <= quota*60:
		return "the last one need not go"
	}
	order := map[Reason]int{Superseded: 0, Replaced: 0, Deleted: 1}
	place := func(e *entry) [2]uint64 {
		n, known := order[e.line.Why]
		if !known {
			n = 2
		}
		return [2]uint64{uint64(n), e.line.ID}
	}
	for i, e := range append(gone[1:len(gone):len(gone)], stay...) {
		before := gone[min(i, len(gone)-1)]
		if a, b := place(before), place(e); slices.Compare(a[:], b[:]) >= 0 {
			return fmt.Sprintf("%d goes before %d", before.line.ID, e.line.ID)
		}
	}
	return ""
}

// TestQuotaSparesWhatExistsOnce: no number of replaced versions pushes out a
// conflict loser; the store exceeds its quota instead, says so, and works.
func TestQuotaSparesWhatExistsOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		clock := now()
		f.in.store.now = func() time.Time { return clock }
		const quota = 100 << 12
		f.in.o.Quota = quota
		block := strings.Repeat("x", 10<<12)
		loser := f.lose("loser", strings.Repeat("y", 20<<12), Conflicting, nil)
		deleted := f.lose("deleted", block, Deleted, nil)
		for i := range 20 {
			f.lose(fmt.Sprint("replaced", i), block, Replaced, nil)
		}
		for _, id := range []string{loser, deleted} {
			if f.in.store.shelf.find(id) == nil {
				t.Errorf("%s went before replaced versions", id)
			}
		}
		if _, used := f.in.PreservedTotals(); used > quota {
			t.Errorf("%d bytes of %d", used, int64(quota))
		}
		huge := f.lose("huge", strings.Repeat("z", 2*quota), PreExisting, nil)
		last := f.lose("last", block, Replaced, nil)
		f.wantShelf(loser, huge, last) // what is of the batch stays
		clock = clock.Add(floor - 1)
		f.one(put("new", "content", Identity{}), Done)
		f.wantShelf(loser, huge)
		if files, used := f.in.PreservedTotals(); files != 2 || used <= quota || used != f.in.PreservedBytes() {
			t.Errorf("%d files, %d bytes of %d", files, used, int64(quota))
		}
		clock = clock.Add(1)
		young := f.lose("young", block, Conflicting, nil)
		f.wantShelf(young) // the low mark needs both
		again, err := Open(Options{FS: f.in.o.FS, Path: f.in.o.Path, Now: now, Marker: f.in.Marker()})
		ok(t, err)
		(&folder{t: t, in: again}).wantShelf(young)
		ok(t, again.Close())
	})
}

func (f *folder) wantShelf(want ...string) {
	f.t.Helper()
	var got []string
	for _, e := range f.in.Preserved() {
		got = append(got, e.ID)
	}
	if !slices.Equal(got, want) {
		f.t.Errorf("preserved %v, want %v", got, want)
	}
}

// TestEvictionThatFails: what cannot be removed does not keep the others, fails
// no batch, and goes later.
func TestEvictionThatFails(t *testing.T) {
	var stuck string
	f := openFolder(t, fsx.Inject(fsx.NewMemory(fsx.MemoryOptions{}), func(c fsx.Call) error {
		if c.Op == fsx.OpRemove && stuck != "" && strings.HasSuffix(c.Path, stuck) {
			return &fsx.Error{Op: c.Op, Path: c.Path, Class: fsx.ErrPermission, Err: errCut}
		}
		return nil
	}), "/")
	first, second := f.lose("a", "A", Replaced, nil), f.lose("b", "B", Replaced, nil)
	stuck, f.in.o.Quota = first, 1
	f.one(put("c", "C", Identity{}), Done)
	if f.in.store.shelf.find(second) != nil || f.in.store.shelf.find(first) == nil {
		t.Errorf("preserved %v", preserved(t, f.in))
	}
	f.wantShelf(first)
	stuck = ""
	f.one(put("d", "D", Identity{}), Done)
	f.wantShelf()
}
