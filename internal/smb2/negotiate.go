package smb2

import "slices"

// NegotiateRequest offers dialects (2.2.3):
//
//	 0 StructureSize 36    2 DialectCount  4 SecurityMode  6 Reserved  8 Capabilities
//	12 ClientGuid         28 ContextOffset 32 ContextCount 34 Reserved 36 Dialects, contexts
//
// Bytes 28..35 hold the context list only where 3.1.1 is offered.
type NegotiateRequest struct {
	SecurityMode SecurityMode
	Capabilities Capabilities
	ClientGUID   [16]byte
	Dialects     []Dialect
	// Contexts are those of 3.1.1, empty where it is not offered.
	Contexts NegotiateContexts
}

const (
	negotiateRequestSize  = 36
	negotiateResponseSize = 65
)

// ParseNegotiateRequest reads the body behind the header of msg. Beside other
// errors that wrap ErrMalformed, it returns ErrNoDialects, and for the contexts
// of 3.1.1 ErrContextDuplicate, ErrContextEmpty, ErrContextShort and
// ErrContextMissing; the server answers STATUS_INVALID_PARAMETER to each.
func ParseNegotiateRequest(msg []byte) (NegotiateRequest, error) {
	r := readBody(msg, "negotiate request", negotiateRequestSize)
	count := r.u16("dialect count")
	q := NegotiateRequest{SecurityMode: SecurityMode(r.u16("security mode"))}
	r.skip(2)
	q.Capabilities = Capabilities(r.u32("capabilities"))
	q.ClientGUID = r.guid("client guid")
	ctxOff, ctxCount := r.u32("context offset"), r.u16("context count")
	r.skip(2)
	q.Dialects = r.dialects(count)
	r.floor = r.off
	if slices.Contains(q.Dialects, Dialect311) {
		q.Contexts = r.negotiateContexts(ctxOff, ctxCount)
	}
	return q, r.err
}

// dialects reads a list that begins at the next byte.
func (r *reader) dialects(count uint16) []Dialect {
	if count == 0 {
		r.refuse(ErrNoDialects)
	}
	if count > MaxDialects {
		r.refuse(ErrTooMany)
	}
	b := r.take(2*int(count), "dialects")
	if r.err != nil {
		return nil
	}
	list := make([]Dialect, count)
	for i := range list {
		list[i] = Dialect(le.Uint16(b[2*i:]))
	}
	return list
}

// AppendBody appends the body; see [Body].
func (q NegotiateRequest) AppendBody(b []byte) []byte {
	start := len(b) - HeaderSize
	w := writer{b}
	w.u16(negotiateRequestSize)
	w.len16(len(q.Dialects), "dialect list")
	w.u16(uint16(q.SecurityMode))
	w.u16(0)
	w.u32(uint32(q.Capabilities))
	w.bytes(q.ClientGUID[:])
	place := len(w.b)
	w.zero(8)
	for _, d := range q.Dialects {
		w.u16(uint16(d))
	}
	if n := q.Contexts.count(); n > 0 {
		w.align8(start)
		le.PutUint32(w.b[place:], uint32(len(w.b)-start))
		le.PutUint16(w.b[place+4:], uint16(n))
		w.negotiateContexts(q.Contexts, start)
	}
	return w.b
}

// NegotiateResponse chooses a dialect (2.2.4):
//
//	 0 StructureSize 65    2 SecurityMode   4 Dialect       6 ContextCount   8 ServerGuid
//	24 Capabilities       28 MaxTransact   32 MaxRead      36 MaxWrite      40 SystemTime
//	48 ServerStartTime    56 TokenOffset   58 TokenLength  60 ContextOffset 64 Buffer
type NegotiateResponse struct {
	SecurityMode SecurityMode
	Dialect      Dialect
	ServerGUID   [16]byte
	Capabilities Capabilities
	// MaxTransact, MaxRead and MaxWrite bound payloads, in bytes.
	MaxTransact, MaxRead, MaxWrite uint32
	SystemTime, StartTime          Filetime
	// Token is a GSS token and aliases the message.
	Token []byte
	// Contexts are those of 3.1.1, empty for any other dialect.
	Contexts NegotiateContexts
}

// ParseNegotiateResponse reads the body behind the header of msg. The errors
// are those of ParseNegotiateRequest.
func ParseNegotiateResponse(msg []byte) (NegotiateResponse, error) {
	r := readBody(msg, "negotiate response", negotiateResponseSize)
	p := NegotiateResponse{
		SecurityMode: SecurityMode(r.u16("security mode")),
		Dialect:      Dialect(r.u16("dialect")),
	}
	ctxCount := r.u16("context count")
	p.ServerGUID = r.guid("server guid")
	p.Capabilities = Capabilities(r.u32("capabilities"))
	p.MaxTransact = r.u32("max transact size")
	p.MaxRead = r.u32("max read size")
	p.MaxWrite = r.u32("max write size")
	p.SystemTime = Filetime(r.u64("system time"))
	p.StartTime = Filetime(r.u64("start time"))
	off, n := r.u16("token offset"), r.u16("token length")
	ctxOff := r.u32("context offset")
	p.Token = r.section(uint32(off), uint32(n), "token")
	if p.Dialect == Dialect311 {
		p.Contexts = r.negotiateContexts(ctxOff, ctxCount)
	}
	return p, r.err
}

// AppendBody appends the body; see [Body].
func (p NegotiateResponse) AppendBody(b []byte) []byte {
	start := len(b) - HeaderSize
	w := writer{b}
	w.u16(negotiateResponseSize)
	w.u16(uint16(p.SecurityMode))
	w.u16(uint16(p.Dialect))
	w.u16(uint16(p.Contexts.count()))
	w.bytes(p.ServerGUID[:])
	w.u32(uint32(p.Capabilities))
	w.u32(p.MaxTransact)
	w.u32(p.MaxRead)
	w.u32(p.MaxWrite)
	w.u64(uint64(p.SystemTime))
	w.u64(uint64(p.StartTime))
	w.u16(HeaderSize + 64)
	w.len16(len(p.Token), "token")
	place := len(w.b)
	w.u32(0)
	w.bytes(p.Token)
	if p.Contexts.count() > 0 {
		w.align8(start)
		le.PutUint32(w.b[place:], uint32(len(w.b)-start))
		w.negotiateContexts(p.Contexts, start)
	}
	return w.b
}
