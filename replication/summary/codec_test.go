package summary

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"dfsd/replication/status"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// sampleUpdate has every field.
func sampleUpdate() *update {
	s := sample(7)
	s.Error = "halted"
	s.UnreadFiles, s.Preserved.Files = 2, 4
	s.Progress = &status.Progress{Phase: "scanning", FilesDone: 1, FilesTotal: 2, BytesDone: 3, BytesTotal: 300, SecondsLeft: -1}
	f, _ := trim(s, noon)
	return &update{
		host: "fs1", stand: stand{300, 5}, tick: 9, age: 1500 * time.Millisecond, base: 4, more: true,
		hasNotes: true, notes: []byte("note"), software: "dfsd", folders: []*folder{f},
	}
}

// samples are a message of each kind with the function that reads it back.
func samples() map[string]struct {
	bytes []byte
	parse func([]byte) (any, error)
	want  any
} {
	h := hello{1, 2, "fs1", "dfsd"}
	b := beat{got: 3, standings: []standing{{host: "fs1", stand: stand{300, 5}, tick: 9, age: time.Second}, {host: "fs2", want: true}}}
	u := sampleUpdate()
	return map[string]struct {
		bytes []byte
		parse func([]byte) (any, error)
		want  any
	}{
		"hello":  {h.append(nil), func(b []byte) (any, error) { return parseHello(b) }, h},
		"beat":   {b.append(nil), func(b []byte) (any, error) { return parseBeat(b) }, b},
		"update": {u.append(nil, noon), func(b []byte) (any, error) { return parseUpdate(b, noon) }, u},
	}
}

// TestGolden: bytes by hand from the layouts at append.
func TestGolden(t *testing.T) {
	golden := map[string]string{
		"hello": "01 02 03 667331 04 64667364",
		"beat":  "03 02 03 667331 00 ac02 05 09 e807 03 667332 01 00 00 00 00",
		"update": "03 667331 ac02 05 09 dc0b 04 03 04 64667364 04 6e6f7465" + // head, software, notes
			"02 03 667331 03 667332" + // names
			"01 06 6272616e6368 08 70726f6a65637473 02 06 68616c746564 07 8038 04 02" +
			"01 08 7363616e6e696e67 01 02 03 ac02" + // progress
			"01 00 01 01 03 8020 b0ea01", // a connection
	}
	for name, s := range samples() {
		want, err := hex.DecodeString(strings.ReplaceAll(golden[name], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.bytes, want) {
			t.Errorf("%s = %x, want %x", name, s.bytes, want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for name, s := range samples() {
		got, err := s.parse(slices.Clip(s.bytes))
		if err != nil || !reflect.DeepEqual(got, s.want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, s.want)
		}
	}
}

func TestPrefixesAndMoreAreRefused(t *testing.T) {
	for name, s := range samples() {
		for n := range s.bytes {
			if _, err := s.parse(s.bytes[:n:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s cut to %d of %d bytes: %v", name, n, len(s.bytes), err)
			}
		}
		if _, err := s.parse(append(slices.Clone(s.bytes), 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s with a byte more: %v", name, err)
		}
	}
}

// change returns the bytes of a sample update after edit.
func change(edit func(*update)) []byte {
	u := sampleUpdate()
	edit(u)
	return u.append(nil, noon)
}

func TestRefused(t *testing.T) {
	long := strings.Repeat("x", maxText+1)
	twice := func(u *update) { u.folders = append(u.folders, u.folders[0]) }
	many := make([]status.Connection, MaxConnections+1)
	tests := []struct {
		name string
		body []byte
		kind kind
	}{
		{"no host", change(func(u *update) { u.host = "" }), kindUpdate},
		{"a long host", change(func(u *update) { u.host = long }), kindUpdate},
		{"a host that moves the cursor", change(func(u *update) { u.host = "fs\x1b[2J" }), kindUpdate},
		{"a host that is no UTF-8", change(func(u *update) { u.host = "fs\xff" }), kindUpdate},
		{"boot 0", change(func(u *update) { u.boot = 0 }), kindUpdate},
		{"boot beyond all", change(func(u *update) { u.boot = maxBoot + 1 }), kindUpdate},
		{"seq 0", change(func(u *update) { u.seq, u.base = 0, 0 }), kindUpdate},
		{"a change of itself", change(func(u *update) { u.base = u.seq }), kindUpdate},
		{"long notes", change(func(u *update) { u.notes = make([]byte, MaxNotes+1) }), kindUpdate},
		{"a folder twice", change(twice), kindUpdate},
		{"a long error", change(func(u *update) { u.folders[0].status.Error = long[:maxError+1] }), kindUpdate},
		{"no group", change(func(u *update) { u.folders[0].status.Group = "" }), kindUpdate},
		{"too many connections", change(func(u *update) {
			u.folders[0].status.Connections, u.folders[0].oldest = many, make([]time.Time, len(many))
		}), kindUpdate},
		{"hosts out of order", beat{standings: []standing{{host: "b"}, {host: "a"}}}.append(nil), kindBeat},
		{"a host twice", beat{standings: []standing{{host: "a"}, {host: "a"}}}.append(nil), kindBeat},
		{"versions the wrong way", hello{2, 1, "fs1", ""}.append(nil), kindHello},
		{"10,001 folders in 20 bytes", append(change(func(u *update) { u.folders = nil })[:len(change(func(u *update) { u.folders = nil }))-1], 0x91, 0x4e), kindUpdate},
	}
	for _, tt := range tests {
		var err error
		switch tt.kind {
		case kindHello:
			_, err = parseHello(tt.body)
		case kindBeat:
			_, err = parseBeat(tt.body)
		case kindUpdate:
			_, err = parseUpdate(tt.body, noon)
		}
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want %v", tt.name, err, ErrMalformed)
		}
	}
}

func TestFrames(t *testing.T) {
	b := endFrame(append(beginFrame(nil, kindBeat), "body"...), 0)
	k, body, err := readFrame(iotest.OneByteReader(bytes.NewReader(b)), nil)
	if k != kindBeat || string(body) != "body" || err != nil {
		t.Errorf("readFrame = %d, %q, %v", k, body, err)
	}
	for n := range b {
		_, _, err := readFrame(bytes.NewReader(b[:n:n]), nil)
		if want := io.ErrUnexpectedEOF; n == 0 && !errors.Is(err, io.EOF) || n > 0 && !errors.Is(err, want) {
			t.Errorf("a frame cut to %d bytes: %v", n, err)
		}
	}
	for name, head := range map[string][]byte{
		"type 0":           {0, 0, 0, 0, 0, 0, 0, 0},
		"type 4":           {4, 0, 0, 0, 0, 0, 0, 0},
		"reserved":         {2, 0, 1, 0, 0, 0, 0, 0},
		"a hello of 5 KiB": {1, 0, 0, 0, 0, 0, 0x14, 0},
		"a beat of 5 MiB":  {2, 0, 0, 0, 0, 0x50, 0, 0},
	} {
		if _, _, err := readFrame(bytes.NewReader(head), nil); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// longest is a reader that notes the longest piece that it was asked for.
type longest struct {
	io.Reader
	n int
}

func (l *longest) Read(p []byte) (int, error) {
	l.n = max(l.n, len(p))
	return l.Reader.Read(p)
}

// TestAnnouncedMemory: a header alone takes little.
func TestAnnouncedMemory(t *testing.T) {
	r := &longest{Reader: bytes.NewReader(append([]byte{3, 0, 0, 0, 0, 0x40, 0, 0}, make([]byte, 100)...))}
	if _, _, err := readFrame(r, nil); !errors.Is(err, io.ErrUnexpectedEOF) || r.n > firstPiece {
		t.Errorf("room for %d bytes when 100 came of 4 MiB, %v", r.n, err)
	}
}

// TestClip: what is printed somewhere else is safe to print.
func TestClip(t *testing.T) {
	tests := []struct {
		in    string
		limit int
		want  string
	}{
		{"plain", 10, "plain"},
		{"plain", 3, "pla"},
		{"naïve", 3, "na"},
		{"a\xffb", 10, "a\uFFFDb"},
		{"a\x1b[2Jb\n", 10, "a [2Jb "},
		{"\u0085x", 10, " x"},
	}
	for _, tt := range tests {
		got := clip(tt.in, tt.limit)
		if got != tt.want || clip(got, tt.limit) != got {
			t.Errorf("clip(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}

// draw makes a random folder.
func draw(r *rand.Rand) status.Folder {
	s := status.Folder{
		Group: string(rune('a' + r.IntN(3))), Folder: string(rune('a' + r.IntN(9))), State: folderStates[r.IntN(len(folderStates))],
		Files: r.Int64N(1e6), Bytes: r.Int64(), UnreadFiles: r.Int64N(3), Connections: []status.Connection{},
	}
	s.Preserved.Files = r.IntN(3)
	for range r.IntN(4) {
		s.Connections = append(s.Connections, status.Connection{
			From: names(4)[r.IntN(4)], To: names(4)[r.IntN(4)], State: connectionStates[r.IntN(len(connectionStates))],
			BacklogFiles: r.Int64N(3), BacklogBytes: r.Int64N(3), OldestSeconds: float64(r.IntN(2) * 60),
		})
	}
	return s
}

// TestParts: an update of any size goes through in frames that stay small, and
// is the same in the end.
func TestParts(t *testing.T) {
	folders, cut := trimAll(load(3000, 20), noon)
	if cut {
		t.Fatal("cut")
	}
	u := &update{host: "fs1", stand: stand{1, 1}, hasNotes: true, notes: make([]byte, MaxNotes), folders: folders}
	var whole *update
	frames := 0
	for rest, part := folders, *u; len(rest) > 0; frames++ {
		part.more, part.folders = false, rest
		rest = part.fit(noon)
		b := part.append(nil, noon)
		if len(b) > 2*partSize+MaxNotes {
			t.Errorf("a frame of %d bytes", len(b))
		}
		got, err := parseUpdate(b, noon)
		if err != nil {
			t.Fatal(err)
		}
		if whole == nil {
			whole = got
		} else if err := whole.join(got); err != nil {
			t.Fatal(err)
		}
		part.hasNotes, part.notes = false, nil
	}
	if frames < 3 || whole.more || !reflect.DeepEqual(whole.folders, folders) || len(whole.notes) != MaxNotes {
		t.Errorf("%d frames, %d folders of %d", frames, len(whole.folders), len(folders))
	}
}

// TestPartsThatDoNotBelongTogether are refused.
func TestPartsThatDoNotBelongTogether(t *testing.T) {
	for name, edit := range map[string]func(*update){
		"another host":  func(u *update) { u.host = "fs2" },
		"another seq":   func(u *update) { u.seq++ },
		"another base":  func(u *update) { u.base = 0 },
		"notes again":   func(u *update) { u.hasNotes = true },
		"an old folder": func(u *update) { u.folders = sampleUpdate().folders },
	} {
		next := sampleUpdate()
		next.hasNotes, next.folders = false, nil
		edit(next)
		if err := sampleUpdate().join(next); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for name, s := range samples() {
		f.Add(map[string]byte{"hello": 1, "beat": 2, "update": 3}[name], s.bytes)
	}
	f.Fuzz(func(t *testing.T, k byte, body []byte) {
		body = slices.Clip(body)
		var again []byte
		var err error
		switch kind(k) {
		case kindHello:
			var m hello
			m, err = parseHello(body)
			again = m.append(nil)
		case kindBeat:
			var m beat
			m, err = parseBeat(body)
			again = m.append(nil)
		case kindUpdate:
			var u *update
			if u, err = parseUpdate(body, noon); err == nil {
				b := u.append(nil, noon)
				v, err := parseUpdate(b, noon)
				if err != nil || !reflect.DeepEqual(u, v) {
					t.Fatalf("%+v comes back as %+v, %v", u, v, err)
				}
			}
			return
		default:
			return
		}
		if err == nil && !bytes.Equal(again, body) {
			t.Fatalf("%x becomes %x", body, again)
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	f.Add(endFrame(append(beginFrame(nil, kindBeat), "body"...), 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, body, err := readFrame(bytes.NewReader(slices.Clip(b)), nil)
		if err == nil && !bytes.Equal(endFrame(append(beginFrame(nil, k), body...), 0), b[:headerSize+len(body)]) {
			t.Fatalf("%x is read as %d, %x", b, k, body)
		}
	})
}
