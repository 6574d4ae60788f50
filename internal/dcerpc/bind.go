package dcerpc

import "encoding/binary"

// syntax names an interface or a transfer syntax: a UUID in its wire order
// and a version.
type syntax struct {
	uuid    [16]byte
	version uint32 // major in the low half
}

func (s syntax) append(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(append(b, s.uuid[:]...), s.version)
}

func (r *reader) syntax(field string) syntax {
	var s syntax
	copy(s.uuid[:], r.take(16, field))
	s.version = r.u32(field)
	return s
}

// ndr20 is 8a885d04-1ceb-11c9-9fe8-08002b104860 v2.
func ndr20() syntax {
	return syntax{[16]byte{0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60}, 2}
}

// isFeatureNegotiation tells the bind-time features of [MS-RPCE] 3.3.1.5.3, a
// UUID that begins 6cb71c2c-9812-4540 and carries its offer in the rest.
func (s syntax) isFeatureNegotiation() bool {
	return [8]byte(s.uuid[:8]) == [8]byte{0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45}
}

// presentation is one offered context: an interface and how it may be encoded.
type presentation struct {
	id        uint16
	abstract  syntax
	transfers []syntax
}

// bindRequest is a bind or alter-context PDU ([C706] 12.6.4.3), behind the
// header:
//
//	0 max transmit u16 | 2 max receive u16 | 4 association group u32 |
//	8 contexts u8, 3 reserved | each: id u16, syntaxes u8, reserved u8,
//	abstract (20), transfers (20 each)
type bindRequest struct {
	maxReceive uint16
	group      uint32
	contexts   []presentation
}

func parseBind(body []byte) (bindRequest, error) {
	r := reader{b: body}
	r.u16("maximum transmit size")
	q := bindRequest{maxReceive: r.u16("maximum receive size"), group: r.u32("association group")}
	n := int(r.u8("number of contexts"))
	r.take(3, "reserved")
	if n == 0 || n > maxContexts {
		r.fail("%d presentation contexts", n)
	}
	for range n {
		if r.err != nil {
			break
		}
		q.contexts = append(q.contexts, r.presentation())
	}
	return q, r.err
}

func (r *reader) presentation() presentation {
	p := presentation{id: r.u16("context id")}
	n := int(r.u8("number of transfer syntaxes"))
	r.u8("reserved")
	p.abstract = r.syntax("abstract syntax")
	if n == 0 || n > maxSyntaxes {
		r.fail("%d transfer syntaxes", n)
	}
	for range n {
		if r.err != nil {
			break
		}
		p.transfers = append(p.transfers, r.syntax("transfer syntax"))
	}
	return p
}

// verdict is the answer to one presented context: result and reason of
// [C706] 12.6.3.1, and the transfer syntax that was taken.
type verdict struct {
	result, reason uint16
	transfer       syntax
}

const (
	acceptance        = 0
	providerRejection = 2
	negotiateAck      = 3 // [MS-RPCE] 2.2.2.4
	reasonAbstract    = 1
	reasonTransfer    = 2
)

// judge answers one context of a bind.
func (p presentation) judge(offered syntax) verdict {
	for _, t := range p.transfers {
		if t.isFeatureNegotiation() {
			return verdict{result: negotiateAck} // none of the features is taken
		}
	}
	if p.abstract != offered {
		return verdict{result: providerRejection, reason: reasonAbstract}
	}
	for _, t := range p.transfers {
		if t == ndr20() {
			return verdict{transfer: t}
		}
	}
	return verdict{result: providerRejection, reason: reasonTransfer}
}

// appendBindAck writes a bind-ack or alter-context-response PDU. address is
// the pipe's name, empty for the latter.
func appendBindAck(h header, fragment int, group uint32, address string, verdicts []verdict) []byte {
	b := h.append(nil)
	b = binary.LittleEndian.AppendUint16(b, uint16(fragment))
	b = binary.LittleEndian.AppendUint16(b, uint16(fragment))
	b = binary.LittleEndian.AppendUint32(b, group)
	if address == "" {
		b = append(b, 0, 0)
	} else {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(address)+1))
		b = append(append(b, address...), 0)
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	b = append(b, byte(len(verdicts)), 0, 0, 0)
	for _, v := range verdicts {
		b = binary.LittleEndian.AppendUint16(b, v.result)
		b = binary.LittleEndian.AppendUint16(b, v.reason)
		b = v.transfer.append(b)
	}
	return seal(b)
}

// nakAuthentication is "authentication type not recognized" ([MS-RPCE]
// 2.2.2.5): the session that carries the pipe has proved who is asking, and
// no second proof is offered.
const nakAuthentication = 8

// appendBindNak writes a bind-nak PDU that names version 5.0 as the one spoken.
func appendBindNak(callID uint32, reason uint16) []byte {
	b := header{typ: pduBindNak, flags: flagFirst | flagLast, callID: callID}.append(nil)
	b = binary.LittleEndian.AppendUint16(b, reason)
	return seal(append(b, 1, 5, 0))
}
