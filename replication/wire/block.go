package wire

import (
	"encoding/binary"
	"fmt"
	"sync"

	"dfsd/internal/field"

	"github.com/klauspost/compress/zstd"
)

const (
	maxPlain   = MaxBody - 4<<10 // bytes that one block may expand to
	freeExpand = 4 << 10         // bytes that any block may expand to
	maxRatio   = 1024            // and how many more for each byte of it
)

// Methods of a block.
const (
	plain      = 0
	zstandard  = 1
	leastGains = 32 // a block is compressed when that saves a 32nd of it
)

// squeezer holds the encoders and the decoder that all blocks share; they are
// safe for concurrent use and work in as many goroutines as there are CPUs.
type squeezer struct {
	fast, tight *zstd.Encoder
	decoder     *zstd.Decoder
}

var theSqueezer = sync.OnceValue(newSqueezer)

// newSqueezer panics only when the fixed options contradict each other.
func newSqueezer() squeezer {
	encoder := func(l zstd.EncoderLevel) *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(l), zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(fmt.Sprintf("zstd encoder: %v", err))
		}
		return e
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxPlain),
		zstd.WithDecoderMaxWindow(maxPlain), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(fmt.Sprintf("zstd decoder: %v", err))
	}
	return squeezer{fast: encoder(zstd.SpeedFastest), tight: encoder(zstd.SpeedBestCompression), decoder: d}
}

// effort is how much work a block is worth.
type effort uint8

const (
	noEffort effort = iota
	fast            // content
	tight           // records
)

// appendBlock writes p as one block: its method, its length, the length that it
// is stored in, and the stored bytes. A block that would expand further than a
// partner allows is filled up with zeros.
func appendBlock(b, p []byte, e effort) []byte {
	if stored := squeeze(p, e); stored != nil {
		b = binary.AppendUvarint(append(b, zstandard), uint64(len(p)))
		fill := max(0, (len(p)-freeExpand+maxRatio-1)/maxRatio-len(stored))
		b = field.AppendBytes(b, stored)
		b = binary.AppendUvarint(b, uint64(fill))
		return append(b, make([]byte, fill)...)
	}
	return field.AppendBytes(append(b, plain), p)
}

// squeeze returns p compressed, or nil where that does not pay.
func squeeze(p []byte, e effort) []byte {
	if e == noEffort || len(p) < 64 {
		return nil
	}
	encoder := theSqueezer().fast
	if e == tight {
		encoder = theSqueezer().tight
	}
	stored := encoder.EncodeAll(p, make([]byte, 0, len(p)))
	if len(stored) > len(p)-len(p)/leastGains {
		return nil
	}
	return stored
}

// block takes one block of at most limit bytes; whether it came compressed is
// told too. A plain block aliases the body.
func (r *reader) block(limit int, field string) (p []byte, squeezed bool) {
	switch method := r.Byte(field); {
	case r.Err != nil:
		return nil, false
	case method == plain:
		return r.Bytes(limit, field), false
	case method != zstandard:
		r.Fail("%s is compressed by method %d", field, method)
		return nil, false
	}
	size := r.Uvarint(field)
	stored := r.Bytes(MaxBody, field)
	fill := r.Bytes(MaxBody, field)
	if r.Err != nil {
		return nil, true
	}
	if size > uint64(limit) || size > uint64(freeExpand+maxRatio*(len(stored)+len(fill))) {
		r.Fail("%s of %d bytes expands to %d", field, len(stored), size)
		return nil, true
	}
	p, err := theSqueezer().decoder.DecodeAll(stored, make([]byte, 0, size))
	if err != nil || uint64(len(p)) != size {
		r.Fail("%s of %d bytes does not expand to %d: %v", field, len(stored), size, err)
		return nil, true
	}
	return p, true
}
