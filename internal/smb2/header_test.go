package smb2

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func genHeader(t *rapid.T) Header {
	h := Header{
		CreditCharge: rapid.Uint16().Draw(t, "credit charge"),
		Status:       Status(rapid.Uint32().Draw(t, "status")),
		Command:      Command(rapid.Uint16().Draw(t, "command")),
		Credits:      rapid.Uint16().Draw(t, "credits"),
		Flags:        Flags(rapid.Uint32().Draw(t, "flags")),
		NextCommand:  rapid.Uint32().Draw(t, "next"),
		MessageID:    rapid.Uint64().Draw(t, "message id"),
		SessionID:    rapid.Uint64().Draw(t, "session id"),
		Signature:    [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "signature")),
	}
	if h.Flags.Has(FlagAsync) {
		h.AsyncID = rapid.Uint64().Draw(t, "async id")
	} else {
		h.ProcessID = rapid.Uint32().Draw(t, "process id")
		h.TreeID = rapid.Uint32().Draw(t, "tree id")
	}
	return h
}

func TestHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genHeader(t)
		b := want.Append(nil)
		if len(b) != HeaderSize {
			t.Fatalf("Append gives %d bytes, want %d", len(b), HeaderSize)
		}
		if got, err := ParseHeader(append(b, 1, 2, 3)); err != nil || got != want {
			t.Fatalf("ParseHeader = %+v, %v, want %+v", got, err, want)
		}
	})
}

func TestHeaderAsync(t *testing.T) {
	h, err := ParseHeader(sample(t, "error-response-pending"))
	if err != nil || !h.Flags.Has(FlagAsync|FlagServerToRedir) || h.Status != StatusPending || h.AsyncID != 0x0a {
		t.Errorf("ParseHeader = %+v, %v, want an async response with id 10", h, err)
	}
}

func TestHeaderRefused(t *testing.T) {
	valid := sample(t, "echo-request")[:HeaderSize]
	mutate := func(at int, v byte) []byte {
		b := bytes.Clone(valid)
		b[at] = v
		return b
	}
	tests := []struct {
		name string
		b    []byte
		want error
	}{
		{"SMB1", mutate(0, 0xFF), ErrProtocol},
		{"transform", mutate(0, 0xFD), ErrProtocol},
		{"compressed", mutate(0, 0xFC), ErrProtocol},
		{"other protocol", mutate(3, 'b'), ErrProtocol},
		{"structure size", mutate(4, 63), ErrMalformed},
		{"structure size, high byte", mutate(5, 1), ErrMalformed},
		{"nothing", nil, ErrMalformed},
	}
	for n := range HeaderSize {
		tests = append(tests, struct {
			name string
			b    []byte
			want error
		}{"prefix", valid[:n:n], ErrMalformed})
	}
	for _, tt := range tests {
		if h, err := ParseHeader(tt.b); !errors.Is(err, tt.want) || h != (Header{}) {
			t.Errorf("%s: ParseHeader(%x) = %+v, %v, want %v", tt.name, tt.b, h, err, tt.want)
		}
	}
}

func TestHeaderResponse(t *testing.T) {
	q := Header{
		CreditCharge: 3, Status: 7, Command: CommandIoctl, Credits: 200,
		Flags:       FlagSigned | FlagRelated | FlagDFS | 0x30,
		NextCommand: 88, MessageID: 9, ProcessID: 0xFEFF, TreeID: 4, SessionID: 5, Signature: [16]byte{1},
	}
	want := Header{
		CreditCharge: 3, Status: StatusNotFound, Command: CommandIoctl, Credits: 31,
		Flags:     FlagServerToRedir | FlagRelated | 0x30,
		MessageID: 9, ProcessID: 0xFEFF, TreeID: 4, SessionID: 5,
	}
	if got := q.Response(StatusNotFound, 31); got != want || !got.IsResponse() || q.IsResponse() {
		t.Errorf("Response = %+v, want %+v", got, want)
	}
}

func TestPatch(t *testing.T) {
	b := Header{Command: CommandCreate, Flags: FlagServerToRedir}.Append(nil)
	SetStatus(b, StatusPathNotCovered)
	SetCredits(b, 500)
	AddFlags(b, FlagRelated)
	SetMessageID(b, 77)
	SetTreeID(b, 78)
	SetSessionID(b, 79)
	want := Header{
		Command: CommandCreate, Status: StatusPathNotCovered, Credits: 500,
		Flags: FlagServerToRedir | FlagRelated, MessageID: 77, TreeID: 78, SessionID: 79,
	}
	if got, err := ParseHeader(b); err != nil || got != want {
		t.Errorf("patched header = %+v, %v, want %+v", got, err, want)
	}
}

func TestNames(t *testing.T) {
	tests := []struct{ got, want string }{
		{CommandNegotiate.String(), "NEGOTIATE"},
		{CommandIoctl.String(), "IOCTL"},
		{CommandOplockBreak.String(), "OPLOCK_BREAK"},
		{Command(0x99).String(), "COMMAND_0x0099"},
		{Dialect202.String(), "2.0.2"},
		{Dialect210.String(), "2.1"},
		{Dialect300.String(), "3.0"},
		{Dialect302.String(), "3.0.2"},
		{Dialect311.String(), "3.1.1"},
		{DialectWildcard.String(), "2.???"},
		{Dialect(7).String(), "0x0007"},
		{CipherNone.String(), "none"},
		{CipherAES256GCM.String(), "AES-256-GCM"},
		{Cipher(9).String(), "cipher 9"},
		{SigningAESGMAC.String(), "AES-128-GMAC"},
		{SigningAlgorithm(9).String(), "signing algorithm 9"},
		{AnyFileID.String(), "ffffffffffffffff:ffffffffffffffff"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("String() = %q, want %q", tt.got, tt.want)
		}
	}
	if len(commandNames) != int(MaxCommand)+1 {
		t.Errorf("%d command names, want %d", len(commandNames), MaxCommand+1)
	}
}
