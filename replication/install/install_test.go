package install

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// onBoth runs a test on the memory back end and on the disk.
func onBoth(t *testing.T, run func(t *testing.T, f *folder)) {
	t.Run("memory", func(t *testing.T) { run(t, memoryFolder(t)) })
	t.Run("memory without exchange", func(t *testing.T) {
		run(t, openFolder(t, fsx.NewMemory(fsx.MemoryOptions{NoExchange: true}), "/"))
	})
	t.Run("disk", func(t *testing.T) { run(t, openFolder(t, fsx.OS(), t.TempDir())) })
}

func TestNewObjects(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		dir := &replication.Record{Kind: replication.Directory, Attr: replication.Attr{Mode: 0o2750, MTime: 5e9}}
		link := &replication.Record{Kind: replication.Symlink, Target: "../x", Attr: replication.Attr{MTime: 7e9}}
		results := f.commit(
			Item{Op: Put, Path: "d", Record: dir},
			Item{Op: Put, Path: "d/e", Record: dir},
			put("d/e/f", "hello", Identity{}),
			put("empty", "", Identity{}),
			Item{Op: Put, Path: "d/l", Record: link},
		)
		for i, r := range results {
			if r.Outcome != Done || r.Err != nil || len(r.Degraded) > 0 {
				t.Errorf("item %d: %+v", i, r)
			}
		}
		f.want(map[string]string{"d": "/", "d/e": "/", "d/e/f": "hello", "empty": "", "d/l": "-> ../x"})
		for path, i := range map[string]int{"d/e/f": 2, "empty": 3, "d/l": 4} {
			if got := f.identity(path); got != results[i].Identity {
				t.Errorf("%s looks like %+v, Commit said %+v", path, got, results[i].Identity)
			}
		}
		i, err := f.root.Stat("d/e/f")
		if err != nil || i.Mode != 0o640 || i.MTime != 1_600_000_000_000_000_001 {
			t.Errorf("d/e/f: %+v, %v", i, err)
		}
		if i, _ := f.root.Stat("d"); i.Mode != 0o2750 {
			t.Errorf("d: %+v", i)
		}
		if i, _ := f.root.Stat("d/l"); i.MTime != 7e9 {
			t.Errorf("d/l: %+v", i)
		}
		if left := f.left(); len(left) > 0 {
			t.Errorf("staging holds %v", left)
		}
	})
}

// TestFewNewObjects: a small batch is synced one by one, whatever its kinds.
func TestFewNewObjects(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		link := &replication.Record{Kind: replication.Symlink, Target: "x", Attr: replication.Attr{MTime: 7e9}}
		f.one(Item{Op: Put, Path: "l", Record: link}, Done)
		f.one(Item{Op: Put, Path: "d", Record: &replication.Record{Kind: replication.Directory, Attr: replication.Attr{Mode: 0o755}}}, Done)
		link.Target, link.Attr.MTime = "y", 8e9
		f.one(Item{Op: Put, Path: "l", Expect: f.identity("l"), Record: link}, Done)
		link.Attr.MTime = 9e9
		f.one(Item{Op: SetAttr, Path: "l", Expect: f.identity("l"), Record: link}, Done)
		f.want(map[string]string{"d": "/", "l": "-> y"})
		if i, _ := f.root.Stat("l"); i.MTime != 9e9 {
			t.Errorf("l: %+v", i)
		}
		f.one(Item{Op: Remove, Path: "l", Expect: f.identity("l"), Preserve: Preserve{Why: Deleted}}, Done)
		if got, want := preserved(t, f.in), []string{"l deleted (symlink)"}; !slices.Equal(got, want) {
			t.Errorf("preserved %v, want %v", got, want)
		}
	})
}

func TestReplace(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		a, b := f.write("a", "old a"), f.write("b", "old b")
		item := put("b", "new b", b)
		item.Preserve = Preserve{Why: Conflicting, By: "paris"}
		results := f.commit(put("a", "new a", a), item)
		f.want(map[string]string{"a": "new a", "b": "new b"})
		for i, r := range results {
			if r.Outcome != Done {
				t.Errorf("item %d: %+v", i, r)
			}
		}
		if results[0].Preserved != "" || results[1].Preserved == "" {
			t.Errorf("preserved %q and %q", results[0].Preserved, results[1].Preserved)
		}
		if got, want := preserved(t, f.in), []string{"b conflict old b"}; !reflect.DeepEqual(got, want) {
			t.Errorf("preserved %v, want %v", got, want)
		}
		if left := f.left(); len(left) > 0 {
			t.Errorf("staging holds %v", left)
		}
	})
}

// TestStaleTargets: nothing that the caller does not know is overwritten.
func TestStaleTargets(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		stale := f.write("a", "1")
		f.write("a", "22")
		f.mkdir("d")
		attr := Item{Op: SetAttr, Path: "a", Expect: stale, Record: file("1")}
		for _, tc := range []struct {
			name string
			item Item
			want Outcome
		}{
			{"replace changed", put("a", "new", stale), Conflict},
			{"create over a file", put("a", "new", Identity{}), Conflict},
			{"create over a directory", put("d", "new", Identity{}), Conflict},
			{"create below nothing", put("no/a", "new", Identity{}), Conflict},
			{"create below a file", put("a/a", "new", Identity{}), Conflict},
			{"replace nothing", put("no", "new", stale), Conflict},
			{"remove changed", Item{Op: Remove, Path: "a", Expect: stale}, Conflict},
			{"remove nothing", Item{Op: Remove, Path: "no", Expect: stale}, Done},
			{"move changed", Item{Op: Move, Path: "a", To: "b", Expect: stale}, Conflict},
			{"attributes of changed", attr, Conflict},
			{"into the private area", put(".dfsd/x", "new", Identity{}), NameImpossible},
			{"in other case", put(".DFSD", "new", Identity{}), NameImpossible},
			{"long name", put(strings.Repeat("n", 256), "new", Identity{}), NameImpossible},
			{"out of the folder", put("../x", "new", Identity{}), Conflict},
			{"wrong size", Item{Op: Put, Path: "z", Record: file("12"), Bytes: []byte("1")}, Failed},
			{"no record", Item{Op: Put, Path: "z"}, Failed},
		} {
			if r := f.one(tc.item, tc.want); (r.Err == nil) != (tc.want == Done) {
				t.Errorf("%s: error %v with outcome %v", tc.name, r.Err, r.Outcome)
			}
		}
		f.want(map[string]string{"a": "22", "d": "/"})
		if left := f.left(); len(left) > 0 || len(f.in.Preserved()) > 0 {
			t.Errorf("staging holds %v, preserved %v", left, preserved(t, f.in))
		}
	})
}

// TestStaleMetadata: who changed only the mode changed the file.
func TestStaleMetadata(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		id := f.write("a", "old")
		h, err := f.root.Open("a", fsx.ReadWrite)
		ok(t, err)
		defer h.Close()
		ok(t, h.Chmod(0o600))
		f.one(put("a", "new", id), Conflict)
		f.one(Item{Op: Remove, Path: "a", Expect: id}, Conflict)
		f.one(Item{Op: Move, Path: "a", To: "b", Expect: id}, Conflict)
		f.want(map[string]string{"a": "old"})
	})
}

func TestRemove(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		d := f.mkdir("d")
		x, y := f.write("d/x", "X"), f.write("d/y", "Y")
		results := f.commit(
			Item{Op: Remove, Path: "d", Expect: d}, // not empty yet
			Item{Op: Remove, Path: "d/x", Expect: x, Preserve: Preserve{Why: Deleted, By: "rome"}},
			Item{Op: Remove, Path: "d/y", Expect: y},
			Item{Op: Remove, Path: "d", Expect: d},
		)
		for i, want := range []Outcome{Conflict, Done, Done, Done} {
			if results[i].Outcome != want {
				t.Errorf("item %d: %v (%v), want %v", i, results[i].Outcome, results[i].Err, want)
			}
		}
		f.want(map[string]string{})
		if got, want := preserved(t, f.in), []string{"d/x deleted X"}; !reflect.DeepEqual(got, want) {
			t.Errorf("preserved %v, want %v", got, want)
		}
		path, err := f.in.Restore(results[1].Preserved, "")
		if path != "d/x" || err != nil {
			t.Errorf("Restore = %q, %v", path, err)
		}
		f.want(map[string]string{"d": "/", "d/x": "X"})
	})
}

func TestSetAttr(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		d := f.mkdir("d")
		id := f.write("d/f", "text")
		r := file("text")
		r.Attr.Mode = 0o600
		r.Attr.Xattrs = []replication.Xattr{{Name: "user.a", Value: []byte("1")}, {Name: "user.b", Value: []byte("2")}}
		dr := &replication.Record{Kind: replication.Directory, Attr: replication.Attr{Mode: 0o700, MTime: 9e9}}
		results := f.commit(
			Item{Op: SetAttr, Path: "d/f", Expect: id, Record: r},
			Item{Op: SetAttr, Path: "d", Expect: d, Record: dr},
		)
		for i, r := range results {
			if r.Outcome != Done || len(r.Degraded) > 0 {
				t.Errorf("item %d: %+v", i, r)
			}
		}
		if got := f.identity("d/f"); got != results[0].Identity || got.MTime != r.Attr.MTime {
			t.Errorf("d/f looks like %+v, Commit said %+v", got, results[0].Identity)
		}
		r.Attr.Xattrs = r.Attr.Xattrs[1:]
		f.one(Item{Op: SetAttr, Path: "d/f", Expect: results[0].Identity, Record: r}, Done)
		h, err := f.root.Open("d/f", fsx.ReadOnly)
		ok(t, err)
		defer h.Close()
		names, err := h.Xattrs()
		if !slices.Equal(names, []string{"user.b"}) || err != nil {
			t.Errorf("attributes %v, %v", names, err)
		}
		if i, _ := f.root.Stat("d"); i.Mode != 0o700 || i.MTime == 9e9 {
			t.Errorf("d: %+v", i)
		}
	})
}

// TestHardLinksAreKeptApart: the other name keeps content and metadata.
func TestHardLinksAreKeptApart(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		f.write("a", "text")
		ok(t, f.root.Link("a", f.root, "b"))
		f.one(Item{Op: SetAttr, Path: "a", Expect: f.identity("a"), Record: file("text")}, Done)
		a, _ := f.root.Stat("a")
		b, _ := f.root.Stat("b")
		if a.Mode != 0o640 || b.Mode != 0o644 || a.Inode == b.Inode || b.Links != 1 {
			t.Errorf("a %+v, b %+v", a, b)
		}
		f.want(map[string]string{"a": "text", "b": "text"})
	})
}

func TestAttributesThatDoNotFit(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		r := file("text")
		r.Attr.Xattrs = []replication.Xattr{{Name: "user.big", Value: make([]byte, 5000)}, {Name: "user.small", Value: []byte("1")}}
		res := f.one(Item{Op: Put, Path: "a", Record: r, Bytes: []byte("text")}, Done)
		if len(res.Degraded) != 1 || res.Degraded[0].Facet != "user.big" {
			t.Errorf("degraded: %+v", res.Degraded)
		}
		f.want(map[string]string{"a": "text"})
	})
}

func TestStagedTemporaries(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		old := f.write("a", "old")
		staging, err := f.in.Staging()
		ok(t, err)
		defer staging.Close()
		stage := func(name, content string) {
			h, err := staging.Create(name, 0o600)
			ok(t, err)
			_, err = h.WriteAt([]byte(content), 0)
			ok(t, err)
			ok(t, h.Close())
		}
		stage("one", "new a")
		stage("two", "new b")
		stage("rest", "partial")
		f.one(Item{Op: Put, Path: "a", Expect: old, Record: file("new a"), Staged: "one"}, Done)
		f.one(Item{Op: Put, Path: "a", Expect: old, Record: file("new b"), Staged: "two"}, Conflict)
		f.one(Item{Op: Put, Path: "c", Record: file("longer than partial"), Staged: "rest"}, Failed)
		f.one(Item{Op: Put, Path: "c", Record: file("x"), Staged: "missing"}, Conflict)
		f.want(map[string]string{"a": "new a"})
		if got, want := f.left(), []string{"rest", "two"}; !slices.Equal(got, want) {
			t.Errorf("staging holds %v, want %v", got, want)
		}
		ok(t, f.in.Sweep(func(name string) bool { return name == "rest" }))
		if got, want := f.left(), []string{"rest"}; !slices.Equal(got, want) {
			t.Errorf("after the sweep staging holds %v, want %v", got, want)
		}
	})
}

func TestHolesAreKept(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		const mib = 1 << 20
		for name, content := range map[string][]byte{
			"middle": append(append([]byte("head"), make([]byte, mib)...), "tail"...),
			"end":    append([]byte("head"), make([]byte, mib-4)...),
			"all":    make([]byte, mib),
		} {
			f.one(put(name, string(content), Identity{}), Done)
			i, err := f.root.Stat(name)
			if err != nil || i.Size != int64(len(content)) || i.Allocated > 64<<10 {
				t.Errorf("%s: %+v, %v", name, i, err)
			}
			ok(t, f.root.Link(name, f.root, name+"2"))
			r := file(string(content))
			f.one(Item{Op: SetAttr, Path: name, Expect: f.identity(name), Record: r}, Done)
			if i, err := f.root.Stat(name); err != nil || i.Size != int64(len(content)) || i.Allocated > 64<<10 || i.Links != 1 {
				t.Errorf("copy of %s: %+v, %v", name, i, err)
			}
		}
		got := tree(t, f.root)
		if got["middle"] != got["middle2"] || got["end"] != got["end2"] || len(got["all"]) != mib {
			t.Error("a copy differs")
		}
	})
}

func TestMoves(t *testing.T) {
	tests := []struct {
		name  string
		setUp func(f *folder)
		moves [][2]string
		want  map[string]string
	}{
		{
			"chain, last first", func(f *folder) { f.write("a", "A"); f.write("b", "B") },
			[][2]string{{"a", "b"}, {"b", "c"}},
			map[string]string{"b": "A", "c": "B"},
		},
		{
			"two trade", func(f *folder) { f.write("a", "A"); f.write("b", "B") },
			[][2]string{{"a", "b"}, {"b", "a"}},
			map[string]string{"b": "A", "a": "B"},
		},
		{
			"cycle of four", func(f *folder) {
				for _, n := range []string{"a", "b", "c", "d"} {
					f.write(n, strings.ToUpper(n))
				}
			},
			[][2]string{{"a", "b"}, {"b", "c"}, {"c", "d"}, {"d", "a"}},
			map[string]string{"b": "A", "c": "B", "d": "C", "a": "D"},
		},
		{
			"directory with content, and a file out of it", func(f *folder) { f.mkdir("p"); f.write("p/x", "X"); f.write("p/y", "Y") },
			[][2]string{{"p/x", "q/z"}, {"p", "q"}},
			map[string]string{"q": "/", "q/z": "X", "q/y": "Y"},
		},
		{
			"directories trade, and a file between them", func(f *folder) { f.mkdir("p"); f.mkdir("q"); f.write("p/x", "X"); f.write("q/y", "Y") },
			[][2]string{{"p", "q"}, {"q", "p"}, {"p/x", "p/x"}},
			map[string]string{"q": "/", "p": "/", "p/x": "X", "p/y": "Y"},
		},
		{
			"parent and child trade", func(f *folder) { f.mkdir("a"); f.mkdir("a/b"); f.write("a/x", "X"); f.write("a/b/y", "Y") },
			[][2]string{{"a/b", "a"}, {"a", "a/b"}},
			map[string]string{"a": "/", "a/y": "Y", "a/b": "/", "a/b/x": "X"},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, f *folder) {
				tc.setUp(f)
				var items []Item
				for _, m := range tc.moves {
					items = append(items, Item{Op: Move, Path: m[0], To: m[1], Expect: f.identity(m[0])})
				}
				for i, r := range f.commit(items...) {
					if r.Outcome != Done {
						t.Errorf("%v: %v (%v)", tc.moves[i], r.Outcome, r.Err)
					}
				}
				f.want(tc.want)
				if left := f.left(); len(left) > 0 || len(f.in.Preserved()) > 0 {
					t.Errorf("staging holds %v, preserved %v", left, preserved(t, f.in))
				}
			})
		})
	}
}

// TestMovesThatCannotBe: the others of the run are made.
func TestMovesThatCannotBe(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		a, b, c := f.write("a", "A"), f.write("b", "B"), f.write("c", "C")
		f.write("taken", "T")
		results := f.commit(
			Item{Op: Move, Path: "a", To: "taken", Expect: a},
			Item{Op: Move, Path: "b", To: "no/b", Expect: b},
			Item{Op: Move, Path: "c", To: "d", Expect: c},
		)
		for i, want := range []Outcome{Conflict, Conflict, Done} {
			if results[i].Outcome != want {
				t.Errorf("item %d: %v (%v), want %v", i, results[i].Outcome, results[i].Err, want)
			}
		}
		f.want(map[string]string{"a": "A", "b": "B", "taken": "T", "d": "C"})
	})
}

func TestCancelledBatch(t *testing.T) {
	f := memoryFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.in.Commit(ctx, []Item{put("a", "A", Identity{})}); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit = %v, want %v", err, context.Canceled)
	}
	f.want(map[string]string{})
	ok(t, f.in.Close())
	if _, err := f.in.Commit(t.Context(), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Commit after Close = %v, want %v", err, ErrClosed)
	}
}

func TestFullDisk(t *testing.T) {
	f := openFolder(t, fsx.NewMemory(fsx.MemoryOptions{Capacity: 64 << 10}), "/")
	big := strings.Repeat("x", 128<<10)
	results := f.commit(put("a", "small", Identity{}), put("b", big, Identity{}), put("c", "small", Identity{}))
	for i, want := range []Outcome{Done, NoSpace, Done} {
		if results[i].Outcome != want {
			t.Errorf("item %d: %v (%v), want %v", i, results[i].Outcome, results[i].Err, want)
		}
	}
	f.want(map[string]string{"a": "small", "c": "small"})
	if left := f.left(); len(left) > 0 {
		t.Errorf("staging holds %v", left)
	}
}

func TestImpossibleNames(t *testing.T) {
	fs := fsx.NewMemory(fsx.MemoryOptions{RefuseName: func(name string) bool { return strings.Contains(name, ":") }})
	f := openFolder(t, fs, "/")
	a := f.write("a", "A")
	results := f.commit(put("x:y", "new", Identity{}), Item{Op: Move, Path: "a", To: "a:b", Expect: a}, put("fine", "new", Identity{}))
	for i, want := range []Outcome{NameImpossible, NameImpossible, Done} {
		if results[i].Outcome != want {
			t.Errorf("item %d: %v (%v), want %v", i, results[i].Outcome, results[i].Err, want)
		}
	}
	f.want(map[string]string{"a": "A", "fine": "new"})
}
