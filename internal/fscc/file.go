package fscc

// File is what a file, directory or pipe tells about itself. Each class shows
// a part of it.
type File struct {
	Times          Times
	AllocationSize uint64 // bytes
	EndOfFile      uint64 // bytes
	Attributes     Attributes
	ReparseTag     ReparseTag
	DeletePending  bool
	Directory      bool
	ID             uint64 // unique within the volume
	VolumeSerial   uint64
	Access         uint32 // the access mask granted to the open
	Mode           uint32 // the create options that last as long as the open
	Path           string // `a\b` below the share, "" for its root
	PipeMode       PipeMode
}

// fileLayout is how a class is laid out.
type fileLayout struct {
	// min is the shortest buffer that a client may offer: the size of the C
	// structure, with one character of a name and padded to its alignment
	// ([MS-FSA] 2.1.5.12).
	min    int
	append func(*File, []byte) []byte
}

func (c FileClass) layout() fileLayout {
	switch c {
	case FileBasic:
		return fileLayout{40, (*File).appendBasic}
	case FileStandard:
		return fileLayout{24, (*File).appendStandard}
	case FileInternal:
		return fileLayout{8, (*File).appendInternal}
	case FileEA, FileAlignment:
		return fileLayout{4, (*File).appendZero}
	case FileAccess:
		return fileLayout{4, (*File).appendAccess}
	case FilePosition:
		return fileLayout{8, (*File).appendPosition}
	case FileMode:
		return fileLayout{4, (*File).appendMode}
	case FileAll:
		return fileLayout{104, (*File).appendAll}
	case FileAlternateName:
		return fileLayout{8, (*File).appendAlternateName}
	case FileStream:
		return fileLayout{32, (*File).appendStreams}
	case FilePipe:
		return fileLayout{8, (*File).appendPipe}
	case FilePipeLocal:
		return fileLayout{40, (*File).appendPipeLocal}
	case FileNetworkOpen:
		return fileLayout{56, (*File).appendNetworkOpen}
	case FileAttributeTag:
		return fileLayout{8, (*File).appendAttributeTag}
	case FileNormalizedName:
		return fileLayout{8, (*File).appendNormalizedName}
	case FileID:
		return fileLayout{24, (*File).appendID}
	}
	return fileLayout{}
}

// MinLength returns the shortest buffer, in bytes, that a client may offer for
// the class, or 0 where File.Append does not lay it out.
func (c FileClass) MinLength() int { return c.layout().min }

// Append appends what the class shows of f, names in full, or nothing where
// MinLength of the class is 0.
func (f *File) Append(b []byte, c FileClass) []byte {
	if l := c.layout(); l.append != nil {
		return l.append(f, b)
	}
	return b
}

// appendBasic is FileBasicInformation: four times, Attributes u32, Reserved u32.
func (f *File) appendBasic(b []byte) []byte {
	b = f.Times.append(b)
	b = le.AppendUint32(b, uint32(f.Attributes))
	return le.AppendUint32(b, 0)
}

// appendStandard is FileStandardInformation: AllocationSize u64, EndOfFile u64,
// NumberOfLinks u32, DeletePending u8, Directory u8, Reserved u16.
func (f *File) appendStandard(b []byte) []byte {
	b = le.AppendUint64(b, f.AllocationSize)
	b = le.AppendUint64(b, f.EndOfFile)
	b = le.AppendUint32(b, 1)
	b = append(b, flag(f.DeletePending), flag(f.Directory))
	return le.AppendUint16(b, 0)
}

// appendInternal is FileInternalInformation: FileId u64.
func (f *File) appendInternal(b []byte) []byte { return le.AppendUint64(b, f.ID) }

// appendZero is FileEaInformation of a file without extended attributes, and
// FileAlignmentInformation of a device that demands none: u32.
func (f *File) appendZero(b []byte) []byte { return le.AppendUint32(b, 0) }

// appendAccess is FileAccessInformation: AccessFlags u32.
func (f *File) appendAccess(b []byte) []byte { return le.AppendUint32(b, f.Access) }

// appendPosition is FilePositionInformation: CurrentByteOffset u64, which SMB2
// keeps at the client.
func (f *File) appendPosition(b []byte) []byte { return le.AppendUint64(b, 0) }

// appendMode is FileModeInformation: Mode u32.
func (f *File) appendMode(b []byte) []byte { return le.AppendUint32(b, f.Mode) }

// appendAll is FileAllInformation: Basic 40, Standard 24, Internal 8, EA 4,
// Access 4, Position 8, Mode 4, Alignment 4, NameLength u32, name. The name
// begins with a backslash.
func (f *File) appendAll(b []byte) []byte {
	parts := [...]FileClass{
		FileBasic, FileStandard, FileInternal, FileEA,
		FileAccess, FilePosition, FileMode, FileAlignment,
	}
	for _, c := range parts {
		b = f.Append(b, c)
	}
	return appendCounted(b, `\`+f.Path)
}

// appendAlternateName is FileAlternateNameInformation, NameLength u32 and a name
// in the form 8.3, which no File has.
func (f *File) appendAlternateName(b []byte) []byte { return le.AppendUint32(b, 0) }

// appendStreams is FileStreamInformation: a list that is empty for directories
// and pipes, and File describes nothing else.
func (f *File) appendStreams(b []byte) []byte { return b }

// appendNetworkOpen is FileNetworkOpenInformation: four times, AllocationSize
// u64, EndOfFile u64, Attributes u32, Reserved u32.
func (f *File) appendNetworkOpen(b []byte) []byte {
	b = f.Times.append(b)
	b = le.AppendUint64(b, f.AllocationSize)
	b = le.AppendUint64(b, f.EndOfFile)
	b = le.AppendUint32(b, uint32(f.Attributes))
	return le.AppendUint32(b, 0)
}

// appendAttributeTag is FileAttributeTagInformation: Attributes u32, ReparseTag
// u32.
func (f *File) appendAttributeTag(b []byte) []byte {
	b = le.AppendUint32(b, uint32(f.Attributes))
	return le.AppendUint32(b, uint32(f.ReparseTag))
}

// appendNormalizedName is FileNormalizedNameInformation: NameLength u32, name.
func (f *File) appendNormalizedName(b []byte) []byte { return appendCounted(b, f.Path) }

// appendID is FileIdInformation: VolumeSerialNumber u64, FileId[16].
func (f *File) appendID(b []byte) []byte {
	return appendWideID(le.AppendUint64(b, f.VolumeSerial), f.ID)
}

// appendWideID appends a 64-bit id in 128 bits, the upper half zero as in NTFS.
func appendWideID(b []byte, id uint64) []byte {
	return le.AppendUint64(le.AppendUint64(b, id), 0)
}

// appendCounted appends the length of name in bytes, u32, and name.
func appendCounted(b []byte, name string) []byte {
	return appendName(le.AppendUint32(b, uint32(nameBytes(name))), name)
}

func flag(on bool) uint8 {
	if on {
		return 1
	}
	return 0
}
