package smbtree

import (
	"fmt"
	"testing"
	"unicode/utf16"

	"dfsd/internal/smb2"
)

// renameInput is FileRenameInformation of type 2.
func renameInput(target string) []byte {
	units := utf16.Encode([]rune(target))
	b := make([]byte, 16, 20+2*len(units))
	b = le.AppendUint32(b, uint32(2*len(units)))
	for _, u := range units {
		b = le.AppendUint16(b, u)
	}
	return b
}

// TestSetFile: [MS-SMB2] 3.3.5.21.1 on a folder that never changes.
func TestSetFile(t *testing.T) {
	tests := []struct {
		name  string
		class uint8
		input []byte
		want  smb2.Status
	}{
		{"basic", 4, make([]byte, 40), smb2.StatusAccessDenied},
		{"basic, short", 4, make([]byte, 39), smb2.StatusInfoLengthMismatch},
		{"disposition", 13, []byte{1}, smb2.StatusAccessDenied},
		{"disposition, short", 13, nil, smb2.StatusInfoLengthMismatch},
		{"disposition ex", 64, make([]byte, 4), smb2.StatusAccessDenied},
		{"position", 14, make([]byte, 8), smb2.StatusAccessDenied},
		{"mode", 16, make([]byte, 4), smb2.StatusAccessDenied},
		{"full ea", 15, make([]byte, 20), smb2.StatusAccessDenied},
		{"allocation", 19, make([]byte, 8), smb2.StatusAccessDenied},
		{"end of file", 20, make([]byte, 8), smb2.StatusAccessDenied},
		{"end of file, short", 20, make([]byte, 7), smb2.StatusInfoLengthMismatch},
		{"valid data length", 39, make([]byte, 8), smb2.StatusAccessDenied},
		{"short name", 40, make([]byte, 8), smb2.StatusAccessDenied},
		{"standard", 5, make([]byte, 24), smb2.StatusNotSupported},
		{"pipe", 23, make([]byte, 8), smb2.StatusNotSupported},
		{"class 0", 0, nil, smb2.StatusInvalidInfoClass},
		{"class 255", 255, nil, smb2.StatusInvalidInfoClass},

		{"rename", 10, renameInput("New"), smb2.StatusAccessDenied},
		{"rename to a folder that is there", 10, renameInput("Empty"), smb2.StatusAccessDenied},
		{"rename into a folder", 10, renameInput(`Team\Old\New`), smb2.StatusAccessDenied},
		{"rename into a link", 10, renameInput(`Projects\New`), smb2.StatusAccessDenied},
		{"rename into a missing folder", 10, renameInput(`missing\New`), smb2.StatusObjectPathNotFound},
		// The target of a rename is relative to the share with the DFS flag too.
		{"rename, host and share", 10, renameInput(`host\Public\New`), smb2.StatusObjectPathNotFound},
		{"rename, short", 10, make([]byte, 19), smb2.StatusInvalidParameter},
		{"rename ex", 65, renameInput("New"), smb2.StatusAccessDenied},
		{"link", 11, renameInput("New"), smb2.StatusAccessDenied},
		{"link, host and share", 11, renameInput(`host\Public\New`), smb2.StatusObjectPathNotFound},
		{"link ex", 72, renameInput("New"), smb2.StatusAccessDenied},
	}
	o := openDir(t, public(t), "Team")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := o.SetInfo(&smb2.SetInfoRequest{Type: smb2.InfoFile, Class: tt.class, Input: tt.input})
			checkStatus(t, "SetInfo", err, tt.want)
		})
	}
}

func TestSetOtherTypes(t *testing.T) {
	tests := []struct {
		kind  smb2.InfoType
		class uint8
		want  smb2.Status
	}{
		{smb2.InfoFileSystem, 2, smb2.StatusAccessDenied},
		{smb2.InfoFileSystem, 6, smb2.StatusAccessDenied},
		{smb2.InfoFileSystem, 8, smb2.StatusAccessDenied},
		{smb2.InfoFileSystem, 1, smb2.StatusNotSupported},
		{smb2.InfoFileSystem, 99, smb2.StatusInvalidInfoClass},
		{smb2.InfoSecurity, 0, smb2.StatusAccessDenied},
		{smb2.InfoQuota, 0, smb2.StatusNotSupported},
		{0, 0, smb2.StatusInvalidParameter},
		{5, 0, smb2.StatusInvalidParameter},
	}
	o := openDir(t, public(t), "")
	for _, tt := range tests {
		err := o.SetInfo(&smb2.SetInfoRequest{Type: tt.kind, Class: tt.class})
		checkStatus(t, fmt.Sprintf("SetInfo of type %d, class %d", tt.kind, tt.class), err, tt.want)
	}
}
