package canary

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"dfsd/replication/journal"
)

// obstacles are what a user may put in the place of a name.
var obstacles = map[string]func(t *testing.T, path, outside string){
	"link to a file":      func(t *testing.T, path, outside string) { must(t, os.Symlink(outside, path)) },
	"link to a directory": func(t *testing.T, path, outside string) { must(t, os.Symlink(filepath.Dir(outside), path)) },
	"dangling link":       func(t *testing.T, path, outside string) { must(t, os.Symlink(outside+".new", path)) },
	"link to itself":      func(t *testing.T, path, _ string) { must(t, os.Symlink(filepath.Base(path), path)) },
	"second name":         func(t *testing.T, path, outside string) { must(t, os.Link(outside, path)) },
	"pipe":                func(t *testing.T, path, _ string) { must(t, syscall.Mkfifo(path, 0o666)) },
	"socket":              func(t *testing.T, path, _ string) { must(t, syscall.Mknod(path, syscall.S_IFSOCK|0o666, 0)) },
	"empty directory":     func(t *testing.T, path, _ string) { must(t, os.Mkdir(path, 0o777)) },
	"empty file":          func(t *testing.T, path, _ string) { must(t, os.WriteFile(path, nil, 0o666)) },
	"large file":          func(t *testing.T, path, _ string) { must(t, os.WriteFile(path, make([]byte, 1<<20), 0o666)) },
	"text":                func(t *testing.T, path, _ string) { must(t, os.WriteFile(path, []byte("hello\n"), 0o666)) },
}

// secret is what stands outside; it is itself a canary, so that whoever reads
// it believes it.
func secret(t *testing.T) (path, content string) {
	path = filepath.Join(t.TempDir(), "secret")
	content = string(note{FileName(hosts[1]), 99, time.Now().Add(-time.Hour)}.append(nil))
	must(t, os.WriteFile(path, []byte(content), 0o600))
	return path, content
}

func untouched(t *testing.T, path, content string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != content {
		t.Errorf("what stands outside holds %q, %v now", got, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("outside stand %v, %v now", left, err)
	}
}

// TestOwnFileReplaced by whatever: it comes back, and nothing is written
// elsewhere.
func TestOwnFileReplaced(t *testing.T) {
	for name, put := range obstacles {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				outside, content := secret(t)
				a := newMember(t, hosts[0])
				a.start()
				pass(15 * time.Second)
				must(t, os.Remove(a.file(hosts[0])))
				put(t, a.file(hosts[0]), outside)
				pass(time.Second)
				if n := a.note(hosts[0]); n.seq != 2 {
					t.Errorf("number %d stands there, want 2", n.seq)
				}
				if i, err := os.Lstat(a.file(hosts[0])); err != nil || !i.Mode().IsRegular() || i.Sys().(*syscall.Stat_t).Nlink != 1 {
					t.Errorf("there stands %v, %v", i, err)
				}
				a.counts(2, 0, 0, 0)
				untouched(t, outside, content)
			})
		})
	}
}

// TestOwnFileReplacedWhileDown: the same at the start, where the number is
// taken from the file.
func TestOwnFileReplacedWhileDown(t *testing.T) {
	for name, put := range obstacles {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				outside, content := secret(t)
				a := newMember(t, hosts[0])
				must(t, os.Mkdir(a.dir(), 0o755))
				put(t, a.file(hosts[0]), outside)
				a.start()
				pass(0)
				if n := a.note(hosts[0]); n.seq != 1 {
					t.Errorf("number %d stands there, want 1", n.seq)
				}
				untouched(t, outside, content)
			})
		})
	}
}

// TestDirectoryReplaced by whatever is no directory: it comes back.
func TestDirectoryReplaced(t *testing.T) {
	for name, put := range obstacles {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				outside, content := secret(t)
				a := newMember(t, hosts[0])
				a.start()
				pass(15 * time.Second)
				must(t, os.RemoveAll(a.dir()))
				put(t, a.dir(), outside)
				pass(time.Second)
				if n := a.note(hosts[0]); n.seq != 2 {
					t.Errorf("number %d stands there, want 2", n.seq)
				}
				a.counts(2, 0, 0, 0)
				untouched(t, outside, content)
			})
		})
	}
}

// TestFullDirectoryStays: what a user keeps in a directory is not removed.
func TestFullDirectoryStays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newMember(t, hosts[0])
		inside := filepath.Join(a.file(hosts[0]), "thesis")
		must(t, os.MkdirAll(a.file(hosts[0]), 0o755))
		must(t, os.WriteFile(inside, []byte("x"), 0o644))
		a.start()
		pass(25 * time.Second)
		a.counts(0, 0, 3, 0)
		if _, err := os.Lstat(inside); err != nil {
			t.Error(err)
		}
		must(t, os.RemoveAll(a.file(hosts[0])))
		pass(10 * time.Second)
		a.counts(1, 0, 3, 0)
	})
}

// TestOthersFileReplaced by whatever is no canary of its host: it is refused,
// counted once, told once, and read again when there is another one.
func TestOthersFileReplaced(t *testing.T) {
	for name, put := range obstacles {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				outside, content := secret(t)
				must(t, os.WriteFile(outside, []byte(strings.Replace(content, FileName(hosts[1]), FileName(hosts[2]), 1)), 0o600))
				b := newMember(t, hosts[0])
				b.start()
				pass(1500 * time.Millisecond)
				put(t, b.file(hosts[1]), outside)
				pass(20 * time.Second)
				if got := b.Arrivals(); len(got) > 0 {
					t.Errorf("arrived %+v, want nothing", got)
				}
				b.counts(1, 0, 1, 0)
				must(t, os.RemoveAll(b.file(hosts[1])))
				b.put(hosts[1], note{FileName(hosts[1]), 3, time.Now()}.append(nil))
				pass(time.Second)
				b.counts(1, 1, 1, 0)
				for _, l := range b.logs.All() {
					for _, v := range l.ContextMap() {
						if s, ok := v.(string); ok && strings.Contains(s, "2026") {
							t.Errorf("the log quotes the file: %s", s)
						}
					}
				}
			})
		})
	}
}

// TestGarbageFlood: a user who writes garbage all the time fills no log.
func TestGarbageFlood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newMember(t, hosts[0])
		b.start()
		for i := range 100 {
			b.put(hosts[1], []byte(strings.Repeat("x", i)))
			pass(time.Second)
		}
		if n := b.logs.Len(); n != 1 {
			t.Errorf("%d lines were logged, want 1", n)
		}
		for i := range 100 { // and his own file, too
			b.put(hosts[0], []byte(strings.Repeat("x", i)))
			pass(time.Second)
		}
		if n := testutil.ToFloat64(b.m.written); n > 22 {
			t.Errorf("%v writings in 200 s, want no more than one in %s", n, MinEvery)
		}
	})
}

// TestRacer: a user swaps names all the time, and nothing is written outside,
// nor does anything that he links to arrive.
func TestRacer(t *testing.T) {
	for name, swapped := range map[string]func(m *member) []string{
		"directory": func(m *member) []string { return []string{m.dir()} },
		"files":     func(m *member) []string { return []string{m.file(hosts[0]), m.file(hosts[1])} },
	} {
		t.Run(name, func(t *testing.T) {
			outside, content := secret(t)
			a := newMember(t, hosts[0])
			must(t, os.Mkdir(a.dir(), 0o777))
			ctx, stop := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			for _, name := range swapped(a) {
				wg.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						swap(name, outside, i)
					}
				})
			}
			now := time.Now()
			for end := now.Add(500 * time.Millisecond); time.Now().Before(end); {
				now = now.Add(time.Minute)
				a.agenda.write = now
				a.turn(now)
			}
			stop()
			wg.Wait()
			untouched(t, outside, content)
			if written := testutil.ToFloat64(a.m.written); written == 0 {
				t.Error("nothing was written: there was no race")
			}
			t.Logf("%v written, %v failed", testutil.ToFloat64(a.m.written), testutil.ToFloat64(a.m.failed))
		})
	}
}

// swap puts one obstacle after the other in the place of path.
func swap(path, outside string, i int) {
	_ = os.RemoveAll(path)
	switch i % 4 {
	case 0:
		_ = os.Symlink(outside, path)
	case 1:
		_ = os.Symlink(filepath.Dir(outside), path)
	case 2:
		_ = os.Link(outside, path)
	case 3:
		_ = os.Mkdir(path, 0o777)
	}
}

// TestJournalHears: of a writing come to rest its name, and the one under which it
// was written, which nothing has any more; however the journal hears.
func TestJournalHears(t *testing.T) {
	for _, mode := range []journal.Mode{journal.Fanotify, journal.Inotify} {
		t.Run(string(mode), func(t *testing.T) {
			a := newMember(t, hosts[0])
			now := time.Now()
			a.turn(now)
			j, err := journal.Open(journal.Options{Path: a.root, Skip: ".dfsd", Settle: 100 * time.Millisecond, Mode: mode})
			must(t, err)
			defer j.Close()
			if j.Mode() != mode {
				t.Skipf("%s is not available here", mode)
			}
			a.turn(now.Add(time.Minute))
			ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
			defer stop()
			hints, err := j.Next(ctx)
			want := []journal.Hint{{Dir: Directory, Name: FileName(hosts[0])}, {Dir: Directory, Name: temporary + FileName(hosts[0])}}
			slices.SortFunc(hints, func(a, b journal.Hint) int { return cmp.Compare(a.Name, b.Name) })
			if err != nil || !slices.Equal(hints, want) {
				t.Errorf("heard %v, %v, want %v", hints, err, want)
			}
			a.counts(2, 0, 0, 0)
		})
	}
}
