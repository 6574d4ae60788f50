package fscc

// Attributes are the attributes of a file ([MS-FSCC] 2.6).
type Attributes uint32

// The attributes that a namespace shows.
const (
	AttributeHidden       Attributes = 0x00000002
	AttributeSystem       Attributes = 0x00000004
	AttributeDirectory    Attributes = 0x00000010
	AttributeArchive      Attributes = 0x00000020
	AttributeNormal       Attributes = 0x00000080
	AttributeReparsePoint Attributes = 0x00000400
)

// ReparseTag tells what kind of reparse point a file is ([MS-FSCC] 2.1.2.1).
type ReparseTag uint32

// ReparseTagDFS marks a link of a namespace; clients ask for a referral when
// they see it.
const ReparseTagDFS ReparseTag = 0x8000000A
