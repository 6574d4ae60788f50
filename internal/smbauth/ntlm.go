package smbauth

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// NTLM messages (MS-NLMP 2.2.1), little-endian:
//
//	NEGOTIATE     sig 8, type 1, flags @12, domain @16, workstation @24, [version @32]
//	CHALLENGE     sig 8, type 2, target @12, flags @20, challenge @24, 8 zero @32, targetInfo @40, version @48
//	AUTHENTICATE  sig 8, type 3, LM @12, NT @20, domain @28, user @36, workstation @44, key @52, flags @60,
//	              [version @64], [MIC @72]
//
// A variable part is named by {length u16, maximum u16, offset u32} and lies
// anywhere in the message.

const ntlmSignature = "NTLMSSP\x00"

const (
	typeNegotiate    = 1
	typeChallenge    = 2
	typeAuthenticate = 3
)

// ntlmFlags are the negotiate flags (MS-NLMP 2.2.2.5).
type ntlmFlags uint32

const (
	flagUnicode       ntlmFlags = 0x00000001
	flagRequestTarget ntlmFlags = 0x00000004
	flagSign          ntlmFlags = 0x00000010
	flagSeal          ntlmFlags = 0x00000020
	flagNTLM          ntlmFlags = 0x00000200
	flagAnonymous     ntlmFlags = 0x00000800
	flagAlwaysSign    ntlmFlags = 0x00008000
	flagTargetServer  ntlmFlags = 0x00020000
	flagExtended      ntlmFlags = 0x00080000 // extended session security
	flagTargetInfo    ntlmFlags = 0x00800000
	flagVersion       ntlmFlags = 0x02000000
	flag128           ntlmFlags = 0x20000000
	flagKeyExchange   ntlmFlags = 0x40000000
	flag56            ntlmFlags = 0x80000000
)

// ntlmVersion is Windows 10.0 build 19041, NTLM revision 15 (MS-NLMP
// 2.2.2.10). Nobody decides by it.
var ntlmVersion = []byte{10, 0, 0x61, 0x4A, 0, 0, 0, 15}

const (
	negotiateHeader    = 32
	challengeHeader    = 56
	authenticateHeader = 88 // with version and MIC
	micOffset          = 72
)

func isNTLMSSP(token []byte) bool { return bytes.HasPrefix(token, []byte(ntlmSignature)) }

// ntlmReader reads the fields of one NTLM message. The first fault sticks.
type ntlmReader struct {
	msg []byte
	err error
}

// readNTLM checks a message's signature, type and least size.
func readNTLM(msg []byte, kind uint32, header int) *ntlmReader {
	r := &ntlmReader{msg: msg}
	switch {
	case len(msg) < header || !isNTLMSSP(msg):
		r.err = malformed("not an NTLM message of %d bytes or more", header)
	case r.u32(8) != kind:
		r.err = malformed("NTLM message type %d, want %d", r.u32(8), kind)
	}
	return r
}

func (r *ntlmReader) need(end int, field string) {
	if r.err == nil && len(r.msg) < end {
		r.err = malformed("NTLM %s needs %d bytes, message has %d", field, end, len(r.msg))
	}
}

// u32 reads at an offset that lies within the message's least size.
func (r *ntlmReader) u32(off int) uint32 { return binary.LittleEndian.Uint32(r.msg[off:]) }

// part returns the variable part that the field at off names. It aliases the
// message; an empty part's offset means nothing.
func (r *ntlmReader) part(off int, field string) []byte {
	if r.err != nil {
		return nil
	}
	n, at := int(binary.LittleEndian.Uint16(r.msg[off:])), uint64(r.u32(off+4))
	if n == 0 {
		return nil
	}
	if at+uint64(n) > uint64(len(r.msg)) {
		r.err = malformed("NTLM %s at %d, length %d, in a message of %d bytes", field, at, n, len(r.msg))
		return nil
	}
	return r.msg[at : int(at)+n : int(at)+n]
}

// maxName bounds a name in UTF-16 units.
const maxName = 256

// name returns a part that is a UTF-16 string.
func (r *ntlmReader) name(off int, field string) string {
	b := r.part(off, field)
	if r.err != nil {
		return ""
	}
	if len(b) > 2*maxName {
		r.err = malformed("NTLM %s of %d bytes, most is %d", field, len(b), 2*maxName)
		return ""
	}
	s, ok := decodeUTF16(b)
	if !ok {
		r.err = malformed("NTLM %s is not UTF-16", field)
	}
	return s
}

// ntlmWriter lays out one NTLM message: a fixed header, then the parts.
type ntlmWriter struct {
	msg []byte
}

func newNTLM(kind uint32, header int) *ntlmWriter {
	w := &ntlmWriter{msg: make([]byte, header, header+512)}
	copy(w.msg, ntlmSignature)
	w.u32(8, kind)
	return w
}

func (w *ntlmWriter) u32(off int, v uint32) { binary.LittleEndian.PutUint32(w.msg[off:], v) }

// part appends data and names it in the header at off. data is below 64 KiB.
func (w *ntlmWriter) part(off int, data []byte) {
	binary.LittleEndian.PutUint16(w.msg[off:], uint16(len(data)))
	binary.LittleEndian.PutUint16(w.msg[off+2:], uint16(len(data)))
	w.u32(off+4, uint32(len(w.msg)))
	w.msg = append(w.msg, data...)
}

func encodeUTF16(s string) []byte {
	units := utf16.Encode([]rune(s))
	b := make([]byte, 0, 2*len(units))
	for _, u := range units {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// decodeUTF16 refuses half units and unpaired surrogates.
func decodeUTF16(b []byte) (string, bool) {
	if len(b)%2 != 0 {
		return "", false
	}
	runes := make([]rune, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		r := rune(binary.LittleEndian.Uint16(b[i:]))
		if utf16.IsSurrogate(r) {
			if len(b)-i < 4 {
				return "", false
			}
			i += 2
			if r = utf16.DecodeRune(r, rune(binary.LittleEndian.Uint16(b[i:]))); r == '\uFFFD' {
				return "", false
			}
		}
		runes = append(runes, r)
	}
	return string(runes), true
}
