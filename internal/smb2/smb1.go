package smb2

import (
	"bytes"
	"fmt"
)

// The dialect strings of an SMB1 NEGOTIATE that lead to SMB2 (3.3.5.3).
const (
	SMB1DialectWildcard = "SMB 2.???"
	SMB1Dialect202      = "SMB 2.002"
)

const (
	smb1HeaderSize = 32
	smb1Negotiate  = 0x72
	// smb1Flags and smb1Flags2 are those of Windows clients: case-insensitive
	// canonical paths; long names, extended security, NT status, Unicode.
	smb1Flags  = 0x18
	smb1Flags2 = 0xC853
)

// ParseSMB1Negotiate reads an SMB1 NEGOTIATE request ([MS-CIFS] 2.2.4.52.1), the
// only SMB1 message that an SMB2 server answers, and returns its dialects in
// their order:
//
//	0 FF 'SMB'   4 Command 0x72   32 WordCount 0   33 ByteCount   35 {02, dialect, 00}...
//
// The error wraps ErrMalformed.
func ParseSMB1Negotiate(b []byte) ([]string, error) {
	r := readBytes(b, "SMB1 negotiate")
	head := r.take(smb1HeaderSize, "header")
	if r.err == nil && FrameKindOf(head) != FrameSMB1 {
		r.fault("not an SMB1 header")
	}
	if r.err == nil && head[4] != smb1Negotiate {
		r.fault("command is 0x%02X, want 0x%02X", head[4], smb1Negotiate)
	}
	if words := r.u8("word count"); words != 0 {
		r.fault("word count is %d, want 0", words)
	}
	rest := r.take(int(r.u16("byte count")), "dialects")
	var list []string
	for len(rest) > 0 && r.err == nil {
		end := bytes.IndexByte(rest, 0)
		if rest[0] != 2 || end < 0 {
			r.fault("dialect %d is not a string", len(list))
			break
		}
		if len(list) == MaxDialects {
			r.refuse(ErrTooMany)
			break
		}
		list = append(list, string(rest[1:end]))
		rest = rest[end+1:]
	}
	if r.err != nil {
		return nil, r.err
	}
	return list, nil
}

// AppendSMB1Negotiate appends an SMB1 NEGOTIATE request that offers dialects,
// none of which holds a NUL.
func AppendSMB1Negotiate(b []byte, dialects ...string) []byte {
	w := writer{b}
	w.bytes([]byte{0xFF, 'S', 'M', 'B', smb1Negotiate})
	w.u32(0)
	w.u8(smb1Flags)
	w.u16(smb1Flags2)
	w.zero(12)
	w.u16(0xFFFF)
	w.u16(0xFEFF)
	w.zero(4)
	w.u8(0)
	n := 0
	for _, d := range dialects {
		n += len(d) + 2
	}
	w.len16(n, fmt.Sprintf("list of %d dialects", len(dialects)))
	for _, d := range dialects {
		w.u8(2)
		w.b = append(w.b, d...)
		w.u8(0)
	}
	return w.b
}
