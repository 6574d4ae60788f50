package smb2

// LogoffRequest ends the session of its header (2.2.7).
type LogoffRequest struct{}

// ParseLogoffRequest checks the body behind the header of msg.
func ParseLogoffRequest(msg []byte) (LogoffRequest, error) {
	return LogoffRequest{}, parseBare(msg, "logoff request")
}

// AppendBody appends the body; see [Body].
func (LogoffRequest) AppendBody(b []byte) []byte { return appendBare(b) }

// LogoffResponse says that the session is gone (2.2.8).
type LogoffResponse struct{}

// ParseLogoffResponse checks the body behind the header of msg.
func ParseLogoffResponse(msg []byte) (LogoffResponse, error) {
	return LogoffResponse{}, parseBare(msg, "logoff response")
}

// AppendBody appends the body; see [Body].
func (LogoffResponse) AppendBody(b []byte) []byte { return appendBare(b) }
