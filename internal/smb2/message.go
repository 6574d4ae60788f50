package smb2

// Body is a request or response that can stand behind a header.
type Body interface {
	// AppendBody appends the body to b, whose last 64 bytes are the header.
	AppendBody(b []byte) []byte
}

// AppendMessage appends the header h and the body behind it.
func AppendMessage[B Body](b []byte, h Header, body B) []byte {
	return body.AppendBody(h.Append(b))
}

// LinkNext ends the operation that begins at b[start:] and that another one
// follows in the same frame: it pads the operation to a multiple of 8 and
// writes its NextCommand. Sign after it, as the padding is signed too.
func LinkNext(b []byte, start int) []byte {
	w := writer{b}
	w.align8(start)
	le.PutUint32(w.b[start+offNextCommand:], uint32(len(w.b)-start))
	return w.b
}

// SetStatus patches the status of the operation msg.
func SetStatus(msg []byte, s Status) { le.PutUint32(msg[offStatus:], uint32(s)) }

// SetCredits patches the credits of the operation msg.
func SetCredits(msg []byte, n uint16) { le.PutUint16(msg[offCredits:], n) }

// AddFlags sets flags of the operation msg beside those that it has.
func AddFlags(msg []byte, f Flags) {
	le.PutUint32(msg[offFlags:], le.Uint32(msg[offFlags:])|uint32(f))
}

// SetMessageID patches the message id of the operation msg.
func SetMessageID(msg []byte, id uint64) { le.PutUint64(msg[offMessageID:], id) }

// SetTreeID patches the tree id of the operation msg, which is not async.
func SetTreeID(msg []byte, id uint32) { le.PutUint32(msg[offTreeID:], id) }

// SetSessionID patches the session id of the operation msg.
func SetSessionID(msg []byte, id uint64) { le.PutUint64(msg[offSessionID:], id) }
