package fscc

// ObjectID names a file or volume for link tracking ([MS-FSCC] 2.1.3).
type ObjectID [16]byte

// Volume is what a file system tells about itself. Each class shows a part of
// it.
type Volume struct {
	Created         Filetime
	Serial          uint32
	Label           string
	ID              ObjectID
	Capabilities    Capabilities
	FileSystem      string // such as NTFS
	TotalUnits      uint64 // allocation units
	FreeUnits       uint64 // allocation units
	SectorsPerUnit  uint32
	BytesPerSector  uint32
	Characteristics Characteristics
}

// Capabilities are FileSystemAttributes ([MS-FSCC] 2.5.1).
type Capabilities uint32

// The capabilities of a file system.
const (
	CapabilityCasePreserved Capabilities = 0x00000002
	CapabilityUnicode       Capabilities = 0x00000004
	CapabilityACLs          Capabilities = 0x00000008
	CapabilityReparsePoints Capabilities = 0x00000080
	CapabilityObjectIDs     Capabilities = 0x00010000
	CapabilityReadOnly      Capabilities = 0x00080000
)

// Characteristics are those of the device below a file system ([MS-FSCC]
// 2.5.10).
type Characteristics uint32

// The characteristics of a device.
const (
	DeviceReadOnly Characteristics = 0x00000002
	DeviceMounted  Characteristics = 0x00000020
)

const (
	deviceDisk       = 7   // FILE_DEVICE_DISK
	maxComponent     = 255 // UTF-16 code units
	alignedDevice    = 1   // SSINFO_FLAGS_ALIGNED_DEVICE
	alignedPartition = 2   // SSINFO_FLAGS_PARTITION_ALIGNED_ON_DEVICE
)

// volumeLayout is how a class is laid out; min is as in fileLayout.
type volumeLayout struct {
	min    int
	append func(*Volume, []byte) []byte
}

func (c VolumeClass) layout() volumeLayout {
	switch c {
	case VolumeLabeled:
		return volumeLayout{24, (*Volume).appendLabeled}
	case VolumeSize:
		return volumeLayout{24, (*Volume).appendSize}
	case VolumeDevice:
		return volumeLayout{8, (*Volume).appendDevice}
	case VolumeAttribute:
		return volumeLayout{16, (*Volume).appendAttribute}
	case VolumeControl:
		return volumeLayout{48, (*Volume).appendControl}
	case VolumeFullSize:
		return volumeLayout{32, (*Volume).appendFullSize}
	case VolumeObjectID:
		return volumeLayout{64, (*Volume).appendObjectID}
	case VolumeSectorSize:
		return volumeLayout{28, (*Volume).appendSectorSize}
	}
	return volumeLayout{}
}

// MinLength returns the shortest buffer, in bytes, that a client may offer for
// the class, or 0 where Volume.Append does not lay it out.
func (c VolumeClass) MinLength() int { return c.layout().min }

// Append appends what the class shows of v, names in full, or nothing where
// MinLength of the class is 0.
func (v *Volume) Append(b []byte, c VolumeClass) []byte {
	if l := c.layout(); l.append != nil {
		return l.append(v, b)
	}
	return b
}

// appendLabeled is FileFsVolumeInformation: CreationTime u64, Serial u32,
// LabelLength u32, SupportsObjects u8, Reserved u8, label.
func (v *Volume) appendLabeled(b []byte) []byte {
	b = le.AppendUint64(b, uint64(v.Created))
	b = le.AppendUint32(b, v.Serial)
	b = le.AppendUint32(b, uint32(nameBytes(v.Label)))
	b = append(b, flag(v.Capabilities&CapabilityObjectIDs != 0), 0)
	return appendName(b, v.Label)
}

// appendSize is FileFsSizeInformation: TotalUnits u64, AvailableUnits u64,
// SectorsPerUnit u32, BytesPerSector u32.
func (v *Volume) appendSize(b []byte) []byte {
	b = le.AppendUint64(b, v.TotalUnits)
	b = le.AppendUint64(b, v.FreeUnits)
	return v.appendUnit(b)
}

// appendDevice is FileFsDeviceInformation: DeviceType u32, Characteristics u32.
func (v *Volume) appendDevice(b []byte) []byte {
	return le.AppendUint32(le.AppendUint32(b, deviceDisk), uint32(v.Characteristics))
}

// appendAttribute is FileFsAttributeInformation: FileSystemAttributes u32,
// MaximumComponentNameLength u32, NameLength u32, name.
func (v *Volume) appendAttribute(b []byte) []byte {
	b = le.AppendUint32(b, uint32(v.Capabilities))
	b = le.AppendUint32(b, maxComponent)
	return appendCounted(b, v.FileSystem)
}

// unlimited is the quota of a user who has none.
const unlimited = ^uint64(0)

// appendControl is FileFsControlInformation: FreeSpaceStartFiltering u64,
// FreeSpaceThreshold u64, FreeSpaceStopFiltering u64, DefaultQuotaThreshold u64,
// DefaultQuotaLimit u64, FileSystemControlFlags u32, Padding u32. It says that
// quotas are off.
func (*Volume) appendControl(b []byte) []byte {
	b = appendZeros(b, 24)
	b = le.AppendUint64(b, unlimited)
	b = le.AppendUint64(b, unlimited)
	return appendZeros(b, 8)
}

// appendFullSize is FileFsFullSizeInformation: TotalUnits u64,
// CallerAvailableUnits u64, ActualAvailableUnits u64, SectorsPerUnit u32,
// BytesPerSector u32.
func (v *Volume) appendFullSize(b []byte) []byte {
	b = le.AppendUint64(b, v.TotalUnits)
	b = le.AppendUint64(b, v.FreeUnits)
	b = le.AppendUint64(b, v.FreeUnits)
	return v.appendUnit(b)
}

func (v *Volume) appendUnit(b []byte) []byte {
	return le.AppendUint32(le.AppendUint32(b, v.SectorsPerUnit), v.BytesPerSector)
}

// appendObjectID is FileFsObjectIdInformation: ObjectId[16], ExtendedInfo[48].
func (v *Volume) appendObjectID(b []byte) []byte {
	return appendZeros(append(b, v.ID[:]...), 48)
}

// appendSectorSize is FileFsSectorSizeInformation, seven u32: bytes per sector
// as seen, as written at once, as written best, as the file system writes at
// once, flags, two offsets.
func (v *Volume) appendSectorSize(b []byte) []byte {
	for range 4 {
		b = le.AppendUint32(b, v.BytesPerSector)
	}
	b = le.AppendUint32(b, alignedDevice|alignedPartition)
	return appendZeros(b, 8)
}

// AppendObjectIDBuffer appends a FILE_OBJECTID_BUFFER ([MS-FSCC] 2.1.3.1):
// ObjectId, BirthVolumeId, BirthObjectId, DomainId, sixteen bytes each. A file
// that never moved was born where and as what it is; DomainId is zero.
func AppendObjectIDBuffer(b []byte, file, volume ObjectID) []byte {
	b = append(b, file[:]...)
	b = append(b, volume[:]...)
	b = append(b, file[:]...)
	return appendZeros(b, 16)
}

// ObjectIDBufferSize is how many bytes AppendObjectIDBuffer appends.
const ObjectIDBufferSize = 64
