package fscc

import (
	"strconv"
	"strings"
)

// SID names an account or a group ([MS-DTYP] 2.4.2).
type SID struct {
	Authority      uint64 // 48 bits
	SubAuthorities []uint32
}

// Everyone is S-1-1-0, all who ask, guests included.
func Everyone() SID { return SID{Authority: 1, SubAuthorities: []uint32{0}} }

// AuthenticatedUsers is S-1-5-11, all who gave a password or a ticket.
func AuthenticatedUsers() SID { return SID{Authority: 5, SubAuthorities: []uint32{11}} }

// Administrators is S-1-5-32-544, the administrators of this host.
func Administrators() SID { return SID{Authority: 5, SubAuthorities: []uint32{32, 544}} }

// String returns s in the form S-1-5-32-544.
func (s SID) String() string {
	var b strings.Builder
	b.WriteString("S-1-" + strconv.FormatUint(s.Authority, 10))
	for _, sub := range s.SubAuthorities {
		b.WriteString("-" + strconv.FormatUint(uint64(sub), 10))
	}
	return b.String()
}

// size returns how many bytes Append appends.
func (s SID) size() int { return 8 + 4*len(s.SubAuthorities) }

// Append appends s: Revision 1, SubAuthorityCount u8, Authority[6] big-endian,
// SubAuthority u32 each.
func (s SID) Append(b []byte) []byte {
	b = append(b, 1, uint8(len(s.SubAuthorities)))
	for shift := 40; shift >= 0; shift -= 8 {
		b = append(b, uint8(s.Authority>>shift))
	}
	for _, sub := range s.SubAuthorities {
		b = le.AppendUint32(b, sub)
	}
	return b
}
