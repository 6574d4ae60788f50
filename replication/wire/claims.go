package wire

import (
	"encoding/binary"

	"dfsd/replication"
	"dfsd/replication/version"
)

// MaxClaims is how many claims one message holds.
const MaxClaims = 1 << 14

// Claim says that the sender's disk holds the content of one version whole, so
// that others may fetch it there.
type Claim struct {
	ID    replication.FileID
	Stamp version.Stamp
}

// Claims is a batch of claims about one folder.
type Claims struct {
	Folder FolderKey
	Claims []Claim // at most MaxClaims
}

// Type is TypeClaims.
func (Claims) Type() Type { return TypeClaims }

// Append writes folder, number, and of each claim the file's id and the stamp:
// 16 bytes of origin and the count.
func (c Claims) Append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, c.Folder[:]...), uint64(len(c.Claims)))
	for _, claim := range c.Claims {
		b = appendStamp(append(b, claim.ID[:]...), claim.Stamp)
	}
	return b
}

func parseClaims(r *reader) Message {
	c := Claims{Folder: r.folder()}
	if n := r.count(MaxClaims, 33, "claims"); n > 0 {
		c.Claims = make([]Claim, n)
	}
	for i := range c.Claims {
		c.Claims[i] = Claim{r.id("id"), r.stamp("stamp")}
	}
	return c
}
