package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"
)

func frame(t testing.TB, h Header, m Message) []byte {
	t.Helper()
	b, err := AppendFrame(nil, h, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFrameGolden(t *testing.T) {
	got := frame(t, Header{Flags: FlagAnswer | FlagMore, Request: 0x0102}, Ping{300})
	want := []byte{4, 6, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 2, 0xac, 0x02} // by hand, from the layout in doc.go
	if !bytes.Equal(got, want) {
		t.Errorf("AppendFrame = %x, want %x", got, want)
	}
}

func TestFramesRoundTrip(t *testing.T) {
	var stream []byte
	for _, s := range samples() {
		h := Header{Flags: FlagRequest, Request: 7}
		if s.m.Type() == TypeCancel {
			h.Flags = 0
		}
		stream = append(stream, frame(t, h, s.m)...)
	}
	r := iotest.OneByteReader(bytes.NewReader(stream))
	for _, s := range samples() {
		h, body, err := ReadFrame(r, nil)
		if err != nil || h.Type != s.m.Type() || h.Request != 7 || !bytes.Equal(body, s.m.Append(nil)) && s.name != "pack" {
			t.Fatalf("%s: ReadFrame = %+v, %x, %v", s.name, h, body, err)
		}
	}
	if _, _, err := ReadFrame(r, nil); err != io.EOF { //nolint:errorlint // io.EOF is never wrapped between frames
		t.Errorf("ReadFrame at the end = %v, want %v", err, io.EOF)
	}
}

func TestCutFramesAreRefused(t *testing.T) {
	valid := frame(t, Header{}, Data{Bytes: make([]byte, 100)})
	for n := 1; n < len(valid); n++ {
		if h, _, err := ReadFrame(bytes.NewReader(valid[:n:n]), nil); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("ReadFrame of %d of %d bytes = %v, %v, want %v", n, len(valid), h, err, io.ErrUnexpectedEOF)
		}
	}
}

func TestHeadersRefused(t *testing.T) {
	head := func(typ, flags, r1, r2 byte, length uint32, request uint64) []byte {
		b := binary.BigEndian.AppendUint32([]byte{typ, flags, r1, r2}, length)
		return binary.BigEndian.AppendUint64(b, request)
	}
	tests := []struct {
		name string
		head []byte
		want error
	}{
		{"type 0", head(0, 0, 0, 0, 0, 0), ErrMalformed},
		{"type 255", head(255, 0, 0, 0, 0, 0), ErrMalformed},
		{"unknown flag", head(4, 8, 0, 0, 1, 1), ErrMalformed},
		{"reserved bytes", head(4, 0, 0, 1, 1, 0), ErrMalformed},
		{"asks and answers", head(4, 3, 0, 0, 1, 1), ErrMalformed},
		{"more without an answer", head(4, 4, 0, 0, 1, 0), ErrMalformed},
		{"request without an id", head(4, 1, 0, 0, 1, 0), ErrMalformed},
		{"id without a request", head(4, 0, 0, 0, 1, 9), ErrMalformed},
		{"cancel of nothing", head(6, 0, 0, 0, 0, 0), ErrMalformed},
		{"cancel as an answer", head(6, 2, 0, 0, 0, 1), ErrMalformed},
		{"ping of 17 bytes", head(4, 0, 0, 0, 17, 0), ErrTooLarge},
		{"data of 4 MiB and a byte", head(36, 0, 0, 0, MaxBody+1, 0), ErrTooLarge},
		{"data of 4 GiB", head(36, 0, 0, 0, 1<<32-1, 0), ErrTooLarge},
		{"data of 2 GiB", head(36, 0, 0, 0, 1<<31, 0), ErrTooLarge},
		{"short", head(4, 0, 0, 0, 1, 0)[:15], ErrMalformed},
	}
	for _, tt := range tests {
		if h, err := ParseHeader(tt.head); !errors.Is(err, tt.want) {
			t.Errorf("%s: ParseHeader = %+v, %v, want %v", tt.name, h, err, tt.want)
		}
	}
}

func TestTooLargeToSend(t *testing.T) {
	if b, err := AppendFrame([]byte("kept"), Header{}, Data{Bytes: make([]byte, MaxBody)}); !errors.Is(err, ErrTooLarge) || string(b) != "kept" {
		t.Errorf("AppendFrame of a long body = %d bytes, %v, want %v", len(b), err, ErrTooLarge)
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestAnnouncedLengthTakesNoMemory: a header that announces 4 MiB, with 100
// bytes behind it, is worth one piece.
func TestAnnouncedLengthTakesNoMemory(t *testing.T) {
	cut := frame(t, Header{}, Data{Bytes: make([]byte, MaxPiece)})[:HeaderSize+100]
	got := allocated(func() {
		if _, _, err := ReadFrame(bytes.NewReader(cut), nil); err == nil {
			t.Error("a cut frame was read")
		}
	})
	if got > 2*firstPiece {
		t.Errorf("a header with 100 bytes took %d bytes of memory, want at most %d", got, 2*firstPiece)
	}
}

// TestBodyTakesWhatItIsGiven: memory that is large enough is used, and any
// other left alone.
func TestBodyTakesWhatItIsGiven(t *testing.T) {
	content := bytes.Repeat([]byte("content "), 100<<10/8)
	whole := frame(t, Header{}, Data{Bytes: content})
	for _, size := range []int{0, 10, len(whole) - HeaderSize - 1, len(whole) - HeaderSize, 1 << 20} {
		spare := make([]byte, 0, size)
		_, body, err := ReadFrame(bytes.NewReader(whole), func(Header) []byte { return spare })
		if err != nil || !bytes.Equal(body, whole[HeaderSize:]) {
			t.Fatalf("%d spare bytes: a body of %d bytes, %v", size, len(body), err)
		}
		if used := size > 0 && &body[0] == &spare[:1][0]; used != (size >= len(body)) {
			t.Errorf("%d spare bytes for a body of %d: used is %v", size, len(body), used)
		}
		if _, _, err := ReadFrame(bytes.NewReader(whole[:len(whole)-1]), func(Header) []byte { return spare }); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d spare bytes, cut: %v", size, err)
		}
	}
}

func BenchmarkReadFrameBulk(b *testing.B) {
	f := frame(b, Header{}, Data{Bytes: make([]byte, MaxPiece)})
	b.SetBytes(int64(len(f)))
	r := bytes.NewReader(nil)
	for b.Loop() {
		r.Reset(f)
		h, body, err := ReadFrame(r, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Parse(h.Type, body); err != nil {
			b.Fatal(err)
		}
	}
}
