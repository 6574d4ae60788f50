package smb2

import (
	"errors"
	"reflect"
	"testing"
)

// context is one negotiate context as bytes; length overrides the DataLength
// where it is not 0.
type context struct {
	kind   uint16
	data   string
	length uint16
}

const goodPreauth = "\x01\x00\x02\x00\x01\x00SS"

// offer builds a NEGOTIATE request that offers 3.1.1 with these contexts.
func offer(contexts ...context) []byte {
	msg := AppendMessage(nil, Header{}, NegotiateRequest{Dialects: []Dialect{Dialect210, Dialect311}})
	w := writer{msg}
	w.align8(0)
	le.PutUint32(w.b[HeaderSize+28:], uint32(len(w.b)))
	le.PutUint16(w.b[HeaderSize+32:], uint16(len(contexts)))
	for _, c := range contexts {
		w.align8(0)
		w.u16(c.kind)
		n := c.length
		if n == 0 {
			n = uint16(len(c.data))
		}
		w.u16(n)
		w.u32(0)
		w.bytes([]byte(c.data))
	}
	return w.b
}

func TestNegotiateContexts(t *testing.T) {
	preauth := context{kind: contextPreauth, data: goodPreauth}
	tests := []struct {
		name string
		list []context
		want error
	}{
		{"preauth alone", []context{preauth}, nil},
		{"no context", nil, ErrContextMissing},
		{"no preauth", []context{{kind: contextEncryption, data: "\x01\x00\x02\x00"}}, ErrContextMissing},
		{"two preauth", []context{preauth, preauth}, ErrContextDuplicate},
		{"two encryption", []context{preauth, {kind: 2, data: "\x01\x00\x02\x00"}, {kind: 2, data: "\x01\x00\x02\x00"}}, ErrContextDuplicate},
		{"two compression", []context{preauth, {kind: 3, data: "\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00"}, {kind: 3, data: "\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00"}}, ErrContextDuplicate},
		{"two RDMA", []context{preauth, {kind: 7, data: "\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00"}, {kind: 7, data: "\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00"}}, ErrContextDuplicate},
		{"two signing", []context{preauth, {kind: 8, data: "\x01\x00\x02\x00"}, {kind: 8, data: "\x01\x00\x02\x00"}}, ErrContextDuplicate},
		{"two names", []context{preauth, {kind: 5, data: "a\x00"}, {kind: 5, data: "b\x00"}}, nil},
		{"two unknown", []context{preauth, {kind: 0x100, data: "x"}, {kind: 0x100, data: "x"}}, nil},
		{"no hash", []context{{kind: 1, data: "\x00\x00\x02\x00SS"}}, nil},
		{"no cipher", []context{preauth, {kind: 2, data: "\x00\x00"}}, nil},
		{"no compression", []context{preauth, {kind: 3, data: "\x00\x00\x00\x00\x00\x00\x00\x00"}}, ErrContextEmpty},
		{"no RDMA transform", []context{preauth, {kind: 7, data: "\x00\x00\x00\x00\x00\x00\x00\x00"}}, ErrContextEmpty},
		{"no signing algorithm", []context{preauth, {kind: 8, data: "\x00\x00"}}, ErrContextEmpty},
		{"preauth without counts", []context{{kind: 1, data: "\x01\x00\x02"}}, ErrContextShort},
		{"hashes cut", []context{{kind: 1, data: "\x02\x00\x00\x00\x01\x00"}}, ErrContextShort},
		{"salt cut", []context{{kind: 1, data: "\x01\x00\x03\x00\x01\x00SS"}}, ErrContextShort},
		{"encryption without count", []context{preauth, {kind: 2, data: "\x01"}}, ErrContextShort},
		{"empty encryption", []context{preauth, {kind: 2}}, ErrContextShort},
		{"ciphers cut", []context{preauth, {kind: 2, data: "\x02\x00\x01\x00"}}, ErrContextShort},
		{"compression cut", []context{preauth, {kind: 3, data: "\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00"}}, ErrContextShort},
		{"compression without flags", []context{preauth, {kind: 3, data: "\x01\x00\x00\x00"}}, ErrContextShort},
		{"RDMA cut", []context{preauth, {kind: 7, data: "\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00"}}, ErrContextShort},
		{"signing cut", []context{preauth, {kind: 8, data: "\xFF\xFF\x01\x00"}}, ErrContextShort},
		{"signing without count", []context{preauth, {kind: 8, data: "\x01"}}, ErrContextShort},
		{"data past the end", []context{preauth, {kind: 5, data: "ab", length: 3}}, ErrMalformed},
		{"most ciphers", []context{preauth, {kind: 2, data: "\x40\x00" + string(make([]byte, 128))}}, nil},
		{"too many ciphers", []context{preauth, {kind: 2, data: "\x41\x00" + string(make([]byte, 130))}}, ErrTooMany},
		{"most contexts", append([]context{preauth}, make([]context, MaxContexts-1)...), nil},
		{"too many contexts", append([]context{preauth}, make([]context, MaxContexts)...), ErrTooMany},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			msg := offer(tt.list...)
			q, err := ParseNegotiateRequest(msg)
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("ParseNegotiateRequest = %+v, %v, want %v", q, err, tt.want)
			}
			if err != nil && !errors.Is(err, ErrMalformed) {
				t.Errorf("error %v does not wrap %v", err, ErrMalformed)
			}
		})
	}
}

func TestNegotiateContextValues(t *testing.T) {
	q, err := ParseNegotiateRequest(sample(t, "negotiate-request-311"))
	if err != nil {
		t.Fatal(err)
	}
	c := q.Contexts
	if want := []Cipher{CipherAES128GCM, CipherAES128CCM, CipherAES256GCM, CipherAES256CCM}; !reflect.DeepEqual(c.Encryption.Ciphers, want) {
		t.Errorf("ciphers = %v, want %v", c.Encryption.Ciphers, want)
	}
	if want := []SigningAlgorithm{SigningAESGMAC, SigningAESCMAC, SigningHMACSHA256}; !reflect.DeepEqual(c.Signing.Algorithms, want) {
		t.Errorf("signing algorithms = %v, want %v", c.Signing.Algorithms, want)
	}
	if want := []NegotiateContext{{Type: 5, Data: appendUTF16(nil, "127.0.0.1")}}; !reflect.DeepEqual(c.Others, want) {
		t.Errorf("other contexts = %v, want %v", c.Others, want)
	}
}

// TestContextsOnlyWith311 demands that bytes 28..35, the start time of older
// clients, are not taken for a context list.
func TestContextsOnlyWith311(t *testing.T) {
	msg := AppendMessage(nil, Header{}, NegotiateRequest{Dialects: []Dialect{Dialect202, Dialect302}})
	for i := range 8 {
		msg[HeaderSize+28+i] = 0xFF
	}
	if q, err := ParseNegotiateRequest(msg); err != nil || q.Contexts.count() != 0 {
		t.Errorf("ParseNegotiateRequest = %+v, %v, want no contexts", q, err)
	}
	p := AppendMessage(nil, Header{}, NegotiateResponse{Dialect: Dialect302})
	le.PutUint16(p[HeaderSize+6:], 0xFFFF)
	if got, err := ParseNegotiateResponse(p); err != nil || got.Contexts.count() != 0 {
		t.Errorf("ParseNegotiateResponse = %+v, %v, want no contexts", got, err)
	}
}

func TestNegotiateDialects(t *testing.T) {
	list := func(n int) []byte {
		return AppendMessage(nil, Header{}, NegotiateRequest{Dialects: make([]Dialect, n)})
	}
	tests := []struct {
		name string
		msg  []byte
		want error
	}{
		{"none", list(0), ErrNoDialects},
		{"one", list(1), nil},
		{"most", list(MaxDialects), nil},
		{"too many", list(MaxDialects + 1), ErrTooMany},
	}
	for _, tt := range tests {
		if _, err := ParseNegotiateRequest(tt.msg); !errors.Is(err, tt.want) {
			t.Errorf("%s: ParseNegotiateRequest = %v, want %v", tt.name, err, tt.want)
		}
	}
}

// TestContextListPlace demands that the context list may not overlap what
// stands before it and must be aligned.
func TestContextListPlace(t *testing.T) {
	good := offer(context{kind: contextPreauth, data: goodPreauth})
	at := le.Uint32(good[HeaderSize+28:])
	for _, off := range []uint32{0, 8, 64, 96, at - 4, at + 1, at + 8, uint32(len(good)), 0x7FFFFFF8, 0xFFFFFFF8} {
		msg := append([]byte(nil), good...)
		le.PutUint32(msg[HeaderSize+28:], off)
		if _, err := ParseNegotiateRequest(msg); !errors.Is(err, ErrMalformed) {
			t.Errorf("context list at %d: %v, want %v", off, err, ErrMalformed)
		}
	}
}

func TestSMB1Negotiate(t *testing.T) {
	got, err := ParseSMB1Negotiate(sample(t, "smb1-negotiate"))
	want := []string{"NT LANMAN 1.0", "NT LM 0.12", SMB1Dialect202, SMB1DialectWildcard}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseSMB1Negotiate = %q, %v, want %q", got, err, want)
	}
	again, err := ParseSMB1Negotiate(AppendSMB1Negotiate(nil, want...))
	if err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("ParseSMB1Negotiate(AppendSMB1Negotiate) = %q, %v, want %q", again, err, want)
	}
}

func TestSMB1NegotiateRefused(t *testing.T) {
	valid := AppendSMB1Negotiate(nil, "NT LM 0.12", SMB1DialectWildcard)
	mutate := func(at int, v byte) []byte {
		b := append([]byte(nil), valid...)
		b[at] = v
		return b
	}
	many := make([]string, MaxDialects+1)
	tests := []struct {
		name string
		b    []byte
	}{
		{"SMB2", mutate(0, 0xFE)},
		{"other command", mutate(4, 0x73)},
		{"words", mutate(32, 1)},
		{"byte count too large", mutate(33, valid[33]+1)},
		{"byte count cuts a string", mutate(33, valid[33]-1)},
		{"no string", mutate(35, 4)},
		{"too many", AppendSMB1Negotiate(nil, many...)},
	}
	for n := range valid {
		tests = append(tests, struct {
			name string
			b    []byte
		}{"prefix", valid[:n:n]})
	}
	for _, tt := range tests {
		if got, err := ParseSMB1Negotiate(tt.b); !errors.Is(err, ErrMalformed) || got != nil {
			t.Errorf("%s: ParseSMB1Negotiate(%x) = %q, %v, want %v", tt.name, tt.b, got, err, ErrMalformed)
		}
	}
	if got, err := ParseSMB1Negotiate(AppendSMB1Negotiate(nil)); err != nil || len(got) != 0 {
		t.Errorf("ParseSMB1Negotiate without dialects = %q, %v", got, err)
	}
}
