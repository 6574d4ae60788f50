package wire

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"
)

// FuzzParse gives any body to any type: no panic, and what is accepted is
// written and read again the same.
func FuzzParse(f *testing.F) {
	golden := readGolden(f)
	for _, s := range samples() {
		f.Add(uint8(s.m.Type()), golden[s.name])
	}
	f.Add(uint8(TypePack), append(make([]byte, 16), bomb(f, 1<<20, 1<<20)...))
	f.Fuzz(func(t *testing.T, typ uint8, b []byte) {
		m, err := Parse(Type(typ), slices.Clip(b))
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("Parse = %v, want %v", err, ErrMalformed)
			}
			return
		}
		again, err := Parse(m.Type(), slices.Clip(m.Append(nil)))
		if err != nil {
			t.Fatalf("Parse(Append(%+v)) = %v", m, err)
		}
		if data, ok := m.(Data); ok { // a short piece does not stay compressed
			again = Data{data.Offset, again.(Data).Bytes, data.Zeros, data.Squeezed}
		}
		if !reflect.DeepEqual(m, again) {
			t.Fatalf("Parse(Append(%+v)) = %+v", m, again)
		}
	})
}

// FuzzReadFrame reads frames off any stream: no panic, no body longer than the
// stream.
func FuzzReadFrame(f *testing.F) {
	for _, s := range samples() {
		h := Header{Flags: FlagRequest, Request: 7}
		if s.m.Type() == TypeCancel {
			h.Flags = 0
		}
		f.Add(frame(f, h, s.m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(slices.Clip(b))
		for {
			h, body, err := ReadFrame(r, nil)
			if err != nil {
				return
			}
			if h.Length != len(body) || len(body) > len(b) || len(body) > h.Type.maxBody() {
				t.Fatalf("ReadFrame = %+v with %d bytes", h, len(body))
			}
		}
	})
}
