package install

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dfsd/internal/fsx"
)

func TestCheckRoot(t *testing.T) {
	for _, tc := range []struct {
		name  string
		ruin  func(path string) error
		files bool
		want  error
	}{
		{"as it was", func(string) error { return nil }, true, nil},
		{"not there", func(p string) error { return os.Rename(p, p+".away") }, true, ErrRootGone},
		{"a file in its place", func(p string) error { return errors.Join(os.Rename(p, p+".away"), os.WriteFile(p, nil, 0o600)) }, true, ErrRootGone},
		{"an empty directory in its place", func(p string) error { return errors.Join(os.Rename(p, p+".away"), os.Mkdir(p, 0o755)) }, true, ErrRootReplaced},
		{"without its private area", func(p string) error { return os.RemoveAll(p + "/.dfsd") }, true, ErrRootUnmarked},
		{"without its marker", func(p string) error { return os.Remove(p + "/.dfsd/marker") }, true, ErrRootUnmarked},
		{"with another marker", func(p string) error { return os.WriteFile(p+"/.dfsd/marker", []byte("dfsd folder 1 X\n"), 0o600) }, true, ErrRootReplaced},
		{"suddenly empty", func(p string) error { return os.Remove(p + "/file") }, true, ErrRootEmpty},
		{"nothing left but canaries", func(p string) error {
			return errors.Join(os.Remove(p+"/file"), os.Mkdir(p+"/"+canaries, 0o700))
		}, true, ErrRootEmpty},
		{"a file of a user beside them", func(p string) error {
			return errors.Join(os.Mkdir(p+"/"+canaries, 0o700), os.Rename(p+"/file", p+"/.dfsd-notes"))
		}, true, nil},
		{"rightly empty", func(p string) error { return os.Remove(p + "/file") }, false, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "root")
			ok(t, os.Mkdir(path, 0o755))
			f := openFolder(t, fsx.OS(), path)
			f.write("file", "x")
			ok(t, tc.ruin(path))
			err := f.in.CheckRoot(tc.files)
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Errorf("CheckRoot = %v, want %v", err, tc.want)
			}
			var re *RootError
			if tc.want != nil && (!errors.As(err, &re) || re.Path != path) {
				t.Errorf("CheckRoot = %#v, want a RootError", err)
			}
		})
	}
}

// TestMarkerAcrossOpens: a folder is known again, and another is not taken
// for it.
func TestMarkerAcrossOpens(t *testing.T) {
	m := fsx.NewMemory(fsx.MemoryOptions{})
	first := openFolder(t, m, "/")
	again := openFolder(t, m, "/")
	if first.in.Marker() == "" || first.in.Marker() != again.in.Marker() {
		t.Errorf("markers %q and %q", first.in.Marker(), again.in.Marker())
	}
	if i, err := first.root.Stat(Private); err != nil || i.Mode != 0o700 {
		t.Errorf("private area: %+v, %v", i, err)
	}
	if _, err := Open(Options{FS: m, Path: "/", Marker: "other"}); !errors.Is(err, ErrRootReplaced) {
		t.Errorf("Open with another marker: %v, want %v", err, ErrRootReplaced)
	}
	fresh := fsx.NewMemory(fsx.MemoryOptions{})
	if _, err := Open(Options{FS: fresh, Path: "/", Marker: "known"}); !errors.Is(err, ErrRootUnmarked) {
		t.Errorf("Open of an unmarked folder: %v, want %v", err, ErrRootUnmarked)
	}
	root, err := fresh.OpenRoot("/")
	ok(t, err)
	if got := tree(t, root); len(got) > 0 {
		t.Errorf("a refused Open left %v", got)
	}
}
