package index

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"dfsd/replication"
)

func mustPutLists(tb testing.TB, s *Store, lists ...List) {
	tb.Helper()
	for _, l := range lists {
		s.PutList(l)
	}
	mustCommit(tb, s)
}

func TestTrimListsKeepsTheLatestAndTheNeeded(t *testing.T) {
	mem := vfs.NewMem()
	x := mustOpen(t, mem)
	s := x.Store()
	mustPut(t, s, settled(file(1, "a", 1)))
	data := make([]byte, 100)
	for n := 1; n <= 5; n++ {
		mustPutLists(t, s,
			List{Hash: hashOf(n), Grain: Fine, Data: data},
			List{Hash: hashOf(n), Grain: Coarse, Data: data, HasTraits: true})
	}
	mustClose(t, x)
	x = mustOpen(t, mem) // the order of age goes on
	defer x.Close()
	mustPutLists(t, x.Store(), List{Hash: hashOf(2), Grain: Fine, Data: data}, List{Hash: hashOf(2), Grain: Fine, Data: data})
	for _, g := range []Grain{Fine, Coarse} {
		if err := x.TrimLists(g, 250); err != nil {
			t.Fatal(err)
		}
	}
	for g, want := range map[Grain][]int{Fine: {2, 5}, Coarse: {1, 4, 5}} {
		var got []int
		for n := 1; n <= 5; n++ {
			if _, err := x.Lists.Get(g, hashOf(n)); err == nil {
				got = append(got, n)
			} else if !errors.Is(err, ErrNotFound) {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("grain %d keeps %v, want %v", g, got, want)
		}
		if n := len(all(t, x.t.prefix([]byte{tableAge, byte(g)}))); n != len(want) {
			t.Errorf("grain %d has %d entries by age, want %d", g, n, len(want))
		}
	}
	if n := len(all(t, x.t.prefix([]byte{tableTrait}))); n != 3*traitCount {
		t.Errorf("%d keys of traits, want those of 3 lists", n)
	}
}

func TestSimilarRanksByWhatIsShared(t *testing.T) {
	x := mustOpen(t, vfs.NewMem())
	defer x.Close()
	s := x.Store()
	coarse := func(n int, traits ...uint16) List {
		l := List{Hash: hashOf(n), Grain: Coarse, HasTraits: true}
		for i := range l.Traits {
			l.Traits[i] = uint16(1000*n + i)
		}
		copy(l.Traits[:], traits)
		return l
	}
	fine := coarse(9, 1, 2, 3, 4)
	fine.Grain = Fine
	bare := coarse(8, 1, 2, 3, 4)
	bare.HasTraits = false
	shifted := coarse(7, 0, 1, 2, 3, 4)
	mustPutLists(t, s, coarse(1, 1, 2), coarse(2, 1, 2, 3, 4), coarse(3, 1), coarse(4, 1, 2, 3), fine, bare, shifted)
	like := [traitCount]uint16{1, 2, 3, 4}
	similar := func(want ...int) {
		t.Helper()
		var hashes []replication.Hash
		for _, n := range want {
			hashes = append(hashes, hashOf(n))
		}
		got, err := x.Lists.Similar(like)
		if err != nil || !slices.Equal(got, hashes) {
			t.Errorf("Similar = %x, %v, want %v", got, err, want)
		}
	}
	similar(2, 4, 1)
	mustPutLists(t, s, coarse(5, 1, 2), coarse(6, 1, 2, 3))
	similar(2, 6, 4, 5) // of equals the latest, and no more than four
	mustPutLists(t, s, coarse(2, 7, 7, 7, 7), coarse(4))
	similar(6, 5, 1)
	for n := 100; n < 100+similarLooks; n++ {
		mustPutLists(t, s, coarse(n, 1))
	}
	similar(6) // crowded out at one position, of which two are enough no more
}

// TestSimilarIsItsModel compares with counting, where all fit into the bound.
func TestSimilarIsItsModel(t *testing.T) {
	x := mustOpen(t, vfs.NewMem())
	defer x.Close()
	s := x.Store()
	rng := rand.New(rand.NewPCG(3, 4))
	draw := func() (traits [traitCount]uint16) {
		for i := range traits {
			traits[i] = uint16(rng.IntN(4))
		}
		return traits
	}
	latest := map[int][traitCount]uint16{}
	var order []int // by age
	for range 200 {
		n := rng.IntN(30)
		latest[n] = draw()
		order = append(slices.DeleteFunc(order, func(o int) bool { return o == n }), n)
		mustPutLists(t, s, List{Hash: hashOf(n), Grain: Coarse, Traits: latest[n], HasTraits: true})
		like := draw()
		found := map[uint64]resemblance{}
		for age, n := range order {
			r := resemblance{hash: hashOf(n), seq: uint64(age)}
			for i, trait := range latest[n] {
				if trait == like[i] {
					r.shares++
				}
			}
			found[r.seq] = r
		}
		if got, err := x.Lists.Similar(like); err != nil || !slices.Equal(got, bestOf(found)) {
			t.Fatalf("Similar = %x, %v, want %x", got, err, bestOf(found))
		}
	}
}
