package targetstate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"dfsd/referral"
)

func openStore(tb testing.TB, dir string) *Store {
	tb.Helper()
	st, err := OpenStore(dir)
	if err != nil {
		tb.Fatalf("OpenStore() = %v", err)
	}
	return st
}

func set(tb testing.TB, st *Store, d Decision) *Decision {
	tb.Helper()
	before, err := st.Set(d, noon)
	if err != nil {
		tb.Fatalf("Set(%+v) = %v", d, err)
	}
	return before
}

const projects = `\\*\public\projects`

func onTarget(kind Kind, target string) Decision {
	return Decision{Kind: kind, Path: projects, Target: target, By: "alice", Reason: "patching", At: noon}
}

func TestStoreKeepsDecisions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	st := openStore(t, dir)
	if all := st.All(noon); len(all) != 0 {
		t.Errorf("All() = %+v, want none", all)
	}
	host := Decision{Kind: Offline, Host: "fs9", At: noon, Until: noon.Add(time.Hour)}
	narrow := onTarget(Drained, `\\fs2\projects`)
	narrow.OldTTL = 30 * time.Minute
	if before := set(t, st, host); before != nil {
		t.Errorf("Set() = %+v, want none before", before)
	}
	set(t, st, narrow)
	want := []Decision{host, narrow}
	if got := st.All(noon); !reflect.DeepEqual(got, want) {
		t.Errorf("All() = %+v, want %+v", got, want)
	}
	if got := openStore(t, dir).All(noon); !reflect.DeepEqual(got, want) {
		t.Errorf("All() after a restart = %+v, want %+v", got, want)
	}
	if got := st.All(noon.Add(time.Hour)); len(got) != 1 {
		t.Errorf("All() later = %+v, want without the expired one", got)
	}
	fi, err := os.Stat(filepath.Join(dir, "targets.json"))
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && fi.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %04o, want 0600", fi.Mode().Perm())
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("the directory has %v, %v, want the file alone", files, err)
	}
}

func TestStoreOf(t *testing.T) {
	st := openStore(t, t.TempDir())
	set(t, st, Decision{Kind: Offline, Host: "FS2", At: noon})
	short := onTarget(Drained, `//fs2/Projects`)
	short.Path, short.Until = `//any.server/Public/projects`, noon.Add(time.Minute)
	set(t, st, short)
	short.Path, short.TakenOut = `//any.server/Public/done`, noon
	set(t, st, short)
	for _, c := range []struct {
		root, folder, target string
		now                  time.Time
		want                 Kind
	}{
		{"public", "projects", `\\fs2\projects`, noon, Offline}, // a drain that has only begun does not bring it back
		{"PUBLIC", "Projects", `\\FS2\PROJECTS`, noon, Offline},
		{"public", "done", `\\fs2\projects`, noon, Drained},
		{"PUBLIC", "Done", `\\FS2\PROJECTS`, noon, Drained},
		{"public", "done", `\\fs2\projects`, noon.Add(time.Minute), Offline},
		{"public", "projects", `\\fs2\other`, noon, Offline},
		{"tools", "x", `\\fs2\projects`, noon, Offline},
		{"public", "projects", `\\fs22\projects`, noon, ""},
		{"public", "projects", `\\fs1\projects`, noon, ""},
	} {
		var got Kind
		if d := st.Of(c.root, c.folder, c.target, c.now); d != nil {
			got = d.Kind
		}
		if got != c.want {
			t.Errorf("Of(%s, %s, %s, %v) = %q, want %q", c.root, c.folder, c.target, c.now, got, c.want)
		}
	}
}

func TestStoreSetRefuses(t *testing.T) {
	for name, spoil := range map[string]func(d *Decision){
		"no kind":         func(d *Decision) { d.Kind = "" },
		"unknown kind":    func(d *Decision) { d.Kind = "online" },
		"no scope":        func(d *Decision) { d.Path, d.Target = "", "" },
		"no folder":       func(d *Decision) { d.Path = "" },
		"no target":       func(d *Decision) { d.Target = "" },
		"two scopes":      func(d *Decision) { d.Host = "fs1" },
		"a bad host":      func(d *Decision) { d.Host, d.Path, d.Target = `fs1\x`, "", "" },
		"a blank host":    func(d *Decision) { d.Host, d.Path, d.Target = "fs 1", "", "" },
		"a bad target":    func(d *Decision) { d.Target = `\\fs1` },
		"a namespace":     func(d *Decision) { d.Path = `\\h\public` },
		"no UNC path":     func(d *Decision) { d.Path = "projects" },
		"dots in a path":  func(d *Decision) { d.Path = `\\h\public\..` },
		"a long path":     func(d *Decision) { d.Path = projects + strings.Repeat(`\a`, 4096) },
		"a long reason":   func(d *Decision) { d.Reason = strings.Repeat("x", 257) },
		"two lines":       func(d *Decision) { d.Reason = "a\nb" },
		"an escape":       func(d *Decision) { d.By = "\x1b[31m" },
		"not UTF-8":       func(d *Decision) { d.By = "\xff" },
		"ended already":   func(d *Decision) { d.Until = noon },
		"a negative TTL":  func(d *Decision) { d.OldTTL = -1 },
		"an absurd time":  func(d *Decision) { d.Until = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"an absurd start": func(d *Decision) { d.At = time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		dir := t.TempDir()
		st := openStore(t, dir)
		d := onTarget(Drained, `\\fs2\projects`)
		spoil(&d)
		if before, err := st.Set(d, noon); err == nil || before != nil {
			t.Errorf("%s: Set(%+v) = %v, %v, want an error", name, d, before, err)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 0 || len(st.All(noon)) != 0 {
			t.Errorf("%s: a refused decision left something", name)
		}
	}
}

// TestStoreSetAgain: what was reached stays so.
func TestStoreSetAgain(t *testing.T) {
	later := noon.Add(time.Hour)
	d := onTarget(Drained, `\\fs2\projects`)
	out := d
	out.TakenOut = noon.Add(time.Minute)
	offline := onTarget(Offline, `\\fs2\projects`)
	again := Decision{Kind: Drained, Path: projects, Target: `\\fs2\PROJECTS`, By: "bob", At: later, OldTTL: s}
	for _, c := range []struct {
		name     string
		old, new Decision
		at, out  time.Time
	}{
		{"drained, not yet out", d, again, noon, time.Time{}},
		{"drained and out", out, again, noon, noon.Add(time.Minute)},
		{"offline, then drained", offline, again, later, noon},
		{"out, then offline", out, Decision{Kind: Offline, Path: projects, Target: `\\fs2\projects`, At: later}, later, noon.Add(time.Minute)},
		{"drained, then offline", d, Decision{Kind: Offline, Path: projects, Target: `\\fs2\projects`, At: later}, later, later},
	} {
		st := openStore(t, t.TempDir())
		set(t, st, c.old)
		before, err := st.Set(c.new, later)
		if err != nil || before == nil || *before != c.old {
			t.Errorf("%s: Set() = %+v, %v, want %+v", c.name, before, err, c.old)
		}
		got := st.All(later)
		if len(got) != 1 || got[0].At != c.at || got[0].out() != c.out || got[0].By != c.new.By || got[0].Kind != c.new.Kind {
			t.Errorf("%s: All() = %+v, want it from %v, out at %v", c.name, got, c.at, c.out)
		}
	}
}

// TestStoreSetAgainKeeps: a reason and an end stand until others are given, and
// another kind of decision has its own.
func TestStoreSetAgainKeeps(t *testing.T) {
	first := onTarget(Drained, `\\fs2\projects`)
	first.Reason, first.Until = "new disks", noon.Add(time.Hour)
	plain, other := onTarget(Drained, `\\fs2\projects`), onTarget(Drained, `\\fs2\projects`)
	plain.Reason, plain.Until = "", time.Time{}
	other.Reason, other.Until = "more disks", noon.Add(2*time.Hour)
	offline := plain
	offline.Kind = Offline
	for _, c := range []struct {
		next   Decision
		reason string
		until  time.Time
	}{
		{plain, first.Reason, first.Until}, {other, other.Reason, other.Until}, {offline, "", time.Time{}},
	} {
		st := openStore(t, t.TempDir())
		set(t, st, first)
		set(t, st, c.next)
		if got := st.All(noon); len(got) != 1 || got[0].Reason != c.reason || !got[0].Until.Equal(c.until) {
			t.Errorf("after %+v: %+v, want reason %q until %v", c.next, got, c.reason, c.until)
		}
	}
}

func TestStoreNote(t *testing.T) {
	st := openStore(t, t.TempDir())
	d := onTarget(Drained, `\\fs2\projects`)
	set(t, st, d)
	again := d
	again.By, again.At = "bob", time.Time{}
	set(t, st, again)
	d.TakenOut = noon.Add(s)
	if stands, err := st.Note(d); !stands || err != nil {
		t.Fatalf("Note() = %v, %v, want that it stands", stands, err)
	}
	if got := st.All(noon)[0]; got.TakenOut != d.TakenOut || got.By != "bob" {
		t.Errorf("All() = %+v, want bob's, and taken out", got)
	}
	if _, err := st.Clear(Scope{Host: "fs2"}); err != nil {
		t.Fatal(err)
	}
	if stands, err := st.Note(d); stands || err != nil || len(st.All(noon)) != 0 {
		t.Errorf("Note() of what was ended = %v, %v, All() = %+v, want nothing", stands, err, st.All(noon))
	}
}

// TestStoreNoteOfAnotherDrain: what an ended drain reached is not that of the
// next.
func TestStoreNoteOfAnotherDrain(t *testing.T) {
	st := openStore(t, t.TempDir())
	next := onTarget(Drained, `\\fs2\projects`)
	next.At = noon.Add(s)
	set(t, st, next)
	ended := onTarget(Drained, `\\fs2\projects`)
	ended.TakenOut = noon
	if stands, err := st.Note(ended); stands || err != nil || st.All(noon)[0] != next {
		t.Errorf("Note() = %v, %v, All() = %+v, want %+v as it was", stands, err, st.All(noon), next)
	}
}

func TestStoreSetForgetsTheExpired(t *testing.T) {
	st := openStore(t, t.TempDir())
	d := onTarget(Drained, `\\fs2\projects`)
	d.Until, d.TakenOut = noon.Add(s), noon
	set(t, st, d)
	d.Until, d.TakenOut, d.At = time.Time{}, time.Time{}, noon.Add(s)
	before, err := st.Set(d, noon.Add(s))
	if got := st.All(noon.Add(s)); before != nil || err != nil || len(got) != 1 || got[0] != d {
		t.Errorf("Set() = %+v, %v, All() = %+v, want nothing of the expired one", before, err, got)
	}
}

func TestStoreClear(t *testing.T) {
	decisions := []Decision{
		{Kind: Offline, Host: "fs2", At: noon},
		onTarget(Drained, `\\fs1\projects`), onTarget(Drained, `\\fs2\projects`),
		{Kind: Offline, Path: `\\*\public\tools`, Target: `\\fs2\tools`, At: noon},
	}
	for _, c := range []struct {
		scope Scope
		left  string // of the decisions, by number
	}{
		{Scope{Host: "FS2"}, "1"},
		{Scope{Host: "fs3"}, "0 1 2 3"},
		{Scope{Path: `//x/PUBLIC/projects`, Target: `//fs2/projects`}, "0 1 3"},
		{Scope{Path: projects}, "0 3"},
		{Scope{Path: projects, Host: "fs2"}, "0 1 3"},
		{Scope{Target: `\\fs2\tools`}, "0 1 2"},
		{Scope{Host: "fs1", Target: `\\fs2\tools`}, "0 1 2 3"},
	} {
		dir := t.TempDir()
		st := openStore(t, dir)
		for _, d := range decisions {
			set(t, st, d)
		}
		before, err := st.Clear(c.scope)
		var left []string
		for i, d := range decisions {
			for _, o := range openStore(t, dir).All(noon) {
				if o == d {
					left = append(left, fmt.Sprint(i))
				}
			}
		}
		if got := strings.Join(left, " "); err != nil || got != c.left || len(before)+len(left) != len(decisions) {
			t.Errorf("Clear(%+v) = %+v, %v, left %s, want %s", c.scope, before, err, got, c.left)
		}
	}
	if _, err := openStore(t, t.TempDir()).Clear(Scope{}); err == nil {
		t.Error("Clear() of everything passed")
	}
}

func TestStoreBounds(t *testing.T) {
	st := openStore(t, t.TempDir())
	st.content.decisions = map[Scope]Decision{}
	for i := range maxDecisions {
		d := Decision{Kind: Offline, Host: fmt.Sprintf("h%d", i), At: noon}
		st.content.decisions[foldScope(d.Scope())] = d
	}
	if _, err := st.Set(Decision{Kind: Offline, Host: "one-more"}, noon); !errors.Is(err, ErrFull) {
		t.Errorf("Set() of one more = %v, want ErrFull", err)
	}
	if before := set(t, st, Decision{Kind: Offline, Host: "H7"}); before == nil {
		t.Error("Set() in place of another is no more than before")
	}
	many := map[string]SavedStatus{}
	for i := range maxStatuses + 5 {
		many[fmt.Sprintf("K%d", i)] = SavedStatus{State: referral.Down, Since: noon.Add(time.Duration(i) * s)}
	}
	if err := st.SaveStatuses(many); err != nil {
		t.Fatal(err)
	}
	got := st.Statuses()
	if _, oldest := got["K4"]; oldest || len(got) != maxStatuses {
		t.Errorf("Statuses() = %d, with the oldest: %v; want the latest %d", len(got), oldest, maxStatuses)
	}
}

func TestStoreStatuses(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir)
	ns := snapshot(t, "public", "fs1")
	key := StatusKey(FolderPath("public", "f0"), linkAt(t, ns, `\h\public\f0`).Target(0))
	if want := `FS1|\\FS1\DATA|\\*\PUBLIC\F0`; key != want {
		t.Errorf("StatusKey() = %q, want %q", key, want)
	}
	down := SavedStatus{State: referral.Down, Reason: "refused", Since: noon}
	save := func(m map[string]SavedStatus) time.Time {
		t.Helper()
		if err := st.SaveStatuses(m); err != nil {
			t.Fatal(err)
		}
		fi, err := os.Stat(filepath.Join(dir, storeFile))
		if err != nil {
			t.Fatal(err)
		}
		return fi.ModTime()
	}
	save(map[string]SavedStatus{key: down, "UP": {State: referral.Up}, "OUT": {State: referral.Offline}, "": down, "A\nB": down})
	if got := openStore(t, dir).Statuses(); !reflect.DeepEqual(got, map[string]SavedStatus{key: down}) {
		t.Errorf("Statuses() = %+v, want the demotion alone", got)
	}
	st.Statuses()["x"] = down // the caller's own
	old := noon.Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, storeFile), old, old); err != nil {
		t.Fatal(err)
	}
	aged := down
	aged.Reason = "refused, again"
	if when := save(map[string]SavedStatus{key: aged}); !when.Equal(old) {
		t.Error("SaveStatuses() wrote though only a reason had changed")
	}
	if when := save(nil); when.Equal(old) || len(openStore(t, dir).Statuses()) != 0 {
		t.Error("SaveStatuses() did not forget what is up again")
	}
}

// TestStoreConcurrently is for the race detector.
func TestStoreConcurrently(t *testing.T) {
	st := openStore(t, t.TempDir())
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			host := fmt.Sprintf("fs%d", i)
			for range 5 {
				if _, err := st.Set(Decision{Kind: Offline, Host: host}, noon); err != nil {
					t.Error(err)
				}
				if d := st.Of("public", "x", `\\`+host+`\x`, noon); d == nil {
					t.Error("Of() does not see what Set() stored")
				}
				st.All(noon)
				if err := st.SaveStatuses(map[string]SavedStatus{host: {State: referral.Down, Since: noon}}); err != nil {
					t.Error(err)
				}
			}
			if _, err := st.Clear(Scope{Host: host}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := st.All(noon); len(got) != 0 {
		t.Errorf("All() = %+v, want none", got)
	}
}

// TestStoreWhenTheDiskFails: a change that is not on disk did not happen.
func TestStoreWhenTheDiskFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	st := openStore(t, dir)
	set(t, st, onTarget(Drained, `\\fs2\projects`))
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Set(Decision{Kind: Offline, Host: "fs1"}, noon); err == nil {
		t.Error("Set() without a disk passed")
	}
	if _, err := st.Clear(Scope{Path: projects}); err == nil {
		t.Error("Clear() without a disk passed")
	}
	if err := st.SaveStatuses(map[string]SavedStatus{"A": {State: referral.Down}}); err == nil {
		t.Error("SaveStatuses() without a disk passed")
	}
	if got := st.All(noon); len(got) != 1 || got[0].Target != `\\fs2\projects` || len(st.Statuses()) != 0 {
		t.Errorf("All() = %+v, Statuses() = %v, want as before", got, st.Statuses())
	}
}
