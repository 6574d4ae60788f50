package journal

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// The mask bits of inotify(7) that this package reads.
const (
	inModify     = 0x2
	inAttrib     = 0x4
	inCloseWrite = 0x8
	inMovedFrom  = 0x40
	inMovedTo    = 0x80
	inCreate     = 0x100
	inDelete     = 0x200
	inDeleteSelf = 0x400
	inOverflow   = 0x4000
	inIgnored    = 0x8000
	inIsDir      = 0x4000_0000

	inHeaderLen = 16
)

// inEvent is one event of inotify. Name is empty when it is about the watched
// directory itself.
type inEvent struct {
	watch  int32
	mask   uint32
	cookie uint32 // the same in both sides of a rename
	name   string
}

// parseInotify reads what one read of an inotify instance gave:
//
//	s32 wd, u32 mask, u32 cookie, u32 len, len bytes of name and zeros
//
// in the byte order of the machine. It keeps nothing of b.
func parseInotify(b []byte) ([]inEvent, error) {
	var out []inEvent
	for len(b) > 0 {
		if len(b) < inHeaderLen {
			return out, fmt.Errorf("%w: %d bytes left for an event", errMalformed, len(b))
		}
		size := binary.NativeEndian.Uint32(b[12:])
		if uint64(size) > uint64(len(b)-inHeaderLen) {
			return out, fmt.Errorf("%w: name of %d bytes in %d", errMalformed, size, len(b)-inHeaderLen)
		}
		e := inEvent{
			watch:  int32(binary.NativeEndian.Uint32(b)),
			mask:   binary.NativeEndian.Uint32(b[4:]),
			cookie: binary.NativeEndian.Uint32(b[8:]),
		}
		end := inHeaderLen + int(size)
		if size > 0 {
			base, err := cString(b[inHeaderLen:end:end])
			if err != nil {
				return out, err
			}
			if base == "." || base == ".." || strings.ContainsRune(base, '/') {
				return out, fmt.Errorf("%w: name %q", errMalformed, base)
			}
			e.name = base
		}
		out = append(out, e)
		b = b[end:]
	}
	return out, nil
}
