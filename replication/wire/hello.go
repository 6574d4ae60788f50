package wire

import (
	"encoding/binary"
	"fmt"

	"dfsd/internal/field"
)

// Versions is the range of protocol versions that a member speaks. Each
// release speaks its own version and the one before it.
type Versions struct{ Oldest, Newest uint16 }

// Current is what this release speaks.
var Current = Versions{Oldest: 1, Newest: 1}

// Common returns the newest version that both speak, or ErrVersion.
func (v Versions) Common(o Versions) (uint16, error) {
	newest := min(v.Newest, o.Newest)
	if newest < max(v.Oldest, o.Oldest) {
		return 0, fmt.Errorf("%w: versions %d to %d and %d to %d", ErrVersion, v.Oldest, v.Newest, o.Oldest, o.Newest)
	}
	return newest, nil
}

// Lane is what one connection of a session carries.
type Lane uint8

// The lanes of a session.
const (
	Control Lane = iota // vectors, records, acknowledgements: small and urgent
	Small               // packs of small files
	Bulk                // ranges and chunks of large files
	Lanes               // how many there are
)

var laneNames = [Lanes]string{"control", "small", "bulk"}

func (l Lane) String() string {
	if l < Lanes {
		return laneNames[l]
	}
	return fmt.Sprintf("lane %d", uint8(l))
}

// Offer is one replicated folder that a member holds in common with its
// partner.
type Offer struct {
	Group, Folder string
	ReadOnly      bool // the member sends no changes of its own
}

// Key is the key of the folder.
func (o Offer) Key() FolderKey { return KeyOf(o.Group, o.Folder) }

// Hello is the first message of each side on each connection. The accepting
// side speaks first, so that nobody talks to it before it trusts him.
type Hello struct {
	Versions Versions
	Host     string // as the configuration names the member
	Software string // for people
	Offers   []Offer
}

const (
	magic     = "DFSR\r\n\x1a\x00" // no protocol of text, and no other of ours
	maxName   = 255
	maxOffers = 1 << 12
)

// Type is TypeHello.
func (Hello) Type() Type { return TypeHello }

// Append writes 8 bytes `DFSR\r\n\x1a\x00`, oldest and newest version, host,
// software, the number of offers, and of each its group, folder and whether it
// is read-only. What a newer version adds comes behind, and is passed over.
func (h Hello) Append(b []byte) []byte {
	b = append(b, magic...)
	b = binary.AppendUvarint(b, uint64(h.Versions.Oldest))
	b = binary.AppendUvarint(b, uint64(h.Versions.Newest))
	b = field.AppendBytes(b, clip(h.Host, maxName))
	b = field.AppendBytes(b, clip(h.Software, maxName))
	b = binary.AppendUvarint(b, uint64(len(h.Offers)))
	for _, o := range h.Offers {
		b = field.AppendBool(field.AppendBytes(field.AppendBytes(b, clip(o.Group, maxName)), clip(o.Folder, maxName)), o.ReadOnly)
	}
	return b
}

func parseHello(r *reader) Message {
	var h Hello
	if got := r.Take(len(magic), "magic"); r.Err == nil && string(got) != magic {
		r.Fail("the peer does not speak this protocol")
	}
	h.Versions = Versions{r.version("oldest version"), r.version("newest version")}
	h.Host, h.Software = r.text(maxName, "host"), r.text(maxName, "software")
	if n := r.Count(maxOffers, 3, "offers"); n > 0 {
		h.Offers = make([]Offer, n)
	}
	for i := range h.Offers {
		h.Offers[i] = Offer{r.text(maxName, "group"), r.text(maxName, "folder"), r.Bool("read-only")}
	}
	if h.Versions.Oldest == 0 || h.Versions.Oldest > h.Versions.Newest {
		r.Fail("versions %d to %d", h.Versions.Oldest, h.Versions.Newest)
	}
	r.Off = len(r.Body) // what a newer version adds
	return h
}

func (r *reader) version(field string) uint16 {
	v := r.Uvarint(field)
	if v > 1<<16-1 {
		r.Fail("%s %d", field, v)
		return 0
	}
	return uint16(v)
}

// Nonce names one session between two members; the dialling side draws it.
type Nonce [16]byte

// Join follows the dialling side's Hello and says which lane of which session
// this connection is, in which version.
type Join struct {
	Version uint16
	Lane    Lane
	Session Nonce
}

// Type is TypeJoin.
func (Join) Type() Type { return TypeJoin }

// Append writes version, lane and session.
func (j Join) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(j.Version))
	return append(append(b, byte(j.Lane)), j.Session[:]...)
}

func parseJoin(r *reader) Message {
	j := Join{Version: r.version("version"), Lane: Lane(r.Byte("lane"))}
	copy(j.Session[:], r.Take(len(j.Session), "session"))
	if j.Lane >= Lanes {
		r.Fail("%v", j.Lane)
	}
	return j
}
