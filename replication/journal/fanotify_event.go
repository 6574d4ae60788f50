package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// errMalformed is an event buffer that the kernel would not write.
var errMalformed = errors.New("malformed event buffer")

// The mask bits and record types of fanotify(7) that this package reads.
const (
	fanModify     = 0x2
	fanAttrib     = 0x4
	fanCloseWrite = 0x8
	fanMovedFrom  = 0x40
	fanMovedTo    = 0x80
	fanCreate     = 0x100
	fanDelete     = 0x200
	fanOverflow   = 0x4000
	fanRename     = 0x1000_0000
	fanOnDir      = 0x4000_0000

	fanInfoDirName    = 2
	fanInfoDir        = 3
	fanInfoOldDirName = 10
	fanInfoNewDirName = 12

	fanVersion    = 3
	fanHeaderLen  = 24
	fanInfoLen    = 4 + 8 + 8 // record header, fsid, head of the handle
	fanHandleMost = 128       // MAX_HANDLE_SZ
)

// A handle is a directory as the kernel names it in events: the type in four
// bytes of this machine's order, then the opaque bytes. It is comparable.
type handle string

// dirName is a name in a directory. Name is "." when the event is about the
// directory itself.
type dirName struct {
	dir  handle
	name string
}

// fanEvent is one event of a group with FAN_REPORT_DFID_NAME. Where the
// kernel did not say a directory, the handle is empty.
type fanEvent struct {
	mask    uint64
	pid     int32   // of the process that made the change; the kernel joins no events of two
	at, old dirName // old is the first side of a rename
}

// parseFanotify reads what one read of a fanotify group gave:
//
//	u32 event_len, u8 vers, u8 0, u16 metadata_len, u64 mask, s32 fd, s32 pid   (metadata)
//	u8 info_type, u8 0, u16 len, u64 fsid,                                      (record, repeated)
//	    u32 handle_bytes, s32 handle_type, handle, name\0, padding
//
// in the byte order of the machine. It keeps nothing of b.
func parseFanotify(b []byte) ([]fanEvent, error) {
	var out []fanEvent
	for len(b) > 0 {
		if len(b) < fanHeaderLen {
			return out, fmt.Errorf("%w: %d bytes left for an event", errMalformed, len(b))
		}
		size, head := binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint16(b[6:])
		if b[4] != fanVersion {
			return out, fmt.Errorf("%w: version %d", errMalformed, b[4])
		}
		if uint64(size) > uint64(len(b)) || head < fanHeaderLen || uint32(head) > size {
			return out, fmt.Errorf("%w: event of %d bytes, head %d, in %d", errMalformed, size, head, len(b))
		}
		e := fanEvent{mask: binary.NativeEndian.Uint64(b[8:]), pid: int32(binary.NativeEndian.Uint32(b[20:]))}
		if err := e.readInfo(b[head:size:size]); err != nil {
			return out, err
		}
		out = append(out, e)
		b = b[size:]
	}
	return out, nil
}

// readInfo reads the records of one event and skips those of types that were
// not asked for.
func (e *fanEvent) readInfo(b []byte) error {
	for len(b) > 0 {
		if len(b) < 4 {
			return fmt.Errorf("%w: %d bytes left for a record", errMalformed, len(b))
		}
		size := int(binary.NativeEndian.Uint16(b[2:]))
		if size < 4 || size > len(b) {
			return fmt.Errorf("%w: record of %d bytes in %d", errMalformed, size, len(b))
		}
		var into *dirName
		switch b[0] {
		case fanInfoDirName, fanInfoNewDirName, fanInfoDir:
			into = &e.at
		case fanInfoOldDirName:
			into = &e.old
		}
		if into != nil {
			at, err := readDirName(b[:size:size], b[0] != fanInfoDir)
			if err != nil {
				return err
			}
			*into = at
		}
		b = b[size:]
	}
	return nil
}

func readDirName(b []byte, named bool) (dirName, error) {
	if len(b) < fanInfoLen {
		return dirName{}, fmt.Errorf("%w: record of %d bytes has no handle", errMalformed, len(b))
	}
	size := binary.NativeEndian.Uint32(b[12:])
	if size > fanHandleMost || int(size) > len(b)-fanInfoLen {
		return dirName{}, fmt.Errorf("%w: handle of %d bytes in a record of %d", errMalformed, size, len(b))
	}
	at := dirName{name: "."}
	if size > 0 {
		at.dir = handle(b[16 : fanInfoLen+size])
	}
	if !named {
		return at, nil
	}
	base, err := cString(b[fanInfoLen+size:])
	if err != nil {
		return dirName{}, err
	}
	if base == "" || base == ".." || bytes.IndexByte([]byte(base), '/') >= 0 {
		return dirName{}, fmt.Errorf("%w: name %q", errMalformed, base)
	}
	at.name = base
	return at, nil
}

// cString is what stands before the first zero byte, which must be there.
func cString(b []byte) (string, error) {
	end := bytes.IndexByte(b, 0)
	if end < 0 {
		return "", fmt.Errorf("%w: a name without end", errMalformed)
	}
	return string(b[:end]), nil
}
