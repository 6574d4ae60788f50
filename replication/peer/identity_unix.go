//go:build unix

package peer

import (
	"io/fs"
	"os"
)

// foreignBits are the permissions that a key must not have.
const foreignBits fs.FileMode = 0o077

// syncDir makes a name in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
