package index

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"dfsd/replication/version"
)

var (
	sampleStamp    = stamped{stamp: version.Stamp{Origin: originOf(3), Count: 300}, file: fileID(2), size: 1000, clock: -5}
	sampleFacts    = Facts{ID: fileID(1), Dev: 2, Inode: 300, Birth: -1, Changed: 1, Modified: -2, Size: 64}
	samplePeer     = Peer{Name: "par", Heard: 300}
	sampleAged     = aged{hash: hashOf(1), size: 300}
	sampleInstance = identity{origin: originOf(9), folds: "15.0.0/9"}
)

// payloads are the encodings that this package makes itself, each with its
// golden bytes, worked out by hand from the varints of encoding/binary.
var payloads = []struct {
	name   string
	golden []byte
	value  any
	open   bool // may be followed by anything
	append func([]byte) []byte
	parse  func([]byte) (any, error)
}{
	{
		"stamped",
		[]byte{0xe8, 0x07, 0x09},
		sampleStamp, false, sampleStamp.append,
		func(b []byte) (any, error) {
			v, err := parseStamped(append(stampKey(sampleStamp.stamp), bytesOf(sampleStamp.file)...), b)
			return v, err
		},
	},
	{
		"facts",
		[]byte{0x02, 0xac, 0x02, 0x01, 0x02, 0x03, 0x80, 0x01},
		sampleFacts, false, sampleFacts.append,
		func(b []byte) (any, error) { v, err := parseFacts(fileID(1), b); return v, err },
	},
	{
		"peer", append(version.Vector{}.Append(nil), 0xd8, 0x04), samplePeer, false, samplePeer.append,
		func(b []byte) (any, error) { v, err := parsePeer("par", b); return v, err },
	},
	{
		"aged", append(bytes.Clone(sampleAged.hash[:]), 0xac, 0x02), sampleAged, false, sampleAged.append,
		func(b []byte) (any, error) { v, err := parseAged(b); return v, err },
	},
	{
		"identity", slices.Concat([]byte{1}, sampleInstance.origin[:], []byte("15.0.0/9")), sampleInstance, true, sampleInstance.append,
		func(b []byte) (any, error) { v, err := parseIdentity(b); return v, err },
	},
}

func TestPayloadsMatchTheirGoldenBytes(t *testing.T) {
	for _, p := range payloads {
		if got := p.append(nil); !bytes.Equal(got, p.golden) {
			t.Errorf("%s: append = %x, want %x", p.name, got, p.golden)
		}
		if got, err := p.parse(p.golden); err != nil || !reflect.DeepEqual(got, p.value) {
			t.Errorf("%s: parse = %+v, %v, want %+v", p.name, got, err, p.value)
		}
		if p.open {
			continue
		}
		for n := range p.golden {
			if _, err := p.parse(p.golden[:n:n]); err == nil {
				t.Errorf("%s: parse of %d of %d bytes succeeded", p.name, n, len(p.golden))
			}
		}
		if _, err := p.parse(append(bytes.Clone(p.golden), 0)); err == nil {
			t.Errorf("%s: parse with a byte too many succeeded", p.name)
		}
	}
}

func TestSealMatchesItsGoldenBytes(t *testing.T) {
	got := seal([]byte("front"), []byte("key"), []byte("payload"))
	want := append([]byte("front\x01payload"), got[len(got)-sumSize:]...)
	if !bytes.Equal(got, want) {
		t.Errorf("seal = %q, want %q", got, want)
	}
	value := got[len("front"):]
	if payload, err := unseal([]byte("key"), value); err != nil || string(payload) != "payload" {
		t.Errorf("unseal = %q, %v", payload, err)
	}
	for n := range value {
		if _, err := unseal([]byte("key"), value[:n:n]); !errors.Is(err, errMalformed) {
			t.Errorf("unseal of %d bytes = %v, want errMalformed", n, err)
		}
	}
	for i := range 8 * len(value) {
		bad := bytes.Clone(value)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := unseal([]byte("key"), bad); !errors.Is(err, errMalformed) {
			t.Errorf("unseal with bit %d flipped = %v, want errMalformed", i, err)
		}
	}
	if _, err := unseal([]byte("kez"), value); !errors.Is(err, errMalformed) {
		t.Errorf("unseal under another key = %v, want errMalformed", err)
	}
}

// FuzzPayloads: no bytes make a parser panic or read beyond its end.
func FuzzPayloads(f *testing.F) {
	for i, p := range payloads {
		f.Add(byte(i), p.golden)
	}
	f.Fuzz(func(_ *testing.T, which byte, b []byte) {
		p := payloads[int(which)%len(payloads)]
		_, _ = p.parse(slices.Clip(b)) // refuses or not: what matters is that it returns
		_, _ = unseal([]byte("key"), slices.Clip(b))
		_, _ = parseStamped(append([]byte{tableStamp}, b...), b)
	})
}

func TestFold(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"", ""},
		{"Plan 1.txt", "PLAN 1.TXT"},
		{"e\u0301", "\u00c9"},
		{"\u00e9", "\u00c9"},
		{"\u03c2", "\u03a3"}, // final sigma
		{"\u212a", "K"},      // Kelvin sign
		{"\xffa\xfe", "\xffA\xfe"},
	} {
		if got := fold(test.name); got != test.want {
			t.Errorf("fold(%q) = %q, want %q", test.name, got, test.want)
		}
		if got := fold(test.want); got != test.want {
			t.Errorf("fold(%q) = %q, want it unchanged", test.want, got)
		}
	}
}
