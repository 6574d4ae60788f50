package dfsc

import (
	"encoding/binary"
	"math"
	"time"

	"dfsd/referral"
)

// MaxLevel is the highest version of response that AppendResponse writes.
const MaxLevel = 4

// MaxResponse is the most that a response takes, whatever the client offers:
// clients do not go beyond it ([MS-DFSC] 3.1.5.4), and below it every string is
// within reach of an entry's 16-bit offsets.
const MaxResponse = 56 << 10

const (
	headerSize = 8
	sizeV1     = 8 // and the target
	sizeV2     = 22
	sizeV3     = 34
)

// AppendResponse appends r as a RESP_GET_DFS_REFERRAL of version level, or 4
// where level is higher:
//
//	0  PathConsumed         2  bytes
//	2  NumberOfReferrals    2
//	4  ReferralHeaderFlags  4
//	8  entries, all of one size but for version 1; then strings
//
// Entries stand in one array with all strings behind it, since some clients
// step through them by their own idea of an entry's size. The strings are the
// consumed path, once as DFSPath and once as DFSAlternatePath for all entries
// together, and each entry's target.
//
// The response takes at most limit bytes, and at most MaxResponse: targets that
// do not fit are left out from the end. It is ErrBufferOverflow, with nothing
// appended, where there are targets and none fits. A referral without targets
// is a header alone.
//
// Beyond what append does to b, AppendResponse allocates for targets of more than
// 512 bytes only.
func AppendResponse(b []byte, r *referral.Referral, level uint16, limit int) ([]byte, error) {
	e := encoder{r: r, version: max(1, min(level, MaxLevel)), limit: min(limit, MaxResponse)}
	if e.limit < headerSize {
		return b, ErrBufferOverflow
	}
	if whole, ok := e.append(b, len(r.Targets)); ok {
		return whole, nil
	}
	n := e.fitting()
	if n == 0 {
		return b, ErrBufferOverflow
	}
	b, _ = e.append(b, n)
	return b, nil
}

type encoder struct {
	r       *referral.Referral
	version uint16
	limit   int // of the whole response, in bytes
	scratch [512]byte
}

// target returns the i-th target with one leading backslash, in UTF-8. It is
// good until the next call.
func (e *encoder) target(i int) []byte {
	return e.r.Targets[i].AppendPath(e.scratch[:0])[1:]
}

// entrySize returns the size of an entry, for version 1 without its string.
func (e *encoder) entrySize() int {
	switch e.version {
	case 1:
		return sizeV1
	case 2:
		return sizeV2
	}
	return sizeV3
}

// fitting returns how many entries fit.
func (e *encoder) fitting() int {
	room := e.limit - headerSize
	if e.version > 1 {
		room -= 2 * (textSize(e.r.Prefix) + 2)
	}
	for i := range e.r.Targets {
		room -= e.entrySize() + textSize(e.target(i)) + 2
		if room < 0 {
			return i
		}
	}
	return len(e.r.Targets)
}

// append appends a response with the first n targets, and reports whether it
// fits. It stops where it does not.
func (e *encoder) append(b []byte, n int) ([]byte, bool) {
	end := len(b) + e.limit
	b = e.appendHeader(b, n)
	if e.version == 1 {
		return e.appendV1(b, n, end)
	}
	return e.appendEntries(b, n, end)
}

func (e *encoder) appendHeader(b []byte, n int) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(e.r.Consumed))
	b = binary.LittleEndian.AppendUint16(b, uint16(n))
	return binary.LittleEndian.AppendUint32(b, uint32(e.headerFlags()))
}

// headerFlags returns the flags of the response. A client takes R without S for
// an interlink ([MS-DFSC] 3.1.5.4.5).
func (e *encoder) headerFlags() HeaderFlags {
	if e.version == 1 {
		return ReferralServers | StorageServers
	}
	flags := StorageServers
	switch {
	case e.r.IsRoot:
		flags = ReferralServers | StorageServers
	case e.r.Interlink:
		flags = ReferralServers
	}
	if e.r.Failback && e.version >= 4 {
		flags |= TargetFailback
	}
	return flags
}

func (e *encoder) serverType() uint16 {
	if e.r.IsRoot {
		return 1
	}
	return 0
}

// appendV1 appends n entries of version 1, each with its target inside.
func (e *encoder) appendV1(b []byte, n, end int) ([]byte, bool) {
	for i := range n {
		at := len(b)
		b = binary.LittleEndian.AppendUint16(b, 1)
		b = binary.LittleEndian.AppendUint16(b, 0)
		b = binary.LittleEndian.AppendUint16(b, e.serverType())
		b = binary.LittleEndian.AppendUint16(b, 0)
		b = terminate(appendText(b, e.target(i)))
		if len(b) > end {
			return b, false
		}
		binary.LittleEndian.PutUint16(b[at+2:], uint16(len(b)-at))
	}
	return b, true
}

// appendEntries appends n entries of version 2, 3 or 4 and their strings.
func (e *encoder) appendEntries(b []byte, n, end int) ([]byte, bool) {
	size, first := e.entrySize(), len(b)
	if n == 0 || first+n*size > end {
		return b, n == 0
	}
	for i := range n {
		b = e.appendFixed(b, i)
	}
	path := len(b)
	b = terminate(appendText(b, e.r.Prefix))
	alternate := len(b)
	b = append(b, b[path:]...)
	for i := range n {
		entry := first + i*size
		e.putOffsets(b[entry:], path-entry, alternate-entry, len(b)-entry)
		b = terminate(appendText(b, e.target(i)))
		if len(b) > end {
			return b, false
		}
	}
	return b, true
}

// appendFixed appends the i-th entry with its offsets still zero.
func (e *encoder) appendFixed(b []byte, i int) []byte {
	flags := EntryFlags(0)
	if e.version >= 4 && e.r.Targets[i].Boundary {
		flags = TargetSetBoundary
	}
	b = binary.LittleEndian.AppendUint16(b, e.version)
	b = binary.LittleEndian.AppendUint16(b, uint16(e.entrySize()))
	b = binary.LittleEndian.AppendUint16(b, e.serverType())
	b = binary.LittleEndian.AppendUint16(b, uint16(flags))
	if e.version == 2 {
		b = binary.LittleEndian.AppendUint32(b, 0) // Proximity
	}
	b = binary.LittleEndian.AppendUint32(b, seconds(e.r.TTL))
	b = append(b, 0, 0, 0, 0, 0, 0)
	if e.version >= 3 {
		b = append(b, noSite[:]...)
	}
	return b
}

// noSite is the ServiceSiteGuid of every entry.
var noSite [16]byte

// putOffsets sets the three string offsets of an entry, which count from its
// own first byte.
func (e *encoder) putOffsets(entry []byte, path, alternate, target int) {
	at := 12
	if e.version == 2 {
		at = 16
	}
	binary.LittleEndian.PutUint16(entry[at:], uint16(path))
	binary.LittleEndian.PutUint16(entry[at+2:], uint16(alternate))
	binary.LittleEndian.PutUint16(entry[at+4:], uint16(target))
}

func seconds(d time.Duration) uint32 {
	return uint32(min(max(0, d/time.Second), math.MaxUint32))
}
