package install

import (
	"errors"
	"strings"

	"dfsd/internal/fsx"
)

const lifeFile = "life"

// Lives returns the names of the lives that the folder's index may be in: by
// them an index is recognised that was brought back from an old copy. None were
// ever noted for a folder that is new.
func (in *Installer) Lives() ([]string, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return nil, ErrClosed
	}
	b, err := readAll(in.private, lifeFile)
	if errors.Is(err, fsx.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(b)), err
}

// SetLives notes durably which lives the folder's index may be in from now on.
// Names hold no white space.
func (in *Installer) SetLives(names ...string) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return ErrClosed
	}
	const fresh = lifeFile + ".new"
	if err := in.private.Remove(fresh); err != nil && !errors.Is(err, fsx.ErrNotExist) {
		return err
	}
	f, err := in.private.Create(fresh, privateMode&0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(strings.Join(names, "\n")+"\n"), 0)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := in.private.Rename(fresh, in.private, lifeFile, fsx.Replace); err != nil {
		return err
	}
	return in.private.Sync()
}
