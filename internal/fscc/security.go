package fscc

// SecurityParts says which parts of a security descriptor are meant
// (AdditionalInformation, [MS-SMB2] 2.2.37).
type SecurityParts uint32

// The parts of a security descriptor.
const (
	SecurityOwner SecurityParts = 0x1
	SecurityGroup SecurityParts = 0x2
	SecurityDACL  SecurityParts = 0x4
	SecuritySACL  SecurityParts = 0x8
)

// ACE allows somebody something ([MS-DTYP] 2.4.4.2).
type ACE struct {
	Flags ACEFlags
	Mask  uint32 // access mask
	Who   SID
}

// ACEFlags say to what below a directory an ACE applies.
type ACEFlags uint8

// The flags of an ACE.
const (
	ACEObjectInherit    ACEFlags = 0x01 // files below
	ACEContainerInherit ACEFlags = 0x02 // directories below
)

// SecurityDescriptor says who owns a file and who may do what with it
// ([MS-DTYP] 2.4.6).
type SecurityDescriptor struct {
	Owner, Group SID
	DACL         []ACE
}

const (
	securityHeader      = 20
	aclHeader           = 8
	aceHeader           = 8
	aclRevision         = 2
	aceAllowed          = 0
	controlDACLPresent  = 0x0004
	controlSelfRelative = 0x8000
)

// Append appends the given parts of d, self-relative:
//
//	0 Revision 1   1 zero   2 Control   4 Owner   8 Group   12 SACL   16 DACL
//
// Offsets count from the first byte of the descriptor, 0 for a part that is not
// there. There is no SACL.
func (d *SecurityDescriptor) Append(b []byte, parts SecurityParts) []byte {
	start := len(b)
	b = append(b, 1, 0)
	b = le.AppendUint16(b, control(parts))
	b = appendZeros(b, securityHeader-4)
	if parts&SecurityOwner != 0 {
		le.PutUint32(b[start+4:], uint32(len(b)-start))
		b = d.Owner.Append(b)
	}
	if parts&SecurityGroup != 0 {
		le.PutUint32(b[start+8:], uint32(len(b)-start))
		b = d.Group.Append(b)
	}
	if parts&SecurityDACL != 0 {
		le.PutUint32(b[start+16:], uint32(len(b)-start))
		b = appendACL(b, d.DACL)
	}
	return b
}

func control(parts SecurityParts) uint16 {
	if parts&SecurityDACL != 0 {
		return controlSelfRelative | controlDACLPresent
	}
	return controlSelfRelative
}

// appendACL appends Revision u8, zero u8, Size u16, Count u16, zero u16, and
// each ACE as Type u8, Flags u8, Size u16, Mask u32, SID ([MS-DTYP] 2.4.5).
func appendACL(b []byte, list []ACE) []byte {
	size := aclHeader
	for _, e := range list {
		size += aceHeader + e.Who.size()
	}
	b = append(b, aclRevision, 0)
	b = le.AppendUint16(b, uint16(size))
	b = le.AppendUint16(b, uint16(len(list)))
	b = le.AppendUint16(b, 0)
	for _, e := range list {
		b = append(b, aceAllowed, uint8(e.Flags))
		b = le.AppendUint16(b, uint16(aceHeader+e.Who.size()))
		b = le.AppendUint32(b, e.Mask)
		b = e.Who.Append(b)
	}
	return b
}
