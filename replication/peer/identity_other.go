//go:build !unix

package peer

import "io/fs"

// foreignBits: permissions are not told by the mode here; the access list of
// the data directory protects the key.
const foreignBits fs.FileMode = 0
