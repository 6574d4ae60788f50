package smb2

// TreeDisconnectRequest gives the tree of its header back (2.2.11).
type TreeDisconnectRequest struct{}

// ParseTreeDisconnectRequest checks the body behind the header of msg.
func ParseTreeDisconnectRequest(msg []byte) (TreeDisconnectRequest, error) {
	return TreeDisconnectRequest{}, parseBare(msg, "tree disconnect request")
}

// AppendBody appends the body; see [Body].
func (TreeDisconnectRequest) AppendBody(b []byte) []byte { return appendBare(b) }

// TreeDisconnectResponse says that the tree is gone (2.2.12).
type TreeDisconnectResponse struct{}

// ParseTreeDisconnectResponse checks the body behind the header of msg.
func ParseTreeDisconnectResponse(msg []byte) (TreeDisconnectResponse, error) {
	return TreeDisconnectResponse{}, parseBare(msg, "tree disconnect response")
}

// AppendBody appends the body; see [Body].
func (TreeDisconnectResponse) AppendBody(b []byte) []byte { return appendBare(b) }
