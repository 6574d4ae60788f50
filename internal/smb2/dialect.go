package smb2

import "fmt"

// Dialect is a revision of the protocol. Later ones compare greater, but for
// DialectWildcard.
type Dialect uint16

// The dialects. DialectWildcard answers an SMB1 NEGOTIATE that lists
// "SMB 2.???": the client then sends an SMB2 NEGOTIATE.
const (
	Dialect202      Dialect = 0x0202
	Dialect210      Dialect = 0x0210
	Dialect300      Dialect = 0x0300
	Dialect302      Dialect = 0x0302
	Dialect311      Dialect = 0x0311
	DialectWildcard Dialect = 0x02FF
)

// String returns the dialect as administrators write it: "3.1.1".
func (d Dialect) String() string {
	switch d {
	case Dialect202:
		return "2.0.2"
	case Dialect210:
		return "2.1"
	case Dialect300:
		return "3.0"
	case Dialect302:
		return "3.0.2"
	case Dialect311:
		return "3.1.1"
	case DialectWildcard:
		return "2.???"
	}
	return fmt.Sprintf("0x%04X", uint16(d))
}

// Is3x reports whether d derives keys, signs with AES and may encrypt.
func (d Dialect) Is3x() bool { return d >= Dialect300 }

// SecurityMode is what a peer says about signing.
type SecurityMode uint16

// The security mode bits.
const (
	SigningEnabled  SecurityMode = 1
	SigningRequired SecurityMode = 2
)

// Capabilities are the global capabilities of NEGOTIATE.
type Capabilities uint32

// The capability bits.
const (
	CapDFS               Capabilities = 0x01
	CapLeasing           Capabilities = 0x02
	CapLargeMTU          Capabilities = 0x04
	CapMultiChannel      Capabilities = 0x08
	CapPersistentHandles Capabilities = 0x10
	CapDirectoryLeasing  Capabilities = 0x20
	CapEncryption        Capabilities = 0x40
	CapNotifications     Capabilities = 0x80
)

// Has reports whether every bit of x is set.
func (c Capabilities) Has(x Capabilities) bool { return c&x == x }
