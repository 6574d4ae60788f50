package dcerpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// callPDU builds a request PDU.
func callPDU(id uint32, flags uint8, context, opnum uint16, stub []byte) []byte {
	b := header{typ: pduRequest, flags: flags, callID: id}.append(nil)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(stub)))
	b = binary.LittleEndian.AppendUint16(b, context)
	b = binary.LittleEndian.AppendUint16(b, opnum)
	return seal(append(b, stub...))
}

// bindPDU builds a bind or alter-context PDU.
func bindPDU(typ pduType, fragment uint16, contexts ...presentation) []byte {
	b := header{typ: typ, flags: flagFirst | flagLast, callID: 1}.append(nil)
	b = binary.LittleEndian.AppendUint16(b, fragment)
	b = binary.LittleEndian.AppendUint16(b, fragment)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = append(b, byte(len(contexts)), 0, 0, 0)
	for _, c := range contexts {
		b = binary.LittleEndian.AppendUint16(b, c.id)
		b = c.abstract.append(append(b, byte(len(c.transfers)), 0))
		for _, s := range c.transfers {
			b = s.append(b)
		}
	}
	return seal(b)
}

// enumStub is NetrShareEnum at a level, with a resume handle where resume >= 0.
func enumStub(level, preferred uint32, resume int) []byte {
	var w writer
	w.null() // server name
	w.u32(level)
	w.u32(level)
	w.pointer()
	w.u32(0)
	w.null()
	w.u32(preferred)
	if resume < 0 {
		w.null()
		return w.b
	}
	w.pointer()
	w.u32(uint32(resume))
	return w.b
}

const whole = flagFirst | flagLast

func TestOpen(t *testing.T) {
	for _, name := range []string{"srvsvc", "WKSSVC", `\srvsvc`, `\PIPE\wkssvc`, `pipe\srvsvc`} {
		if _, err := Open(name, testHost()); err != nil {
			t.Errorf("Open(%q) = %v, want a pipe", name, err)
		}
	}
	for _, name := range []string{"", "lsarpc", `..\srvsvc`, `pipe\..\srvsvc`, "srvsvc\x00", "srvsvc/", `\\srvsvc`} {
		if _, err := Open(name, testHost()); !errors.Is(err, ErrUnknownPipe) {
			t.Errorf("Open(%q) = %v, want %v", name, err, ErrUnknownPipe)
		}
	}
}

func TestBindVerdicts(t *testing.T) {
	ndr64 := syntax{uuid: [16]byte{0x33, 0x05, 0x71, 0x71, 0xba, 0xbe}, version: 1}
	features := syntax{uuid: [16]byte{0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45, 3}, version: 1}
	mine := srvsvc().abstract
	tests := []struct {
		name string
		in   presentation
		want verdict
	}{
		{"NDR 2.0", presentation{0, mine, []syntax{ndr20()}}, verdict{transfer: ndr20()}},
		{"NDR64 first", presentation{0, mine, []syntax{ndr64, ndr20()}}, verdict{transfer: ndr20()}},
		{"NDR64 alone", presentation{0, mine, []syntax{ndr64}}, verdict{result: providerRejection, reason: reasonTransfer}},
		{"bind-time features", presentation{0, mine, []syntax{features}}, verdict{result: negotiateAck}},
		{"another interface", presentation{0, wkssvc().abstract, []syntax{ndr20()}}, verdict{result: providerRejection, reason: reasonAbstract}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.in.judge(mine); got != tt.want {
				t.Errorf("judge(%v) = %v, want %v", tt.in, got, tt.want)
			}
		})
	}
}

// answerType opens srvsvc, writes the PDUs and returns the last answer's type.
func answerType(t *testing.T, pdus ...[]byte) (pduType, error) {
	t.Helper()
	p := boundPipe(t, testHost())
	for _, pdu := range pdus {
		if err := p.Write(pdu); err != nil {
			return 0, err
		}
	}
	b := drain(p)
	h, err := parseHeader(b)
	if err != nil {
		t.Fatalf("answer %x: %v", b, err)
	}
	return h.typ, nil
}

func TestAnswers(t *testing.T) {
	withAuth := bindPDU(pduBind, 4280, presentation{0, srvsvc().abstract, []syntax{ndr20()}})
	withAuth[10] = 8
	tests := []struct {
		name string
		pdu  []byte
		want pduType
	}{
		{"known call", callPDU(1, whole, 0, opShareEnum, enumStub(1, 1<<20, -1)), pduResponse},
		{"unknown operation", callPDU(1, whole, 0, 200, nil), pduFault},
		{"unknown context", callPDU(1, whole, 7, opShareEnum, enumStub(1, 1<<20, -1)), pduFault},
		{"bad stub", callPDU(1, whole, 0, opShareEnum, []byte{1, 2, 3}), pduFault},
		{"bind that authenticates", withAuth, pduBindNak},
		{"alter-context", bindPDU(pduAlter, 4280, presentation{1, srvsvc().abstract, []syntax{ndr20()}}), pduAlterResp},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := answerType(t, tt.pdu); got != tt.want || err != nil {
				t.Errorf("answer = %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestProtocolErrorsEndTheAssociation(t *testing.T) {
	bigEndian := callPDU(1, whole, 0, opShareEnum, nil)
	bigEndian[4] = 0
	authenticated := callPDU(1, whole, 0, opShareEnum, nil)
	authenticated[10] = 16
	tests := map[string][]byte{
		"big-endian":                 bigEndian,
		"authentication on a call":   authenticated,
		"fragment of no call":        callPDU(1, flagLast, 0, opShareEnum, nil),
		"response from a client":     appendFault(1, 0, 5),
		"more contexts than allowed": bindPDU(pduAlter, 4280, make([]presentation, maxContexts+1)...),
		"garbage":                    []byte("GET / HTTP/1.1\r\n\r\n"),
	}
	for name, pdu := range tests {
		t.Run(name, func(t *testing.T) {
			p := boundPipe(t, testHost())
			err := p.Write(pdu)
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("Write = %v, want %v", err, ErrMalformed)
			}
			if again := p.Write(callPDU(2, whole, 0, opServerGetInfo, nil)); !errors.Is(again, err) {
				t.Errorf("Write after the end = %v, want the first error", again)
			}
		})
	}
}

func TestFragmentsOfARequest(t *testing.T) {
	stub := enumStub(1, 0xffffffff, -1)
	p, q := boundPipe(t, testHost()), boundPipe(t, testHost())
	for i, pdu := range [][]byte{
		callPDU(5, flagFirst, 0, opShareEnum, stub[:9]),
		callPDU(5, 0, 0, opShareEnum, stub[9:10]),
		callPDU(5, flagLast, 0, opShareEnum, stub[10:]),
	} {
		if err := p.Write(pdu); err != nil {
			t.Fatalf("fragment %d: %v", i, err)
		}
	}
	if err := q.Write(callPDU(5, whole, 0, opShareEnum, stub)); err != nil {
		t.Fatal(err)
	}
	if got, want := drain(p), drain(q); !slices.Equal(got, want) {
		t.Errorf("answer to fragments = %x, want %x", got, want)
	}
}

func TestCallTooLong(t *testing.T) {
	p := boundPipe(t, testHost())
	err := p.Write(callPDU(5, flagFirst, 0, opShareEnum, make([]byte, 4000)))
	for range maxCall / 4000 {
		if err != nil {
			break
		}
		err = p.Write(callPDU(5, 0, 0, opShareEnum, make([]byte, 4000)))
	}
	if !errors.Is(err, ErrMalformed) {
		t.Errorf("a call without end = %v, want %v", err, ErrMalformed)
	}
}

func TestAnswersUnread(t *testing.T) {
	p := boundPipe(t, testHost())
	var err error
	for i := 0; err == nil && i < maxQueued; i++ {
		err = p.Write(callPDU(1, whole, 0, 200, nil))
	}
	if !errors.Is(err, errFlooded) || p.queued > maxQueued {
		t.Errorf("client that never reads: %v with %d bytes queued", err, p.queued)
	}
}

// manyShares is a host whose listing takes several fragments.
func manyShares(n int) Host {
	h := testHost()
	shares := make([]Share, n)
	for i := range shares {
		shares[i] = Share{Name: fmt.Sprintf("namespace%03d", i), Comment: "One of many", Type: Disktree, DFSRoot: true}
	}
	h.Shares = func() []Share { return shares }
	return h
}

func TestReadInParts(t *testing.T) {
	h := manyShares(300)
	call := callPDU(1, whole, 0, opShareEnum, enumStub(1, 0xffffffff, -1))
	p, q := boundPipe(t, h), boundPipe(t, h)
	if err := errors.Join(p.Write(call), q.Write(call)); err != nil {
		t.Fatal(err)
	}
	want := drain(q)
	var got []byte
	for {
		part, more := p.Read(100)
		if part == nil {
			break
		}
		if more != (len(part) == 100 && p.queued > 0 && !startsPDU(p.queue[0])) {
			t.Fatalf("Read = %d bytes, more %v with %d queued", len(part), more, p.queued)
		}
		got = append(got, part...)
	}
	if !slices.Equal(got, want) || p.queued != 0 {
		t.Errorf("parts of 100 bytes differ from the whole: %d and %d bytes, %d queued", len(got), len(want), p.queued)
	}
	if len(want) < 3*maxFragment {
		t.Errorf("listing of %d bytes does not take several fragments", len(want))
	}
}

func startsPDU(b []byte) bool { return len(b) > headerSize && b[0] == 5 && b[4] == littleEndianASC }
