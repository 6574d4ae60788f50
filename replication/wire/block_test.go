package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"dfsd/internal/field"

	"github.com/klauspost/compress/zstd"
)

func TestBlocksRoundTrip(t *testing.T) {
	random := make([]byte, 100_000)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	tests := []struct {
		name     string
		p        []byte
		e        effort
		squeezed bool
		longest  int // of the block
	}{
		{"nothing", []byte{}, fast, false, 2},
		{"short", []byte("short"), fast, false, 7},
		{"text", bytes.Repeat([]byte("some text "), 1000), fast, true, 200},
		{"text without effort", bytes.Repeat([]byte("some text "), 1000), noEffort, false, 10_010},
		{"random", random, tight, false, 100_010},
		{"4 MB of zeros", make([]byte, maxPlain), fast, true, 5000},
	}
	for _, tt := range tests {
		b := appendBlock(nil, tt.p, tt.e)
		r := readerOf(slices.Clip(b))
		got, squeezed := r.block(maxPlain, "block")
		err := r.End("block")
		if err != nil || !bytes.Equal(got, tt.p) || squeezed != tt.squeezed || len(b) > tt.longest {
			t.Errorf("%s: block of %d bytes = %d bytes, %v, %v; want %d, %v", tt.name, len(b), len(got), squeezed, err, len(tt.p), tt.squeezed)
		}
	}
}

// bomb is a block that announces size bytes and expands to really many.
func bomb(t testing.TB, size, really int) []byte {
	t.Helper()
	var stored bytes.Buffer
	w, err := zstd.NewWriter(&stored, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for left := really; left > 0; left -= len(zeros) {
		if _, err := w.Write(zeros[:min(left, len(zeros))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b := binary.AppendUvarint([]byte{zstandard}, uint64(size))
	return append(field.AppendBytes(b, stored.Bytes()), 0)
}

func TestBombsAreRefused(t *testing.T) {
	tests := []struct {
		name         string
		size, really int
		memory       uint64
	}{
		{"1 GiB that says so", 1 << 30, 1 << 30, 1 << 20},
		{"1 GiB that says 64 KiB", 64 << 10, 1 << 30, 8 << 20},
		{"1 GiB that says as much as allowed", maxPlain, 1 << 30, 16 << 20},
		{"4 MiB out of too little", maxPlain, maxPlain, 1 << 20},
		{"more than there is", 60_000, 50_000, 8 << 20},
		{"less than there is", 50_000, 60_000, 8 << 20},
	}
	theSqueezer() // whose memory is nobody's bomb
	for _, tt := range tests {
		body := append(make([]byte, 16), bomb(t, tt.size, tt.really)...)
		var err error
		took := allocated(func() { _, err = Parse(TypePack, slices.Clip(body)) })
		if !errors.Is(err, ErrMalformed) || took > tt.memory {
			t.Errorf("%s: Parse of %d bytes = %v with %d bytes of memory; want %v with at most %d", tt.name, len(body), err, took, ErrMalformed, tt.memory)
		}
	}
}
