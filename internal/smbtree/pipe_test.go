package smbtree

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"dfsd/internal/smb2"
)

// The bind to srvsvc and the NetrShareEnum of level 1 as rpcclient 4.17.12 sent
// them (captured with tshark).
const (
	bindRequest = `05000b03100000004800000001000000b810b810000000000100000000000100c84f324b7016d30112785a47bf6ee188
		03000000045d888aeb1cc9119fe808002b10486002000000`
	shareEnum = `05000003100000005800000004000000400000000000240000000200090000000000000009000000310030002e003000
		2e0032002e003200000000000100000001000000040002000000000000000000ffffffff00000000`
)

func pipes(t testing.TB) *Tree {
	t.Helper()
	return connect(t, testForest(t), "IPC$", Client{})
}

func openSrvsvc(t testing.TB) *Open {
	t.Helper()
	return mustOpen(t, pipes(t), openRequest("srvsvc"))
}

// TestCreatePipe: [MS-SMB2] 3.3.5.9 on IPC$; a pipe is one of a fixed few, and
// no way of writing a name leads elsewhere.
func TestCreatePipe(t *testing.T) {
	tests := []struct {
		name string
		want smb2.Status
	}{
		{`srvsvc`, smb2.StatusSuccess},
		{`SRVSVC`, smb2.StatusSuccess},
		{`\srvsvc`, smb2.StatusSuccess},
		{`PIPE\srvsvc`, smb2.StatusSuccess},
		{`\pipe\srvsvc`, smb2.StatusSuccess},
		{`wkssvc`, smb2.StatusSuccess},
		{``, smb2.StatusObjectNameNotFound},
		{`\`, smb2.StatusObjectNameNotFound},
		{`PIPE`, smb2.StatusObjectNameNotFound},
		{`PIPE\`, smb2.StatusObjectNameNotFound},
		{`lsarpc`, smb2.StatusObjectNameNotFound},
		{`\pipe\..\srvsvc`, smb2.StatusObjectNameNotFound},
		{`..\..\srvsvc`, smb2.StatusObjectNameNotFound},
		{`\\srvsvc`, smb2.StatusObjectNameNotFound},
		{`pipe/srvsvc`, smb2.StatusObjectNameNotFound},
		{"srvsvc\x00", smb2.StatusObjectNameNotFound},
		{`srvsvc:stream`, smb2.StatusObjectNameNotFound},
		{`host\IPC$\srvsvc`, smb2.StatusObjectNameNotFound},
		{strings.Repeat(`srvsvc`, 5000), smb2.StatusObjectNameNotFound},
	}
	tree := pipes(t)
	for _, tt := range tests {
		for _, dfs := range []bool{false, true} { // the flag means nothing here
			_, _, err := tree.Create(openRequest(tt.name), dfs)
			checkStatus(t, fmt.Sprintf("Create(%.40q, %v)", tt.name, dfs), err, tt.want)
		}
	}
}

func TestCreatePipeParameters(t *testing.T) {
	tests := []struct {
		name   string
		client Client
		change func(*smb2.CreateRequest)
		want   smb2.Status
	}{
		{"plain", Client{}, func(*smb2.CreateRequest) {}, smb2.StatusSuccess},
		{"guest", Client{Guest: true}, func(*smb2.CreateRequest) {}, smb2.StatusSuccess},
		{"anonymous", Client{Anonymous: true}, func(*smb2.CreateRequest) {}, smb2.StatusAccessDenied},
		{"anonymous, unknown", Client{Anonymous: true}, func(r *smb2.CreateRequest) { r.Name = "x" }, smb2.StatusAccessDenied},
		{"delegation", Client{}, func(r *smb2.CreateRequest) { r.Impersonation = 3 }, smb2.StatusBadImpersonationLevel},
		{"read and write", Client{}, func(r *smb2.CreateRequest) { r.DesiredAccess = 0x0012019F }, smb2.StatusSuccess},
		{"open if", Client{}, func(r *smb2.CreateRequest) { r.Disposition = smb2.DispositionOpenIf }, smb2.StatusSuccess},
		{"create", Client{}, func(r *smb2.CreateRequest) { r.Disposition = smb2.DispositionCreate }, smb2.StatusObjectNameCollision},
		{"overwrite", Client{}, func(r *smb2.CreateRequest) { r.Disposition = smb2.DispositionOverwrite }, smb2.StatusAccessDenied},
		{"delete on close", Client{}, func(r *smb2.CreateRequest) { r.Options = smb2.OptionDeleteOnClose }, smb2.StatusAccessDenied},
		{"directory", Client{}, func(r *smb2.CreateRequest) { r.Options = smb2.OptionDirectoryFile }, smb2.StatusNotADirectory},
		{"not a directory", Client{}, func(r *smb2.CreateRequest) { r.Options = smb2.OptionNonDirectoryFile }, smb2.StatusSuccess},
		{"disposition 6", Client{}, func(r *smb2.CreateRequest) { r.Disposition = 6 }, smb2.StatusInvalidParameter},
	}
	f := testForest(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, answer, err := connect(t, f, "IPC$", tt.client).Create(with("srvsvc", tt.change), false)
			checkStatus(t, "Create", err, tt.want)
			if err == nil && (answer.FileAttributes != 0x80 || answer.Action != smb2.ActionOpened) {
				t.Errorf("response = %+v, want an opened pipe", answer)
			}
		})
	}
}

// readAll reads messages in parts of limit bytes until nothing waits, and says
// how many parts were not the last of their message.
func readAll(t testing.TB, o *Open, limit uint32) (all []byte, partial int) {
	t.Helper()
	for {
		part, err := o.Read(smb2.ReadRequest{Length: limit})
		if len(part) > int(limit) {
			t.Fatalf("Read returned %d bytes, want %d at most", len(part), limit)
		}
		switch {
		case errors.Is(err, ErrWouldBlock):
			return all, partial
		case errors.Is(err, smb2.StatusBufferOverflow):
			partial++
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, part...)
	}
}

func transceive(t testing.TB, o *Open, request string, limit uint32) ([]byte, error) {
	t.Helper()
	return o.Ioctl(smb2.FSCTLPipeTransceive, unhex(t, request), limit)
}

func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = le.AppendUint16(b, u)
	}
	return b
}

// TestShareEnumThroughThePipe lists the shares as clients do, once with
// TRANSCEIVE, once with WRITE and READ, and gets the same.
func TestShareEnumThroughThePipe(t *testing.T) {
	o := openSrvsvc(t)
	ack, err := transceive(t, o, bindRequest, 4280)
	if err != nil || len(ack) < 24 || ack[2] != 12 {
		t.Fatalf("bind = %x, %v, want a bind-ack", ack, err)
	}
	answer, err := transceive(t, o, shareEnum, 4280)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Public", "Company shares", "Closed", "IPC$"} {
		if !bytes.Contains(answer, wide(text+"\x00")) {
			t.Errorf("the list of shares lacks %q:\n%x", text, answer)
		}
	}

	o = openSrvsvc(t)
	for _, request := range []string{bindRequest, shareEnum} {
		n, err := o.Write(smb2.WriteRequest{Data: unhex(t, request)})
		if want := len(unhex(t, request)); err != nil || int(n) != want {
			t.Fatalf("Write = %d, %v, want %d", n, err, want)
		}
		if request == bindRequest {
			readAll(t, o, 4280)
		}
	}
	if read, _ := readAll(t, o, 4280); !bytes.Equal(read, answer) {
		t.Errorf("READ gave\n%x, TRANSCEIVE\n%x", read, answer)
	}
}

// TestSharesOfTheMoment: the pipe tells the namespaces that there are when it is
// asked.
func TestSharesOfTheMoment(t *testing.T) {
	current := snapshot(t, publicConfig())
	o := mustOpen(t, connect(t, forestOf(&current), "IPC$", Client{}), openRequest("srvsvc"))
	if _, err := transceive(t, o, bindRequest, 4280); err != nil {
		t.Fatal(err)
	}
	current = snapshot(t, closedConfig())
	answer, err := transceive(t, o, shareEnum, 4280)
	if err != nil || !bytes.Contains(answer, wide("Closed\x00")) || bytes.Contains(answer, wide("Public\x00")) {
		t.Errorf("shares after the reload = %x, %v", answer, err)
	}
}

// TestPipeMessages: a message that does not fit comes in parts, each but the last
// with STATUS_BUFFER_OVERFLOW; a client that reads bytes is not told.
func TestPipeMessages(t *testing.T) {
	whole, err := transceive(t, openSrvsvc(t), bindRequest, 4280)
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []uint32{1, 16, 67, uint32(len(whole))} {
		o := openSrvsvc(t)
		first, err := transceive(t, o, bindRequest, limit)
		if int(limit) < len(whole) {
			checkStatus(t, "TRANSCEIVE", err, smb2.StatusBufferOverflow)
		}
		rest, partial := readAll(t, o, limit)
		if got := append(first, rest...); !bytes.Equal(got, whole) {
			t.Errorf("in parts of %d: %x, want %x", limit, got, whole)
		}
		if want := max((len(whole)-1)/int(limit)-1, 0); partial != want {
			t.Errorf("in parts of %d: %d partial reads, want %d", limit, partial, want)
		}
	}
	o := openSrvsvc(t)
	if err := o.SetInfo(&smb2.SetInfoRequest{Type: smb2.InfoFile, Class: 23, Input: make([]byte, 8)}); err != nil {
		t.Fatal(err)
	}
	if first, err := transceive(t, o, bindRequest, 10); err != nil || len(first) != 10 {
		t.Errorf("TRANSCEIVE in byte mode = %x, %v, want 10 bytes", first, err)
	}
	if rest, partial := readAll(t, o, 10); partial != 0 || len(rest) != len(whole)-10 {
		t.Errorf("READ in byte mode: %d bytes, %d partial", len(rest), partial)
	}
}

func TestPipeBlocksAndBreaks(t *testing.T) {
	o := openSrvsvc(t)
	_, err := o.Read(smb2.ReadRequest{Length: 100})
	if !errors.Is(err, ErrWouldBlock) {
		t.Errorf("Read of a silent pipe = %v, want ErrWouldBlock", err)
	}
	if _, err := transceive(t, o, "", 100); statusOf(err) != smb2.StatusPipeEmpty {
		t.Errorf("TRANSCEIVE of nothing = %v, want %v", err, smb2.StatusPipeEmpty)
	}
	_, err = o.Write(smb2.WriteRequest{Data: []byte("GET / HTTP/1.1\r\n\r\n")})
	checkStatus(t, "Write of garbage", err, smb2.StatusPipeBroken)
	_, err = o.Read(smb2.ReadRequest{Length: 100})
	checkStatus(t, "Read of a broken pipe", err, smb2.StatusPipeBroken)
	_, err = transceive(t, o, bindRequest, 100)
	checkStatus(t, "TRANSCEIVE on a broken pipe", err, smb2.StatusPipeBroken)
}

func TestPipeQueryInfo(t *testing.T) {
	o := openSrvsvc(t)
	tests := []struct {
		name  string
		class uint8
		least int
		want  string
	}{
		// [MS-FSCC] 2.4: allocation 4096, delete pending, no directory.
		{"standard", 5, 24, `0010000000000000 0000000000000000 01000000 01 00 0000`},
		{"pipe", 23, 8, `01000000 00000000`},
		{"pipe local", 24, 40, `01000000 02000000 ffffffff 01000000 00100000 00000000 00100000 00100000 03000000 00000000`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkLengths(t, o, smb2.InfoFile, tt.class, tt.least, unhex(t, tt.want))
		})
	}
	for class, want := range map[uint8]smb2.Status{4: smb2.StatusNotSupported, 42: smb2.StatusInvalidInfoClass} {
		_, err := ask(o, smb2.InfoFile, class, 4096)
		checkStatus(t, fmt.Sprintf("QueryInfo of class %d", class), err, want)
	}
	for _, kind := range []smb2.InfoType{smb2.InfoFileSystem, smb2.InfoSecurity, smb2.InfoQuota} {
		_, err := ask(o, kind, 5, 4096)
		checkStatus(t, fmt.Sprintf("QueryInfo of type %d", kind), err, smb2.StatusNotSupported)
	}
}

func TestPipeSetInfo(t *testing.T) {
	tests := []struct {
		name  string
		kind  smb2.InfoType
		class uint8
		input string
		want  smb2.Status
	}{
		{"message mode", smb2.InfoFile, 23, `01000000 00000000`, smb2.StatusSuccess},
		{"byte mode", smb2.InfoFile, 23, `00000000 00000000`, smb2.StatusSuccess},
		{"mode 2", smb2.InfoFile, 23, `02000000 00000000`, smb2.StatusInvalidParameter},
		{"short", smb2.InfoFile, 23, `01000000`, smb2.StatusInfoLengthMismatch},
		{"basic", smb2.InfoFile, 4, ``, smb2.StatusNotSupported},
		{"undocumented", smb2.InfoFile, 42, ``, smb2.StatusInvalidInfoClass},
		{"security", smb2.InfoSecurity, 0, ``, smb2.StatusNotSupported},
	}
	o := openSrvsvc(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := o.SetInfo(&smb2.SetInfoRequest{Type: tt.kind, Class: tt.class, Input: unhex(t, tt.input)})
			checkStatus(t, "SetInfo", err, tt.want)
		})
	}
}

func TestPipeRefusals(t *testing.T) {
	o := openSrvsvc(t)
	_, err := o.QueryDirectory(&smb2.QueryDirectoryRequest{Class: 1, OutputLength: 4096})
	checkStatus(t, "QueryDirectory", err, smb2.StatusInvalidParameter)
	checkStatus(t, "CheckNotify", o.CheckNotify(smb2.ChangeNotifyRequest{}), smb2.StatusInvalidParameter)
	checkStatus(t, "Flush", o.Flush(), smb2.StatusSuccess)
	checkStatus(t, "Lock", o.Lock(), smb2.StatusNotSupported)
	for code, want := range map[uint32]smb2.Status{
		smb2.FSCTLPipePeek:            smb2.StatusNotSupported,
		smb2.FSCTLGetReparsePoint:     smb2.StatusFSDriverRequired,
		smb2.FSCTLCreateOrGetObjectID: smb2.StatusFSDriverRequired,
		0x00FFFFFF:                    smb2.StatusFSDriverRequired,
	} {
		_, err := o.Ioctl(code, nil, 4096)
		checkStatus(t, fmt.Sprintf("Ioctl %#x", code), err, want)
	}
	if o.IsDirectory() || !o.IsPipe() {
		t.Errorf("IsDirectory %v, IsPipe %v, want a pipe", o.IsDirectory(), o.IsPipe())
	}
	if got := o.Close(smb2.CloseRequest{Flags: 1}); got != (smb2.CloseResponse{}) {
		t.Errorf("Close = %+v, want nothing", got)
	}
}
