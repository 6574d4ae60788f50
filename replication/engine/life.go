package engine

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dfsd/internal/durable"
	"dfsd/internal/event"
)

// An index that was brought back from an old copy gives out stamps a second
// time, for other changes: partners would take the new ones for the old. So each
// opening of an index is a life with a name of its own, noted with the index and
// in the folder. Both notes agree unless one of the two was rolled back; a crash
// between the two writes is told from that, because the folder then has both
// names.

// openLife begins a life of the index in dir, which is set aside first if it is
// not the one that the folder knows.
func (r *replica) openLife(dir string) error {
	last, err := readLife(dir)
	if err != nil {
		return err
	}
	lives, err := r.installer.Lives()
	if err != nil {
		return err
	}
	if last != "" && len(lives) > 0 && !slices.Contains(lives, last) {
		r.log.Warn("the index was brought back from an old copy and is rebuilt", event.IndexRebuilt.Field())
		if err := removeIndex(r.f.dir); err != nil {
			return err
		}
		last = ""
	}
	next := rand.Text()
	if err := r.installer.SetLives(strings.Fields(last + " " + next)...); err != nil {
		return err
	}
	if err := writeLife(dir, next); err != nil {
		return err
	}
	return r.installer.SetLives(next)
}

func lifePath(dir string) string { return filepath.Join(dir, "life") }

func readLife(dir string) (string, error) {
	b, err := os.ReadFile(lifePath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(b)), err
}

func writeLife(dir, name string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return durable.Replace(lifePath(dir), []byte(name+"\n"))
}
