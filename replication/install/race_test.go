package install

import (
	"slices"
	"testing"

	"dfsd/internal/fsx"
)

// raced runs act just before the nth call that matches, as a user would who
// is as quick as that.
func raced(t *testing.T, match func(fsx.Call) bool, nth int, act func(f *folder)) *folder {
	t.Helper()
	m := fsx.NewMemory(fsx.MemoryOptions{})
	user := openFolder(t, m, "/")
	ok(t, user.in.Close())
	n := 0
	f := openFolder(t, fsx.Inject(m, func(c fsx.Call) error {
		if match(c) {
			if n++; n == nth {
				act(user)
			}
		}
		return nil
	}), "/")
	return f
}

func exchange(c fsx.Call) bool { return c.Op == fsx.OpRename && c.How == fsx.Exchange }

// TestUserIsFaster: whatever a user does between the last look at a target and
// the rename is not lost.
func TestUserIsFaster(t *testing.T) {
	replaceA := func(f *folder) Item { return put("a", "new", f.identity("a")) }
	removeA := func(f *folder) Item { return Item{Op: Remove, Path: "a", Expect: f.identity("a")} }
	moveA := func(f *folder) Item { return Item{Op: Move, Path: "a", To: "b", Expect: f.identity("a")} }
	rename := func(c fsx.Call) bool { return c.Op == fsx.OpRename && c.Path == "a" }
	save := func(f *folder) {
		ok(f.t, f.root.Remove("a"))
		f.write("a", "saved by rename")
	}
	for _, tc := range []struct {
		name  string
		item  func(f *folder) Item
		match func(fsx.Call) bool
		nth   int
		act   func(f *folder)
		tree  map[string]string
		kept  []string
	}{
		{"writes before the exchange", replaceA, exchange, 1, func(f *folder) { f.write("a", "mine") }, map[string]string{"a": "mine"}, nil},
		{"replaces before the exchange", replaceA, exchange, 1, save, map[string]string{"a": "saved by rename"}, nil},
		{"removes before the exchange", replaceA, exchange, 1, func(f *folder) { ok(f.t, f.root.Remove("a")) }, map[string]string{}, nil},
		{"writes before the removal", removeA, rename, 1, func(f *folder) { f.write("a", "mine") }, map[string]string{"a": "mine"}, nil},
		{"replaces before the removal", removeA, rename, 1, save, map[string]string{"a": "saved by rename"}, nil},
		{"replaces before the move", moveA, rename, 1, save, map[string]string{"a": "saved by rename"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := raced(t, tc.match, tc.nth, tc.act)
			f.write("a", "old")
			f.one(tc.item(f), Conflict)
			f.want(tc.tree)
			if got := preserved(t, f.in); !slices.Equal(got, tc.kept) {
				t.Errorf("preserved %v, want %v", got, tc.kept)
			}
			if left := f.left(); len(left) > 0 {
				t.Errorf("staging holds %v", left)
			}
		})
	}
}

// TestUserIsFasterTwice: he changes the file before the exchange, and replaces
// ours before it is taken back. Both of his stay.
func TestUserIsFasterTwice(t *testing.T) {
	saves := []string{"first", "second"}
	m := fsx.NewMemory(fsx.MemoryOptions{})
	user := openFolder(t, m, "/")
	ok(t, user.in.Close())
	f := openFolder(t, fsx.Inject(m, func(c fsx.Call) error {
		if exchange(c) && len(saves) > 0 {
			ok(t, user.root.Remove("a"))
			user.write("a", saves[0])
			saves = saves[1:]
		}
		return nil
	}), "/")
	f.write("a", "old")
	r := f.one(put("a", "new", f.identity("a")), Conflict)
	f.want(map[string]string{"a": "first"})
	if got, want := preserved(t, f.in), []string{"a conflict second"}; !slices.Equal(got, want) || r.Preserved == "" {
		t.Errorf("preserved %v (%q), want %v", got, r.Preserved, want)
	}
}

// TestWritesAfterTheExchange: a write into the new file is not taken for ours.
func TestWritesAfterTheExchange(t *testing.T) {
	stat := func(c fsx.Call) bool { return c.Op == fsx.OpStat && c.Path == ".dfsd/staging/dfsd-1" }
	f := raced(t, stat, 1, func(f *folder) { f.write("a", "user's") })
	f.write("a", "old")
	r := f.one(put("a", "new", f.identity("a")), Done)
	f.want(map[string]string{"a": "user's"})
	if got := f.identity("a"); got == r.Identity {
		t.Errorf("the user's write looks like our own: %+v", got)
	}
}
