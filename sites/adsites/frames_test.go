package adsites

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// bindResponse is a success of RFC 4511 4.2.2, message 1.
const bindResponse = "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"

func TestReadMessage(t *testing.T) {
	long := "\x04\x82\x01\x00" + strings.Repeat("x", 256)
	deep := strings.Repeat("\x30\x80", 1)
	for n := range 40 {
		deep = ""
		for range n {
			deep = "\x30" + string(rune(len(deep))) + deep
		}
	}
	tests := []struct {
		name, in string
		want     int // bytes of the message; 0: refused
	}{
		{"bind response", bindResponse, len(bindResponse)},
		{"what follows stays", bindResponse + "\x15\x03", len(bindResponse)},
		{"long length", long, len(long)},
		{"long length inside", "\x30\x82\x01\x04" + long, 4 + len(long)},
		{"lengths longer than they must be", "\x30\x84\x00\x00\x00\x02\x04\x00", 8},
		{"length of five octets", "\x30\x85\x00\x00\x00\x00\x02\x04\x00", 0},
		{"indefinite length", "\x30\x80\x04\x00\x00\x00", 0},
		{"too long", "\x30\x84\x01\x00\x00\x01" + strings.Repeat("\x04\x00", 64), 0},
		{"inner length lies", "\x30\x04\x04\x84\x7f\xff\xff\xff", 0},
		{"inner length one too long", "\x30\x04\x04\x03xx", 0},
		{"tag of several octets", "\x3f\x81\x01\x00", 0},
		{"inner head cut", "\x30\x01\x04", 0},
		{"too deep", deep, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := strings.NewReader(tt.in)
			got, err := readMessage(r)
			if tt.want == 0 {
				if !errors.Is(err, errMessage) {
					t.Errorf("readMessage() = %x, %v, want %v", got, err, errMessage)
				}
				return
			}
			if err != nil || string(got) != tt.in[:tt.want] || r.Len() != len(tt.in)-tt.want {
				t.Errorf("readMessage() = %x, %v, want %d bytes, %d left", got, err, tt.want, r.Len())
			}
			for n := range tt.want {
				if _, err := readMessage(strings.NewReader(tt.in[:n])); err == nil {
					t.Errorf("prefix of %d bytes was taken", n)
				}
			}
		})
	}
}

func TestExtendedResult(t *testing.T) {
	good := "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"
	if code, err := extendedResult([]byte(good)); err != nil || code != 2 {
		t.Errorf("extendedResult() = %d, %v, want 2", code, err)
	}
	for _, bad := range []string{bindResponse, "\x30\x00", "\x30\x05\x02\x01\x01\x78\x00", "\x30\x08\x02\x01\x01\x78\x03\x0a\x02\x00", "\x30\x04\x02\x01\x01\x78"} {
		if code, err := extendedResult([]byte(bad)); err == nil {
			t.Errorf("extendedResult(%x) = %d", bad, code)
		}
	}
}

// FuzzReadMessage: the library behind reads a message that was let through to
// its end and not beyond it, and nobody panics.
func FuzzReadMessage(f *testing.F) {
	f.Add([]byte(bindResponse))
	f.Add([]byte("\x30\x04\x04\x84\x7f\xff\xff\xff"))
	f.Add([]byte("\x30\x82\x00\x02\x04\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readMessage(bytes.NewReader(slices.Clip(b)))
		if err != nil {
			return
		}
		if !bytes.HasPrefix(b, got) {
			t.Fatalf("read %x of %x", got, b)
		}
		_, _ = extendedResult(got)
		r := bytes.NewReader(append(got, 0x30, 0x00))
		if _, err := ber.ReadPacket(r); err == nil && r.Len() != 2 {
			t.Fatalf("the library left %d bytes behind %x", r.Len(), got)
		} else if errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("the library wants more than %x", got)
		}
	})
}
