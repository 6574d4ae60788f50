package fscc

// PipeMode says how a client reads a pipe. Writes are messages in either mode.
type PipeMode uint32

// The read modes of a pipe.
const (
	PipeByteStream PipeMode = 0
	PipeMessage    PipeMode = 1
)

// PipeQuota is the size, in bytes, of each direction of a pipe as clients are
// told it.
const PipeQuota = 4096

// appendPipe is FilePipeInformation: ReadMode u32, CompletionMode u32, 0 for
// operations that wait.
func (f *File) appendPipe(b []byte) []byte {
	return le.AppendUint32(le.AppendUint32(b, uint32(f.PipeMode)), 0)
}

// appendPipeLocal is FilePipeLocalInformation, ten u32: a pipe of messages in
// both directions with any number of instances, connected, seen from the
// client.
func (f *File) appendPipeLocal(b []byte) []byte {
	const typeMessage, fullDuplex, unlimited, connected, clientEnd = 1, 2, 0xFFFFFFFF, 3, 0
	fields := [...]uint32{
		typeMessage, fullDuplex,
		unlimited, 1, // instances: at most, now
		PipeQuota, 0, // inbound, bytes waiting in it
		PipeQuota, PipeQuota, // outbound, bytes free in it
		connected, clientEnd,
	}
	for _, v := range fields {
		b = le.AppendUint32(b, v)
	}
	return b
}

// ParsePipeMode reads the FilePipeInformation that a client sets. The error is
// ErrMalformed.
func ParsePipeMode(b []byte) (PipeMode, error) {
	r := reader{b: b}
	mode, completion := r.u32("read mode"), r.u32("completion mode")
	if mode > 1 || completion > 1 {
		r.fault("read mode %d, completion mode %d, want 0 or 1", mode, completion)
	}
	if r.err != nil {
		return 0, r.err
	}
	return PipeMode(mode), nil
}
