package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string, o Options) *Log {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return noon }
	}
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func add(t *testing.T, l *Log, object string) {
	t.Helper()
	if err := l.Append(t.Context(), Entry{Who: Who{Way: Socket}, Action: "target.drain", Object: object}); err != nil {
		t.Fatal(err)
	}
}

// objects are those of all entries that Tail finds.
func objects(t *testing.T, dir string) string {
	t.Helper()
	all, err := Tail(dir, MaxTail)
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, e := range all {
		s = append(s, e.Object)
	}
	return strings.Join(s, " ")
}

func verify(t *testing.T, dir string, want uint64) {
	t.Helper()
	if n, err := Verify(dir); n != want || err != nil {
		t.Errorf("Verify = %d, %v, want %d", n, err, want)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, f := range all {
		s = append(s, f.Name())
	}
	return s
}

// TestChainGoesOn over restarts, with the sums told to the daemon's log.
func TestChainGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	core, seen := observer.New(zap.InfoLevel)
	for i := range 3 {
		l := open(t, dir, Options{Log: zap.New(core)})
		add(t, l, fmt.Sprint(i))
		if err := l.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := l.Append(t.Context(), Entry{}); !errors.Is(err, ErrClosed) {
			t.Errorf("Append after Close = %v", err)
		}
	}
	verify(t, dir, 3)
	if got := objects(t, dir); got != "0 1 2" {
		t.Errorf("the log holds %s", got)
	}
	all, err := Tail(dir, 2)
	if err != nil || len(all) != 2 || all[0].Seq != 2 || all[1].Previous != all[0].Sum || !all[1].At.Equal(noon) {
		t.Errorf("Tail = %+v, %v", all, err)
	}
	told := seen.FilterMessage("audit entry").All()
	if len(told) != 3 || told[2].ContextMap()["sum"] != all[1].Sum || told[2].ContextMap()["seq"] != uint64(3) {
		t.Errorf("the daemon's log was told %v", told)
	}
	if got := names(t, dir); len(got) != 1 || got[0] != currentName {
		t.Errorf("the folder holds %q", got)
	}
	st, err := os.Stat(filepath.Join(dir, currentName))
	if err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", st.Mode(), err)
	}
}

func TestNothingThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	verify(t, dir, 0)
	if got := objects(t, dir); got != "" {
		t.Errorf("the log holds %s", got)
	}
	open(t, dir, Options{})
	verify(t, dir, 0)
	if all, err := Tail(dir, 0); len(all) != 0 || err != nil {
		t.Errorf("Tail of 0 = %v, %v", all, err)
	}
}

// TestRotation keeps as many files as it is told, and the chain over them.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	const maxBytes = 1000
	l := open(t, dir, Options{MaxBytes: maxBytes, Keep: 3})
	for i := range 40 {
		add(t, l, fmt.Sprint(i))
		if i == 20 { // over a restart, too
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = open(t, dir, Options{MaxBytes: maxBytes, Keep: 3})
		}
	}
	found := names(t, dir)
	if len(found) != 4 || found[3] != currentName || found[2] >= found[3] {
		t.Errorf("the folder holds %q", found)
	}
	for _, name := range found {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Size() > maxBytes || st.Size() == 0 {
			t.Errorf("%s has %v bytes, %v", name, st.Size(), err)
		}
	}
	n, err := Verify(dir)
	all, tailErr := Tail(dir, MaxTail)
	if err != nil || tailErr != nil || n != uint64(len(all)) || all[len(all)-1].Object != "39" || n < 8 {
		t.Errorf("%d entries of %d are good: %v, %v", n, len(all), err, tailErr)
	}
	for k := range len(all) {
		if got, err := Tail(dir, k); err != nil || len(got) != k || k > 0 && got[0].Seq != all[len(all)-k].Seq {
			t.Errorf("Tail(%d) has %d entries, %v", k, len(got), err)
		}
	}
	// A file missing in the middle is a gap.
	if err := os.Remove(filepath.Join(dir, found[1])); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(dir); !errors.Is(err, ErrBroken) {
		t.Errorf("Verify without %s = %v", found[1], err)
	}
}

// TestCrashInRotation: the current file has gone and no new one has come.
func TestCrashInRotation(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	add(t, l, "a")
	add(t, l, "b")
	if err := errors.Join(l.Close(), os.Rename(filepath.Join(dir, currentName), filepath.Join(dir, rotatedName(2)))); err != nil {
		t.Fatal(err)
	}
	verify(t, dir, 2)
	add(t, open(t, dir, Options{}), "c")
	verify(t, dir, 3)
	if got := objects(t, dir); got != "a b c" {
		t.Errorf("the log holds %s", got)
	}
}

// TestRotationOverwritesNothing, also where somebody has put a file in its way.
func TestRotationOverwritesNothing(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{MaxBytes: 1})
	add(t, l, "a")
	stray := filepath.Join(dir, rotatedName(1))
	if err := os.WriteFile(stray, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), Entry{Object: "b"}); err == nil || !strings.Contains(err.Error(), stray) {
		t.Errorf("Append = %v", err)
	}
	if b, err := os.ReadFile(stray); err != nil || string(b) != "precious" {
		t.Errorf("the file in the way holds %q, %v", b, err)
	}
	if err := os.Remove(stray); err != nil {
		t.Fatal(err)
	}
	add(t, l, "b")
	verify(t, dir, 2)
}

// TestTornEnd cuts the last line at each byte, as a crash may, or leaves zeros
// where it was to be: nothing is lost silently, and the chain goes on.
func TestTornEnd(t *testing.T) {
	home := t.TempDir()
	l := open(t, home, Options{})
	for i := range 3 {
		add(t, l, fmt.Sprint(i))
	}
	whole, err := os.ReadFile(filepath.Join(home, currentName))
	if err != nil {
		t.Fatal(err)
	}
	begin := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	var torn [][]byte
	for cut := begin + 1; cut < len(whole); cut++ {
		torn = append(torn, whole[begin:cut])
	}
	torn = append(torn, make([]byte, 4096), append(make([]byte, 512), whole[begin+50:]...), []byte("\n"))
	for _, end := range torn {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, currentName), append(bytes.Clone(whole[:begin]), end...), 0o644); err != nil {
			t.Fatal(err)
		}
		l, err := Open(dir, Options{})
		if err != nil {
			t.Fatalf("with %d bytes of the last line: %v", len(end), err)
		}
		add(t, l, "next")
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		verify(t, dir, 4)
		all, err := Tail(dir, 2)
		if err != nil || all[0].Action != "audit.torn" || all[0].Who.Way != Daemon || all[0].Result == "" || string(all[0].After) != fmt.Sprintf(`{"bytes":%d}`, len(end)) {
			t.Fatalf("with %d bytes of the last line the log says %+v, %v", len(end), all, err)
		}
		if kept, err := os.ReadFile(filepath.Join(dir, all[0].Object)); err != nil || !bytes.Equal(kept, end) {
			t.Fatalf("%s holds %q, %v, want %q", all[0].Object, kept, err, end)
		}
		if got := names(t, dir); len(got) != 2 {
			t.Fatalf("the folder holds %q", got)
		}
		if st, err := os.Stat(filepath.Join(dir, currentName)); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
			t.Fatalf("the file has mode %v, %v", st.Mode(), err)
		}
	}
}

// TestCrashWhileSettingAside: wherever it stopped, the next start ends it.
func TestCrashWhileSettingAside(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	add(t, l, "a")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, currentName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The piece was written in part, and the end is still there.
	if err := os.WriteFile(path, append(good, "torn"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	all, err := Tail(dir, 1)
	if err != nil || all[0].Action != "audit.torn" {
		t.Fatalf("Tail = %+v, %v", all, err)
	}
	piece := filepath.Join(dir, all[0].Object)
	if err := errors.Join(os.WriteFile(path, append(good, "torn"...), 0o600), os.Remove(piece), os.WriteFile(piece+tornNew, []byte("to"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	verify(t, dir, 2)
	if b, err := os.ReadFile(piece); err != nil || string(b) != "torn" {
		t.Errorf("the piece holds %q, %v", b, err)
	}
	// The end was cut off, and the entry not written.
	if err := errors.Join(os.WriteFile(path, good, 0o600), os.Rename(piece, piece+tornNew)); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	verify(t, dir, 2)
	if all, err := Tail(dir, 1); err != nil || all[0].Object != filepath.Base(piece) {
		t.Errorf("Tail = %+v, %v", all, err)
	}
}

// TestTampering: each way to change what is written breaks the chain.
func TestTampering(t *testing.T) {
	home := t.TempDir()
	l := open(t, home, Options{})
	for i := range 4 {
		add(t, l, fmt.Sprint(i))
	}
	whole, err := os.ReadFile(filepath.Join(home, currentName))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))[:4]
	e, err := ParseEntry(lines[1])
	if err != nil {
		t.Fatal(err)
	}
	skipping := e
	e.Object, skipping.Seq = "other", 3
	_, forged, err := seal(e)
	if err != nil {
		t.Fatal(err)
	}
	_, skipped, err := seal(skipping)
	if err != nil {
		t.Fatal(err)
	}
	for name, log := range map[string][][]byte{
		"a byte":        {lines[0], bytes.Replace(lines[1], []byte(`"1"`), []byte(`"9"`), 1), lines[2], lines[3]},
		"sealed anew":   {lines[0], forged, lines[2], lines[3]},
		"a number gone": {lines[0], skipped},
		"one left out":  {lines[0], lines[2], lines[3]},
		"first left":    {lines[1][:0], lines[0][1:], lines[1]},
		"swapped":       {lines[0], lines[2], lines[1], lines[3]},
		"twice":         {lines[0], lines[1], lines[1], lines[2]},
		"an empty line": {lines[0], []byte("\n"), lines[1]},
		"torn":          {lines[0], lines[1][:30]},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, currentName), bytes.Join(log, nil), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := Verify(dir); !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), currentName+":") {
			t.Errorf("%s: Verify = %d, %v", name, n, err)
		}
	}
}

// TestChangedUnderneath: a log that somebody cuts, replaces or removes while it
// is open says so, goes on, and does not verify.
func TestChangedUnderneath(t *testing.T) {
	for name, change := range map[string]func(path string, old []byte) error{
		"cut":     func(path string, old []byte) error { return os.Truncate(path, int64(len(old))) },
		"removed": func(path string, _ []byte) error { return os.Remove(path) },
		"replaced": func(path string, old []byte) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, old, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, currentName)
			l := open(t, dir, Options{})
			add(t, l, "a")
			old, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			add(t, l, "b")
			add(t, l, "c")
			if err := change(path, old); err != nil {
				t.Fatal(err)
			}
			add(t, l, "d")
			if n, err := Verify(dir); !errors.Is(err, ErrBroken) {
				t.Errorf("Verify = %d, %v", n, err)
			}
			all, err := Tail(dir, 2)
			if err != nil || all[0].Action != "audit.changed" || all[0].Seq != 4 || all[1].Seq != 5 {
				t.Errorf("Tail = %+v, %v", all, err)
			}
		})
	}
	t.Run("garbage appended", func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, dir, Options{})
		add(t, l, "a")
		f, err := os.OpenFile(filepath.Join(dir, currentName), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString("garbage\n")
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		add(t, l, "b")
		verify(t, dir, 3)
		if all, err := Tail(dir, 2); err != nil || all[0].Action != "audit.torn" {
			t.Errorf("Tail = %+v, %v", all, err)
		}
	})
}

// TestReplacedByItsLike: a copy put in the place of the file, as some editors
// do, is what is written on from then on.
func TestReplacedByItsLike(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, currentName)
	l := open(t, dir, Options{})
	add(t, l, "a")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path+"~", whole, 0o600), os.Rename(path+"~", path)); err != nil {
		t.Fatal(err)
	}
	add(t, l, "b")
	verify(t, dir, 2)
}

// TestReadersBeginAnew where a file is put away while they read.
func TestReadersBeginAnew(t *testing.T) {
	dir := t.TempDir()
	var seen [][]string
	err := steady(dir, func(names []string) error {
		seen = append(seen, names)
		if len(seen) == 1 {
			return errors.Join(os.WriteFile(filepath.Join(dir, rotatedName(1)), nil, 0o600), ErrBroken)
		}
		return nil
	})
	if err != nil || len(seen) != 2 || len(seen[1]) != 2 || seen[1][0] != rotatedName(1) || seen[1][1] != currentName {
		t.Errorf("walked %q, %v", seen, err)
	}
}

// TestWriteFails: an entry that does not reach the disk is told, and the next
// one finds the log whole.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	core, seen := observer.New(zap.InfoLevel)
	l := open(t, dir, Options{Log: zap.New(core)})
	add(t, l, "a")
	readOnly, err := os.Open(filepath.Join(dir, currentName))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.file.Close(); err != nil {
		t.Fatal(err)
	}
	l.file = readOnly
	if err := l.Append(t.Context(), Entry{Action: "target.drain", Object: "lost"}); err == nil {
		t.Error("an entry that was not written was taken")
	}
	if got := seen.FilterMessage("audit entry not written").All(); len(got) != 1 || got[0].ContextMap()["object"] != "lost" {
		t.Errorf("the daemon's log was told %v", got)
	}
	add(t, l, "b")
	verify(t, dir, 2)
	ended, end := context.WithCancel(t.Context())
	end()
	if err := l.Append(ended, Entry{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Append = %v", err)
	}
}

// TestFailedWriteThatCameThrough: an entry that was told as lost may be on the
// disk all the same. The chain goes on after it.
func TestFailedWriteThatCameThrough(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	add(t, l, "a")
	last, size := l.last, l.size
	add(t, l, "told as lost")
	l.last, l.size = last, size
	add(t, l, "b")
	verify(t, dir, 3)
	if got := objects(t, dir); got != "a told as lost b" {
		t.Errorf("the log holds %s", got)
	}
}

func TestCheckFindsTheLogUnfit(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	if err := os.MkdirAll(filepath.Join(dir, probeName, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.Check(t.Context()); err == nil {
		t.Error("a disk that cannot be tried is fit")
	}
	if err := errors.Join(os.RemoveAll(filepath.Join(dir, probeName)), l.Check(t.Context())); err != nil {
		t.Error(err)
	}
	path := filepath.Join(dir, currentName)
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := l.Check(t.Context()); err == nil {
		t.Error("a folder in the place of the file is fit")
	}
	if _, err := Open(dir, Options{}); err == nil {
		t.Error("a folder in the place of the file was opened")
	}
}

// TestTogether: many write and some read at once, over rotations.
func TestTogether(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{MaxBytes: 4000, Keep: 100})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 50 {
				err := l.Append(t.Context(), Entry{Who: Who{Way: Socket}, Action: "target.drain", Object: fmt.Sprint(w, i), After: json.RawMessage(`{"x":1}`)})
				if err != nil {
					t.Error(err)
				}
				if _, err := Verify(dir); i%10 == 0 && err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	verify(t, dir, 200)
	if all, err := Tail(dir, 500); err != nil || len(all) != 200 || all[199].Seq != 200 {
		t.Errorf("Tail has %d entries, %v", len(all), err)
	}
}
