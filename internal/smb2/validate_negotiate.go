package smb2

// ValidateNegotiateRequest is the input of FSCTL_VALIDATE_NEGOTIATE_INFO: the
// NEGOTIATE request as the client remembers it (2.2.31.4):
//
//	0 Capabilities   4 Guid   20 SecurityMode   22 DialectCount   24 Dialects
type ValidateNegotiateRequest struct {
	Capabilities Capabilities
	GUID         [16]byte
	SecurityMode SecurityMode
	Dialects     []Dialect
}

// ParseValidateNegotiateRequest reads the input of the IOCTL. A server
// disconnects on an error.
func ParseValidateNegotiateRequest(b []byte) (ValidateNegotiateRequest, error) {
	r := readBytes(b, "validate negotiate request")
	q := ValidateNegotiateRequest{
		Capabilities: Capabilities(r.u32("capabilities")),
		GUID:         r.guid("guid"),
		SecurityMode: SecurityMode(r.u16("security mode")),
	}
	q.Dialects = r.dialects(r.u16("dialect count"))
	return q, r.err
}

// Append appends the input of the IOCTL.
func (q ValidateNegotiateRequest) Append(b []byte) []byte {
	w := writer{b}
	w.u32(uint32(q.Capabilities))
	w.bytes(q.GUID[:])
	w.u16(uint16(q.SecurityMode))
	w.len16(len(q.Dialects), "dialect list")
	for _, d := range q.Dialects {
		w.u16(uint16(d))
	}
	return w.b
}

// ValidateNegotiateResponseSize is the length of the output of
// FSCTL_VALIDATE_NEGOTIATE_INFO. A server disconnects a client that takes less.
const ValidateNegotiateResponseSize = 24

// ValidateNegotiateResponse is the output: the NEGOTIATE response as the server
// remembers it (2.2.32.6):
//
//	0 Capabilities   4 Guid   20 SecurityMode   22 Dialect
type ValidateNegotiateResponse struct {
	Capabilities Capabilities
	GUID         [16]byte
	SecurityMode SecurityMode
	Dialect      Dialect
}

// ParseValidateNegotiateResponse reads the output of the IOCTL.
func ParseValidateNegotiateResponse(b []byte) (ValidateNegotiateResponse, error) {
	r := readBytes(b, "validate negotiate response")
	p := ValidateNegotiateResponse{
		Capabilities: Capabilities(r.u32("capabilities")),
		GUID:         r.guid("guid"),
		SecurityMode: SecurityMode(r.u16("security mode")),
		Dialect:      Dialect(r.u16("dialect")),
	}
	return p, r.err
}

// Append appends the output of the IOCTL.
func (p ValidateNegotiateResponse) Append(b []byte) []byte {
	w := writer{b}
	w.u32(uint32(p.Capabilities))
	w.bytes(p.GUID[:])
	w.u16(uint16(p.SecurityMode))
	w.u16(uint16(p.Dialect))
	return w.b
}
