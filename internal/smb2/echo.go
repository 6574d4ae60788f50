package smb2

// EchoRequest asks whether the server is alive (2.2.28).
type EchoRequest struct{}

// ParseEchoRequest checks the body behind the header of msg.
func ParseEchoRequest(msg []byte) (EchoRequest, error) {
	return EchoRequest{}, parseBare(msg, "echo request")
}

// AppendBody appends the body; see [Body].
func (EchoRequest) AppendBody(b []byte) []byte { return appendBare(b) }

// EchoResponse says that it is (2.2.29).
type EchoResponse struct{}

// ParseEchoResponse checks the body behind the header of msg.
func ParseEchoResponse(msg []byte) (EchoResponse, error) {
	return EchoResponse{}, parseBare(msg, "echo response")
}

// AppendBody appends the body; see [Body].
func (EchoResponse) AppendBody(b []byte) []byte { return appendBare(b) }
