package smb2

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

type ccmVector struct {
	name                           string
	key, nonce, aad, plain, sealed []byte
	tagSize                        int
}

// ccmVectors are those of RFC 3610 and of NIST SP 800-38C, appendix C.
func ccmVectors(t *testing.T) []ccmVector {
	t.Helper()
	text, err := os.ReadFile("testdata/rfc3610.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list []ccmVector
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if f[0] == "#" {
			continue
		}
		n, err := strconv.Atoi(f[2])
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, ccmVector{
			name: "RFC 3610 vector " + strconv.Itoa(len(list)+1), tagSize: n,
			key: unhex(t, f[0]), nonce: unhex(t, f[1]), aad: unhex(t, f[3]), plain: unhex(t, f[4]), sealed: unhex(t, f[5]),
		})
	}
	if len(list) != 24 {
		t.Fatalf("%d vectors, want 24", len(list))
	}
	nist := []struct {
		nonce, aad, plain, tagSize int
		sealed                     string
	}{
		{7, 8, 4, 4, "7162015b4dac255d"},
		{8, 16, 16, 6, "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd"},
		{12, 20, 24, 8, "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951"},
		{13, 65536, 32, 14, "69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72b4ac6bec93e8598e7f0dadbcea5b"},
	}
	for i, v := range nist {
		list = append(list, ccmVector{
			name: "SP 800-38C example " + strconv.Itoa(i+1), tagSize: v.tagSize,
			key: counting(0x40, 16), nonce: counting(0x10, v.nonce), aad: counting(0, v.aad), plain: counting(0x20, v.plain),
			sealed: unhex(t, v.sealed),
		})
	}
	return list
}

// counting returns n bytes that count up from first.
func counting(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

func TestCCMVectors(t *testing.T) {
	for _, v := range ccmVectors(t) {
		t.Run(v.name, func(t *testing.T) {
			c := newCCM(newAES(v.key), len(v.nonce), v.tagSize)
			if c.NonceSize() != len(v.nonce) || c.Overhead() != v.tagSize {
				t.Errorf("sizes = %d, %d", c.NonceSize(), c.Overhead())
			}
			if got := c.Seal([]byte("x"), v.nonce, v.plain, v.aad)[1:]; !bytes.Equal(got, v.sealed) {
				t.Errorf("Seal = %x, want %x", got, v.sealed)
			}
			got, err := c.Open([]byte("x"), v.nonce, v.sealed, v.aad)
			if err != nil || !bytes.Equal(got[1:], v.plain) {
				t.Errorf("Open = %x, %v, want %x", got, err, v.plain)
			}
		})
	}
}

func TestCCMRefusesChanges(t *testing.T) {
	v := ccmVectors(t)[0]
	c := newCCM(newAES(v.key), len(v.nonce), v.tagSize)
	for _, part := range [][]byte{v.nonce, v.aad, v.sealed} {
		for i := range part {
			part[i] ^= 1
			if got, err := c.Open(nil, v.nonce, v.sealed, v.aad); err == nil || got != nil {
				t.Errorf("Open with byte %d changed = %x, %v", i, got, err)
			}
			part[i] ^= 1
		}
	}
	for n := range v.sealed {
		if _, err := c.Open(nil, v.nonce, v.sealed[:n:n], v.aad); err == nil {
			t.Errorf("Open of the first %d bytes = nil error", n)
		}
	}
	room := make([]byte, 100)
	v.sealed[len(v.sealed)-1] ^= 1
	if _, err := c.Open(room[:0], v.nonce, v.sealed, v.aad); err == nil || !bytes.Equal(room, make([]byte, 100)) {
		t.Errorf("Open of a forgery leaves %x, %v", room[:len(v.plain)], err)
	}
}

func TestCCMInPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCCM(newAES(make([]byte, 32)), ccmNonceSize, tagSize)
		plain := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "plain")
		aad := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "aad")
		nonce := make([]byte, ccmNonceSize)
		want := c.Seal(nil, nonce, plain, aad)
		b := append(bytes.Clone(plain), make([]byte, tagSize)...)
		if got := c.Seal(b[:0], nonce, b[:len(plain)], aad); !bytes.Equal(got, want) {
			t.Fatalf("Seal in place = %x, want %x", got, want)
		}
		if got, err := c.Open(b[:0], nonce, b, aad); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("Open in place = %x, %v, want %x", got, err, plain)
		}
	})
}

func TestCCMOwnMistakes(t *testing.T) {
	c := newCCM(newAES(make([]byte, 16)), 13, 8)
	for name, f := range map[string]func(){
		"nonce size":       func() { c.Seal(nil, make([]byte, 12), nil, nil) },
		"message too long": func() { c.Seal(nil, make([]byte, 13), make([]byte, 1<<16), nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
