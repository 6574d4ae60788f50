package fsx

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// everyCall makes each call of the seam once, and returns the errors by call.
func everyCall(d Dir) map[Op]error {
	got := map[Op]error{}
	note := func(op Op, err error) {
		if got[op] == nil {
			got[op] = err
		}
	}
	f, err := d.Create("new", 0o600)
	note(OpCreate, err)
	if f == nil {
		f, _ = d.Open("old", ReadWrite)
	}
	src, err := d.Open("old", ReadWrite)
	note(OpOpen, err)
	if src == nil {
		src = f
	}
	_, err = f.WriteAt([]byte("text"), 0)
	note(OpWriteAt, err)
	_, err = f.ReadAt(make([]byte, 1), 0)
	note(OpReadAt, err)
	note(OpSyncData, f.SyncData())
	note(OpTruncate, f.Truncate(2))
	note(OpPunchHole, f.PunchHole(0, 1))
	note(OpAllocate, f.Allocate(0, 1))
	note(OpSeekData, second(f.SeekData(0)))
	note(OpSeekHole, second(f.SeekHole(0)))
	note(OpCopyFrom, second(f.CopyFrom(src, 0, 0, 1)))
	note(OpClone, f.Clone(src))
	note(OpInfo, second(f.Info()))
	note(OpChmod, f.Chmod(0o600))
	note(OpChown, f.Chown(1, 1))
	note(OpSetMTime, f.SetMTime(1))
	note(OpSetXattr, f.SetXattr("user.a", nil))
	note(OpXattrs, second(f.Xattrs()))
	note(OpXattr, second(f.Xattr("user.b")))
	note(OpRemoveXattr, f.RemoveXattr("user.c"))
	note(OpSync, f.Sync())
	unnamed, err := d.CreateUnnamed(0o600)
	note(OpCreateUnnamed, err)
	if unnamed == nil {
		unnamed = f
	}
	note(OpLinkUnnamed, d.LinkUnnamed(unnamed, "named"))
	note(OpMkdir, d.Mkdir("dir", 0o700))
	sub, err := d.OpenDir("was")
	note(OpOpenDir, err)
	if sub == nil {
		sub = d
	}
	note(OpSymlink, d.Symlink("t", "link"))
	note(OpReadlink, second(d.Readlink("l")))
	note(OpOpenLink, second(d.OpenLink("l")))
	note(OpStat, second(d.Stat("was")))
	note(OpReadDir, d.ReadDir(func(Entry) bool { return true }))
	note(OpLink, d.Link("old", sub, "second"))
	note(OpRename, d.Rename("old", sub, "third", NoReplace))
	note(OpRemove, d.Remove("l"))
	note(OpRemoveDir, d.RemoveDir("empty"))
	note(OpSyncFS, d.SyncFS())
	note(OpSpace, second(d.Space()))
	note(OpClose, f.Close())
	return got
}

func injectedRoot(t *testing.T, p Policy) Dir {
	t.Helper()
	m := NewMemory(MemoryOptions{})
	d := openRoot(t, m, "/")
	write(t, d, "old", "old text")
	f, err := d.Open("old", ReadWrite)
	ok(t, err)
	ok(t, f.Close())
	ok(t, d.Mkdir("was", 0o700))
	ok(t, d.Mkdir("empty", 0o700))
	ok(t, d.Symlink("t", "l"))
	return openRoot(t, Inject(m, p), "/")
}

// TestEveryCallCanFail: the policy sees each call, and its error comes back
// from that one.
func TestEveryCallCanFail(t *testing.T) {
	untouched := everyCall(injectedRoot(t, func(Call) error { return nil }))
	for op := OpInfo; op <= OpSpace; op++ {
		if _, made := untouched[op]; !made {
			t.Errorf("%v is not made by this test", op)
			continue
		}
		if errors.Is(untouched[op], ErrIO) {
			t.Errorf("%v fails by itself: %v", op, untouched[op])
		}
		got := everyCall(injectedRoot(t, FailOp(op, ErrIO)))
		if !errors.Is(got[op], ErrIO) {
			t.Errorf("%v made to fail returns %v", op, got[op])
		}
	}
	_, err := Inject(NewMemory(MemoryOptions{}), FailOp(OpOpenRoot, ErrIO)).OpenRoot("/")
	if !errors.Is(err, ErrIO) {
		t.Errorf("openroot made to fail returns %v", err)
	}
}

func TestPolicies(t *testing.T) {
	for _, tc := range []struct {
		name   string
		policy Policy
		want   string
	}{
		{"second call", FailNth(2, ErrIO, nil), "[false true false false]"},
		{"second that matches", FailNth(2, ErrIO, func(c Call) bool { return c.Path == "b" }), "[false false false true]"},
		{"from the third", FailFrom(3, ErrIO), "[false false true true]"},
	} {
		d := openRoot(t, Inject(NewMemory(MemoryOptions{}), func(c Call) error {
			if c.Op == OpClose || c.Op == OpOpenRoot {
				return nil
			}
			c.N--
			return tc.policy(c)
		}), "/")
		var got []bool
		for _, name := range []string{"a", "b", "a", "b"} {
			_, err := d.Stat(name)
			got = append(got, errors.Is(err, ErrIO))
		}
		if fmt.Sprint(got) != tc.want {
			t.Errorf("%s: failed %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestTrace(t *testing.T) {
	var got []string
	d := openRoot(t, Inject(NewMemory(MemoryOptions{}), func(c Call) error {
		got = append(got, c.String())
		return nil
	}), "/")
	ok(t, d.Mkdir("p", 0o700))
	p, err := d.OpenDir("p")
	ok(t, err)
	f, err := p.Create("f", 0o600)
	ok(t, err)
	ok(t, f.SetXattr("user.x", nil))
	ok(t, p.Rename("f", d, "g", NoReplace))
	want := []string{"openroot /", "mkdir p", "opendir p", "create p/f", "setxattr p/f user.x", "rename p/f g noreplace"}
	if !slices.Equal(got, want) {
		t.Errorf("trace %q, want %q", got, want)
	}
}
