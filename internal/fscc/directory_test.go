package fscc

import "testing"

// goldenHead is what all classes but Names begin with: Next 0, Index 5, times,
// sizes 0, attributes 0x410, 6 bytes of name.
const goldenHead = `00000000 05000000 ` + goldenTimes + `0000000000000000 0000000000000000 10040000 06000000 `

const (
	goldenTag     = `0a000080 `                                               // IO_REPARSE_TAG_DFS
	goldenNoShort = `00 00 000000000000000000000000000000000000000000000000 ` // ShortLen, Reserved, Short[24]
	goldenName    = `6100 dc00 6200`                                          // aÜb
)

func sampleEntry() Entry {
	return Entry{
		Index:      5,
		Times:      times,
		Attributes: AttributeDirectory | AttributeReparsePoint,
		ReparseTag: ReparseTagDFS,
		ID:         0x0102030405060708,
		Name:       "aÜb",
	}
}

// TestEntryGolden: [MS-FSCC] 2.4, one entry of each class. A link's tag is in
// EaSize where the class has no field for it.
func TestEntryGolden(t *testing.T) {
	tests := []struct {
		name   string
		class  DirectoryClass
		number DirectoryClass
		offset int
		want   string
	}{
		{"Directory", Directory, 0x01, 64, goldenHead},
		{"FullDirectory", FullDirectory, 0x02, 68, goldenHead + goldenTag},
		{"BothDirectory", BothDirectory, 0x03, 94, goldenHead + goldenTag + goldenNoShort},
		{"Names", Names, 0x0C, 12, `00000000 05000000 06000000 `},
		{"IDBothDirectory", IDBothDirectory, 0x25, 104, goldenHead + goldenTag + goldenNoShort + `0000` + goldenInternal},
		{"IDFullDirectory", IDFullDirectory, 0x26, 80, goldenHead + goldenTag + `00000000` + goldenInternal},
		{"IDExtdDirectory", IDExtdDirectory, 0x3C, 88, goldenHead + `00000000` + goldenTag + goldenInternal + `0000000000000000`},
		{"ID64ExtdDirectory", ID64ExtdDirectory, 0x4E, 80, goldenHead + `00000000` + goldenTag + goldenInternal},
		{"ID64ExtdBothDirectory", ID64ExtdBothDirectory, 0x4F, 106, goldenHead + `00000000` + goldenTag + goldenInternal + goldenNoShort},
		{"IDAllExtdDirectory", IDAllExtdDirectory, 0x50, 96, goldenHead + `00000000` + goldenTag + goldenInternal +
			goldenInternal + `0000000000000000`},
		{"IDAllExtdBothDirectory", IDAllExtdBothDirectory, 0x51, 122, goldenHead + `00000000` + goldenTag + goldenInternal +
			goldenInternal + `0000000000000000` + goldenNoShort},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := NewListing(tt.class, 1000)
			e := sampleEntry()
			if fit := l.Add(&e); fit != Whole {
				t.Errorf("Add = %v, want Whole", fit)
			}
			checkGolden(t, "Bytes", l.Bytes(), tt.want+goldenName)
			if tt.class != tt.number {
				t.Errorf("class = %#x, want %#x", tt.class, tt.number)
			}
			if got := tt.class.NameOffset(); got != tt.offset {
				t.Errorf("NameOffset = %d, want %d", got, tt.offset)
			}
		})
	}
}

func TestNoDirectoryClass(t *testing.T) {
	for c := range 256 {
		class := DirectoryClass(c)
		if class.NameOffset() > 0 && !FileClass(c).Documented() {
			t.Errorf("class %#x has a layout and is not documented", c)
		}
	}
	for _, c := range []DirectoryClass{0, 4, 0x0D, 0x24, 0x27, 0x3B, 0x3D, 0x4D, 0x52, 0xFF} {
		if got := c.NameOffset(); got != 0 {
			t.Errorf("NameOffset(%#x) = %d, want 0", c, got)
		}
	}
}
