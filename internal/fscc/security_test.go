package fscc

import "testing"

func TestSIDGolden(t *testing.T) {
	tests := []struct {
		sid  SID
		text string
		want string // [MS-DTYP] 2.4.2.2
	}{
		{Everyone(), "S-1-1-0", `01 01 000000000001 00000000`},
		{AuthenticatedUsers(), "S-1-5-11", `01 01 000000000005 0b000000`},
		{Administrators(), "S-1-5-32-544", `01 02 000000000005 20000000 20020000`},
		{SID{Authority: 0x010203040506}, "S-1-1108152157446", `01 00 010203040506`},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			if got := tt.sid.String(); got != tt.text {
				t.Errorf("String() = %q, want %q", got, tt.text)
			}
			checkGolden(t, "Append", tt.sid.Append(nil), tt.want)
		})
	}
}

// TestSecurityDescriptorGolden: [MS-DTYP] 2.4.6 with the ACL of 2.4.5. The
// control bits are self-relative 0x8000 and DACL present 0x0004.
func TestSecurityDescriptorGolden(t *testing.T) {
	const (
		admins = `01 02 000000000005 20000000 20020000 ` // 16 bytes
		dacl   = `02 00 1c00 0100 0000 ` +               // 8 bytes and
			`00 03 1400 a9001200 01 01 000000000001 00000000` // one ACE of 20
	)
	d := SecurityDescriptor{
		Owner: Administrators(),
		Group: Administrators(),
		DACL:  []ACE{{Flags: ACEObjectInherit | ACEContainerInherit, Mask: 0x001200A9, Who: Everyone()}},
	}
	tests := []struct {
		name  string
		parts SecurityParts
		want  string
	}{
		{"nothing", 0, `01 00 0080 00000000 00000000 00000000 00000000`},
		{"owner", SecurityOwner, `01 00 0080 14000000 00000000 00000000 00000000` + admins},
		{"group", SecurityGroup, `01 00 0080 00000000 14000000 00000000 00000000` + admins},
		{"dacl", SecurityDACL, `01 00 0480 00000000 00000000 00000000 14000000` + dacl},
		{"all", 7, `01 00 0480 14000000 24000000 00000000 34000000` + admins + admins + dacl},
		{"there is no sacl", SecuritySACL, `01 00 0080 00000000 00000000 00000000 00000000`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkGolden(t, "Append", d.Append(nil, tt.parts), tt.want)
		})
	}
	t.Run("offsets count from the descriptor", func(t *testing.T) {
		checkGolden(t, "Append", d.Append([]byte{0xEE}, SecurityOwner), `ee`+tests[1].want)
	})
}
