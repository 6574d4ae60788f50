package smb2

// ErrorContext is one part of the data of an error response of 3.1.1
// (2.2.2.1), each but the last padded to 8:
//
//	0 ErrorDataLength   4 ErrorId   8 Data
type ErrorContext struct {
	ID   uint32
	Data []byte
}

// ErrorResponse is the body of every response that failed (2.2.2):
//
//	0 StructureSize 9   2 ErrorContextCount   3 Reserved   4 ByteCount   8 ErrorData
//
// It carries Contexts in 3.1.1, otherwise Data, in most cases neither.
type ErrorResponse struct {
	// Data aliases the message, as do the contexts.
	Data     []byte
	Contexts []ErrorContext
}

// NeededLength returns the error body of STATUS_BUFFER_TOO_SMALL for the
// dialect d: n bytes would have been enough.
func NeededLength(d Dialect, n uint32) ErrorResponse {
	data := le.AppendUint32(nil, n)
	if d == Dialect311 {
		return ErrorResponse{Contexts: []ErrorContext{{Data: data}}}
	}
	return ErrorResponse{Data: data}
}

// ParseErrorResponse reads the body behind the header of msg.
func ParseErrorResponse(msg []byte) (ErrorResponse, error) {
	r := readBody(msg, "error response", 9)
	count := r.u8("context count")
	r.skip(1)
	data := r.section(HeaderSize+8, r.u32("byte count"), "error data")
	if count == 0 || r.err != nil {
		return ErrorResponse{Data: data}, r.err
	}
	list := r.errorContexts(data, int(count))
	return ErrorResponse{Contexts: list}, r.err
}

func (r *reader) errorContexts(b []byte, count int) []ErrorContext {
	if count > MaxContexts {
		r.refuse(ErrTooMany)
		return nil
	}
	c := readBytes(b, "error context")
	var list []ErrorContext
	for range count {
		c.skip(min(-c.off&7, len(b)-c.off))
		n, id := c.u32("data length"), c.u32("error id")
		c.floor = c.off
		data := c.section(uint32(c.off), n, "data")
		if c.err != nil {
			r.err = c.err
			return nil
		}
		c.skip(len(data))
		list = append(list, ErrorContext{ID: id, Data: data})
	}
	return list
}

// AppendBody appends the body; see [Body].
func (p ErrorResponse) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(9)
	w.u8(uint8(len(p.Contexts)))
	w.u8(0)
	place := len(w.b)
	w.u32(0)
	first := len(w.b)
	w.bytes(p.Data)
	for _, c := range p.Contexts {
		w.align8(first)
		w.len32(len(c.Data), "error data")
		w.u32(c.ID)
		w.bytes(c.Data)
	}
	le.PutUint32(w.b[place:], uint32(len(w.b)-first))
	if len(w.b) == first {
		w.u8(0)
	}
	return w.b
}
