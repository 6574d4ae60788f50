package smbauth

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf16"
	"unicode/utf8"

	"dfsd/internal/durable"
)

// LoadUsers reads the users file at path. Where others than its owner may read
// or write it, the error is ErrExposed and says how to mend it; a missing file
// is fs.ErrNotExist, one that holds nothing ErrEmpty, and any other that is no
// users file ErrFaulty.
func LoadUsers(path string) (*Users, error) {
	b, _, err := readUsersFile(path)
	if err != nil {
		return nil, err
	}
	f, err := parseUsersFile(path, b)
	if err != nil {
		return nil, err
	}
	return f.users, nil
}

// ErrExposed is a users file whose mode lets others than its owner in.
var ErrExposed = errors.New("NT hashes are as good as passwords")

// ErrEmpty is a users file without anything but comments: it may be new, or what
// is left of one.
var ErrEmpty = errors.New("empty")

// ErrFaulty is a users file with something in it that does not belong there.
var ErrFaulty = errors.New("faulty users file")

// SetPassword gives one user a password in the users file at path, and makes
// the file, with mode 0600, where there is none; an empty one is one without
// users. Other users, their order and comments stay, and so does the whole of a
// file that is ErrFaulty. The file is replaced whole and durably: a crash leaves
// the old or the new one. Two callers at once take turns where the system has file
// locks. A symbolic link is followed, and the file keeps its owner.
func SetPassword(path, name, password string) error {
	if err := errors.Join(CheckUserName(name), checkPassword(password)); err != nil {
		return err
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	unlock, err := lockDir(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("lock the folder of %s: %w", path, err)
	}
	defer unlock()
	b, old, err := readUsersFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := parseUsersFile(path, b)
	if errors.Is(err, ErrEmpty) {
		f, err = newUsersFile(path, b)
	}
	if err != nil {
		return err
	}
	f.set(name, NTHash(password))
	if b, err = f.encode(); err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	if _, err := parseUsersFile(path, b); err != nil {
		return fmt.Errorf("the new users file would not be readable: %w", err)
	}
	if err := replaceFile(path, b, old); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// maxPassword is what Windows allows, in UTF-16 units.
const maxPassword = 256

func checkPassword(password string) error {
	switch {
	case password == "":
		return errors.New("a password must not be empty")
	case !utf8.ValidString(password):
		return errors.New("the password is not UTF-8")
	case len(utf16.Encode([]rune(password))) > maxPassword:
		return fmt.Errorf("the password is longer than %d characters", maxPassword)
	}
	return nil
}

// readUsersFile returns what stands in the file at path, and its mode and owner.
func readUsersFile(path string) ([]byte, fs.FileInfo, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return nil, nil, err
	}
	if err := checkUsersMode(path, fi); err != nil {
		return nil, nil, err
	}
	b, err := io.ReadAll(io.LimitReader(in, maxUsersFile+1))
	if err != nil {
		return nil, nil, err
	}
	if len(b) > maxUsersFile {
		return nil, nil, fmt.Errorf("%s: longer than %d MiB", path, maxUsersFile>>20)
	}
	return b, fi, nil
}

func checkUsersMode(path string, fi fs.FileInfo) error {
	if !fi.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", path)
	}
	if open := fi.Mode().Perm() & foreignBits; open != 0 {
		return fmt.Errorf("%s: mode %04o lets others than its owner in, and %w: chmod 600 %s", path, fi.Mode().Perm(), ErrExposed, path)
	}
	return nil
}

// replaceFile writes b beside path, makes it durable and renames it there. old
// is the file that it replaces, nil for none.
func replaceFile(path string, b []byte, old fs.FileInfo) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	if err := errors.Join(fillFile(tmp, b, old), tmp.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return durable.SyncDir(filepath.Dir(path))
}

func fillFile(f *os.File, b []byte, old fs.FileInfo) error {
	if err := keepOwner(f, old); err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}
