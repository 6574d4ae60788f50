package smbauth

import (
	encasn1 "encoding/asn1"
	"math"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// kerberosReader reads the fields of one Kerberos SEQUENCE, all of which stand
// under explicit tags. The first fault sticks, for the message as a whole.
// What it returns aliases the message, strings excepted. Nothing recurses.
type kerberosReader struct {
	s     cryptobyte.String
	fault *error
}

// readKerberos opens an [APPLICATION tag] SEQUENCE that takes up all of b.
func readKerberos(b []byte, tag uint8, what string) *kerberosReader {
	r := &kerberosReader{s: b, fault: new(error)}
	return r.open(applicationTag(tag), what).whole(r, what).open(asn1.SEQUENCE, what)
}

func applicationTag(n uint8) asn1.Tag { return asn1.Tag(n).Constructed() | 0x40 }

func fieldTag(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }

func (r *kerberosReader) fail(what string) {
	if *r.fault == nil {
		*r.fault = malformed("Kerberos %s", what)
	}
}

// err returns the first fault; bytes left over are one.
func (r *kerberosReader) err(what string) error {
	r.end(what)
	return *r.fault
}

func (r *kerberosReader) end(what string) {
	if !r.s.Empty() {
		r.fail(what + ": unknown fields")
	}
}

// whole demands that inner was all that outer held, and returns inner.
func (r *kerberosReader) whole(outer *kerberosReader, what string) *kerberosReader {
	outer.end(what)
	return r
}

func (r *kerberosReader) open(tag asn1.Tag, what string) *kerberosReader {
	in := &kerberosReader{fault: r.fault}
	if *r.fault == nil && !r.s.ReadASN1(&in.s, tag) {
		r.fail(what)
	}
	return in
}

func (r *kerberosReader) has(n uint8) bool { return *r.fault == nil && r.s.PeekASN1Tag(fieldTag(n)) }

// value reads field n, which holds one value of type tag.
func (r *kerberosReader) value(n uint8, tag asn1.Tag, what string) *kerberosReader {
	field := r.open(fieldTag(n), what)
	return field.open(tag, what).whole(field, what)
}

// skip passes over an optional field.
func (r *kerberosReader) skip(n uint8, what string) {
	if r.has(n) {
		r.open(fieldTag(n), what)
	}
}

func (r *kerberosReader) integer(n uint8, low, high int64, what string) int64 {
	field := r.open(fieldTag(n), what)
	var v int64
	if *r.fault == nil && (!field.s.ReadASN1Integer(&v) || v < low || v > high) {
		r.fail(what)
	}
	field.end(what)
	return v
}

// unsigned reads a UInt32, which older peers write as if it were signed.
func (r *kerberosReader) unsigned(n uint8, what string) uint32 {
	return uint32(r.integer(n, math.MinInt32, math.MaxUint32, what))
}

func (r *kerberosReader) octets(n uint8, what string) []byte {
	return r.value(n, asn1.OCTET_STRING, what).s
}

// text reads a GeneralString that may be part of a name.
func (r *kerberosReader) text(n uint8, what string) string {
	return r.checkedText(r.value(n, asn1.GeneralString, what).s, what)
}

func (r *kerberosReader) checkedText(b []byte, what string) string {
	if *r.fault == nil && checkNamePart(string(b)) != nil {
		r.fail(what)
	}
	if *r.fault != nil {
		return ""
	}
	return string(b)
}

// name reads a PrincipalName (RFC 4120 5.2.2). Its type is a hint and nothing
// more (6.2).
func (r *kerberosReader) name(n uint8, what string) []string {
	seq := r.value(n, asn1.SEQUENCE, what)
	seq.integer(0, math.MinInt32, math.MaxInt32, what)
	parts := seq.value(1, asn1.SEQUENCE, what)
	seq.end(what)
	var name []string
	for *r.fault == nil && !parts.s.Empty() && len(name) < maxComponents {
		name = append(name, r.checkedText(parts.open(asn1.GeneralString, what).s, what))
	}
	parts.end(what)
	if len(name) == 0 {
		r.fail(what)
	}
	return name
}

func (r *kerberosReader) time(n uint8, what string) (t time.Time) {
	field := r.open(fieldTag(n), what)
	if *r.fault == nil && !field.s.ReadASN1GeneralizedTime(&t) {
		r.fail(what)
	}
	field.end(what)
	return t
}

// flags reads a BIT STRING (RFC 4120 5.2.8).
func (r *kerberosReader) flags(n uint8, what string) (bits encasn1.BitString) {
	field := r.open(fieldTag(n), what)
	if *r.fault == nil && !field.s.ReadASN1BitString(&bits) {
		r.fail(what)
	}
	field.end(what)
	return bits
}

// key reads an EncryptionKey (RFC 4120 5.2.9). It is not yet known to be
// well-formed.
func (r *kerberosReader) key(n uint8, what string) kerberosKey {
	seq := r.value(n, asn1.SEQUENCE, what)
	k := kerberosKey{
		etype: etype(seq.integer(0, math.MinInt32, math.MaxInt32, what)),
		value: seq.octets(1, what),
	}
	seq.end(what)
	return k
}

// sealed reads an EncryptedData (RFC 4120 5.2.9).
func (r *kerberosReader) sealed(n uint8, what string) sealedPart {
	seq := r.value(n, asn1.SEQUENCE, what)
	part := sealedPart{etype: etype(seq.integer(0, math.MinInt32, math.MaxInt32, what))}
	if seq.has(1) {
		part.kvno = seq.unsigned(1, what)
	}
	part.cipher = seq.octets(2, what)
	seq.end(what)
	return part
}

// addField adds a value under an explicit tag.
func addField(b *cryptobyte.Builder, n uint8, value func(*cryptobyte.Builder)) {
	b.AddASN1(fieldTag(n), value)
}

func addInteger(b *cryptobyte.Builder, n uint8, v int64) {
	addField(b, n, func(b *cryptobyte.Builder) { b.AddASN1Int64(v) })
}

func addTime(b *cryptobyte.Builder, n uint8, t time.Time) {
	addField(b, n, func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(t.UTC()) })
}

// addSealed adds an EncryptedData.
func addSealed(b *cryptobyte.Builder, n uint8, part sealedPart) {
	addField(b, n, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addInteger(b, 0, int64(part.etype))
			if part.kvno != 0 {
				addInteger(b, 1, int64(part.kvno))
			}
			addOctets(b, fieldTag(2), part.cipher)
		})
	})
}

// kerberosMessage makes an [APPLICATION tag] SEQUENCE.
func kerberosMessage(tag uint8, fields func(*cryptobyte.Builder)) []byte {
	var out cryptobyte.Builder
	out.AddASN1(applicationTag(tag), func(b *cryptobyte.Builder) { b.AddASN1(asn1.SEQUENCE, fields) })
	return out.BytesOrPanic()
}
