package dcerpc

import "encoding/binary"

// callHeader is what a request carries behind the common header:
//
//	0 allocation hint u32 | 4 context id u16 | 6 operation u16 |
//	[8 object UUID, where the flag says so] | stub
type callHeader struct {
	context uint16
	opnum   uint16
	stub    []byte // aliases the PDU
}

func parseCall(h header, body []byte) (callHeader, error) {
	r := reader{b: body}
	r.u32("allocation hint")
	c := callHeader{context: r.u16("context id"), opnum: r.u16("operation")}
	if h.flags&flagObjectUUID != 0 {
		r.take(16, "object")
	}
	c.stub = r.take(len(r.b)-r.off, "stub")
	return c, r.err
}

// The fault statuses of [MS-RPCE] 2.2.1 and [C706] appendix E.
const (
	faultBadStub   = 0x000006f7 // RPC_X_BAD_STUB_DATA
	faultOperation = 0x1c010002 // nca_op_rng_error
	faultInterface = 0x1c010003 // nca_unk_if
)

const responseHeaderSize = headerSize + 8

// appendFault writes a fault PDU.
func appendFault(callID uint32, context uint16, status uint32) []byte {
	b := header{typ: pduFault, flags: flagFirst | flagLast, callID: callID}.append(nil)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint16(b, context)
	b = append(b, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, status)
	return seal(append(b, 0, 0, 0, 0))
}

// responses cuts a stub into response PDUs of at most fragment bytes. Each
// fragment but the last holds a multiple of 8 bytes of stub.
func responses(callID uint32, context uint16, stub []byte, fragment int) [][]byte {
	var pdus [][]byte
	room := (fragment - responseHeaderSize) / 8 * 8
	for first := true; first || len(stub) > 0; first = false {
		n := min(len(stub), room)
		h := header{typ: pduResponse, callID: callID}
		if first {
			h.flags |= flagFirst
		}
		if n == len(stub) {
			h.flags |= flagLast
		}
		b := h.append(make([]byte, 0, responseHeaderSize+n))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(stub)))
		b = binary.LittleEndian.AppendUint16(b, context)
		b = append(b, 0, 0)
		pdus = append(pdus, seal(append(b, stub[:n]...)))
		stub = stub[n:]
	}
	return pdus
}
