package index

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

var (
	sampleStamp  = stamped{stamp: version.Stamp{Origin: originOf(3), Count: 300}, file: fileID(2), size: 1000, clock: -5}
	sampleFacts  = Facts{ID: fileID(1), Dev: 2, Inode: 300, Birth: -1, Changed: 1, Modified: -2, Size: 64}
	samplePeer   = Peer{Name: "par", Heard: 300}
	sampleAged   = aged{hash: hashOf(1), size: 300}
	sampleTraits = aged{hash: hashOf(1), size: 300, hasTraits: true, traits: [traitCount]uint16{1, 2, 3, 4, 5, 6, 7, 0xfffe}}
	sampleTotals = Totals{Files: 1, Directories: 2, Links: -3, Bytes: 64}
	sampleMeta   = reconcile.Meta{
		Phase: reconcile.Merging, Primary: true, Origin: originOf(9), Count: 300, Fence: 1<<32 - 1,
		Seen: vector(version.Stamp{Origin: originOf(2), Count: 5}),
	}
)

// payloads are the encodings that this package makes itself, each with its
// golden bytes, worked out by hand from the varints of encoding/binary.
var payloads = []struct {
	name   string
	golden []byte
	value  any
	valid  int // the length of the one strict prefix that is a payload too, 0 for none
	append func([]byte) []byte
	parse  func([]byte) (any, error)
}{
	{
		"stamped",
		[]byte{0xe8, 0x07, 0x09},
		sampleStamp, 0, sampleStamp.append,
		func(b []byte) (any, error) {
			v, err := parseStamped(append(stampKey(sampleStamp.stamp), bytesOf(sampleStamp.file)...), b)
			return v, err
		},
	},
	{
		"facts",
		[]byte{0x02, 0xac, 0x02, 0x01, 0x02, 0x03, 0x80, 0x01},
		sampleFacts, 0, sampleFacts.append,
		func(b []byte) (any, error) { v, err := parseFacts(fileID(1), b); return v, err },
	},
	{
		"peer", append(version.Vector{}.Append(nil), 0xd8, 0x04), samplePeer, 0, samplePeer.append,
		func(b []byte) (any, error) { v, err := parsePeer("par", b); return v, err },
	},
	{
		"aged", append(bytes.Clone(sampleAged.hash[:]), 0xac, 0x02), sampleAged, 0, sampleAged.append,
		func(b []byte) (any, error) { v, err := parseAged(b); return v, err },
	},
	{
		"aged with traits",
		slices.Concat(sampleAged.hash[:], []byte{0xac, 0x02, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0xff, 0xfe}),
		sampleTraits, len(sampleAged.hash) + 2, sampleTraits.append,
		func(b []byte) (any, error) { v, err := parseAged(b); return v, err },
	},
	{
		"totals",
		[]byte{0x02, 0x04, 0x05, 0x80, 0x01},
		sampleTotals, 0, sampleTotals.append,
		func(b []byte) (any, error) { v, err := parseTotals(b); return v, err },
	},
	{
		"meta",
		slices.Concat(
			[]byte{2, 1}, sampleMeta.Origin[:], []byte{0xac, 0x02, 0xff, 0xff, 0xff, 0xff, 0x0f},
			[]byte{1, 1, 2}, make([]byte, 14), []byte{7, 5}, []byte{1, 0}),
		sampleMeta, 0, func(b []byte) []byte { return appendMeta(b, &sampleMeta) },
		func(b []byte) (any, error) { v, err := parseMeta(b); return v, err },
	},
	{
		"files",
		slices.Concat(bytesOf(fileID(1)), bytesOf(fileID(2))),
		[]replication.FileID{fileID(1), fileID(2)},
		idSize,
		func(b []byte) []byte { return appendIDs(b, []replication.FileID{fileID(1), fileID(2)}) },
		func(b []byte) (any, error) { v, err := parseIDs(b); return v, err },
	},
	{
		"identity",
		[]byte{2},
		nil, 0,
		func(b []byte) []byte { return append(b, indexFormat) },
		func(b []byte) (any, error) { return nil, parseIdentity(b) },
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
		for n := range p.golden {
			if p.valid != 0 && n == p.valid {
				continue
			}
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
