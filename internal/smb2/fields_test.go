package smb2

import (
	"bytes"
	"reflect"
	"testing"
)

// lowID is the file id of an open whose persistent half is small, as Samba
// makes them.
func lowID(persistent, volatile uint64) FileID { return FileID{persistent, volatile} }

// TestSampleFields compares what was parsed with what the Wireshark dissector
// says of the same bytes.
func TestSampleFields(t *testing.T) {
	tests := []struct {
		name string
		want Body
	}{
		{"negotiate-request-302", NegotiateRequest{
			SecurityMode: SigningEnabled,
			Capabilities: 0x7F,
			ClientGUID:   [16]byte{0x05, 0xb2, 0x84, 0x74, 0x9a, 0x40, 0x45, 0x4c, 0xb4, 0x52, 0x39, 0xb0, 0x3f, 0xa8, 0x21, 0x32},
			Dialects:     []Dialect{Dialect202, Dialect210, Dialect300, Dialect302},
		}},
		{"tree-connect-request", TreeConnectRequest{Path: `\\127.0.0.1\IPC$`}},
		{"tree-connect-response-dfs", TreeConnectResponse{
			Type: ShareDisk, Flags: ShareFlagDFS | ShareFlagDFSRoot, Capabilities: ShareCapDFS, MaximalAccess: 0x001F00A9,
		}},
		{"tree-connect-response-ipc", TreeConnectResponse{Type: SharePipe, MaximalAccess: 0x001F00A9}},
		{"create-request-dfs", CreateRequest{
			Impersonation:  ImpersonationImpersonation,
			DesiredAccess:  AccessReadAttributes,
			FileAttributes: 0x10,
			ShareAccess:    ShareRead | ShareWrite | ShareDelete,
			Disposition:    DispositionOpen,
			Options:        OptionDirectoryFile,
			Name:           `127.0.0.1\dfs\link1`,
		}},
		{"create-request-contexts-128", CreateRequest{
			DesiredAccess:  AccessMaximumAllowed,
			FileAttributes: 0x80,
			ShareAccess:    ShareRead | ShareWrite | ShareDelete,
			Disposition:    DispositionOverwriteIf,
			Options:        0x00200064,
			Name:           "test_create.dat",
			Contexts: []CreateContext{
				{Name: "MxAc"},
				{Name: "AlSi", Data: []byte{0, 0, 0x10, 0, 0, 0, 0, 0}},
				{Name: "DHnQ", Data: make([]byte, 16)},
				{Name: "TWrp", Data: []byte{0x10, 0x27, 0, 0, 0, 0, 0, 0}},
			},
		}},
		{"create-response-contexts", CreateResponse{
			Action:         ActionOverwritten,
			Creation:       134398154987744525,
			LastAccess:     134398154987744525,
			LastWrite:      134398154987759705,
			Change:         134398154987759705,
			AllocationSize: 1048576,
			FileAttributes: 0x20,
			FileID:         lowID(0x97786613, 0xa4288558),
			Contexts:       []CreateContext{MaximalAccessContext(StatusSuccess, 0x001F01FF)},
		}},
		{"close-request", CloseRequest{FileID: lowID(0x8ce192a6, 0x1e12fc66)}},
		{"flush-request", FlushRequest{FileID: lowID(0xb457500c, 0xd285b057)}},
		{"read-request", ReadRequest{Length: 3, FileID: lowID(0xd9de2c7e, 0x9a21b823)}},
		{"read-response", ReadResponse{Data: []byte("vm\n")}},
		{"write-request", WriteRequest{FileID: lowID(0x869e6db7, 0x44b6c6e8), Data: []byte("vm\n")}},
		{"write-response", WriteResponse{Count: 3}},
		{"lock-request-two", LockRequest{
			FileID: lowID(0x291a5539, 0xc696fe7b),
			Locks:  []Lock{{Offset: 9999, Length: 1}, {Offset: 9999, Length: 1, Flags: LockUnlock}},
		}},
		{"ioctl-request-empty", IoctlRequest{
			CtlCode: FSCTLSrvRequestResumeKey, FileID: lowID(0xb2dc473e, 0xd6492c21), MaxOutputResponse: 32, Flags: IoctlIsFSCTL,
		}},
		{"ioctl-request-referral", IoctlRequest{
			CtlCode: FSCTLDFSGetReferrals, FileID: AnyFileID, MaxOutputResponse: 65535, Flags: IoctlIsFSCTL,
			Input: append([]byte{3, 0}, appendUTF16(nil, "\\127.0.0.1\\dfs\x00")...),
		}},
		{"query-directory-request", QueryDirectoryRequest{
			Class: 0x25, FileID: lowID(0x8ce192a6, 0x1e12fc66), Pattern: "*", OutputLength: 8388608,
		}},
		{"change-notify-request", ChangeNotifyRequest{
			Flags: NotifyWatchTree, OutputLength: 1000, FileID: lowID(0x969420ad, 0x93203b70), Filter: 3,
		}},
		{"query-info-request", QueryInfoRequest{
			Type: InfoFileSystem, Class: 3, OutputLength: 65535, FileID: lowID(0x2dbac99d, 0x29200713),
		}},
		{"error-response-buffer-too-small", NeededLength(Dialect302, 20)},
		{"error-response-path-not-covered", ErrorResponse{}},
		{"oplock-break-request", OplockBreakRequest{Level: OplockII, FileID: lowID(0x7a05dab2, 0x9de508b5)}},
		{"oplock-break-response", OplockBreakResponse{Level: OplockII, FileID: lowID(0x7a05dab2, 0x9de508b5)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parserOf(t, tt.name)(sample(t, tt.name))
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("parse = %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

// parserOf finds the parser whose name the sample begins with.
func parserOf(t *testing.T, sample string) parser {
	t.Helper()
	for kind, p := range parsers {
		if sample == kind || len(sample) > len(kind) && sample[:len(kind)+1] == kind+"-" {
			return p
		}
	}
	t.Fatalf("no parser for sample %s", sample)
	return nil
}

func TestValidateNegotiate(t *testing.T) {
	neg, err := ParseNegotiateRequest(sample(t, "negotiate-request-302"))
	if err != nil {
		t.Fatal(err)
	}
	ioctl, err := ParseIoctlRequest(sample(t, "ioctl-request-validate"))
	if err != nil || ioctl.CtlCode != FSCTLValidateNegotiateInfo {
		t.Fatalf("ParseIoctlRequest = %+v, %v", ioctl, err)
	}
	got, err := ParseValidateNegotiateRequest(ioctl.Input)
	want := ValidateNegotiateRequest{
		Capabilities: neg.Capabilities, GUID: neg.ClientGUID, SecurityMode: neg.SecurityMode, Dialects: neg.Dialects,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseValidateNegotiateRequest = %+v, %v, want %+v as negotiated", got, err, want)
	}
	if again := got.Append(nil); !bytes.Equal(again, ioctl.Input) {
		t.Errorf("Append = %x, want %x", again, ioctl.Input)
	}

	answer, err := ParseIoctlResponse(sample(t, "ioctl-response-validate"))
	if err != nil || answer.FileID != AnyFileID {
		t.Fatalf("ParseIoctlResponse = %+v, %v", answer, err)
	}
	p, err := ParseValidateNegotiateResponse(answer.Output)
	wantP := ValidateNegotiateResponse{
		Capabilities: 0x4F, GUID: [16]byte([]byte("caps" + "rv\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")), SecurityMode: SigningEnabled, Dialect: Dialect302,
	}
	if err != nil || p != wantP {
		t.Errorf("ParseValidateNegotiateResponse = %+v, %v, want %+v", p, err, wantP)
	}
	if again := p.Append(nil); !bytes.Equal(again, answer.Output) || len(again) != ValidateNegotiateResponseSize {
		t.Errorf("Append = %x, want %x", again, answer.Output)
	}

	for n := range ioctl.Input {
		if _, err := ParseValidateNegotiateRequest(ioctl.Input[:n:n]); err == nil {
			t.Errorf("ParseValidateNegotiateRequest of %d bytes = nil error", n)
		}
	}
	for n := range answer.Output {
		if _, err := ParseValidateNegotiateResponse(answer.Output[:n:n]); err == nil {
			t.Errorf("ParseValidateNegotiateResponse of %d bytes = nil error", n)
		}
	}
}

// TestIoctlInPlace demands that a response built where it is sent from equals
// one that was copied together.
func TestIoctlInPlace(t *testing.T) {
	output := []byte("twelve bytes")
	h := Header{Command: CommandIoctl, Flags: FlagServerToRedir}
	want := AppendMessage(nil, h, IoctlResponse{CtlCode: FSCTLDFSGetReferrals, FileID: AnyFileID, Output: output})
	got := AppendIoctlHead(h.Append([]byte("before")), FSCTLDFSGetReferrals, AnyFileID)
	if at := len(got) - len("before"); at != IoctlOutputOffset {
		t.Errorf("output begins at %d, want %d", at, IoctlOutputOffset)
	}
	got = append(got, output...)[len("before"):]
	PutIoctlOutput(got, len(output))
	if !bytes.Equal(got, want) {
		t.Errorf("built in place: %x, want %x", got, want)
	}
}

func TestNeededLength(t *testing.T) {
	for _, d := range []Dialect{Dialect202, Dialect302, Dialect311} {
		msg := AppendMessage(nil, Header{Status: StatusBufferTooSmall}, NeededLength(d, 0x01020304))
		p, err := ParseErrorResponse(msg)
		data := p.Data
		if d == Dialect311 && len(p.Contexts) == 1 {
			data = p.Contexts[0].Data
		}
		if err != nil || !bytes.Equal(data, []byte{4, 3, 2, 1}) {
			t.Errorf("NeededLength(%s) = %+v, %v", d, p, err)
		}
	}
}
