package fscc

import "testing"

func sampleVolume() Volume {
	return Volume{
		Created:         0x55,
		Serial:          0xCAFE0123,
		Label:           "dfs",
		ID:              ObjectID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		Capabilities:    CapabilityUnicode | CapabilityReparsePoints | CapabilityObjectIDs | CapabilityReadOnly,
		FileSystem:      "NTFS",
		TotalUnits:      0x40000,
		FreeUnits:       0x30000,
		SectorsPerUnit:  8,
		BytesPerSector:  512,
		Characteristics: DeviceMounted | DeviceReadOnly,
	}
}

// TestVolumeGolden: [MS-FSCC] 2.5, class by class.
func TestVolumeGolden(t *testing.T) {
	tests := []struct {
		name   string
		class  VolumeClass
		number VolumeClass
		min    int
		want   string
	}{
		{"volume", VolumeLabeled, 1, 24, `5500000000000000 2301feca 06000000 01 00 6400 6600 7300`},
		{"label", VolumeLabel, 2, 0, ``},
		{"size", VolumeSize, 3, 24, `0000040000000000 0000030000000000 08000000 00020000`},
		{"device", VolumeDevice, 4, 8, `07000000 22000000`},
		{"attribute", VolumeAttribute, 5, 16, `84000900 ff000000 08000000 4e00 5400 4600 5300`},
		{"control", VolumeControl, 6, 48, `
			0000000000000000 0000000000000000 0000000000000000 FFFFFFFFFFFFFFFF FFFFFFFFFFFFFFFF 00000000 00000000`},
		{"full size", VolumeFullSize, 7, 32, `0000040000000000 0000030000000000 0000030000000000 08000000 00020000`},
		{"object id", VolumeObjectID, 8, 64, `0102030405060708090a0b0c0d0e0f10
			0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000`},
		{"driver path", VolumeDriverPath, 9, 0, ``},
		{"flags", VolumeFlags, 10, 0, ``},
		{"sector size", VolumeSectorSize, 11, 28, `00020000 00020000 00020000 00020000 03000000 00000000 00000000`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := sampleVolume()
			checkGolden(t, "Append", v.Append(nil, tt.class), tt.want)
			if tt.class != tt.number {
				t.Errorf("class = %d, want %d", tt.class, tt.number)
			}
			if got := tt.class.MinLength(); got != tt.min {
				t.Errorf("MinLength(%d) = %d, want %d", tt.class, got, tt.min)
			}
			if !tt.class.Documented() {
				t.Errorf("Documented(%d) = false, want true", tt.class)
			}
		})
	}
}

func TestVolumeClassUndocumented(t *testing.T) {
	for _, c := range []VolumeClass{0, 12, 255} {
		if c.Documented() {
			t.Errorf("VolumeClass(%d).Documented() = true, want false", c)
		}
	}
}

// TestObjectIDBufferGolden: [MS-FSCC] 2.1.3.1.
func TestObjectIDBufferGolden(t *testing.T) {
	got := AppendObjectIDBuffer(nil, ObjectID{0xAA}, ObjectID{0xBB})
	checkGolden(t, "AppendObjectIDBuffer", got, `
		aa000000000000000000000000000000
		bb000000000000000000000000000000
		aa000000000000000000000000000000
		00000000000000000000000000000000`)
	if len(got) != ObjectIDBufferSize {
		t.Errorf("len = %d, want ObjectIDBufferSize %d", len(got), ObjectIDBufferSize)
	}
}
