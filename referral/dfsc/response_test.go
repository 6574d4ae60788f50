package dfsc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dfsd/referral"
)

func TestAppendResponseGolden(t *testing.T) {
	tests := []struct {
		name  string
		r     *referral.Referral
		level uint16
		want  string
	}{
		{name: "the trace", r: traceReferral, level: 3, want: traceResponse},
		{name: "the capture", r: captureReferral, level: 4, want: captureResponse},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := unhex(t, tt.want)
			got, err := AppendResponse([]byte("before"), tt.r, tt.level, len(want))
			if err != nil || !bytes.Equal(got, append([]byte("before"), want...)) {
				t.Errorf("AppendResponse() =\n%x, %v, want\n%x", got, err, want)
			}
		})
	}
}

func TestParseResponseGolden(t *testing.T) {
	entry := func(version uint16, flags EntryFlags, path, target string) Entry {
		return Entry{
			Version: version, Root: true, Flags: flags, TTL: 300 * time.Second,
			Path: path, AlternatePath: path, Target: target,
		}
	}
	list := func(special string, names ...string) Entry {
		return Entry{Version: 3, Flags: NameListReferral, TTL: 600 * time.Second, SpecialName: special, Names: names}
	}
	tests := []struct {
		name, hex string
		want      Response
	}{
		{name: "the trace", hex: traceResponse, want: Response{
			Consumed: 38, Flags: ReferralServers | StorageServers,
			Entries: []Entry{
				entry(3, 0, `\dfsn-dev\testroot1`, `\cfs-41x-2c03\testroot1`),
				entry(3, 0, `\dfsn-dev\testroot1`, `\cfs-41x-2c02\testroot1`),
			},
		}},
		{name: "the capture", hex: captureResponse, want: Response{
			Consumed: 38, Flags: ReferralServers | StorageServers,
			Entries: []Entry{entry(4, TargetSetBoundary, `\52.53.184.91\sales`, `\WIN-NQU9IOBE4VJ\Sales`)},
		}},
		{name: "domains", hex: domainResponse, want: Response{
			Entries: []Entry{list(`\W2K8R2`), list(`\w2k8r2.matws.net`)},
		}},
		{name: "controllers", hex: controllerResponse, want: Response{
			Entries: []Entry{list(`\corp1.test`, `\dc1`, `\dc2`)},
		}},
		{name: "version 1 and padding behind", hex: `0800 0100 03000000 0100 1000 0100 0000 5c007a005c000000 ffff`, want: Response{
			Consumed: 8, Flags: ReferralServers | StorageServers, Entries: []Entry{{Version: 1, Root: true, Target: `\z\`}},
		}},
		{name: "version 2, its strings counted by its size", hex: `
			0800 0100 02000000
			0200 2400 0000 0000 07000000 0a000000 1600 1600 1a00
			5c000000 5c007a00 5c007a00 0000`, want: Response{
			Consumed: 8, Flags: StorageServers,
			Entries: []Entry{{Version: 2, Proximity: 7, TTL: 10 * time.Second, Path: `\`, AlternatePath: `\`, Target: `\z\z`}},
		}},
		{name: "no targets", hex: `2600 0000 02000000`, want: Response{Consumed: 38, Flags: StorageServers}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseResponse(slices.Clip(unhex(t, tt.hex)))
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("ParseResponse() =\n%+v, %v, want\n%+v", got, err, tt.want)
			}
		})
	}
}

func TestParseResponseRefuses(t *testing.T) {
	tests := []struct {
		name, hex string
		err       error
	}{
		{name: "fewer entries than announced", hex: `0000 0200 00000000 0100 0a00 0000 0000 0000`, err: ErrMalformed},
		{name: "version 0", hex: `0000 0100 00000000 0000 0a00 0000 0000 0000`, err: ErrMalformed},
		{name: "version 5", hex: `0000 0100 00000000 0500 0a00 0000 0000 0000`, err: ErrMalformed},
		{name: "size 0", hex: `0000 0100 00000000 0100 0000 0000 0000 0000`, err: ErrMalformed},
		{name: "a target without end", hex: `0000 0100 00000000 0100 0a00 0000 0000 7800`, err: ErrMalformed},
		{name: "two versions", hex: `0000 0200 00000000 0100 0a00 0000 0000 0000 0200 1600 0000 0000` + strings.Repeat("00", 14), err: ErrMalformed},
		{name: "a size below the fixed one", hex: `0000 0100 00000000 0200 1500 0000 0000` + strings.Repeat("00", 14), err: ErrMalformed},
		{name: "a size beyond the end", hex: `0000 0100 00000000 0200 1700 0000 0000` + strings.Repeat("00", 14), err: ErrMalformed},
		{name: "an offset beyond the end", hex: `0000 0100 00000000 0200 1600 0000 0000` + strings.Repeat("00", 8) + `ffff 0000 0000`, err: ErrMalformed},
		{name: "a path without end", hex: `0000 0100 00000000 0200 1800 0000 0000` + strings.Repeat("00", 8) + `1600 0000 0000 7800`, err: ErrMalformed},
		{name: "names without end", hex: `0000 0100 00000000 0300 1200 0000 0200 00000000 0000 ff00 1200 7800 0000`, err: ErrMalformed},
		{name: "half a pair", hex: `0000 0100 00000000 0100 0c00 0000 0000 3dd8 0000`, err: ErrIllegalCharacter},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseResponse(slices.Clip(unhex(t, tt.hex)))
			if !errors.Is(err, tt.err) || len(got.Entries) != 0 {
				t.Errorf("ParseResponse() = %+v, %v, want %v", got, err, tt.err)
			}
		})
	}
}

// A message may not make much more than itself of strings that overlap or of
// name lists that all name the same names.
func TestParseResponseIsBounded(t *testing.T) {
	const entries = 1000
	b := binary.LittleEndian.AppendUint16(nil, 0)
	b = binary.LittleEndian.AppendUint16(b, entries)
	b = binary.LittleEndian.AppendUint32(b, 0)
	lists := slices.Clone(b)
	for i := range entries {
		end := uint16((entries - i) * sizeV2)
		b = append(b, 2, 0, sizeV2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		b = binary.LittleEndian.AppendUint16(b, end+uint16(2*i))
		b = append(b, 0, 0, 0, 0)
		lists = append(lists, 3, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0)
		lists = binary.LittleEndian.AppendUint16(lists, 5000)
		lists = binary.LittleEndian.AppendUint16(lists, uint16((entries-i)*18))
	}
	long := terminate(bytes.Repeat([]byte{'x', 0}, 15_000))
	for name, b := range map[string][]byte{"overlap": append(b, long...), "name lists": append(lists, make([]byte, 10_000)...)} {
		if r, err := ParseResponse(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: ParseResponse() = %d entries, %v, want ErrMalformed", name, len(r.Entries), err)
		}
	}
}

func TestResponsePrefixes(t *testing.T) {
	v1, _ := AppendResponse(nil, traceReferral, 1, MaxResponse)
	v2, _ := AppendResponse(nil, traceReferral, 2, MaxResponse)
	messages := map[string][]byte{
		"v1": v1, "v2": v2, "v3": unhex(t, traceResponse), "v4": unhex(t, captureResponse),
		"domains": unhex(t, domainResponse), "controllers": unhex(t, controllerResponse),
	}
	for name, valid := range messages {
		if _, err := ParseResponse(slices.Clip(valid)); err != nil {
			t.Errorf("%s: ParseResponse() = %v", name, err)
		}
		for n := range valid {
			if r, err := ParseResponse(valid[:n:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: ParseResponse of %d bytes of %d = %+v, %v, want ErrMalformed", name, n, len(valid), r, err)
			}
		}
	}
}

// linkReferral returns a referral of three targets in two sets.
func linkReferral() *referral.Referral {
	r := rootReferral(`\srv\ns\projects`, `\fs1\projects`, `\fs2\projects`, `\fs3\projects`)
	r.IsRoot, r.TTL = false, 1800*time.Second
	r.Targets[2].Boundary = true
	return r
}

// Clients that step through entries by a fixed 34 bytes, that cut their path by
// PathConsumed or by DFSPath, and that follow offsets must all see the same.
func TestLayout(t *testing.T) {
	for level, size := range map[uint16]int{2: 22, 3: 34, 4: 34} {
		t.Run(fmt.Sprintf("version %d", level), func(t *testing.T) {
			r := linkReferral()
			b, err := AppendResponse(nil, r, level, MaxResponse)
			if err != nil {
				t.Fatal(err)
			}
			if got := binary.LittleEndian.Uint16(b); int(got) != 2*len(r.Prefix) {
				t.Errorf("PathConsumed = %d, want %d", got, 2*len(r.Prefix))
			}
			stringsAt := headerSize + len(r.Targets)*size
			for i := range r.Targets {
				entry := b[headerSize+i*size:]
				if version, got := binary.LittleEndian.Uint16(entry), binary.LittleEndian.Uint16(entry[2:]); version != level || int(got) != size {
					t.Errorf("entry %d: version %d, size %d, want %d, %d", i, version, got, level, size)
				}
				at := map[bool]int{true: 16, false: 12}[level == 2]
				path := headerSize + i*size + int(binary.LittleEndian.Uint16(entry[at:]))
				alternate := headerSize + i*size + int(binary.LittleEndian.Uint16(entry[at+2:]))
				if path != stringsAt || alternate != stringsAt+2*len(r.Prefix)+2 {
					t.Errorf("entry %d: paths at %d and %d, want copies at %d and behind it", i, path, alternate, stringsAt)
				}
			}
		})
	}
}

func TestFlags(t *testing.T) {
	root, link, interlink := rootReferral(`\s\n`, `\s\n`), linkReferral(), linkReferral()
	interlink.Interlink = true
	empty := linkReferral()
	empty.Targets = nil
	const r, s, tf = ReferralServers, StorageServers, TargetFailback
	tests := []struct {
		name string
		r    *referral.Referral
		want [4]HeaderFlags // of versions 1 to 4, with failback
	}{
		{name: "root", r: root, want: [4]HeaderFlags{r | s, r | s, r | s, r | s | tf}},
		{name: "link", r: link, want: [4]HeaderFlags{r | s, s, s, s | tf}},
		{name: "interlink", r: interlink, want: [4]HeaderFlags{r | s, r, r, r | tf}},
		{name: "link without targets", r: empty, want: [4]HeaderFlags{r | s, s, s, s | tf}},
	}
	for _, tt := range tests {
		for level := uint16(1); level <= 5; level++ {
			for _, failback := range []bool{true, false} {
				tt.r.Failback = failback
				want := tt.want[min(level, 4)-1]
				if !failback {
					want &^= tf
				}
				got := parsed(t, tt.r, level)
				if got.Flags != want {
					t.Errorf("%s, level %d, failback %v: flags %#x, want %#x", tt.name, level, failback, got.Flags, want)
				}
				checkEntries(t, tt.r, got, level)
			}
		}
	}
}

func checkEntries(t *testing.T, r *referral.Referral, got Response, level uint16) {
	t.Helper()
	if len(got.Entries) != len(r.Targets) {
		t.Fatalf("level %d: %d entries, want %d", level, len(got.Entries), len(r.Targets))
	}
	for i, e := range got.Entries {
		boundary := level >= 4 && r.Targets[i].Boundary
		if e.Version != min(level, 4) || e.Root != r.IsRoot || (e.Flags == TargetSetBoundary) != boundary || e.IsNameList() {
			t.Errorf("level %d, entry %d: %+v, want root %v, boundary %v", level, i, e, r.IsRoot, boundary)
		}
	}
}

// parsed returns r as a client of a level reads it.
func parsed(t testing.TB, r *referral.Referral, level uint16) Response {
	t.Helper()
	b, err := AppendResponse(nil, r, level, MaxResponse)
	if err != nil {
		t.Fatalf("AppendResponse() = %v", err)
	}
	got, err := ParseResponse(slices.Clip(b))
	if err != nil {
		t.Fatalf("ParseResponse() = %v", err)
	}
	return got
}

func TestTTL(t *testing.T) {
	for ttl, want := range map[time.Duration]time.Duration{
		-time.Second: 0, 0: 0, 1999 * time.Millisecond: time.Second, 300 * time.Second: 300 * time.Second,
		200 * 365 * 24 * time.Hour: (1<<32 - 1) * time.Second,
	} {
		r := linkReferral()
		r.TTL = ttl
		if got := parsed(t, r, 4).Entries[0].TTL; got != want {
			t.Errorf("TTL %v became %v, want %v", ttl, got, want)
		}
	}
}

func TestOverflow(t *testing.T) {
	r := linkReferral()
	before := []byte("before")
	for level := uint16(1); level <= 4; level++ {
		whole, _ := AppendResponse(nil, r, level, MaxResponse)
		most := 0
		for limit := -1; limit <= len(whole); limit++ {
			got, err := AppendResponse(before, r, level, limit)
			if err != nil {
				if !errors.Is(err, ErrBufferOverflow) || !bytes.Equal(got, before) || most > 0 {
					t.Fatalf("version %d within %d: %q, %v", level, limit, got, err)
				}
				continue
			}
			got = got[len(before):]
			parsed, err := ParseResponse(slices.Clip(got))
			if err != nil || len(got) > limit || len(parsed.Entries) < max(1, most) {
				t.Fatalf("version %d within %d: %d bytes, %d entries, %v", level, limit, len(got), len(parsed.Entries), err)
			}
			most = len(parsed.Entries)
			for i, e := range parsed.Entries {
				if want := r.Targets[i].Path()[1:]; e.Target != want {
					t.Errorf("version %d within %d: target %d = %s, want %s", level, limit, i, e.Target, want)
				}
			}
		}
		if most != 3 {
			t.Errorf("version %d: %d entries at most, want 3", level, most)
		}
	}
}

func TestOverflowOfHeader(t *testing.T) {
	r := linkReferral()
	r.Targets = nil
	if b, err := AppendResponse(nil, r, 4, 7); !errors.Is(err, ErrBufferOverflow) {
		t.Errorf("AppendResponse() within 7 bytes = %x, %v, want ErrBufferOverflow", b, err)
	}
	if b, err := AppendResponse(nil, r, 4, 8); err != nil || len(b) != 8 {
		t.Errorf("AppendResponse() within 8 bytes = %x, %v, want a header", b, err)
	}
}

// With ever more targets the response stops short of what 16-bit offsets reach,
// even if the client would take more.
func TestManyTargets(t *testing.T) {
	r := linkReferral()
	r.Targets = nil
	for i := range 5000 {
		r.Targets = append(r.Targets, referral.Place{RootTarget: fmt.Sprintf(`\server%d\share`, i)})
	}
	for level := uint16(1); level <= 4; level++ {
		b, err := AppendResponse(nil, r, level, 1<<20)
		if err != nil || len(b) > MaxResponse || len(b) < MaxResponse-200 {
			t.Fatalf("version %d: %d bytes, %v, want just below %d", level, len(b), err, MaxResponse)
		}
		got, err := ParseResponse(b)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range got.Entries {
			if want := fmt.Sprintf(`\server%d\share`, i); e.Target != want {
				t.Fatalf("version %d: target %d = %s, want %s", level, i, e.Target, want)
			}
		}
	}
}

// anyReferral draws referrals of any kind and of odd names.
func anyReferral() *rapid.Generator[*referral.Referral] {
	return rapid.Custom(func(t *rapid.T) *referral.Referral {
		r := rootReferral(`\`+anyText().Draw(t, "prefix"), rapid.SliceOf(anyText()).Draw(t, "targets")...)
		r.Consumed = len(appendText(nil, r.Prefix))
		for i := range r.Targets {
			r.Targets[i].RootTarget = `\` + r.Targets[i].RootTarget
			r.Targets[i].Boundary = i == 0 || rapid.Bool().Draw(t, "boundary")
		}
		r.IsRoot = rapid.Bool().Draw(t, "root")
		r.Interlink = rapid.Bool().Draw(t, "interlink")
		r.Failback = rapid.Bool().Draw(t, "failback")
		r.TTL = time.Duration(rapid.Uint32().Draw(t, "ttl")) * time.Second
		return r
	})
}

func TestResponseRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyReferral().Draw(t, "referral")
		level := rapid.Uint16Range(1, 5).Draw(t, "level")
		limit := rapid.IntRange(0, 2000).Draw(t, "limit")
		b, err := AppendResponse(nil, r, level, limit)
		if err != nil {
			if one, _ := AppendResponse(nil, r, level, MaxResponse); len(one) <= limit {
				t.Fatalf("AppendResponse() within %d = %v, but %d bytes hold all", limit, err, len(one))
			}
			return
		}
		got, err := ParseResponse(slices.Clip(b))
		if err != nil || len(b) > limit || int(got.Consumed) != r.Consumed {
			t.Fatalf("ParseResponse(%x) = %+v, %v", b, got, err)
		}
		for i, e := range got.Entries {
			want := Entry{Version: min(level, 4), Root: r.IsRoot, Target: r.Targets[i].RootTarget}
			if level > 1 {
				want.TTL, want.Path, want.AlternatePath = r.TTL, r.Prefix, r.Prefix
			}
			if level > 3 && r.Targets[i].Boundary {
				want.Flags = TargetSetBoundary
			}
			if !reflect.DeepEqual(e, want) {
				t.Fatalf("entry %d = %+v, want %+v", i, e, want)
			}
		}
	})
}

func FuzzParseResponse(f *testing.F) {
	for _, golden := range []string{traceResponse, captureResponse, domainResponse, controllerResponse} {
		f.Add(unhex(f, golden))
	}
	for level := uint16(1); level <= 4; level++ {
		b, _ := AppendResponse(nil, linkReferral(), level, MaxResponse)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseResponse(slices.Clip(b))
		if err != nil {
			return
		}
		for _, e := range r.Entries {
			for _, s := range append([]string{e.Path, e.AlternatePath, e.Target, e.SpecialName}, e.Names...) {
				if strings.ContainsRune(s, 0) || len(s) > 2*len(b) {
					t.Errorf("ParseResponse(%x) has the string %q", b, s)
				}
			}
		}
	})
}
