package smb2

// CancelRequest asks that the request with the message id or async id of its header end early.
// It has no response (2.2.30).
type CancelRequest struct{}

// ParseCancelRequest checks the body behind the header of msg.
func ParseCancelRequest(msg []byte) (CancelRequest, error) {
	return CancelRequest{}, parseBare(msg, "cancel request")
}

// AppendBody appends the body; see [Body].
func (CancelRequest) AppendBody(b []byte) []byte { return appendBare(b) }
