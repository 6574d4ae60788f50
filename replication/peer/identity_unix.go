//go:build unix

package peer

import "io/fs"

// foreignBits are the permissions that a key must not have.
const foreignBits fs.FileMode = 0o077
