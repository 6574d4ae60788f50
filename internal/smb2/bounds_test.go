package smb2

import (
	"errors"
	"testing"
)

// message is a header and the body that follows it.
func message(body Body) []byte { return AppendMessage(nil, Header{}, body) }

// TestSectionBounds moves the buffer of messages to places where it may not or
// just may lie.
func TestSectionBounds(t *testing.T) {
	setup := message(SessionSetupRequest{Token: []byte("token")}) // 88..93
	ioctl := message(IoctlRequest{Input: make([]byte, 16)})       // 120..136
	tests := []struct {
		name   string
		parse  parser
		msg    []byte
		at     int // of the offset's field, 16 or 32 bits wide
		offset uint32
		length uint32
		ok     bool
	}{
		{"token where it is", parsers["session-setup-request"], setup, 12, 88, 5, true},
		{"token inside the buffer", parsers["session-setup-request"], setup, 12, 89, 4, true},
		{"token begins in the fixed part", parsers["session-setup-request"], setup, 12, 87, 5, false},
		{"token begins in the header", parsers["session-setup-request"], setup, 12, 0, 5, false},
		{"token ends one past the message", parsers["session-setup-request"], setup, 12, 89, 5, false},
		{"no token, offset anywhere", parsers["session-setup-request"], setup, 12, 0xFFFF, 0, true},
		{"input where it is", parsers["ioctl-request"], ioctl, 24, 120, 16, true},
		{"input at the next multiple of 8", parsers["ioctl-request"], ioctl, 24, 128, 8, true},
		{"input at a multiple of 4", parsers["ioctl-request"], ioctl, 24, 124, 8, false},
		{"input in the fixed part", parsers["ioctl-request"], ioctl, 24, 112, 16, false},
		{"input overflows 32 bits", parsers["ioctl-request"], ioctl, 24, 0xFFFFFFF8, 16, false},
		{"input of 4 GiB", parsers["ioctl-request"], ioctl, 24, 120, 0xFFFFFFFF, false},
		{"no input, offset anywhere", parsers["ioctl-request"], ioctl, 24, 0xFFFFFFFF, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := append([]byte(nil), tt.msg...)
			if tt.at == 12 {
				le.PutUint16(b[HeaderSize+tt.at:], uint16(tt.offset))
				le.PutUint16(b[HeaderSize+tt.at+2:], uint16(tt.length))
			} else {
				le.PutUint32(b[HeaderSize+tt.at:], tt.offset)
				le.PutUint32(b[HeaderSize+tt.at+4:], tt.length)
			}
			_, err := tt.parse(b[:len(b):len(b)])
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrMalformed) {
				t.Errorf("parse = %v, want no error: %v", err, tt.ok)
			}
		})
	}
}

// TestSectionsAreClipped demands that a caller who appends to a section does
// not write into the message.
func TestSectionsAreClipped(t *testing.T) {
	q, err := ParseIoctlRequest(append(message(IoctlRequest{Input: []byte("input")}), "behind"...))
	if err != nil || cap(q.Input) != len(q.Input) {
		t.Errorf("ParseIoctlRequest: input of %d bytes with capacity %d, %v", len(q.Input), cap(q.Input), err)
	}
}

func TestLockCount(t *testing.T) {
	for _, tt := range []struct {
		count uint16
		ok    bool
	}{{0, false}, {1, true}, {2, true}, {3, false}, {0xFFFF, false}} {
		msg := message(LockRequest{Locks: make([]Lock, 2)})
		le.PutUint16(msg[HeaderSize+2:], tt.count)
		if _, err := ParseLockRequest(msg); errors.Is(err, ErrMalformed) == tt.ok {
			t.Errorf("ParseLockRequest with lock count %d of 2 = %v", tt.count, err)
		}
	}
}

// TestCreateContextList patches a list of two contexts, each of a name of four
// bytes at 16 and data of eight at 24.
func TestCreateContextList(t *testing.T) {
	const first, second = HeaderSize + 56 + 8, HeaderSize + 56 + 8 + 32
	tests := []struct {
		name  string
		patch func(b []byte)
		want  error
	}{
		{"as it is", func([]byte) {}, nil},
		{"next 0 ends the list", func(b []byte) { le.PutUint32(b[first:], 0) }, nil},
		{"next unaligned", func(b []byte) { le.PutUint32(b[first:], 36) }, ErrMalformed},
		{"next unaligned, else right", func(b []byte) {
			le.PutUint32(b[first+12:], 4) // data 24..28, the second context right behind
			copy(b[first+28:], b[second:second+32])
			le.PutUint32(b[first:], 28)
		}, ErrMalformed},
		{"next onto itself", func(b []byte) { le.PutUint32(b[first:], 8) }, ErrMalformed},
		{"next past the end", func(b []byte) { le.PutUint32(b[first:], 72) }, ErrMalformed},
		{"next far past the end", func(b []byte) { le.PutUint32(b[first:], 0xFFFFFFF8) }, ErrMalformed},
		{"next right at the end", func(b []byte) { le.PutUint32(b[second:], 32) }, nil},
		{"name of three bytes", func(b []byte) { le.PutUint16(b[first+6:], 3) }, ErrMalformed},
		{"no name", func(b []byte) { le.PutUint16(b[first+6:], 0) }, ErrMalformed},
		{"name in the fixed part", func(b []byte) { le.PutUint16(b[first+4:], 12) }, ErrMalformed},
		{"name into the next context", func(b []byte) { le.PutUint16(b[first+6:], 17) }, ErrMalformed},
		{"data in the fixed part", func(b []byte) { le.PutUint16(b[first+10:], 8) }, ErrMalformed},
		{"data into the next context", func(b []byte) { le.PutUint32(b[first+12:], 9) }, ErrMalformed},
		{"data past the list", func(b []byte) { le.PutUint32(b[second+12:], 9) }, ErrMalformed},
		{"data of 4 GiB", func(b []byte) { le.PutUint32(b[second+12:], 0xFFFFFFFF) }, ErrMalformed},
		{"no data, offset anywhere", func(b []byte) { le.PutUint32(b[first+12:], 0); le.PutUint16(b[first+10:], 0xFFFF) }, nil},
		{"list unaligned", func(b []byte) { le.PutUint32(b[HeaderSize+48:], first+4) }, ErrMalformed},
		{"list over the fixed part", func(b []byte) { le.PutUint32(b[HeaderSize+48:], 112) }, ErrMalformed},
		{"list cut in the second context", func(b []byte) { le.PutUint32(b[HeaderSize+52:], 40) }, ErrMalformed},
	}
	eight := []byte("8 bytes.")
	valid := message(CreateRequest{Name: "file", Contexts: []CreateContext{{"AlSi", eight}, {"TWrp", eight}}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := append([]byte(nil), valid...)
			tt.patch(b)
			q, err := ParseCreateRequest(b[:len(b):len(b)])
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || err != nil && q.Contexts != nil {
				t.Errorf("ParseCreateRequest = %+v, %v, want %v", q.Contexts, err, tt.want)
			}
		})
	}
}

func TestCreateContextsBounded(t *testing.T) {
	for _, tt := range []struct {
		count int
		want  error
	}{{MaxContexts, nil}, {MaxContexts + 1, ErrTooMany}} {
		contexts := make([]CreateContext, tt.count)
		for i := range contexts {
			contexts[i].Name = "MxAc"
		}
		q, err := ParseCreateRequest(message(CreateRequest{Contexts: contexts}))
		if !errors.Is(err, tt.want) || err == nil && len(q.Contexts) != tt.count {
			t.Errorf("%d contexts: %d, %v, want %v", tt.count, len(q.Contexts), err, tt.want)
		}
	}
}

func TestFindContext(t *testing.T) {
	list := []CreateContext{{Name: "AlSi"}, MaximalAccessContext(StatusSuccess, 0x1F01FF), DiskIDContext(3, 4)}
	if c, ok := FindContext(list, ContextMaximalAccess); !ok || string(c.Data) != "\x00\x00\x00\x00\xFF\x01\x1F\x00" {
		t.Errorf("FindContext(MxAc) = %+v, %v", c, ok)
	}
	if c, ok := FindContext(list, ContextDiskID); !ok || len(c.Data) != 32 || c.Data[0] != 3 || c.Data[8] != 4 {
		t.Errorf("FindContext(QFid) = %+v, %v", c, ok)
	}
	if c, ok := FindContext(list, "RqLs"); ok {
		t.Errorf("FindContext(RqLs) = %+v, true", c)
	}
}

func TestErrorContexts(t *testing.T) {
	valid := message(ErrorResponse{Contexts: []ErrorContext{{1, []byte("abc")}, {2, nil}}})
	for _, tt := range []struct {
		name  string
		at    int
		value byte
	}{
		{"one context more", 2, 3},
		{"far too many contexts", 2, 255},
		{"first longer than the data", 8, 200},
		{"data longer than the message", 4, 200},
	} {
		b := append([]byte(nil), valid...)
		b[HeaderSize+tt.at] = tt.value
		if p, err := ParseErrorResponse(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: ParseErrorResponse = %+v, %v, want %v", tt.name, p, err, ErrMalformed)
		}
	}
}

// TestOwnMistakesPanic: a length that does not fit its field must not leave as
// a wrong message.
func TestOwnMistakesPanic(t *testing.T) {
	long := make([]byte, 1<<16)
	for name, body := range map[string]Body{
		"token":   SessionSetupRequest{Token: long},
		"path":    TreeConnectRequest{Path: string(long)},
		"context": NegotiateRequest{Contexts: NegotiateContexts{Others: []NegotiateContext{{Data: long}}}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of %d bytes: no panic", name, len(long))
				}
			}()
			message(body)
		}()
	}
}
