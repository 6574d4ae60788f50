package dfsc

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// exRequest is level 4, `\X\ns`, site HQ, laid out after [MS-DFSC] 2.2.3.
const exRequest = `0400 0100 12000000 0a00 5c0058005c006e007300 0400 48005100`

func TestParseRequest(t *testing.T) {
	tests := []struct {
		name, hex string
		want      Request
		err       error
	}{
		{name: "the trace", hex: traceRequest, want: Request{MaxLevel: 3, Path: `\dfsn-dev\testroot1`}},
		{name: "the empty path", hex: `0400 0000`, want: Request{MaxLevel: 4}},
		{name: "without its NUL", hex: `0400 5c007800`, want: Request{MaxLevel: 4, Path: `\x`}},
		{name: "more behind the NUL", hex: `0400 5c007800 0000 ffffff`, want: Request{MaxLevel: 4, Path: `\x`}},
		{name: "a level of the future", hex: `ffff 5c007800 0000`, want: Request{MaxLevel: 0xffff, Path: `\x`}},
		{name: "beyond ASCII", hex: `0400 5c00e9003dd800de 0000`, want: Request{MaxLevel: 4, Path: `\é😀`}},
		{name: "nothing", hex: ``, err: ErrMalformed},
		{name: "a level alone", hex: `0400`, err: ErrMalformed},
		{name: "half a NUL", hex: `0400 00`, err: ErrMalformed},
		{name: "half a character", hex: `0400 5c0078`, err: ErrMalformed},
		{name: "level 0", hex: `0000 5c007800 0000`, err: ErrMalformed},
		{name: "half a pair at the end", hex: `0400 5c003dd8 0000`, err: ErrIllegalCharacter},
		{name: "half a pair before a letter", hex: `0400 3dd85c00 0000`, err: ErrIllegalCharacter},
		{name: "a pair the wrong way round", hex: `0400 00de3dd8 0000`, err: ErrIllegalCharacter},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseRequest(slices.Clip(unhex(t, tt.hex)))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("ParseRequest(%s) = %+v, %v, want %+v, %v", tt.hex, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestParseRequestEx(t *testing.T) {
	tests := []struct {
		name, hex string
		want      Request
		err       error
	}{
		{name: "with a site", hex: exRequest, want: Request{MaxLevel: 4, Path: `\X\ns`, Site: "HQ", HasSite: true}},
		{
			name: "lengths that count a NUL", hex: `0400 0100 16000000 0c00 5c0058005c006e0073000000 0600 480051000000`,
			want: Request{MaxLevel: 4, Path: `\X\ns`, Site: "HQ", HasSite: true},
		},
		{name: "no site", hex: `0300 0000 0c000000 0a00 5c0058005c006e007300`, want: Request{MaxLevel: 3, Path: `\X\ns`}},
		{name: "an empty site", hex: `0300 0100 06000000 0200 7800 0000`, want: Request{MaxLevel: 3, Path: `x`, HasSite: true}},
		{name: "the empty path", hex: `0300 0000 02000000 0000`, want: Request{MaxLevel: 3}},
		{name: "unknown flags", hex: `0300 feff 02000000 0000`, want: Request{MaxLevel: 3}},
		{name: "more than the data", hex: `0300 0000 02000000 0000 ffff`, want: Request{MaxLevel: 3}},
		{name: "data beyond the end", hex: `0300 0000 04000000 0000`, err: ErrMalformed},
		{name: "data of 4 GiB", hex: `0300 0000 ffffffff 0000`, err: ErrMalformed},
		{name: "a path beyond the data", hex: `0300 0000 04000000 0400 5c005c00`, err: ErrMalformed},
		{name: "a path of half a character", hex: `0300 0000 05000000 0300 5c0078`, err: ErrMalformed},
		{name: "a site beyond the data", hex: `0300 0100 06000000 0000 0600 7800 7800 7800`, err: ErrMalformed},
		{name: "no site where there should be one", hex: `0300 0100 02000000 0000`, err: ErrMalformed},
		{name: "a site of half a character", hex: `0300 0100 05000000 0000 0100 78`, err: ErrMalformed},
		{name: "level 0", hex: `0000 0000 02000000 0000`, err: ErrMalformed},
		{name: "a NUL within the path", hex: `0300 0000 08000000 0600 5c0000007800`, err: ErrIllegalCharacter},
		{name: "half a pair in the site", hex: `0300 0100 06000000 0000 0200 3dd8`, err: ErrIllegalCharacter},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseRequestEx(slices.Clip(unhex(t, tt.hex)))
			if !errors.Is(err, tt.err) || (err == nil && got != tt.want) {
				t.Errorf("ParseRequestEx(%s) = %+v, %v, want %+v, %v", tt.hex, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestAppendRequestGolden(t *testing.T) {
	if got, want := (Request{MaxLevel: 3, Path: `\dfsn-dev\testroot1`}).Append(nil), unhex(t, traceRequest); !bytes.Equal(got, want) {
		t.Errorf("Append() = %x, want %x", got, want)
	}
	r := Request{MaxLevel: 4, Path: `\X\ns`, Site: "HQ", HasSite: true}
	if got, want := r.AppendEx([]byte{9}), append([]byte{9}, unhex(t, exRequest)...); !bytes.Equal(got, want) {
		t.Errorf("AppendEx() = %x, want %x", got, want)
	}
}

func TestRequestPrefixes(t *testing.T) {
	valid := unhex(t, exRequest)
	for n := range valid {
		if r, err := ParseRequestEx(valid[:n:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("ParseRequestEx of %d bytes of %d = %+v, %v, want ErrMalformed", n, len(valid), r, err)
		}
	}
	// The plain form may end without its NUL: whole characters are a shorter path.
	valid = unhex(t, traceRequest)
	for n := range valid {
		r, err := ParseRequest(valid[:n:n])
		short := n >= 4 && n%2 == 0 && strings.HasPrefix(`\dfsn-dev\testroot1`, r.Path) && len(r.Path) == (n-2)/2
		if (err == nil) != short {
			t.Errorf("ParseRequest of %d bytes of %d = %+v, %v", n, len(valid), r, err)
		}
	}
}

// anyText draws strings without NUL, some of them beyond ASCII.
func anyText() *rapid.Generator[string] {
	return rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 }))
}

func TestRequestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Request{MaxLevel: rapid.Uint16Min(1).Draw(t, "level"), Path: anyText().Draw(t, "path")}
		if got, err := ParseRequest(slices.Clip(r.Append(nil))); err != nil || got != r {
			t.Fatalf("ParseRequest(Append(%+v)) = %+v, %v", r, got, err)
		}
		if r.HasSite = rapid.Bool().Draw(t, "has site"); r.HasSite {
			r.Site = anyText().Draw(t, "site")
		}
		if got, err := ParseRequestEx(slices.Clip(r.AppendEx(nil))); err != nil || got != r {
			t.Fatalf("ParseRequestEx(AppendEx(%+v)) = %+v, %v", r, got, err)
		}
	})
}

func FuzzParseRequest(f *testing.F) {
	f.Add(unhex(f, traceRequest))
	f.Add(unhex(f, `0400 0000`))
	f.Add(unhex(f, `0400 5c00e9003dd800de`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRequest(slices.Clip(b))
		if err != nil {
			return
		}
		if again, err := ParseRequest(slices.Clip(r.Append(nil))); err != nil || again != r {
			t.Errorf("ParseRequest(Append(%+v)) = %+v, %v", r, again, err)
		}
	})
}

func FuzzParseRequestEx(f *testing.F) {
	f.Add(unhex(f, exRequest))
	f.Add(unhex(f, `0300 0000 0c000000 0a00 5c0058005c006e007300`))
	f.Add(unhex(f, `0400 0100 16000000 0c00 5c0058005c006e0073000000 0600 480051000000`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRequestEx(slices.Clip(b))
		if err != nil {
			return
		}
		if again, err := ParseRequestEx(slices.Clip(r.AppendEx(nil))); err != nil || again != r {
			t.Errorf("ParseRequestEx(AppendEx(%+v)) = %+v, %v", r, again, err)
		}
	})
}
