package smbauth

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Kerberos tokens of GSS-API (RFC 4121 4.1):
//
//	60 { 06 KRB5, token id u16, message }
//
// and its message integrity codes (RFC 4121 4.2.6.1, RFC 4757 7.2):
//
//	AES  04 04, flags u8, 5 × FF, sequence u64, checksum
//	RC4  60 { 06 KRB5, 01 01, 11 00, 4 × FF, sequence 8, checksum 8 }

// Object identifiers, as the contents of their DER. Microsoft's is a slip of
// Windows 2000 that stayed.
var (
	oidKerberos   = []byte{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2}
	oidKerberosMS = []byte{0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 1, 2, 2}
)

const (
	tokenMIC1  = 0x0101
	tokenAPReq = 0x0100
	tokenAPRep = 0x0200
)

// gssToken is a framed Kerberos token.
type gssToken struct {
	oid  []byte
	id   uint16
	body []byte
}

func parseGSSToken(b []byte) (t gssToken, ok bool) {
	in := cryptobyte.String(b)
	var body, oid cryptobyte.String
	if !in.ReadASN1(&body, tagGSS) || !in.Empty() || !body.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) ||
		!bytes.Equal(oid, oidKerberos) && !bytes.Equal(oid, oidKerberosMS) || !body.ReadUint16(&t.id) {
		return gssToken{}, false
	}
	t.oid, t.body = oid, body
	return t, true
}

func isKerberos(token []byte) bool {
	_, ok := parseGSSToken(token)
	return ok
}

func (t gssToken) append() []byte {
	var out cryptobyte.Builder
	out.AddASN1(tagGSS, func(b *cryptobyte.Builder) {
		addOID(b, t.oid)
		b.AddUint16(t.id)
		b.AddBytes(t.body)
	})
	return out.BytesOrPanic()
}

// gssMutual is the flag of RFC 4121 4.1.1.1 that asks for an AP-REP.
const gssMutual = 0x02

// parseGSSChecksum returns the flags in an authenticator's checksum: {length of
// bindings u32 = 16, bindings, flags u32}, little-endian. The bindings are to a
// channel that SMB does not have, and delegated credentials, which may follow,
// are of no use here.
func parseGSSChecksum(b []byte) (flags uint32, err error) {
	if len(b) < 24 || binary.LittleEndian.Uint32(b) != 16 {
		return 0, malformed("Kerberos GSS-API checksum of %d bytes", len(b))
	}
	return binary.LittleEndian.Uint32(b[20:]), nil
}

// sender is who makes a message integrity code.
type sender uint8

const (
	byInitiator sender = iota
	byAcceptor
)

// micUsage is the key usage of GSS_GetMIC under AES.
func (s sender) micUsage() uint32 {
	if s == byAcceptor {
		return usageAcceptorSign
	}
	return usageInitiatorSign
}

// mic returns the code over data. Both ends use a key that the acceptor did
// not add to, so the flags name the sender and nothing else.
func (k kerberosKey) mic(s sender, sequence uint32, data []byte) []byte {
	if k.etype == etypeRC4 {
		return k.micRC4(s, sequence, data)
	}
	header := []byte{4, 4, byte(s), 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
	header = binary.BigEndian.AppendUint64(header, uint64(sequence))
	return append(header, k.checksum(s.micUsage(), data, header)...)
}

func (k kerberosKey) micRC4(s sender, sequence uint32, data []byte) []byte {
	header := []byte{1, 1, 0x11, 0, 0xFF, 0xFF, 0xFF, 0xFF}
	digest := md5.New()
	for _, part := range [][]byte{littleEndian(usageMICRC4), header, data} {
		digest.Write(part)
	}
	signing := keyed(md5.New, k.value, []byte("signaturekey\x00"))
	sum := keyed(md5.New, signing, digest.Sum(nil))[:8]
	number := binary.BigEndian.AppendUint32(nil, sequence)
	for range 4 {
		number = append(number, -byte(s)) // the direction
	}
	numbering := keyed(md5.New, keyed(md5.New, k.value, littleEndian(0)), sum)
	body := append(header[2:], rc4Crypt(numbering, number)...)
	return gssToken{oid: oidKerberos, id: tokenMIC1, body: append(body, sum...)}.append()
}

// verifyMIC checks a code of the initiator's over data. sequence is his first
// number, from his authenticator: the code is the first that he makes.
func (k kerberosKey) verifyMIC(sequence uint32, data, mic []byte) bool {
	return hmac.Equal(k.mic(byInitiator, sequence, data), mic)
}
