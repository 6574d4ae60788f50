package transfer

import (
	"encoding/hex"
	"strings"

	"dfsd/replication"
)

// Names of temporaries: "<hash>.part" grows, "<hash>.mark" tells how far it was
// hashed, "<hash>-<id>.whole" was delivered.
const (
	partSuffix  = ".part"
	markSuffix  = ".mark"
	wholeSuffix = ".whole"
)

func partName(h replication.Hash) string { return hex.EncodeToString(h[:]) + partSuffix }
func markName(h replication.Hash) string { return hex.EncodeToString(h[:]) + markSuffix }

func wholeName(h replication.Hash, id replication.FileID) string {
	return hex.EncodeToString(h[:]) + "-" + id.String() + wholeSuffix
}

// ContentOf tells which content the temporary of a name belongs to; ok is false
// for names that no Fetcher gives.
func ContentOf(name string) (h replication.Hash, ok bool) {
	stem, suffix := name, ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		stem, suffix = name[:i], name[i:]
	}
	switch suffix {
	case wholeSuffix:
		var id string
		if stem, id, ok = strings.Cut(stem, "-"); !ok || !isHex(id, len(replication.FileID{})) {
			return h, false
		}
	case partSuffix, markSuffix:
	default:
		return h, false
	}
	if !isHex(stem, len(h)) {
		return h, false
	}
	_, err := hex.Decode(h[:], []byte(stem))
	return h, err == nil
}

// isHex tells whether s is n bytes in lower-case hexadecimal.
func isHex(s string, n int) bool {
	return len(s) == 2*n && strings.Trim(s, "0123456789abcdef") == ""
}

// KeepTemporary tells whether a temporary may spare its content's transfer, so
// that a sweep of staging at the start leaves it: a predicate for
// install.Installer.Sweep. Who knows what is wanted also asks ContentOf, and
// lets those go that nobody wants any more.
func KeepTemporary(name string) bool {
	_, ok := ContentOf(name)
	return ok
}
