package transfer

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"dfsd/replication/wire"
)

// slow is the rate, in bytes a second, below which the way to a partner is the
// bottleneck and compressing pays even where it gains little.
const slow = 60 << 20

// buffers are of MaxPiece bytes.
var buffers = sync.Pool{New: func() any { b := make([]byte, wire.MaxPiece); return &b }}

// stretch answers WantRange: pieces, holes as numbers of zeros.
func (s *Server) stretch(m wire.WantRange, part func(wire.Message) error) error {
	f, err := s.open(m.Want)
	if err != nil {
		return err
	}
	defer f.Close()
	end := m.Offset + m.Length
	if end > f.size {
		return fmt.Errorf("%w: up to %d of %d bytes", wire.ErrProtocol, end, f.size)
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	pace := pace{now: s.o.Now}
	hole := holes{f: f}
	for at := m.Offset; at < end; {
		d := wire.Data{Offset: at, Squeezed: pace.slow}
		data, err := hole.next(at, end)
		if err != nil {
			return err
		}
		if data > at {
			d.Zeros = data - at
		} else {
			d.Bytes = (*buf)[:min(int64(len(*buf)), hole.end(end)-at)]
			if n, err := f.ReadAt(d.Bytes, at); n < len(d.Bytes) {
				return readFault(err)
			}
			if allZero(d.Bytes) {
				d.Zeros, d.Bytes = int64(len(d.Bytes)), nil
			}
		}
		// The partner would find out at the end of the file; this saves it
		// what comes before that.
		if err := f.still(); err != nil {
			return err
		}
		if err := pace.time(len(d.Bytes), func() error { return part(d) }); err != nil {
			return err
		}
		at += int64(len(d.Bytes)) + d.Zeros
	}
	return nil
}

// holes walks over the data of a file.
type holes struct {
	f      opened
	stop   int64 // where the data at hand ends
	silent bool  // the file system does not tell
}

// next returns where data begins at or after at, at most end.
func (h *holes) next(at, end int64) (int64, error) {
	if h.silent || at < h.stop {
		return at, nil
	}
	data, err := h.f.SeekData(at)
	switch {
	case errors.Is(err, io.EOF):
		return end, nil
	case err != nil:
		h.silent = true
		return at, nil
	case data >= end:
		return end, nil
	}
	if h.stop, err = h.f.SeekHole(data); err != nil || h.stop <= data {
		h.silent = true
	}
	return data, nil
}

// end returns where the data at hand ends, at most limit.
func (h *holes) end(limit int64) int64 {
	if h.silent {
		return limit
	}
	return min(h.stop, limit)
}

// pace finds out whether the way to the partner is slow.
type pace struct {
	now   func() time.Time
	bytes int
	spent time.Duration
	slow  bool
}

// paceWindow is how many bytes make a measurement: more than the partner's
// window takes at once.
const paceWindow = 16 << 20

func (p *pace) time(n int, send func() error) error {
	begun := p.now()
	err := send()
	p.add(n, p.now().Sub(begun), paceWindow, slow)
	return err
}

// add notes that n bytes have gone out in so much time. A measurement takes
// window bytes, and the way is slow below so many bytes a second.
func (p *pace) add(n int, spent time.Duration, window, slow int) {
	p.spent += spent
	if p.bytes += n; p.bytes >= window {
		p.slow = p.spent > time.Second*time.Duration(p.bytes)/time.Duration(slow)
		p.bytes, p.spent = 0, 0
	}
}

// allZero tells whether b is all zero bytes.
func allZero(b []byte) bool {
	for len(b) >= len(zeros) {
		if string(b[:len(zeros)]) != zeros {
			return false
		}
		b = b[len(zeros):]
	}
	return string(b) == zeros[:len(b)]
}

// zeros is one block of them.
const zeros = zeros512 + zeros512 + zeros512 + zeros512 + zeros512 + zeros512 + zeros512 + zeros512

const (
	zeros8   = "\x00\x00\x00\x00\x00\x00\x00\x00"
	zeros64  = zeros8 + zeros8 + zeros8 + zeros8 + zeros8 + zeros8 + zeros8 + zeros8
	zeros512 = zeros64 + zeros64 + zeros64 + zeros64 + zeros64 + zeros64 + zeros64 + zeros64
)

// chunks answers WantChunks.
func (s *Server) chunks(want wire.Want, ranges []wire.Range, part func(wire.Message) error) error {
	f, err := s.open(want)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := within(ranges, f.size); err != nil {
		return err
	}
	return sendRanges(f, ranges, part)
}

func within(ranges []wire.Range, size int64) error {
	if n := len(ranges); n > 0 && ranges[n-1].Offset+ranges[n-1].Length > size {
		return fmt.Errorf("%w: ranges beyond %d bytes", wire.ErrProtocol, size)
	}
	return nil
}

// sendRanges sends stretches of f one behind the other.
func sendRanges(f opened, ranges []wire.Range, part func(wire.Message) error) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	full := 0
	flush := func() error {
		if err := f.still(); err != nil {
			return err
		}
		err := part(wire.Chunks{Bytes: (*buf)[:full]})
		full = 0
		return err
	}
	for _, r := range ranges {
		for r.Length > 0 {
			b := (*buf)[full:min(int64(full)+r.Length, int64(len(*buf)))]
			if n, err := f.ReadAt(b, r.Offset); n < len(b) {
				return readFault(err)
			}
			r.Offset += int64(len(b))
			r.Length -= int64(len(b))
			if full += len(b); full == len(*buf) {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	if full == 0 {
		return nil
	}
	return flush()
}
