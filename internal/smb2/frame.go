package smb2

import (
	"fmt"
	"io"
)

// FrameHeaderSize is the length of the transport header before each frame on
// TCP 445 (2.1): a zero byte and the length in three bytes, big-endian.
const FrameHeaderSize = 4

// maxFrame is the longest frame that three bytes can say.
const maxFrame = 1<<24 - 1

// firstRead is what ReadFrame allocates before a byte of the frame has come.
const firstRead = 4096

// ReadFrame reads one frame and returns its bytes without the transport header.
// They lie in buf where it is large enough. Otherwise a new slice grows with the
// bytes that arrive, so that a peer cannot make the reader allocate by announcing
// a length alone: it is never more than twice as long as what was received, or
// 4 KiB. hdr is scratch space.
//
// The error is ErrFrameTooLarge when the peer announces more than limit bytes,
// ErrFrameType for another kind of transport header, io.EOF when the peer closed
// between frames, io.ErrUnexpectedEOF inside one, or what r returned.
func ReadFrame(r io.Reader, hdr *[FrameHeaderSize]byte, buf []byte, limit int) ([]byte, error) {
	if _, err := io.ReadFull(r, hdr[:]); err != nil {
		return nil, err
	}
	if hdr[0] != 0 {
		return nil, fmt.Errorf("%w: type 0x%02X", ErrFrameType, hdr[0])
	}
	n := int(hdr[1])<<16 | int(hdr[2])<<8 | int(hdr[3])
	if n > limit {
		return nil, fmt.Errorf("%w: %d bytes, limit is %d", ErrFrameTooLarge, n, limit)
	}
	for done := 0; ; {
		buf = roomFor(buf, done, n)
		if _, err := io.ReadFull(r, buf[done:]); err != nil {
			return nil, unexpected(err)
		}
		if done = len(buf); done == n {
			return buf, nil
		}
	}
}

// roomFor returns buf with its first done bytes kept and a length to fill next:
// n, or less where that would mean to allocate ahead of the peer.
func roomFor(buf []byte, done, n int) []byte {
	if cap(buf) >= n {
		return buf[:n]
	}
	if done < cap(buf) && cap(buf) >= firstRead {
		return buf[:cap(buf)]
	}
	grown := make([]byte, min(n, max(2*done, firstRead)))
	copy(grown, buf[:done])
	return grown
}

// unexpected is err where the end of the stream is not a clean one.
func unexpected(err error) error {
	if err == io.EOF { //nolint:errorlint // io.ReadFull returns io.EOF itself
		return io.ErrUnexpectedEOF
	}
	return err
}

// AppendFrameHeader appends the transport header of a frame whose length is not
// known yet; PutFrameLength or WriteFrame fills it in.
func AppendFrameHeader(b []byte) []byte { return append(b, 0, 0, 0, 0) }

// PutFrameLength writes the length into the transport header at the start of
// frame. The error is ErrFrameTooLarge.
func PutFrameLength(frame []byte) error {
	n := len(frame) - FrameHeaderSize
	if n > maxFrame {
		return fmt.Errorf("%w: %d bytes, limit is %d", ErrFrameTooLarge, n, maxFrame)
	}
	frame[0], frame[1], frame[2], frame[3] = 0, byte(n>>16), byte(n>>8), byte(n)
	return nil
}

// WriteFrame writes frame, which begins with a transport header to be filled
// in, with one call of w.
func WriteFrame(w io.Writer, frame []byte) error {
	if err := PutFrameLength(frame); err != nil {
		return err
	}
	_, err := w.Write(frame)
	return err
}

// FrameKind is what a frame holds, by its first four bytes.
type FrameKind uint8

// The kinds of frames.
const (
	FrameUnknown    FrameKind = iota
	FramePlain                // FE 'SMB': one or more operations
	FrameEncrypted            // FD 'SMB': a transform header
	FrameCompressed           // FC 'SMB': never negotiated here
	FrameSMB1                 // FF 'SMB'
)

// FrameKindOf classifies a frame.
func FrameKindOf(frame []byte) FrameKind {
	if len(frame) < 4 || string(frame[1:4]) != "SMB" {
		return FrameUnknown
	}
	switch frame[0] {
	case 0xFE:
		return FramePlain
	case 0xFD:
		return FrameEncrypted
	case 0xFC:
		return FrameCompressed
	case 0xFF:
		return FrameSMB1
	}
	return FrameUnknown
}
