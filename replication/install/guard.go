package install

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"dfsd/internal/fsx"
)

// The reasons to halt a folder; none of them may be taken for a user's
// deleting everything.
var (
	// ErrRootGone: the folder's directory is not there.
	ErrRootGone = errors.New("the folder is not there")
	// ErrRootReplaced: another directory or volume stands in its place.
	ErrRootReplaced = errors.New("another directory or volume is in the folder's place")
	// ErrRootUnmarked: the private area or its marker is missing.
	ErrRootUnmarked = errors.New("the folder has lost its .dfsd/marker")
	// ErrRootEmpty: the folder held files and holds none.
	ErrRootEmpty = errors.New("the folder is suddenly empty")
)

// RootError says why a folder must halt.
type RootError struct {
	Path   string
	Reason error // one of the ErrRoot errors
	Err    error // what was met; may be nil
}

// Error returns path, reason and cause.
func (e *RootError) Error() string {
	if e.Err == nil {
		return e.Path + ": " + e.Reason.Error()
	}
	return fmt.Sprintf("%s: %v: %v", e.Path, e.Reason, e.Err)
}

// Unwrap returns reason and cause.
func (e *RootError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

// CheckRoot looks at the folder from outside, by its path, and returns a
// *RootError when it is not what it was: gone, another volume, unmarked, or
// without any entry although the caller knows of files in it. Other errors
// mean that nothing could be learnt.
func (in *Installer) CheckRoot(holdsFiles bool) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return ErrClosed
	}
	err := in.checkRoot(holdsFiles)
	for _, reason := range []error{ErrRootGone, ErrRootReplaced, ErrRootUnmarked, ErrRootEmpty} {
		if errors.Is(err, reason) {
			e := &RootError{Path: in.o.Path, Reason: reason}
			if cause := errors.Unwrap(err); cause != nil {
				e.Err = cause
			}
			return e
		}
	}
	return err
}

func (in *Installer) checkRoot(holdsFiles bool) error {
	root, err := in.o.FS.OpenRoot(in.o.Path)
	switch {
	case errors.Is(err, fsx.ErrNotExist), errors.Is(err, fsx.ErrNotDirectory):
		return ErrRootGone
	case err != nil:
		return err
	}
	defer root.Close()
	now, err := root.Info()
	switch {
	case err != nil:
		return err
	case now.Dev != in.itself.Dev || now.Inode != in.itself.Inode:
		return ErrRootReplaced
	}
	if err := checkMarker(root, in.marker); err != nil {
		return err
	}
	if !holdsFiles {
		return nil
	}
	empty := true
	err = root.ReadDir(func(e fsx.Entry) bool {
		empty = reserved(e.Name) || e.Name == canaries
		return empty
	})
	if err == nil && empty {
		return ErrRootEmpty
	}
	return err
}

// canaries is the directory of package canary: what is in it are no files of users.
const canaries = ".dfsd-canary"

// checkMarker tells whether the folder below root is the one named want.
func checkMarker(root fsx.Dir, want string) error {
	b, err := readAll(root, Private+"/"+markerFile)
	switch {
	case errors.Is(err, fsx.ErrNotExist):
		return ErrRootUnmarked
	case err != nil:
		return err
	case strings.TrimSpace(string(b)) != markerLine(want):
		return ErrRootReplaced
	}
	return nil
}

// markerLine is what the marker of a folder holds.
func markerLine(name string) string { return "dfsd folder 1 " + name }

// ensureMarker checks the marker of a known folder. For an unknown one it
// returns the name that is there, or marks the folder with a new one.
func ensureMarker(root fsx.Dir, want string) (string, error) {
	if want != "" {
		if err := checkMarker(root, want); err != nil {
			return "", &RootError{Path: ".", Reason: err}
		}
		return want, nil
	}
	b, err := readAll(root, Private+"/"+markerFile)
	if err == nil {
		if name, ok := strings.CutPrefix(strings.TrimSpace(string(b)), markerLine("")); ok && name != "" {
			return name, nil
		}
	} else if !errors.Is(err, fsx.ErrNotExist) {
		return "", err
	}
	return mark(root)
}

// mark makes the private area and names the folder.
func mark(root fsx.Dir) (string, error) {
	private, err := ensureDir(root, Private)
	if err != nil {
		return "", err
	}
	defer private.Close()
	if err := private.Chmod(privateMode); err != nil {
		return "", err
	}
	const fresh = markerFile + ".new"
	if err := private.Remove(fresh); err != nil && !errors.Is(err, fsx.ErrNotExist) {
		return "", err
	}
	name := rand.Text()
	f, err := private.Create(fresh, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.WriteAt([]byte(markerLine(name)+"\n"), 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	if err := private.Rename(fresh, private, markerFile, fsx.Replace); err != nil {
		return "", err
	}
	return name, errors.Join(private.Sync(), root.Sync())
}
