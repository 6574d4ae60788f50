package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/golden.txt anew")

const (
	goldenFile = "testdata/golden.txt"
	zstdMagic  = "\x28\xb5\x2f\xfd" // RFC 8878 §3.1.1
)

// readGolden returns the bodies of golden.txt: a name and hexadecimal a line.
func readGolden(t testing.TB) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	golden := map[string][]byte{}
	for line := range strings.Lines(string(text)) {
		name, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		if golden[name], err = hex.DecodeString(digits); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return golden
}

// TestGolden holds the bytes of every message. What zstd makes may change with
// its library, so compressed messages are only read.
func TestGolden(t *testing.T) {
	if *update {
		var text bytes.Buffer
		for _, s := range samples() {
			fmt.Fprintf(&text, "%s %x\n", s.name, s.m.Append(nil))
		}
		if err := os.WriteFile(goldenFile, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden := readGolden(t)
	for _, s := range samples() {
		want, ok := golden[s.name]
		if !ok {
			t.Errorf("%s lacks %s", goldenFile, s.name)
		}
		if got := s.m.Append(nil); !bytes.Equal(got, want) && !bytes.Contains(want, []byte(zstdMagic)) {
			t.Errorf("%s: Append = %x, want %x", s.name, got, want)
		}
		got, err := Parse(s.m.Type(), slices.Clip(want))
		if err != nil || !reflect.DeepEqual(got, s.m) {
			t.Errorf("%s: Parse = %+v, %v, want %+v", s.name, got, err, s.m)
		}
	}
}

// TestGoldenByHand spells out three bodies from the layouts in the comments.
func TestGoldenByHand(t *testing.T) {
	golden := readGolden(t)
	for name, want := range map[string]string{
		"join": "01" + "02" + "01020300000000000000000000000000",
		"data": "8080808020" + "00" + "00" + "0a" + hex.EncodeToString([]byte("0123456789")),
		"hello": hex.EncodeToString([]byte("DFSR\r\n\x1a\x00")) + "01" + "02" + "0f" + hex.EncodeToString([]byte("fs1.example.com")) +
			"08" + hex.EncodeToString([]byte("dfsd 1.0")) + "02" +
			"06" + hex.EncodeToString([]byte("branch")) + "08" + hex.EncodeToString([]byte("projects")) + "00" +
			"06" + hex.EncodeToString([]byte("branch")) + "07" + hex.EncodeToString([]byte("archive")) + "01",
	} {
		if got := hex.EncodeToString(golden[name]); got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
}

func TestEveryTypeHasASample(t *testing.T) {
	seen := map[Type]bool{}
	for _, s := range samples() {
		seen[s.m.Type()] = true
	}
	for n := range 256 {
		if typ := Type(n); typ.maxBody() >= 0 != seen[typ] {
			t.Errorf("%v: known %v, sampled %v", typ, typ.maxBody() >= 0, seen[typ])
		}
	}
}

func TestStrictPrefixesAreRefused(t *testing.T) {
	for _, s := range samples() {
		valid := s.m.Append(nil)
		for n := range valid {
			if m, err := Parse(s.m.Type(), valid[:n:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: Parse of %d of %d bytes = %+v, %v, want %v", s.name, n, len(valid), m, err, ErrMalformed)
			}
		}
		_, err := Parse(s.m.Type(), append(valid, 0))
		if isHello := s.m.Type() == TypeHello; isHello != (err == nil) {
			t.Errorf("%s: Parse with a byte behind = %v", s.name, err)
		}
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		name string
		typ  Type
		body []byte
	}{
		{"no such type", 200, nil},
		{"number not in its shortest form", TypeCredit, []byte{0x80, 0x00}},
		{"number of 70 bits", TypePing, bytes.Repeat([]byte{0xff}, 10)},
		{"credit beyond 32 bits", TypeCredit, []byte{0x80, 0x80, 0x80, 0x80, 0x10}},
		{"another protocol", TypeHello, []byte("GET / HTTP/1.1\r\n\r\n")},
		{"versions upside down", TypeHello, Hello{Versions: Versions{3, 2}}.Append(nil)},
		{"version 0", TypeHello, Hello{}.Append(nil)},
		{"lane 3", TypeJoin, Join{1, Lanes, Nonce{}}.Append(nil)},
		{"range beyond all files", TypeWantRange, WantRange{Offset: 1<<63 - 1, Length: 1}.Append(nil)},
		{"piece beyond all files", TypeData, Data{Offset: 1<<63 - 1, Bytes: []byte{1}}.Append(nil)},
		{"hole beyond all files", TypeData, Data{Offset: 5, Bytes: []byte{1}, Zeros: 1<<63 - 6}.Append(nil)},
		{"empty range", TypeWantChunks, WantChunks{Ranges: []Range{{7, 0}}}.Append(nil)},
		{"ranges that fall", TypeWantChunks, WantChunks{Ranges: []Range{{7, 3}, {6, 1}}}.Append(nil)},
		{"range that ends beyond all files", TypeWantChunks, WantChunks{Ranges: []Range{{7, 1<<63 - 7}}}.Append(nil)},
		{"list of mode 4", TypeWantChunkList, WantChunkList{Mode: listModes}.Append(nil)},
		{"chunks too long", TypeChunks, Chunks{make([]byte, MaxChunkBytes+1)}.Append(nil)},
		{"piece too long", TypeData, Data{Bytes: make([]byte, MaxPiece+1)}.Append(nil)},
		{"many wants, no bytes", TypeWantFiles, append(make([]byte, 16), 0xff, 0x1f)},
		{"unknown method", TypeData, []byte{0, 0, 2, 1, 1}},
	}
	for _, tt := range tests {
		if m, err := Parse(tt.typ, slices.Clip(tt.body)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: Parse = %+v, %v, want %v", tt.name, m, err, ErrMalformed)
		}
	}
}

func TestVersionsInCommon(t *testing.T) {
	tests := []struct {
		a, b Versions
		want uint16 // 0: none
	}{
		{Versions{1, 1}, Versions{1, 1}, 1},
		{Versions{1, 2}, Versions{1, 1}, 1},
		{Versions{1, 2}, Versions{2, 3}, 2},
		{Versions{2, 3}, Versions{1, 9}, 3},
		{Versions{3, 4}, Versions{1, 2}, 0},
	}
	for _, tt := range tests {
		for _, pair := range [][2]Versions{{tt.a, tt.b}, {tt.b, tt.a}} {
			got, err := pair[0].Common(pair[1])
			if got != tt.want || (err != nil) != (tt.want == 0) || err != nil && !errors.Is(err, ErrVersion) {
				t.Errorf("%v.Common(%v) = %d, %v, want %d", pair[0], pair[1], got, err, tt.want)
			}
		}
	}
}

func TestCodesBothWays(t *testing.T) {
	for i, sentinel := range codes {
		code := Code(i + 1)
		if got := CodeOf(fmt.Errorf("read it: %w", sentinel)); got != code {
			t.Errorf("CodeOf(%v) = %d, want %d", sentinel, got, code)
		}
		if got := code.Err(); !errors.Is(got, sentinel) {
			t.Errorf("Code(%d).Err() = %v, want %v", code, got, sentinel)
		}
		if e := (Error{Code: code}); !errors.Is(e, sentinel) || e.Error() != "partner: "+sentinel.Error() {
			t.Errorf("%#v is %v, want %v", e, e, sentinel)
		}
	}
	for _, tt := range []struct {
		err  error
		want Code
	}{{nil, 0}, {os.ErrNotExist, 1}, {t.Context().Err(), 0}, {fmt.Errorf("%w", os.ErrDeadlineExceeded), 1}} {
		if got := CodeOf(tt.err); got != tt.want {
			t.Errorf("CodeOf(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
	if err := Code(9999).Err(); !errors.Is(err, ErrInternal) {
		t.Errorf("Code(9999).Err() = %v, want %v", err, ErrInternal)
	}
	if e := ErrorOf(fmt.Errorf("open /srv/secret: %w", os.ErrPermission)); e.Text != "" {
		t.Errorf("ErrorOf tells %q about this host", e.Text)
	}
}
