package smbauth

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// negState is how far a negotiation has come (RFC 4178 4.2.2). The zero value
// means that the token does not say.
type negState uint8

const (
	stateAbsent negState = iota
	stateAcceptCompleted
	stateAcceptIncomplete
	stateReject
	stateRequestMIC
)

// negTokenResp is every SPNEGO token after the first, both ways. A nil slice
// is an absent field.
type negTokenResp struct {
	state       negState
	mech        []byte // contents of the OID; in the acceptor's first answer only
	token       []byte
	mechListMIC []byte
}

func parseNegTokenResp(b []byte) (negTokenResp, error) {
	var t negTokenResp
	in := cryptobyte.String(b)
	var choice, seq cryptobyte.String
	if !in.ReadASN1(&choice, tagField1) || !in.Empty() ||
		!choice.ReadASN1(&seq, asn1.SEQUENCE) || !choice.Empty() {
		return t, malformed("not a SPNEGO NegTokenResp")
	}
	if !t.readState(&seq) || !t.readMech(&seq) || !readOctets(&seq, tagField2, &t.token) ||
		!readOctets(&seq, tagField3, &t.mechListMIC) || !seq.Empty() {
		return t, malformed("fields of NegTokenResp")
	}
	return t, nil
}

func (t *negTokenResp) readState(seq *cryptobyte.String) bool {
	var field cryptobyte.String
	var present bool
	if !seq.ReadOptionalASN1(&field, &present, tagField0) {
		return false
	}
	if !present {
		return true
	}
	var n int
	if !field.ReadASN1Enum(&n) || !field.Empty() || n < 0 || n > 3 {
		return false
	}
	t.state = stateAcceptCompleted + negState(n)
	return true
}

func (t *negTokenResp) readMech(seq *cryptobyte.String) bool {
	var field, oid cryptobyte.String
	var present bool
	if !seq.ReadOptionalASN1(&field, &present, tagField1) {
		return false
	}
	if !present {
		return true
	}
	ok := field.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) && field.Empty()
	t.mech = oid
	return ok
}

func (t negTokenResp) append(b []byte) []byte {
	out := cryptobyte.NewBuilder(b)
	out.AddASN1(tagField1, func(choice *cryptobyte.Builder) {
		choice.AddASN1(asn1.SEQUENCE, func(seq *cryptobyte.Builder) {
			if t.state != stateAbsent {
				seq.AddASN1(tagField0, func(f *cryptobyte.Builder) { f.AddASN1Enum(int64(t.state - stateAcceptCompleted)) })
			}
			if t.mech != nil {
				seq.AddASN1(tagField1, func(f *cryptobyte.Builder) { addOID(f, t.mech) })
			}
			addOctets(seq, tagField2, t.token)
			addOctets(seq, tagField3, t.mechListMIC)
		})
	})
	return out.BytesOrPanic()
}
