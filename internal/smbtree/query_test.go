package smbtree

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"dfsd/internal/fscc"
	"dfsd/internal/smb2"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// hex64 is v in little-endian hexadecimal.
func hex64(v uint64) string { return hex.EncodeToString(le.AppendUint64(nil, v)) }

// ask sends one QUERY_INFO.
func ask(o *Open, kind smb2.InfoType, class uint8, limit uint32) ([]byte, error) {
	return o.QueryInfo(&smb2.QueryInfoRequest{Type: kind, Class: class, OutputLength: limit})
}

// checkLengths asks for a class with every length of buffer up to its whole
// answer: too short below the least, cut where only a part of the name fits,
// whole from then on, and never longer than the buffer.
func checkLengths(t *testing.T, o *Open, kind smb2.InfoType, class uint8, least int, want []byte) {
	t.Helper()
	for limit := range max(len(want), least) + 2 {
		got, err := ask(o, kind, class, uint32(limit))
		switch {
		case limit < least:
			checkStatus(t, fmt.Sprintf("QueryInfo with %d bytes", limit), err, smb2.StatusInfoLengthMismatch)
		case limit < len(want):
			checkStatus(t, fmt.Sprintf("QueryInfo with %d bytes", limit), err, smb2.StatusBufferOverflow)
			if !bytes.Equal(got, want[:limit&^1]) {
				t.Errorf("QueryInfo with %d bytes = %x, want %x", limit, got, want[:limit&^1])
			}
		case err != nil || !bytes.Equal(got, want):
			t.Errorf("QueryInfo with %d bytes = %x, %v, want %x", limit, got, err, want)
		}
	}
}

// TestQueryFile: what a folder says in every class that [MS-SMB2] 2.2.37 names,
// by the layouts of [MS-FSCC] 2.4.
func TestQueryFile(t *testing.T) {
	tree := public(t)
	o := mustOpen(t, tree, with(`team\OLD`, func(r *smb2.CreateRequest) { r.Options = 0x00200026 }))
	id, serial := hex64(o.folder.node.ID()), hex64(o.folder.serial)
	times := strings.Repeat(hex64(startTime), 4)
	const zero8 = `0000000000000000`
	basic := times + `10000000 00000000`
	standard := zero8 + zero8 + `01000000 00 01 0000`
	path := `5400 6500 6100 6d00 5c00 4f00 6c00 6400` // Team\Old
	tests := []struct {
		name  string
		class uint8
		least int
		want  string
	}{
		{"basic", 4, 40, basic},
		{"standard", 5, 24, standard},
		{"internal", 6, 8, id},
		{"ea", 7, 4, `00000000`},
		{"access", 8, 4, `89001200`},
		{"position", 14, 8, zero8},
		{"mode", 16, 4, `26000000`},
		{"alignment", 17, 4, `00000000`},
		{"all", 18, 104, basic + standard + id + `00000000 89001200` + zero8 + `26000000 00000000` + `12000000 5c00` + path},
		{"stream", 22, 32, ``},
		{"network open", 34, 56, times + zero8 + zero8 + `10000000 00000000`},
		{"attribute tag", 35, 8, `10000000 00000000`},
		{"normalized name", 48, 8, `10000000` + path},
		{"id", 59, 24, serial + id + zero8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkLengths(t, o, smb2.InfoFile, tt.class, tt.least, unhex(t, tt.want))
		})
	}
}

// TestQueryFileRoot: the root of the share has the name \ and no path.
func TestQueryFileRoot(t *testing.T) {
	o := openDir(t, public(t), "")
	all, err := ask(o, smb2.InfoFile, 18, 4096)
	if err != nil || !bytes.Equal(all[96:], unhex(t, `02000000 5c00`)) {
		t.Errorf("All of the root ends in %x, %v, want the name \\", all[96:], err)
	}
	name, err := ask(o, smb2.InfoFile, 48, 4096)
	if err != nil || !bytes.Equal(name, unhex(t, `00000000`)) {
		t.Errorf("NormalizedName of the root = %x, %v, want none", name, err)
	}
}

func TestQueryFileStatuses(t *testing.T) {
	read := smb2.AccessGenericRead
	tests := []struct {
		name    string
		class   uint8
		access  smb2.Access
		dialect smb2.Dialect
		want    smb2.Status
	}{
		{"directory class", 1, read, smb2.Dialect311, smb2.StatusNotSupported},
		{"name", 9, read, smb2.Dialect311, smb2.StatusNotSupported},
		{"full ea", 15, read, smb2.Dialect311, smb2.StatusNotSupported},
		{"alternate name", 21, read, smb2.Dialect311, smb2.StatusObjectNameNotFound},
		{"pipe", 23, read, smb2.Dialect311, smb2.StatusNotSupported},
		{"pipe local", 24, read, smb2.Dialect311, smb2.StatusNotSupported},
		{"compression", 28, read, smb2.Dialect311, smb2.StatusNotSupported},
		{"class 0", 0, read, smb2.Dialect311, smb2.StatusInvalidInfoClass},
		{"class 42", 42, read, smb2.Dialect311, smb2.StatusInvalidInfoClass},
		{"class 255", 255, read, smb2.Dialect311, smb2.StatusInvalidInfoClass},

		{"normalized name, 2.0.2", 48, read, smb2.Dialect202, smb2.StatusNotSupported},
		{"normalized name, 2.1", 48, read, smb2.Dialect210, smb2.StatusNotSupported},
		{"normalized name, 3.0.2", 48, read, smb2.Dialect302, smb2.StatusNotSupported},
		{"normalized name, 3.1.1", 48, read, smb2.Dialect311, smb2.StatusSuccess},
		{"id, 2.1", 59, read, smb2.Dialect210, smb2.StatusNotSupported},
		{"id, 3.0", 59, read, smb2.Dialect300, smb2.StatusSuccess},

		{"basic, no right", 4, smb2.AccessListDirectory, smb2.Dialect311, smb2.StatusAccessDenied},
		{"all, no right", 18, smb2.AccessListDirectory, smb2.Dialect311, smb2.StatusAccessDenied},
		{"network open, no right", 34, smb2.AccessListDirectory, smb2.Dialect311, smb2.StatusAccessDenied},
		{"attribute tag, no right", 35, smb2.AccessListDirectory, smb2.Dialect311, smb2.StatusAccessDenied},
		{"standard, no right", 5, smb2.AccessListDirectory, smb2.Dialect311, smb2.StatusSuccess},
		{"internal, no right", 6, smb2.AccessListDirectory, smb2.Dialect311, smb2.StatusSuccess},
	}
	f := testForest(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree := connect(t, f, "Public", Client{Dialect: tt.dialect})
			o := mustOpen(t, tree, with("Team", func(r *smb2.CreateRequest) { r.DesiredAccess = tt.access }))
			_, err := ask(o, smb2.InfoFile, tt.class, 4096)
			checkStatus(t, "QueryInfo", err, tt.want)
		})
	}
}

// TestQueryVolume: [MS-FSCC] 2.5. The label is the namespace.
func TestQueryVolume(t *testing.T) {
	o := openDir(t, public(t), "Team")
	serial := hex64(o.folder.serial)
	const units = `0000040000000000`
	tests := []struct {
		name  string
		class uint8
		least int
		want  string
	}{
		{"volume", 1, 24, hex64(startTime) + serial[:8] + `0c000000 01 00 5000 7500 6200 6c00 6900 6300`},
		{"size", 3, 24, units + units + `08000000 00020000`},
		{"device", 4, 8, `07000000 22000000`},
		{"attribute", 5, 16, `8e000900 ff000000 08000000 4e00 5400 4600 5300`},
		{"control", 6, 48, strings.Repeat("00", 24) + strings.Repeat("ff", 16) + strings.Repeat("00", 8)},
		{"full size", 7, 32, units + units + units + `08000000 00020000`},
		{"object id", 8, 64, serial + hex64(o.folder.root.ID()) + strings.Repeat("00", 48)},
		{"sector size", 11, 28, `00020000 00020000 00020000 00020000 03000000 00000000 00000000`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkLengths(t, o, smb2.InfoFileSystem, tt.class, tt.least, unhex(t, tt.want))
		})
	}
	for class, want := range map[uint8]smb2.Status{
		0:   smb2.StatusInvalidInfoClass,
		2:   smb2.StatusNotSupported,
		9:   smb2.StatusNotSupported,
		10:  smb2.StatusNotSupported,
		12:  smb2.StatusInvalidInfoClass,
		255: smb2.StatusInvalidInfoClass,
	} {
		_, err := ask(o, smb2.InfoFileSystem, class, 4096)
		checkStatus(t, fmt.Sprintf("QueryInfo of class %d", class), err, want)
	}
}

func TestQueryOtherTypes(t *testing.T) {
	o := openDir(t, public(t), "")
	for kind, want := range map[smb2.InfoType]smb2.Status{
		0: smb2.StatusInvalidParameter,
		4: smb2.StatusNotSupported,
		5: smb2.StatusInvalidParameter,
	} {
		_, err := ask(o, kind, 4, 4096)
		checkStatus(t, fmt.Sprintf("QueryInfo of type %d", kind), err, want)
	}
}

// TestQuerySecurity: [MS-DTYP] 2.4.6, self-relative: owned by S-1-5-32-544, to be
// read by S-1-1-0 and S-1-5-11, folders and files below alike.
func TestQuerySecurity(t *testing.T) {
	const (
		admins = `01 02 000000000005 20000000 20020000 `
		acl    = `02 00 3000 0200 0000
			00 03 1400 a9001200 01 01 000000000001 00000000
			00 03 1400 a9001200 01 01 000000000005 0b000000`
	)
	tests := []struct {
		name  string
		parts uint32
		want  string
	}{
		{"nothing", 0, `01 00 0080 00000000 00000000 00000000 00000000`},
		{"owner", 1, `01 00 0080 14000000 00000000 00000000 00000000` + admins},
		{"group", 2, `01 00 0080 00000000 14000000 00000000 00000000` + admins},
		{"dacl", 4, `01 00 0480 00000000 00000000 00000000 14000000` + acl},
		{"as clients ask", 7, `01 00 0480 14000000 24000000 00000000 34000000` + admins + admins + acl},
		{"and a label", 0x17, `01 00 0480 14000000 24000000 00000000 34000000` + admins + admins + acl},
	}
	o := openDir(t, public(t), "")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := unhex(t, tt.want)
			for limit := range len(want) + 2 {
				got, err := o.QueryInfo(&smb2.QueryInfoRequest{
					Type: smb2.InfoSecurity, Additional: tt.parts, OutputLength: uint32(limit),
				})
				if limit >= len(want) {
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("QueryInfo with %d bytes = %x, %v, want %x", limit, got, err, want)
					}
					continue
				}
				var small *BufferTooSmallError
				if !errors.As(err, &small) || int(small.Needed) != len(want) || !errors.Is(err, smb2.StatusBufferTooSmall) {
					t.Errorf("QueryInfo with %d bytes = %v, want %d bytes needed", limit, err, len(want))
				}
			}
		})
	}
}

func TestBufferTooSmallError(t *testing.T) {
	err := &BufferTooSmallError{Needed: 100}
	if got, want := err.Error(), "STATUS_BUFFER_TOO_SMALL: 100 bytes needed"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}

func TestQuerySecurityDenied(t *testing.T) {
	tree := public(t)
	o := openDir(t, tree, "")
	_, err := o.QueryInfo(&smb2.QueryInfoRequest{Type: smb2.InfoSecurity, Additional: 0xF, OutputLength: 4096})
	checkStatus(t, "QueryInfo with the SACL", err, smb2.StatusAccessDenied)
	o = mustOpen(t, tree, with("", func(r *smb2.CreateRequest) { r.DesiredAccess = smb2.AccessReadAttributes }))
	_, err = o.QueryInfo(&smb2.QueryInfoRequest{Type: smb2.InfoSecurity, Additional: 7, OutputLength: 4096})
	checkStatus(t, "QueryInfo without the right", err, smb2.StatusAccessDenied)
}

// TestDescriptorGrantsWhatIsGranted: the DACL that clients see says what CREATE
// does.
func TestDescriptorGrantsWhatIsGranted(t *testing.T) {
	granted, err := grant(smb2.AccessMaximumAllowed)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range securityDescriptor().DACL {
		if smb2.Access(e.Mask) != granted {
			t.Errorf("%v has %#x, want %#x", e.Who, e.Mask, granted)
		}
	}
}

func TestFolderIoctl(t *testing.T) {
	o := openDir(t, public(t), "Team")
	object := hex64(o.folder.serial) + hex64(o.folder.node.ID())
	volume := hex64(o.folder.serial) + hex64(o.folder.root.ID())
	tests := []struct {
		name  string
		code  uint32
		limit uint32
		want  smb2.Status
		data  string
	}{
		{"object id", 0x000900C0, 64, smb2.StatusSuccess, object + volume + object + strings.Repeat("00", 16)},
		{"object id, short buffer", 0x000900C0, 63, smb2.StatusInvalidParameter, ""},
		{"reparse point", 0x000900A8, 4096, smb2.StatusNotAReparsePoint, ""},
		{"get object id", 0x0009009C, 4096, smb2.StatusNotSupported, ""},
		{"snapshots", 0x00144064, 4096, smb2.StatusNotSupported, ""},
		{"resume key", 0x00140078, 4096, smb2.StatusNotSupported, ""},
		{"pipe transceive", 0x0011C017, 4096, smb2.StatusInvalidDeviceRequest, ""},
		{"pipe peek", 0x0011400C, 4096, smb2.StatusInvalidDeviceRequest, ""},
		{"set reparse point", 0x000900A4, 4096, smb2.StatusInvalidDeviceRequest, ""},
		{"unknown", 0x00FFFFFF, 4096, smb2.StatusInvalidDeviceRequest, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := o.Ioctl(tt.code, nil, tt.limit)
			checkStatus(t, "Ioctl", err, tt.want)
			if !bytes.Equal(got, unhex(t, tt.data)) {
				t.Errorf("Ioctl = %x, want %s", got, tt.data)
			}
		})
	}
}

func TestFolderClose(t *testing.T) {
	o := openDir(t, public(t), "Team")
	if got := o.Close(smb2.CloseRequest{}); got != (smb2.CloseResponse{}) {
		t.Errorf("Close = %+v, want nothing", got)
	}
	want := smb2.CloseResponse{
		Flags: 1, Creation: startTime, LastAccess: startTime, LastWrite: startTime, Change: startTime,
		FileAttributes: uint32(fscc.AttributeDirectory),
	}
	if got := o.Close(smb2.CloseRequest{Flags: 1}); got != want {
		t.Errorf("Close = %+v, want %+v", got, want)
	}
}

func TestFolderRefusals(t *testing.T) {
	tree := public(t)
	o := openDir(t, tree, "Team")
	_, err := o.Read(smb2.ReadRequest{Length: 10})
	checkStatus(t, "Read", err, smb2.StatusInvalidDeviceRequest)
	_, err = o.Write(smb2.WriteRequest{Data: []byte("x")})
	checkStatus(t, "Write", err, smb2.StatusAccessDenied)
	checkStatus(t, "Flush", o.Flush(), smb2.StatusSuccess)
	checkStatus(t, "Lock", o.Lock(), smb2.StatusNotSupported)
	checkStatus(t, "CheckNotify", o.CheckNotify(smb2.ChangeNotifyRequest{}), smb2.StatusSuccess)
	if !o.IsDirectory() || o.IsPipe() {
		t.Errorf("IsDirectory %v, IsPipe %v, want a directory", o.IsDirectory(), o.IsPipe())
	}
	o = mustOpen(t, tree, with("", func(r *smb2.CreateRequest) { r.DesiredAccess = smb2.AccessReadAttributes }))
	checkStatus(t, "CheckNotify without the right", o.CheckNotify(smb2.ChangeNotifyRequest{}), smb2.StatusAccessDenied)
}
