package smb2

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestDecodeUTF16(t *testing.T) {
	tests := []struct {
		name string
		b    []byte
		want string
		err  error
	}{
		{name: "empty", want: ""},
		{name: "ascii", b: []byte{'a', 0, '\\', 0}, want: `a\`},
		{name: "beyond ascii", b: []byte{0xE4, 0, 0xAC, 0x20}, want: "ä€"},
		{name: "pair", b: []byte{0x3D, 0xD8, 0x00, 0xDE}, want: "\U0001F600"},
		{name: "nul", b: []byte{0, 0}, want: "\x00"},
		{name: "replacement character itself", b: []byte{0xFD, 0xFF}, want: "\uFFFD"},
		{name: "odd", b: []byte{'a', 0, 'b'}, err: ErrMalformed},
		{name: "high surrogate at the end", b: []byte{0x3D, 0xD8}, err: ErrBadName},
		{name: "high surrogate alone", b: []byte{0x3D, 0xD8, 'a', 0}, err: ErrBadName},
		{name: "low surrogate first", b: []byte{0x00, 0xDE, 0x3D, 0xD8}, err: ErrBadName},
		{name: "two high surrogates", b: []byte{0x3D, 0xD8, 0x3D, 0xD8}, err: ErrBadName},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := decodeUTF16(tt.b); got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("decodeUTF16(%x) = %q, %v, want %q, %v", tt.b, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestUTF16RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Repeat(rapid.String().Draw(t, "s"), rapid.IntRange(1, 20).Draw(t, "times"))
		b := appendUTF16([]byte("x"), s)[1:]
		if n := sizeUTF16(s); n != len(b) {
			t.Fatalf("sizeUTF16(%q) = %d, want %d", s, n, len(b))
		}
		if got, err := decodeUTF16(b); err != nil || got != s {
			t.Fatalf("decodeUTF16(appendUTF16(%q)) = %q, %v", s, got, err)
		}
	})
}

// TestUTF16OfBadString demands that bytes that are no UTF-8 leave as valid
// UTF-16 of the announced size.
func TestUTF16OfBadString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "s"))
		b := appendUTF16(nil, s)
		got, err := decodeUTF16(b)
		if err != nil || len(b) != sizeUTF16(s) || !utf8.ValidString(got) {
			t.Fatalf("appendUTF16(%q) = %x, decoded %q, %v", s, b, got, err)
		}
	})
}

func TestBadNamesInMessages(t *testing.T) {
	for _, name := range []string{"tree-connect-request", "create-request-dfs", "query-directory-request"} {
		msg := sample(t, name)
		at := map[string]int{"tree-connect-request": 72, "create-request-dfs": 120, "query-directory-request": 96}[name]
		le.PutUint16(msg[at:], 0xDC00)
		_, err := parserOf(t, name)(msg)
		if !errors.Is(err, ErrBadName) || errors.Is(err, ErrMalformed) {
			t.Errorf("%s with an unpaired surrogate: %v, want %v alone", name, err, ErrBadName)
		}
	}
}
