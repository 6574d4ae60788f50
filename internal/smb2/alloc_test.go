package smb2

import (
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

// hotPath is what a server does for one referral request between the frame that
// comes and the frame that goes, but for the referral itself.
type hotPath struct {
	frame, output, out []byte
	verify, sign       *Signer
}

func newHotPath(t testing.TB, alg SigningAlgorithm) *hotPath {
	t.Helper()
	p := &hotPath{
		frame:  sample(t, "ioctl-request-referral"),
		output: make([]byte, 200),
		out:    make([]byte, 0, 1024),
		verify: newSigner(t, alg, make([]byte, 16)),
		sign:   newSigner(t, alg, make([]byte, 16)),
	}
	p.verify.Sign(p.frame)
	return p
}

func (p *hotPath) run(t testing.TB) {
	ops := SplitCompound(p.frame)
	for ops.Next() {
		if !p.verify.Verify(ops.Message()) {
			t.Fatal("signature refused")
		}
		q, err := ParseIoctlRequest(ops.Message())
		if err != nil {
			t.Fatal(err)
		}
		b := AppendFrameHeader(p.out[:0])
		b = AppendMessage(b, ops.Header().Response(StatusSuccess, 1), IoctlResponse{q.CtlCode, q.FileID, p.output})
		p.sign.Sign(b[FrameHeaderSize:])
		if err := PutFrameLength(b); err != nil {
			t.Fatal(err)
		}
		p.out = b
	}
	if err := ops.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	for _, alg := range signingAlgorithms {
		p := newHotPath(t, alg)
		if n := testing.AllocsPerRun(200, func() { p.run(t) }); n != 0 {
			t.Errorf("%s: a referral request allocates %v times, want 0", alg, n)
		}
	}
}

func TestInPlaceIoctlDoesNotAllocate(t *testing.T) {
	b := make([]byte, 0, 1024)
	output := make([]byte, 200)
	if n := testing.AllocsPerRun(200, func() {
		b = AppendIoctlHead(Header{}.Append(b[:0]), FSCTLDFSGetReferrals, AnyFileID)
		b = append(b, output...)
		PutIoctlOutput(b, len(output))
	}); n != 0 {
		t.Errorf("a response built in place allocates %v times, want 0", n)
	}
}

func TestErrorResponseDoesNotAllocate(t *testing.T) {
	b := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(200, func() {
		b = AppendMessage(b[:0], Header{Status: StatusPathNotCovered}, ErrorResponse{})
	}); n != 0 {
		t.Errorf("an error response allocates %v times, want 0", n)
	}
}

func TestSealOpenDoNotAllocate(t *testing.T) {
	for _, c := range ciphers {
		s, o := pair(t, c)
		plain := make([]byte, 300)
		packet, room := make([]byte, 0, 1024), make([]byte, 0, 1024)
		if n := testing.AllocsPerRun(200, func() {
			var err error
			if packet, err = s.Seal(packet[:0], plain, 1); err != nil {
				t.Fatal(err)
			}
			if _, err = o.Open(room, packet); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: Seal and Open allocate %v times, want 0", c, n)
		}
	}
}

// retained returns the heap that one value made by f holds on to.
func retained(f func() any) int {
	const count = 1000
	keep := make([]any, count)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range keep {
		keep[i] = f()
	}
	after := heap()
	runtime.KeepAlive(keep)
	return int(int64(after)-int64(before)) / count
}

// TestKeyMemory holds the sizes that the comments of Signer and Sealer state.
// 10,000 sessions that sign and encrypt both ways then take 26 MB at most.
func TestKeyMemory(t *testing.T) {
	msg := AppendMessage(nil, Header{}, EchoRequest{})
	for _, alg := range signingAlgorithms {
		n := retained(func() any {
			s := newSigner(t, alg, make([]byte, 16))
			s.Sign(msg)
			return s
		})
		t.Logf("signer %s: %d bytes", alg, n)
		if n > 900 {
			t.Errorf("a signer of %s takes %d bytes, want at most 900", alg, n)
		}
	}
	for _, c := range ciphers {
		idle := retained(func() any { s, _ := pair(t, c); return s })
		used := retained(func() any { s, _ := pair(t, c); seal(t, s, nil, nil, 1); return s })
		t.Logf("sealer %s: %d bytes, %d once used", c, idle, used)
		if idle > 100 || used > 900 {
			t.Errorf("a sealer of %s takes %d bytes, %d once used, want at most 100 and 900", c, idle, used)
		}
	}
	if n := unsafe.Sizeof(Opener{}); n > 96 {
		t.Errorf("an opener takes %d bytes, want at most 96", n)
	}
}

// TestParseAllocationBounded demands that no message makes a parser allocate
// more than a small multiple of its length.
func TestParseAllocationBounded(t *testing.T) {
	check := func(name string, p parser, msg []byte) {
		t.Helper()
		got := allocated(func() { _, _ = p(msg) })
		if limit := uint64(8*len(msg) + 1024); got > limit {
			t.Errorf("%s of %d bytes: %d bytes allocated, want at most %d", name, len(msg), got, limit)
		}
	}
	for kind, p := range parsers {
		for _, name := range sampleNames(t, kind) {
			msg := sample(t, name)
			check(name, p, msg)
			for at := HeaderSize; at+4 <= min(len(msg), 200); at++ {
				b := append([]byte(nil), msg...)
				le.PutUint32(b[at:], 0xFFFFFFFF)
				check(name, p, b)
			}
		}
	}
	contexts := []context{{kind: contextPreauth, data: goodPreauth}}
	for len(contexts) < MaxContexts {
		contexts = append(contexts, context{kind: 5})
	}
	check("most negotiate contexts", parsers["negotiate-request"], offer(contexts...))
	locks := AppendMessage(nil, Header{}, LockRequest{Locks: make([]Lock, 2000)})
	check("many locks", parsers["lock-request"], locks)
	var creates []CreateContext
	for range MaxContexts {
		creates = append(creates, CreateContext{Name: "MxAc"})
	}
	check("most create contexts", parsers["create-request"], AppendMessage(nil, Header{}, CreateRequest{Contexts: creates}))
	path := AppendMessage(nil, Header{}, TreeConnectRequest{Path: strings.Repeat("€", 30000)})
	check("long path", parsers["tree-connect-request"], path)
}
