package fscc

import "slices"

// FileClass numbers what can be asked of a file, and set on it ([MS-FSCC] 2.4).
type FileClass uint8

// The classes that [File.Append] lays out.
const (
	FileBasic          FileClass = 4
	FileStandard       FileClass = 5
	FileInternal       FileClass = 6
	FileEA             FileClass = 7
	FileAccess         FileClass = 8
	FilePosition       FileClass = 14
	FileMode           FileClass = 16
	FileAlignment      FileClass = 17
	FileAll            FileClass = 18
	FileAlternateName  FileClass = 21
	FileStream         FileClass = 22
	FilePipe           FileClass = 23
	FilePipeLocal      FileClass = 24
	FileNetworkOpen    FileClass = 34
	FileAttributeTag   FileClass = 35
	FileNormalizedName FileClass = 48
	FileID             FileClass = 59
)

// The classes that can be asked for or set, and that it does not lay out.
const (
	FileRename        FileClass = 10
	FileLink          FileClass = 11
	FileDisposition   FileClass = 13
	FileFullEA        FileClass = 15
	FileAllocation    FileClass = 19
	FileEndOfFile     FileClass = 20
	FileValidLength   FileClass = 39
	FileShortName     FileClass = 40
	FileDispositionEx FileClass = 64
	FileRenameEx      FileClass = 65
	FileLinkEx        FileClass = 72
)

// Documented reports whether [MS-FSCC] 2.4 lists the class.
func (c FileClass) Documented() bool {
	further := [...]FileClass{44, 45, 46, 48, 50, 54, 59, 60, 64, 65, 68, 70, 71, 72, 76, 78, 79, 80, 81}
	return c >= 1 && c <= 41 || slices.Contains(further[:], c)
}

// DirectoryClass numbers how the entries of a listing look. The numbers are
// those of FileClass.
type DirectoryClass uint8

// The directory classes that SMB2 knows ([MS-SMB2] 2.2.33).
const (
	Directory              DirectoryClass = 0x01
	FullDirectory          DirectoryClass = 0x02
	BothDirectory          DirectoryClass = 0x03
	Names                  DirectoryClass = 0x0C
	IDBothDirectory        DirectoryClass = 0x25
	IDFullDirectory        DirectoryClass = 0x26
	IDExtdDirectory        DirectoryClass = 0x3C
	ID64ExtdDirectory      DirectoryClass = 0x4E
	ID64ExtdBothDirectory  DirectoryClass = 0x4F
	IDAllExtdDirectory     DirectoryClass = 0x50
	IDAllExtdBothDirectory DirectoryClass = 0x51
)

// VolumeClass numbers what can be asked of a file system ([MS-FSCC] 2.5).
type VolumeClass uint8

// The classes of a file system.
const (
	VolumeLabeled    VolumeClass = 1 // FileFsVolumeInformation
	VolumeLabel      VolumeClass = 2
	VolumeSize       VolumeClass = 3
	VolumeDevice     VolumeClass = 4
	VolumeAttribute  VolumeClass = 5
	VolumeControl    VolumeClass = 6
	VolumeFullSize   VolumeClass = 7
	VolumeObjectID   VolumeClass = 8
	VolumeDriverPath VolumeClass = 9
	VolumeFlags      VolumeClass = 10
	VolumeSectorSize VolumeClass = 11
)

// Documented reports whether [MS-FSCC] 2.5 lists the class.
func (c VolumeClass) Documented() bool { return c >= VolumeLabeled && c <= VolumeSectorSize }
