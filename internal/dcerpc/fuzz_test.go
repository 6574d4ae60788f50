package dcerpc

import (
	"errors"
	"slices"
	"testing"
)

// TestPrefixesAreRefused: no strict prefix of a real PDU is taken for a PDU.
func TestPrefixesAreRefused(t *testing.T) {
	_, all := readGolden(t)
	for _, c := range all {
		for n := range c.request {
			if n == 0 {
				continue // writing nothing asks nothing
			}
			p := boundPipe(t, testHost())
			if err := p.Write(c.request[:n:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s cut to %d bytes = %v, want %v", c.name, n, err, ErrMalformed)
			}
		}
	}
}

// TestStubPrefixesAreRefused: nor any strict prefix of a stub for a call.
func TestStubPrefixesAreRefused(t *testing.T) {
	stubs := map[string]struct {
		run  operation
		stub []byte
	}{
		"share enum":     {shareEnum, enumStub(1, 1000, 3)},
		"share get info": {shareGetInfo, infoStub("dfs", 1005)},
		"server info":    {serverGetInfo, []byte{0, 0, 0, 0, 101, 0, 0, 0}},
		"wksta info":     {wkstaGetInfo, []byte{0, 0, 0, 0, 100, 0, 0, 0}},
	}
	for name, s := range stubs {
		for n := range s.stub {
			if err := s.run(testHost(), &reader{b: s.stub[:n:n]}, &writer{}); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s cut to %d bytes = %v, want %v", name, n, err, ErrMalformed)
			}
		}
	}
}

func FuzzBind(f *testing.F) {
	f.Add(bindPDU(pduBind, 4280, presentation{0, srvsvc().abstract, []syntax{ndr20()}})[headerSize:])
	f.Add(bindPDU(pduBind, 0, presentation{9, wkssvc().abstract, []syntax{ndr20(), ndr20()}}, presentation{})[headerSize:])
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := parseBind(slices.Clip(b))
		if (err == nil) != (len(q.contexts) > 0 && len(q.contexts) <= maxContexts) && err == nil {
			t.Errorf("parseBind took %d contexts", len(q.contexts))
		}
	})
}

// FuzzPipe writes arbitrary bytes to a bound pipe. Whatever they are, the
// answers are whole PDUs, and what is queued stays bounded.
func FuzzPipe(f *testing.F) {
	_, all := readGolden(f)
	for _, c := range all {
		f.Add(c.request)
		f.Add(append(slices.Clone(all[0].request), c.request...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := boundPipe(t, testHost())
		err := p.Write(slices.Clip(b))
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("Write = %v, want nothing or %v", err, ErrMalformed)
		}
		if p.queued > maxQueued {
			t.Fatalf("%d bytes queued", p.queued)
		}
		for got := drain(p); len(got) > 0; {
			h, err := parseHeader(got)
			if err != nil {
				t.Fatalf("answer is no PDU: %v", err)
			}
			got = got[h.fragLength:]
		}
	})
}

// FuzzCall gives arbitrary stubs to every operation. Answers stay in
// proportion to what there is to tell.
func FuzzCall(f *testing.F) {
	f.Add(uint16(opShareEnum), enumStub(1, 1000, 0))
	f.Add(uint16(opShareGetInfo), infoStub("dfs", 502))
	f.Add(uint16(opServerGetInfo), []byte{0, 0, 0, 0, 102, 0, 0, 0})
	f.Fuzz(func(t *testing.T, opnum uint16, stub []byte) {
		for _, s := range []service{srvsvc(), wkssvc()} {
			run, known := s.operations[opnum]
			if !known {
				continue
			}
			out := &writer{}
			if err := run(testHost(), &reader{b: slices.Clip(stub)}, out); err != nil && !errors.Is(err, ErrMalformed) {
				t.Errorf("operation %d = %v", opnum, err)
			}
			if len(out.b) > 4096 {
				t.Errorf("operation %d answers %d bytes", opnum, len(out.b))
			}
		}
	})
}
