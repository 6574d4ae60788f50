package smbauth

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// SPNEGO tokens, DER (RFC 4178 4.2, MS-SPNG 2.2.1):
//
//	first:  60 { 06 SPNEGO, A0 { 30 { A0 mechTypes, [A1 reqFlags], [A2 mechToken], [A3], [A4] } } }
//	later:  A1 { 30 { [A0 negState], [A1 supportedMech], [A2 responseToken], [A3 mechListMIC] } }
//
// The grammar is five levels deep and does not recurse, so neither do the
// parsers. What they return aliases their input.

// maxMechs bounds the list of mechanisms. Windows names four.
const maxMechs = 32

// Object identifiers, as the contents of their DER.
var (
	oidSPNEGO  = []byte{0x2B, 6, 1, 5, 5, 2}
	oidNTLMSSP = []byte{0x2B, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x0A}
)

var (
	tagGSS    = asn1.Tag(0).Constructed() | 0x40 // [APPLICATION 0]
	tagField0 = asn1.Tag(0).ContextSpecific().Constructed()
	tagField1 = asn1.Tag(1).ContextSpecific().Constructed()
	tagField2 = asn1.Tag(2).ContextSpecific().Constructed()
	tagField3 = asn1.Tag(3).ContextSpecific().Constructed()
	tagField4 = asn1.Tag(4).ContextSpecific().Constructed()
)

// negHint is what MS-SPNG 2.2.1 puts into a NegTokenInit2.
const negHint = "not_defined_in_RFC4178@please_ignore"

// negTokenInit is the initiator's first token, or the acceptor's own offer
// (NegTokenInit2).
type negTokenInit struct {
	mechs [][]byte // contents of the OIDs, in the sender's order of preference; at least one
	list  []byte   // the DER of their SEQUENCE OF: what a mechListMIC is made of
	token []byte   // for mechs[0]; nil: absent
	mic   []byte   // a mechListMIC that came with it; nil: absent
}

func parseNegTokenInit(b []byte) (negTokenInit, error) {
	var t negTokenInit
	in := cryptobyte.String(b)
	var outer, oid, choice, seq, types cryptobyte.String
	if !in.ReadASN1(&outer, tagGSS) || !in.Empty() ||
		!outer.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) || string(oid) != string(oidSPNEGO) ||
		!outer.ReadASN1(&choice, tagField0) || !outer.Empty() ||
		!choice.ReadASN1(&seq, asn1.SEQUENCE) || !choice.Empty() {
		return t, malformed("not a SPNEGO NegTokenInit")
	}
	if !seq.ReadASN1(&types, tagField0) {
		return t, malformed("NegTokenInit without mechTypes")
	}
	if err := t.readMechs(types); err != nil {
		return t, err
	}
	// A1 holds flags that RFC 4178 tells acceptors to ignore. A3 is an
	// optimistic mechListMIC or, from an acceptor, hints; A4 is the MIC of the
	// latter.
	var third cryptobyte.String
	if !seq.SkipOptionalASN1(tagField1) || !readOctets(&seq, tagField2, &t.token) ||
		!seq.ReadOptionalASN1(&third, nil, tagField3) || !seq.SkipOptionalASN1(tagField4) || !seq.Empty() {
		return t, malformed("fields of NegTokenInit")
	}
	if third.PeekASN1Tag(asn1.OCTET_STRING) {
		var mic cryptobyte.String
		if !third.ReadASN1(&mic, asn1.OCTET_STRING) || !third.Empty() {
			return t, malformed("mechListMIC of NegTokenInit")
		}
		t.mic = mic
	}
	return t, nil
}

func (t *negTokenInit) readMechs(types cryptobyte.String) error {
	t.list = types
	var oids cryptobyte.String
	if !types.ReadASN1(&oids, asn1.SEQUENCE) || !types.Empty() || oids.Empty() {
		return malformed("mechTypes")
	}
	for !oids.Empty() {
		var oid cryptobyte.String
		if !oids.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) {
			return malformed("mechTypes: not an OID")
		}
		if len(t.mechs) == maxMechs {
			return malformed("more than %d mechTypes", maxMechs)
		}
		t.mechs = append(t.mechs, oid)
	}
	return nil
}

// readOctets reads an optional OCTET STRING under an explicit tag. *out stays
// nil where the field is absent, and is not nil where it is empty.
func readOctets(s *cryptobyte.String, tag asn1.Tag, out *[]byte) bool {
	var field, octets cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&field, &present, tag) {
		return false
	}
	if !present {
		return true
	}
	ok := field.ReadASN1(&octets, asn1.OCTET_STRING) && field.Empty()
	*out = octets
	return ok
}

// appendNegTokenInit appends an initiator's first token.
func appendNegTokenInit(b []byte, mechs [][]byte, token []byte) []byte {
	return appendInit(b, mechs, func(seq *cryptobyte.Builder) {
		addOctets(seq, tagField2, token)
	})
}

// appendNegTokenInit2 appends an acceptor's offer.
func appendNegTokenInit2(b []byte, mechs [][]byte) []byte {
	return appendInit(b, mechs, func(seq *cryptobyte.Builder) {
		seq.AddASN1(tagField3, func(f *cryptobyte.Builder) {
			f.AddASN1(asn1.SEQUENCE, func(hints *cryptobyte.Builder) {
				hints.AddASN1(tagField0, func(f *cryptobyte.Builder) {
					f.AddASN1(asn1.GeneralString, func(s *cryptobyte.Builder) { s.AddBytes([]byte(negHint)) })
				})
			})
		})
	})
}

func appendInit(b []byte, mechs [][]byte, rest func(*cryptobyte.Builder)) []byte {
	out := cryptobyte.NewBuilder(b)
	out.AddASN1(tagGSS, func(gss *cryptobyte.Builder) {
		addOID(gss, oidSPNEGO)
		gss.AddASN1(tagField0, func(choice *cryptobyte.Builder) {
			choice.AddASN1(asn1.SEQUENCE, func(seq *cryptobyte.Builder) {
				seq.AddASN1(tagField0, func(f *cryptobyte.Builder) { f.AddBytes(mechList(mechs)) })
				rest(seq)
			})
		})
	})
	return out.BytesOrPanic()
}

// mechList returns the DER of a mechTypes SEQUENCE OF.
func mechList(mechs [][]byte) []byte {
	var out cryptobyte.Builder
	out.AddASN1(asn1.SEQUENCE, func(seq *cryptobyte.Builder) {
		for _, oid := range mechs {
			addOID(seq, oid)
		}
	})
	return out.BytesOrPanic()
}

func addOID(b *cryptobyte.Builder, oid []byte) {
	b.AddASN1(asn1.OBJECT_IDENTIFIER, func(o *cryptobyte.Builder) { o.AddBytes(oid) })
}

// addOctets adds an OCTET STRING under an explicit tag, or nothing for nil.
func addOctets(b *cryptobyte.Builder, tag asn1.Tag, octets []byte) {
	if octets == nil {
		return
	}
	b.AddASN1(tag, func(f *cryptobyte.Builder) { f.AddASN1OctetString(octets) })
}
