package install

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// known is the record of a file with that hash.
func known(content string, h byte) *replication.Record {
	r := file(content)
	r.Hash = replication.Hash{h}
	return r
}

// TestShelfAgreesWithALongList puts and takes at random and asks everything of
// a plain list as well.
func TestShelfAgreesWithALongList(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		var sh shelf
		var list []*entry
		for step, id := range r.Perm(60) { // files without a line come in no order
			if r.IntN(3) > 0 {
				e := shelved(uint64(id)+1, Deleted, r.Int64N(9), 0)
				e.hash = replication.Hash{byte(r.IntN(5))} // one in five: unknown
				sh.put(e)
				list = append(list, e)
				slices.SortFunc(list, func(a, b *entry) int { return byID(a, b.line.ID) })
			} else {
				out := slices.DeleteFunc(slices.Clone(list), func(*entry) bool { return r.IntN(3) > 0 })
				sh.take(out)
				list = slices.DeleteFunc(list, func(e *entry) bool { return slices.Contains(out, e) })
			}
			if wrong := disagreement(&sh, list); wrong != "" {
				t.Fatalf("seed %d, step %d: %s", seed, step, wrong)
			}
		}
	}
}

func disagreement(sh *shelf, list []*entry) string {
	if files, bytes := sh.totals(); files != len(list) || bytes != bytesOf(list) || !slices.Equal(sh.list(), list) {
		return fmt.Sprintf("%d files, %d bytes: %v, want %v", files, bytes, ids(sh.list()), ids(list))
	}
	for _, e := range list {
		if sh.find(e.line.name()) != e {
			return fmt.Sprintf("%s is not found", e.line.name())
		}
	}
	hashes := map[replication.Hash]bool{}
	for h := range byte(6) {
		got := sh.holding(replication.Hash{h})
		there := slices.ContainsFunc(list, func(e *entry) bool { return h > 0 && e.hash == replication.Hash{h} })
		if there != (got != nil) || there && (!slices.Contains(list, got) || got.hash != replication.Hash{h}) {
			return fmt.Sprintf("hash %d: %v, want one: %v", h, got, there)
		}
		hashes[replication.Hash{h}] = there
	}
	for h := range sh.byHash {
		if !hashes[h] {
			return fmt.Sprintf("hash %v stays", h[0])
		}
	}
	return ""
}

func TestFindTakesNoOtherSpelling(t *testing.T) {
	var sh shelf
	sh.put(shelved(0xab, Deleted, 1, 0))
	for _, name := range []string{"", "ab", "00000000000000AB", "+0000000000000ab", "0x000000000000ab", "000000000000000ab", "00000000000000ac", "../marker"} {
		if e := sh.find(name); e != nil {
			t.Errorf("find(%q) = %v, want nothing", name, e.line.ID)
		}
	}
}

func TestPreservedByHash(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		link := known("", 5)
		link.Kind = replication.Symlink
		first, second := f.lose("a", "same", Deleted, known("same", 1)), f.lose("b", "same", Replaced, known("same", 1))
		other := f.lose("c", "other!", Conflicting, known("other!", 2))
		f.lose("d", "no record", Deleted, nil)
		f.lose("e", "no hash", Deleted, known("no hash", 0))
		f.lose("f", "no file", Deleted, link)
		want := func(in *Installer, h byte, size int64, names ...string) {
			t.Helper()
			id, n, found := in.PreservedByHash(replication.Hash{h})
			if found != (len(names) > 0) || n != size || found && !slices.Contains(names, id) {
				t.Errorf("PreservedByHash(%d) = %q, %d, %v, want %d bytes in one of %v", h, id, n, found, size, names)
			}
		}
		check := func(in *Installer) {
			t.Helper()
			want(in, 1, 4, first, second)
			want(in, 2, 6, other)
			for _, h := range []byte{0, 5, 9} {
				want(in, h, 0)
			}
		}
		check(f.in)
		again, err := Open(Options{FS: f.in.o.FS, Path: f.in.o.Path, Now: now, Marker: f.in.Marker()})
		ok(t, err)
		check(again)
		ok(t, again.Close())
		ok(t, f.in.Discard(second))
		want(f.in, 1, 4, first)
		_, err = f.in.Restore(first, "")
		ok(t, err)
		want(f.in, 1, 0)
		f.in.o.Quota = 1
		f.lose("g", "more", Deleted, known("more", 3))
		f.one(put("new", "content", Identity{}), Done) // makes it go
		want(f.in, 3, 0)
		want(f.in, 2, 6, other)
	})
}

// TestHashOfAStranger: a user's file that was preserved in place of the
// expected one does not pass for its content.
func TestHashOfAStranger(t *testing.T) {
	twice := []string{"first", "second"}
	m := fsx.NewMemory(fsx.MemoryOptions{})
	user := openFolder(t, m, "/")
	ok(t, user.in.Close())
	f := openFolder(t, fsx.Inject(m, func(c fsx.Call) error {
		if exchange(c) && len(twice) > 0 {
			ok(t, user.root.Remove("a"))
			user.write("a", twice[0])
			twice = twice[1:]
		}
		return nil
	}), "/")
	it := put("a", "new", f.write("a", "old"))
	it.Preserve = Preserve{Why: Replaced, Record: known("old", 1)}
	if r := f.one(it, Conflict); r.Preserved == "" {
		t.Error("nothing was preserved")
	}
	if id, _, found := f.in.PreservedByHash(replication.Hash{1}); found {
		t.Errorf("%s passes for the old content", id)
	}
	if got, want := preserved(t, f.in), []string{"a conflict second"}; !slices.Equal(got, want) {
		t.Errorf("preserved %v, want %v", got, want)
	}
}

// TestAskingNeverWaits asks about the store from every call of a Commit, while
// the Installer is busy with it.
func TestAskingNeverWaits(t *testing.T) {
	armed, calls := false, 0
	var in *Installer
	var id string
	f := openFolder(t, fsx.Inject(fsx.NewMemory(fsx.MemoryOptions{}), func(fsx.Call) error {
		if !armed {
			return nil
		}
		calls++
		return answered(t, func() error { return ask(in, id) })
	}), "/")
	in, id = f.in, f.lose("a", "A", Conflicting, known("A", 1))
	b := f.write("b", "B")
	f.lose("c", "C", Replaced, nil)
	f.in.o.Quota = 1
	armed = true
	results := f.commit(Item{Op: Remove, Path: "b", Expect: b, Preserve: Preserve{Why: Deleted}}, put("d", "D", Identity{}))
	armed = false
	for i, r := range results {
		if r.Outcome != Done {
			t.Errorf("item %d: %+v", i, r)
		}
	}
	if calls < 15 {
		t.Errorf("asked %d times", calls)
	}
	f.wantShelf(id, results[0].Preserved)
}

// TestOpeningNeverWaits: content is had while the Installer is busy.
func TestOpeningNeverWaits(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		id := f.lose("a", "A", Conflicting, nil)
		f.in.mu.Lock()
		defer f.in.mu.Unlock()
		ok(t, answered(t, func() error {
			h, err := f.in.OpenPreserved(id)
			if err != nil {
				return err
			}
			return h.Close()
		}))
	})
}

// TestOpeningWhatHasJustGone: the file goes before the list says so.
func TestOpeningWhatHasJustGone(t *testing.T) {
	f := memoryFolder(t)
	id := f.lose("a", "A", Replaced, known("A", 1))
	ok(t, f.root.Remove(".dfsd/preserved/"+id))
	if _, err := f.in.OpenPreserved(id); !errors.Is(err, ErrNotPreserved) {
		t.Errorf("OpenPreserved: %v, want %v", err, ErrNotPreserved)
	}
}

// answered fails the test when do waits for something.
func answered(t *testing.T, do func() error) error {
	t.Helper()
	answer := make(chan error, 1)
	go func() { answer <- do() }()
	select {
	case err := <-answer:
		return err
	case <-time.After(10 * time.Second):
		t.Error("no answer while the Installer is busy")
		return errCut
	}
}

// ask asks everything that looks at memory alone.
func ask(in *Installer, id string) error {
	files, bytes := in.PreservedTotals()
	got, size, found := in.PreservedByHash(replication.Hash{1})
	if n := len(in.Preserved()); files != n || bytes < int64(files) || in.PreservedBytes() != bytes || !found || got != id || size != 1 {
		return fmt.Errorf("%d of %d files, %d bytes, by hash %q of %d", n, files, bytes, got, size)
	}
	return nil
}

// TestAskingWhileThingsChange is for the race detector: askers, batches and
// the end.
func TestAskingWhileThingsChange(t *testing.T) {
	f := memoryFolder(t)
	f.in.o.Quota = 20 << 12
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for f.browse() {
			}
		})
	}
	var last string
	for i := range 60 {
		last = f.lose(fmt.Sprint(i), "same", Replaced, known("same", 1))
	}
	ok(t, f.in.Close())
	wg.Wait()
	if id, _, _ := f.in.PreservedByHash(replication.Hash{1}); id != last {
		t.Errorf("the last one is %q, want %q", id, last)
	}
}

// browse opens all that the store lists; false when it is closed.
func (f *folder) browse() bool {
	id, _, _ := f.in.PreservedByHash(replication.Hash{1})
	list := append(f.in.Preserved(), Entry{ID: id})
	for _, e := range list {
		h, err := f.in.OpenPreserved(e.ID)
		switch {
		case err == nil:
			_ = h.Close()
		case errors.Is(err, ErrClosed):
			return false
		case !errors.Is(err, ErrNotPreserved):
			f.t.Errorf("OpenPreserved: %v", err)
		}
	}
	return true
}

// TestRecoveredEntriesTellWhatTheyAre: a crash, or rot, leaves a file in the
// store whose line says less than was true, or something else. None of that
// makes a file go early that exists nowhere else.
func TestRecoveredEntriesTellWhatTheyAre(t *testing.T) {
	const id = 7
	for _, tc := range []struct {
		name string
		line line
		same bool // the file is the one that was expected
		want string
	}{
		{"replaced, as expected", line{State: intended, When: now(), Why: Replaced, Path: "a"}, true, "a replaced"},
		{"another in its place", line{State: intended, When: now(), Why: Replaced, Path: "a"}, false, "a conflict"},
		{"another in place of a superseded one", line{State: intended, When: now(), Path: "a"}, false, "a conflict"},
		{"superseded files are never here", line{State: intended, When: now(), Path: "a"}, true, "a conflict"},
		{"only its last line", line{State: kept, Why: Deleted}, false, "recovered-0000000000000007 deleted"},
		{"only a last line without a reason", line{State: kept}, false, "recovered-0000000000000007 recovered"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := fsx.NewMemory(fsx.MemoryOptions{})
			f := openFolder(t, m, "/")
			ok(t, f.in.Close())
			there := f.write(".dfsd/preserved/"+entryName(id), "content")
			tc.line.V, tc.line.ID, tc.line.Slot = manifestVersion, id, "dfsd-1"
			if tc.line.State == kept {
				tc.line.Slot = ""
			}
			if tc.same {
				tc.line.Old = there
			}
			text, err := tc.line.appendTo(nil)
			ok(t, err)
			f.write(".dfsd/manifest", string(text))
			for range 2 {
				in, err := Open(Options{FS: m, Path: "/", Now: now})
				ok(t, err)
				list := in.Preserved()
				if len(list) != 1 || list[0].Path+" "+string(list[0].Why) != tc.want || !list[0].When.Equal(now()) {
					t.Errorf("preserved %+v, want %s", list, tc.want)
				}
				ok(t, in.Close())
			}
			in := openFolder(t, m, "/").in
			if path, err := in.Restore(entryName(id), ""); err != nil || path == "" {
				t.Errorf("Restore = %q, %v", path, err)
			}
		})
	}
}
