package smbauth

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrKeytabExposed is a keytab whose mode lets others than its owner in.
var ErrKeytabExposed = errors.New("keytab keys are as good as the service's password")

// LoadKeytab reads the keytab at path, of 1 MiB at most. Where others than its
// owner may read or write it, the error is ErrKeytabExposed and says how to
// mend it; a missing file is fs.ErrNotExist. Every error names the file.
func LoadKeytab(path string) (*Keytab, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !fi.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file", path)
	case fi.Mode().Perm()&foreignBits != 0:
		return nil, fmt.Errorf("%s: mode %04o lets others than its owner in, and %w: chmod 600 %s", path, fi.Mode().Perm(), ErrKeytabExposed, path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxKeytab+1))
	if err != nil {
		return nil, err
	}
	kt, err := ParseKeytab(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return kt, nil
}
