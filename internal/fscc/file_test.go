package fscc

import "testing"

// sampleFile has another value in every field.
func sampleFile() File {
	return File{
		Times:          times,
		AllocationSize: 0x1000,
		EndOfFile:      0x0ABC,
		Attributes:     AttributeDirectory | AttributeReparsePoint,
		ReparseTag:     ReparseTagDFS,
		DeletePending:  true,
		Directory:      true,
		ID:             0x0102030405060708,
		VolumeSerial:   0x1112131415161718,
		Access:         0x001200A9,
		Mode:           0x20,
		Path:           `a\Ü`,
		PipeMode:       PipeMessage,
	}
}

// The layouts are those of [MS-FSCC] 2.4, class by class.
const (
	goldenBasic    = goldenTimes + `10040000 00000000 `
	goldenStandard = `0010000000000000 bc0a000000000000 01000000 01 01 0000 `
	goldenInternal = `0807060504030201 `
)

func TestFileGolden(t *testing.T) {
	tests := []struct {
		name   string
		class  FileClass
		number FileClass
		min    int
		want   string
	}{
		{"basic", FileBasic, 4, 40, goldenBasic},
		{"standard", FileStandard, 5, 24, goldenStandard},
		{"internal", FileInternal, 6, 8, goldenInternal},
		{"ea", FileEA, 7, 4, `00000000`},
		{"access", FileAccess, 8, 4, `a9001200`},
		{"position", FilePosition, 14, 8, `0000000000000000`},
		{"mode", FileMode, 16, 4, `20000000`},
		{"alignment", FileAlignment, 17, 4, `00000000`},
		// 100 bytes and the name \a\Ü of 8.
		{"all", FileAll, 18, 104, goldenBasic + goldenStandard + goldenInternal +
			`00000000 a9001200 0000000000000000 20000000 00000000 08000000 5c00 6100 5c00 dc00`},
		{"alternate name", FileAlternateName, 21, 8, `00000000`},
		{"stream", FileStream, 22, 32, ``},
		{"pipe", FilePipe, 23, 8, `01000000 00000000`},
		{
			"pipe local", FilePipeLocal, 24, 40,
			`01000000 02000000 ffffffff 01000000 00100000 00000000 00100000 00100000 03000000 00000000`,
		},
		{
			"network open", FileNetworkOpen, 34, 56,
			goldenTimes + `0010000000000000 bc0a000000000000 10040000 00000000`,
		},
		{"attribute tag", FileAttributeTag, 35, 8, `10040000 0a000080`},
		{"normalized name", FileNormalizedName, 48, 8, `06000000 6100 5c00 dc00`},
		{"id", FileID, 59, 24, `1817161514131211 0807060504030201 0000000000000000`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := sampleFile()
			checkGolden(t, "Append", f.Append(nil, tt.class), tt.want)
			if tt.class != tt.number {
				t.Errorf("class = %d, want %d", tt.class, tt.number)
			}
			if got := tt.class.MinLength(); got != tt.min {
				t.Errorf("MinLength(%d) = %d, want %d", tt.class, got, tt.min)
			}
		})
	}
}

func TestFileAppendsBehind(t *testing.T) {
	f := sampleFile()
	checkGolden(t, "Append", f.Append([]byte{0xFF}, FileInternal), `ff`+goldenInternal)
}

func TestFileUnknownClasses(t *testing.T) {
	f := sampleFile()
	for c := range 256 {
		class := FileClass(c)
		got := f.Append(nil, class)
		if class.MinLength() == 0 && len(got) > 0 {
			t.Errorf("Append(%d) = %x, want nothing for a class without a layout", class, got)
		}
		if class.MinLength() > 0 && !class.Documented() {
			t.Errorf("class %d has a layout and is not documented", class)
		}
	}
}

func TestFileClassDocumented(t *testing.T) {
	tests := []struct {
		class FileClass
		want  bool
	}{
		{0, false},
		{1, true},
		{FileRename, true},
		{41, true},
		{42, false},
		{47, false},
		{FileNormalizedName, true},
		{49, false},
		{FileID, true},
		{0x3C, true},
		{FileLinkEx, true},
		{77, false},
		{0x51, true},
		{0x52, false},
		{255, false},
	}
	for _, tt := range tests {
		if got := tt.class.Documented(); got != tt.want {
			t.Errorf("FileClass(%d).Documented() = %v, want %v", tt.class, got, tt.want)
		}
	}
}

// TestFileZero: nothing is set in a File that says nothing, but for its one name.
func TestFileZero(t *testing.T) {
	var f File
	checkGolden(t, "Append", f.Append(nil, FileStandard), `0000000000000000 0000000000000000 01000000 00 00 0000`)
}
