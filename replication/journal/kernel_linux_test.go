package journal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long the kernel may take in a test that fails.
const patience = 15 * time.Second

// forKernel runs a test in both modes that hear.
func forKernel(t *testing.T, run func(t *testing.T, mode Mode)) {
	for _, mode := range []Mode{Fanotify, Inotify} {
		t.Run(string(mode), func(t *testing.T) { run(t, mode) })
	}
}

// bench is a folder with a journal, and an outside beside it on the same file
// system.
type bench struct {
	t             *testing.T
	root, outside string
	j             *Journal
	before        map[string]string
}

func newBench(t *testing.T, mode Mode, prepare func(b *bench)) *bench {
	t.Helper()
	base := t.TempDir()
	b := &bench{t: t, root: filepath.Join(base, "root"), outside: filepath.Join(base, "outside")}
	for _, dir := range []string{b.root, b.outside, filepath.Join(b.root, ".dfsd")} {
		b.ok(os.Mkdir(dir, 0o755))
	}
	if prepare != nil {
		prepare(b)
	}
	j, err := Open(Options{Path: b.root, Skip: ".dfsd", Settle: 20 * time.Millisecond, Mode: mode})
	b.ok(err)
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error("Close:", err)
		}
	})
	if j.Mode() != mode {
		t.Skipf("%s is not available here", mode)
	}
	b.j, b.before = j, b.look()
	return b
}

func (b *bench) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) in(path string) string { return filepath.Join(b.root, filepath.FromSlash(path)) }

func (b *bench) write(path, content string) {
	b.t.Helper()
	b.ok(os.WriteFile(b.in(path), []byte(content), 0o644))
}

func (b *bench) mkdir(path string) {
	b.t.Helper()
	b.ok(os.MkdirAll(b.in(path), 0o755))
}

func (b *bench) rename(from, to string) {
	b.t.Helper()
	b.ok(os.Rename(b.in(from), b.in(to)))
}

// look describes everything in the folder that replication would carry.
func (b *bench) look() map[string]string {
	b.t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(b.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(b.root, path)
		if err != nil {
			return err
		}
		if rel == ".dfsd" {
			return fs.SkipDir
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		content := ""
		switch d.Type() {
		case 0:
			all, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = fmt.Sprintf("%x", sha256.Sum256(all))
		case fs.ModeSymlink:
			if content, err = os.Readlink(path); err != nil {
				return err
			}
		}
		out[filepath.ToSlash(rel)] = fmt.Sprintf("%o %d %s", st.Mode, st.Ino, content)
		return nil
	})
	b.ok(err)
	return out
}

// covered waits until each difference to the last look is covered by a hint,
// and returns all hints that came. Asking for everything does not count.
func (b *bench) covered() []Hint {
	b.t.Helper()
	after := b.look()
	changed := map[string]bool{}
	for path, was := range b.before {
		if after[path] != was {
			changed[path] = true
		}
	}
	for path, is := range after {
		if b.before[path] != is {
			changed[path] = true
		}
	}
	b.before = after
	return b.await(changed)
}

func (b *bench) await(changed map[string]bool) (all []Hint) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	for len(changed) > 0 {
		hints, err := b.j.Next(ctx)
		if err != nil {
			b.t.Fatalf("not covered by any hint: %v (%v)", sortedKeys(changed), err)
		}
		for _, h := range hints {
			if h == (Hint{Dir: ".", Deep: true}) {
				b.t.Fatal("a hint of everything")
			}
			if within(join(h.Dir, h.Name), ".dfsd") || strings.Contains(join(h.Dir, h.Name), "outside") {
				b.t.Fatalf("hint %+v of what is not replicated", h)
			}
			if h.Name != "" && !h.Deep {
				delete(changed, join(h.Dir, h.Name))
				continue
			}
			for path := range changed {
				if dir, base := split(path); h.Covers(dir, base) {
					delete(changed, path)
				}
			}
		}
		all = append(all, hints...)
	}
	return all
}

func sortedKeys(m map[string]bool) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out[:min(len(out), 10)]
}

// together fails unless both names are hinted in one batch.
func (b *bench) together(one, two string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	for {
		hints, err := b.j.Next(ctx)
		if err != nil {
			b.t.Fatalf("%s and %s did not come together: %v", one, two, err)
		}
		has := func(path string) bool {
			dir, base := split(path)
			return slices.ContainsFunc(hints, func(h Hint) bool { return h.Covers(dir, base) })
		}
		if has(one) && has(two) {
			return
		}
	}
}

func TestKernelTellsEveryChange(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(b *bench)
		change  func(b *bench)
	}{
		{"create", nil, func(b *bench) { b.write("a", "x") }},
		{"write", func(b *bench) { b.write("a", "x") }, func(b *bench) { b.write("a", "y") }},
		{"delete", func(b *bench) { b.write("a", "x") }, func(b *bench) { b.ok(os.Remove(b.in("a"))) }},
		{"chmod of a file", func(b *bench) { b.write("a", "x") }, func(b *bench) { b.ok(os.Chmod(b.in("a"), 0o600)) }},
		{"chmod of a directory", func(b *bench) { b.mkdir("d/e") }, func(b *bench) { b.ok(os.Chmod(b.in("d/e"), 0o700)) }},
		{"chmod of the root", nil, func(b *bench) { b.ok(os.Chmod(b.root, 0o700)) }},
		{"rename", func(b *bench) { b.write("a", "x") }, func(b *bench) { b.rename("a", "b") }},
		{"rename over", func(b *bench) { b.write("a", "x"); b.write("b", "y") }, func(b *bench) { b.rename("a", "b") }},
		{"move", func(b *bench) { b.mkdir("d/e"); b.mkdir("f"); b.write("d/e/a", "x") }, func(b *bench) { b.rename("d/e/a", "f/b") }},
		{"exchange", func(b *bench) { b.write("a", "x"); b.mkdir("d"); b.write("d/f", "") }, func(b *bench) {
			b.ok(unix.Renameat2(unix.AT_FDCWD, b.in("a"), unix.AT_FDCWD, b.in("d"), unix.RENAME_EXCHANGE))
		}},
		{"rename of a directory", func(b *bench) { b.mkdir("d/e"); b.write("d/e/a", "x") }, func(b *bench) { b.rename("d", "g") }},
		{"move of a directory", func(b *bench) { b.mkdir("d/e"); b.mkdir("f"); b.write("d/e/a", "x") }, func(b *bench) { b.rename("d/e", "f/g") }},
		{"rmdir", func(b *bench) { b.mkdir("d") }, func(b *bench) { b.ok(os.Remove(b.in("d"))) }},
		{"rm -r", func(b *bench) { b.mkdir("d/e/f"); b.write("d/e/f/a", "x") }, func(b *bench) { b.ok(os.RemoveAll(b.in("d"))) }},
		{"deep directories with files at once", nil, func(b *bench) {
			b.mkdir("a/b/c/d/e/f/g")
			b.write("a/b/c/d/e/f/g/file", "x")
			b.write("a/b/c/file", "y")
		}},
		{"symlink", func(b *bench) { b.mkdir("d") }, func(b *bench) { b.ok(os.Symlink("d", b.in("link"))) }},
		{"hard link", func(b *bench) { b.mkdir("d"); b.write("a", "x") }, func(b *bench) { b.ok(os.Link(b.in("a"), b.in("d/b"))) }},
		{"file from outside", func(b *bench) { b.ok(os.WriteFile(b.outside+"/a", nil, 0o644)) }, func(b *bench) { b.ok(os.Rename(b.outside+"/a", b.in("a"))) }},
		{"file to outside", func(b *bench) { b.write("a", "x") }, func(b *bench) { b.ok(os.Rename(b.in("a"), b.outside+"/a")) }},
		{"directory from outside", func(b *bench) { b.ok(os.MkdirAll(b.outside+"/d/e/f", 0o755)) }, func(b *bench) {
			b.ok(os.Rename(b.outside+"/d", b.in("d")))
			b.write("d/e/f/a", "x")
		}},
		{"directory to outside", func(b *bench) { b.mkdir("d/e") }, func(b *bench) { b.ok(os.Rename(b.in("d"), b.outside+"/d")) }},
		{"out of the private directory", func(b *bench) { b.mkdir(".dfsd/t/u"); b.write(".dfsd/f", "") }, func(b *bench) {
			b.rename(".dfsd/t", "t")
			b.rename(".dfsd/f", "t/u/f")
		}},
		{"into the private directory", func(b *bench) { b.mkdir("t/u"); b.write("f", "") }, func(b *bench) {
			b.rename("t", ".dfsd/t")
			b.rename("f", ".dfsd/f")
		}},
		{"names that are no text", nil, func(b *bench) { b.write("\xff \n\t", "x"); b.write(strings.Repeat("n", 255), "x") }},
	}
	forKernel(t, func(t *testing.T, mode Mode) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				b := newBench(t, mode, tt.prepare)
				tt.change(b)
				b.covered()
			})
		}
	})
}

// TestKernelTellsOfWhatMoved: a directory that moved is heard at its new place.
func TestKernelTellsOfWhatMoved(t *testing.T) {
	forKernel(t, func(t *testing.T, mode Mode) {
		b := newBench(t, mode, func(b *bench) { b.mkdir("a/b/c"); b.mkdir("x"); b.ok(os.MkdirAll(b.outside+"/o/p", 0o755)) })
		for _, step := range [][2]string{{"a", "d"}, {"d/b", "x/y"}, {"x/y/c", "d/z"}, {"x", "d/z/x"}, {"d", "e"}} {
			b.rename(step[0], step[1])
			b.covered()
			b.write("e0", fmt.Sprint(step))
			for dir := range b.before {
				if st, err := os.Stat(b.in(dir)); err == nil && st.IsDir() {
					b.write(dir+"/file", fmt.Sprint(step))
				}
			}
			b.covered()
		}
		b.ok(os.Rename(b.outside+"/o", b.in("e/o")))
		b.covered()
		b.write("e/o/p/f", "x")
		b.covered()
		b.ok(os.Rename(b.in("e/o"), b.outside+"/o"))
		b.covered()
		b.ok(os.WriteFile(b.outside+"/o/p/g", nil, 0o644))
		b.write("last", "x")
		b.covered()
	})
}

func TestKernelBurst(t *testing.T) {
	forKernel(t, func(t *testing.T, mode Mode) {
		b := newBench(t, mode, func(b *bench) { b.mkdir("d/e") })
		for i := range 5000 {
			b.write(fmt.Sprintf("d/e/%04d", i), "x")
		}
		b.covered()
	})
}

func TestKernelLongPaths(t *testing.T) {
	forKernel(t, func(t *testing.T, mode Mode) {
		b := newBench(t, mode, nil)
		root, err := os.OpenRoot(b.root)
		b.ok(err)
		defer root.Close()
		// Deeper than any path that the kernel reads or shows at once.
		component := strings.Repeat("long", 50)
		path := component
		for range 30 {
			b.ok(root.Mkdir(component, 0o755))
			next, err := root.OpenRoot(component)
			b.ok(err)
			defer next.Close()
			root = next
			path += "/" + component
		}
		b.await(map[string]bool{path: true})
		b.ok(root.WriteFile("file", nil, 0o644))
		b.await(map[string]bool{strings.TrimSuffix(path, "/"+component) + "/file": true})
	})
}

func TestKernelRenamesComeTogether(t *testing.T) {
	forKernel(t, func(t *testing.T, mode Mode) {
		b := newBench(t, mode, func(b *bench) { b.mkdir("d"); b.write("d/doc", "old") })
		for range 20 {
			// As Office saves.
			b.write("d/~tmp", "new")
			b.rename("d/doc", "d/~old")
			b.rename("d/~tmp", "d/doc")
			b.ok(os.Remove(b.in("d/~old")))
			b.together("d/doc", "d/~tmp")
			b.rename("d/doc", "moved")
			b.together("d/doc", "moved")
			b.rename("moved", "d/doc")
			b.together("d/doc", "moved")
		}
	})
}

// TestKernelWaitsForClose: nothing is said of a file while it is written.
func TestKernelWaitsForClose(t *testing.T) {
	forKernel(t, func(t *testing.T, mode Mode) {
		b := newBench(t, mode, func(b *bench) { b.write("log", "x") })
		f, err := os.OpenFile(b.in("log"), os.O_WRONLY|os.O_APPEND, 0)
		b.ok(err)
		_, err = f.WriteString("more")
		b.ok(err)
		// A later change is told first.
		b.write("other", "x")
		for _, h := range b.await(map[string]bool{"other": true}) {
			if h.Name == "log" {
				t.Error("hint of a file that is open")
			}
		}
		b.ok(f.Close())
		b.await(map[string]bool{"log": true})
	})
}

func TestKernelRandomChanges(t *testing.T) {
	forKernel(t, func(t *testing.T, mode Mode) {
		seed := uint64(time.Now().UnixNano())
		t.Log("seed", seed)
		b := newBench(t, mode, nil)
		for round := range uint64(40) {
			var both sync.WaitGroup
			for side := range uint64(2) {
				d := dice{bench: b, rng: rand.New(rand.NewPCG(seed, 2*round+side))}
				both.Go(func() {
					for range 1 + d.rng.IntN(60) {
						d.change(fmt.Sprint("/x", side))
					}
				})
			}
			both.Wait()
			b.covered()
		}
	})
}

// dice changes the folder at random.
type dice struct {
	*bench
	rng *rand.Rand
}

// path is a name that may or may not be there, at most four deep.
func (d dice) path() string {
	parts := make([]string, 1+d.rng.IntN(4))
	for i := range parts {
		parts[i] = string(rune('a' + d.rng.IntN(4)))
	}
	return strings.Join(parts, "/")
}

// change does one thing; that it may not work is part of the game.
func (d dice) change(away string) {
	path, other := d.in(d.path()), d.in(d.path())
	var err error
	switch d.rng.IntN(12) {
	case 0, 1, 2:
		err = os.WriteFile(path, fmt.Append(nil, d.rng.Uint64()), 0o644)
	case 3:
		err = os.MkdirAll(path, 0o755)
	case 4:
		err = os.Mkdir(path, 0o755)
	case 5, 6, 7:
		err = os.Rename(path, other)
	case 8:
		err = os.Remove(path)
	case 9:
		err = os.Chmod(path, 0o700|os.FileMode(d.rng.IntN(64)))
	case 10:
		if err = os.Rename(path, d.outside+away); err == nil && d.rng.IntN(2) == 0 {
			err = os.Rename(d.outside+away, other)
		}
	case 11:
		if d.rng.IntN(8) == 0 {
			err = os.RemoveAll(path)
		} else {
			err = os.Symlink("a", path)
		}
	}
	var sys unix.Errno
	if err != nil && !errors.As(err, &sys) {
		d.t.Error(err)
	}
}
