package smb2

import "fmt"

// Operations walks the operations of one frame (3.3.5.2.7). It is a value of
// its own; copies walk independently.
type Operations struct {
	rest   []byte // what begins with the next header
	last   bool   // nothing follows the current operation
	op     []byte
	header Header
	err    error
}

// SplitCompound begins a walk:
//
//	ops := smb2.SplitCompound(frame)
//	for ops.Next() {
//		handle(ops.Header(), ops.Message())
//	}
//	if err := ops.Err(); err != nil { … }
//
// Operations before a fault are returned before it shows.
func SplitCompound(frame []byte) Operations { return Operations{rest: frame} }

// Next moves to the next operation and reports whether there is one. A frame
// without a single header is a fault.
func (o *Operations) Next() bool {
	if o.err != nil || o.last {
		return false
	}
	o.header, o.err = ParseHeader(o.rest)
	if o.err != nil {
		return false
	}
	next := o.header.NextCommand
	if next == 0 {
		o.op, o.last = o.rest[:len(o.rest):len(o.rest)], true
		return true
	}
	if next%8 != 0 || next < HeaderSize || uint64(next) > uint64(len(o.rest)) {
		o.err = fmt.Errorf("%w: next command at %d of %d bytes", ErrMisaligned, next, len(o.rest))
		return false
	}
	o.op, o.rest = o.rest[:next:next], o.rest[next:]
	return true
}

// Message returns the current operation from its header on, through the padding
// before the next; it aliases the frame.
func (o *Operations) Message() []byte { return o.op }

// Header returns the header of the current operation.
func (o *Operations) Header() Header { return o.header }

// Last reports whether no operation follows the current one.
func (o *Operations) Last() bool { return o.last }

// Err returns what ended the walk early; it wraps ErrMalformed.
func (o *Operations) Err() error { return o.err }
