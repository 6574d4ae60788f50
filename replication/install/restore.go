package install

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"dfsd/internal/fsx"
)

// maxSuffix bounds the names that a restore tries.
const maxSuffix = 1000

// restore renames a file of the private area to target below root, or to the
// first free name beside it, and makes it durable. It returns the path.
func restore(root, from fsx.Dir, name, target string) (string, error) {
	dirPath, base := fsx.Split(target)
	if err := makeDirs(root, dirPath); err != nil {
		return "", err
	}
	dir, err := root.OpenDir(dirPath)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	for n := range maxSuffix {
		candidate := suffixed(base, n)
		err := renameNew(from, name, dir, candidate)
		if errors.Is(err, fsx.ErrExist) {
			continue
		}
		if err == nil {
			err = errors.Join(dir.Sync(), from.Sync())
		}
		return path.Join(dirPath, candidate), err
	}
	return "", fmt.Errorf("restore %s: %w", target, fsx.ErrExist)
}

// suffixed is the nth name to try for a file.
func suffixed(name string, n int) string {
	ext := path.Ext(name)
	if ext == name {
		ext = "" // a dot file
	}
	stem := strings.TrimSuffix(name, ext)
	switch n {
	case 0:
		return name
	case 1:
		return stem + " (restored)" + ext
	}
	return fmt.Sprintf("%s (restored %d)%s", stem, n, ext)
}

// makeDirs makes the directories of path that are missing.
func makeDirs(root fsx.Dir, path string) error {
	if path == "." {
		return nil
	}
	if i, err := root.Stat(path); err == nil && i.Kind == fsx.Directory {
		return nil
	}
	parent, _ := fsx.Split(path)
	if err := makeDirs(root, parent); err != nil {
		return err
	}
	if err := root.Mkdir(path, 0o755); err != nil && !errors.Is(err, fsx.ErrExist) {
		return err
	}
	return nil
}
