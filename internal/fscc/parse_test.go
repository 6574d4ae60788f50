package fscc

import (
	"errors"
	"slices"
	"testing"
	"unicode/utf8"
)

// goldenRename: FileRenameInformation of type 2 ([MS-FSCC] 2.4): ReplaceIfExists
// 1, Reserved[7], RootDirectory 0, NameLength 6, name a\𝄞 cut to a\b.
const goldenRename = `01 00000000000000 0000000000000000 06000000 6100 5c00 6200`

func TestParseRename(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want string
		err  error
	}{
		{"name", goldenRename, `a\b`, nil},
		{"empty name", `00 00000000000000 0000000000000000 00000000`, "", nil},
		{"pair", `00 00000000000000 0000000000000000 04000000 34d8 1edd`, "𝄞", nil},
		{"bytes behind the name", goldenRename + `ffff`, `a\b`, nil},
		{"root directory", `00 00000000000000 0100000000000000 02000000 6100`, "", ErrMalformed},
		{"odd length", `00 00000000000000 0000000000000000 01000000 6100`, "", ErrMalformed},
		{"huge length", `00 00000000000000 0000000000000000 feffffff 6100`, "", ErrMalformed},
		{"half a pair", `00 00000000000000 0000000000000000 02000000 34d8`, "", ErrMalformed},
		{"pair the wrong way", `00 00000000000000 0000000000000000 04000000 1edd 34d8`, "", ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseRename(unhex(t, tt.in))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("ParseRename = %q, %v, want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestParsePipeMode(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want PipeMode
		err  error
	}{
		{"byte stream", `00000000 00000000`, PipeByteStream, nil},
		{"message", `01000000 01000000`, PipeMessage, nil},
		{"read mode 2", `02000000 00000000`, 0, ErrMalformed},
		{"completion mode 2", `01000000 02000000`, 0, ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParsePipeMode(unhex(t, tt.in))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("ParsePipeMode = %v, %v, want %v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// TestEveryStrictPrefixIsRefused: no parser reads behind what it was given, and
// none makes do with less than the whole.
func TestEveryStrictPrefixIsRefused(t *testing.T) {
	rename := unhex(t, goldenRename)
	for n := range rename {
		if _, err := ParseRename(rename[:n:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("ParseRename of %d bytes: %v, want ErrMalformed", n, err)
		}
	}
	mode := unhex(t, `01000000 00000000`)
	for n := range mode {
		if _, err := ParsePipeMode(mode[:n:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("ParsePipeMode of %d bytes: %v, want ErrMalformed", n, err)
		}
	}
}

func FuzzParseRename(f *testing.F) {
	f.Add(unhex(f, goldenRename))
	f.Add(unhex(f, `00 00000000000000 0000000000000000 04000000 34d8 1edd`))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = slices.Clip(b)
		target, err := ParseRename(b)
		switch {
		case err != nil && !errors.Is(err, ErrMalformed):
			t.Errorf("error %v, want ErrMalformed", err)
		case err != nil && target != "":
			t.Errorf("target %q beside an error", target)
		case err == nil && !utf8.ValidString(target):
			t.Errorf("target %q is not UTF-8", target)
		case err == nil && nameBytes(target) != int(le.Uint32(b[16:])):
			t.Errorf("target %q has %d bytes in UTF-16, want %d", target, nameBytes(target), le.Uint32(b[16:]))
		}
	})
}

func FuzzParsePipeMode(f *testing.F) {
	f.Add(unhex(f, `01000000 00000000`))
	f.Fuzz(func(t *testing.T, b []byte) {
		mode, err := ParsePipeMode(slices.Clip(b))
		if mode > PipeMessage || err != nil && mode != 0 {
			t.Errorf("ParsePipeMode = %v, %v", mode, err)
		}
	})
}
