package smb2

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func TestReadFrame(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name  string
		r     io.Reader
		limit int
		want  string
		err   error
	}{
		{"frame", bytes.NewReader([]byte("\x00\x00\x00\x03abcd")), 10, "abc", nil},
		{"empty", bytes.NewReader([]byte("\x00\x00\x00\x00")), 10, "", nil},
		{"byte by byte", iotest.OneByteReader(bytes.NewReader([]byte("\x00\x00\x00\x03abc"))), 3, "abc", nil},
		{"closed before", bytes.NewReader(nil), 10, "", io.EOF},
		{"closed in the header", bytes.NewReader([]byte("\x00\x00\x00")), 10, "", io.ErrUnexpectedEOF},
		{"closed behind the header", bytes.NewReader([]byte("\x00\x00\x00\x01")), 10, "", io.ErrUnexpectedEOF},
		{"closed in the frame", bytes.NewReader([]byte("\x00\x00\x00\x03ab")), 10, "", io.ErrUnexpectedEOF},
		{"too large by one", bytes.NewReader([]byte("\x00\x00\x00\x03abc")), 2, "", ErrFrameTooLarge},
		{"largest length", bytes.NewReader([]byte("\x00\xFF\xFF\xFFabc")), 1 << 16, "", ErrFrameTooLarge},
		{"session request", bytes.NewReader([]byte("\x81\x00\x00\x03abc")), 10, "", ErrFrameType},
		{"keep-alive", bytes.NewReader([]byte("\x85\x00\x00\x00")), 10, "", ErrFrameType},
		{"failing", iotest.ErrReader(broken), 10, "", broken},
		{"failing in the frame", io.MultiReader(bytes.NewReader([]byte("\x00\x00\x00\x03a")), iotest.ErrReader(broken)), 10, "", broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var hdr [FrameHeaderSize]byte
			got, err := ReadFrame(tt.r, &hdr, nil, tt.limit)
			if string(got) != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("ReadFrame = %q, %v, want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// TestFramesRoundTrip sends frames of all sizes through one buffer that is kept.
func TestFramesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var wire bytes.Buffer
		var sent [][]byte
		for range rapid.IntRange(1, 5).Draw(t, "frames") {
			n := rapid.OneOf(rapid.IntRange(0, 10), rapid.IntRange(0, 70000)).Draw(t, "size")
			payload := bytes.Repeat([]byte{byte(n)}, n)
			sent = append(sent, payload)
			if err := WriteFrame(&wire, append(AppendFrameHeader(nil), payload...)); err != nil {
				t.Fatal(err)
			}
		}
		buf := make([]byte, 0, rapid.IntRange(0, 20000).Draw(t, "capacity"))
		var hdr [FrameHeaderSize]byte
		var err error
		for i, want := range sent {
			buf, err = ReadFrame(&wire, &hdr, buf, 70000)
			if err != nil || !bytes.Equal(buf, want) {
				t.Fatalf("frame %d of %d bytes read as %d bytes, %v", i, len(want), len(buf), err)
			}
		}
	})
}

func TestFrameTooLong(t *testing.T) {
	if err := PutFrameLength(make([]byte, FrameHeaderSize+maxFrame+1)); !errors.Is(err, ErrFrameTooLarge) {
		t.Errorf("PutFrameLength = %v, want %v", err, ErrFrameTooLarge)
	}
	b := make([]byte, FrameHeaderSize+maxFrame)
	if err := PutFrameLength(b); err != nil || string(b[:4]) != "\x00\xFF\xFF\xFF" {
		t.Errorf("PutFrameLength = %v with header %x", err, b[:4])
	}
	if err := WriteFrame(io.Discard, make([]byte, FrameHeaderSize+maxFrame+1)); !errors.Is(err, ErrFrameTooLarge) {
		t.Errorf("WriteFrame = %v, want %v", err, ErrFrameTooLarge)
	}
}

// TestReadFrameAllocation demands that memory follows the bytes that came, not
// those that were announced.
func TestReadFrameAllocation(t *testing.T) {
	const announced = 8 << 20
	for _, sent := range []int{0, 100, 5000, 100_000} {
		in := append([]byte{0, announced >> 16, 0, 0}, make([]byte, sent)...)
		got := allocated(func() {
			var hdr [FrameHeaderSize]byte
			if _, err := ReadFrame(bytes.NewReader(in), &hdr, nil, announced); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("ReadFrame = %v, want %v", err, io.ErrUnexpectedEOF)
			}
		})
		// Each step doubles: the last is at most twice what came, all together
		// at most four times.
		if limit := uint64(4*sent + 2*firstRead + 1024); got > limit {
			t.Errorf("%d of %d bytes came: %d bytes allocated, want at most %d", sent, announced, got, limit)
		}
	}
}

// allocated returns the bytes that one call of f allocates, as the mean of many.
func allocated(f func()) uint64 {
	const runs = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

func TestReadFrameReusesBuffer(t *testing.T) {
	wire := append([]byte{0, 0, 2, 0}, make([]byte, 512)...)
	r := bytes.NewReader(wire)
	buf := make([]byte, 0, 512)
	var hdr [FrameHeaderSize]byte
	if n := testing.AllocsPerRun(100, func() {
		r.Reset(wire)
		if _, err := ReadFrame(r, &hdr, buf, 1<<16); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("ReadFrame into a large enough buffer allocates %v times, want 0", n)
	}
}

func TestFrameKindOf(t *testing.T) {
	tests := []struct {
		frame string
		want  FrameKind
	}{
		{"\xFESMB...", FramePlain},
		{"\xFDSMB", FrameEncrypted},
		{"\xFCSMB", FrameCompressed},
		{"\xFFSMB", FrameSMB1},
		{"\xFBSMB", FrameUnknown},
		{"\xFESM", FrameUnknown},
		{"\xFESMb", FrameUnknown},
		{"", FrameUnknown},
	}
	for _, tt := range tests {
		if got := FrameKindOf([]byte(tt.frame)); got != tt.want {
			t.Errorf("FrameKindOf(%q) = %d, want %d", tt.frame, got, tt.want)
		}
	}
}
