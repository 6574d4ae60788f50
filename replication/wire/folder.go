package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// FolderKey names a replicated folder in every message about it: a hash of the
// names of group and folder, so that both sides know it without a table.
type FolderKey [16]byte

// KeyOf returns the key of a folder. Names compare without case, as in the
// configuration; neither holds a slash.
func KeyOf(group, folder string) FolderKey {
	sum := sha256.Sum256([]byte(strings.ToLower(group) + "/" + strings.ToLower(folder)))
	return FolderKey(sum[:16])
}

func (k FolderKey) String() string { return hex.EncodeToString(k[:]) }

// FolderOf returns the folder that a request is about; ok is false for messages
// that are no request about a folder.
func FolderOf(m Message) (k FolderKey, ok bool) {
	switch m := m.(type) {
	case WantRecords:
		return m.Folder, true
	case WantFiles:
		return m.Folder, true
	case WantRange:
		return m.Folder, true
	case WantChunkList:
		return m.Folder, true
	case WantRecipe:
		return m.Folder, true
	case WantChunks:
		return m.Folder, true
	}
	return k, false
}
