package smb2

// NotifyWatchTree asks CHANGE_NOTIFY for changes below the folder too.
const NotifyWatchTree uint16 = 1

// ChangeNotifyRequest waits for changes in a folder (2.2.35):
//
//	0 StructureSize 32   2 Flags   4 OutputBufferLength   8 FileId   24 CompletionFilter   28 Reserved
type ChangeNotifyRequest struct {
	Flags uint16
	// OutputLength is how many bytes the client takes.
	OutputLength uint32
	FileID       FileID
	// Filter says which changes count.
	Filter uint32
}

// ParseChangeNotifyRequest reads the body behind the header of msg.
func ParseChangeNotifyRequest(msg []byte) (ChangeNotifyRequest, error) {
	r := readBody(msg, "change notify request", 32)
	q := ChangeNotifyRequest{
		Flags:        r.u16("flags"),
		OutputLength: r.u32("output length"),
		FileID:       r.fileID(),
		Filter:       r.u32("completion filter"),
	}
	return q, r.err
}

// AppendBody appends the body; see [Body].
func (q ChangeNotifyRequest) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(32)
	w.u16(q.Flags)
	w.u32(q.OutputLength)
	w.fileID(q.FileID)
	w.u32(q.Filter)
	w.u32(0)
	return w.b
}

// ChangeNotifyResponse carries FILE_NOTIFY_INFORMATION (2.2.36).
type ChangeNotifyResponse struct {
	// Output aliases the message.
	Output []byte
}

// ParseChangeNotifyResponse reads the body behind the header of msg.
func ParseChangeNotifyResponse(msg []byte) (ChangeNotifyResponse, error) {
	out, err := parseOutput(msg, "change notify response")
	return ChangeNotifyResponse{Output: out}, err
}

// AppendBody appends the body; see [Body].
func (p ChangeNotifyResponse) AppendBody(b []byte) []byte { return appendOutput(b, p.Output) }
