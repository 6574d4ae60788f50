package fscc

// Entry is one file or directory in a listing, with no short name, no extended
// attributes and no content.
type Entry struct {
	Index      uint32 // its place in the directory
	Times      Times
	Attributes Attributes
	ReparseTag ReparseTag // 0 unless Attributes has AttributeReparsePoint
	ID         uint64     // unique within the volume, never 0
	Name       string
}

// NameOffset returns where the name stands in an entry of the class, which is
// also the shortest buffer that a client may offer, or 0 for what is no
// directory class.
//
// All but Names begin with
//
//	0 Next   4 Index   8 Times[4]   40 EndOfFile   48 Allocation   56 Attributes   60 NameLength
//
// and go on from 64 with
//
//	FullDirectory            64 EaSize
//	BothDirectory            64 EaSize   68 ShortLen   70 Short[24]
//	IDBothDirectory          64 EaSize   68 ShortLen   70 Short[24]   94 Reserved   96 ID
//	IDFullDirectory          64 EaSize   68 Reserved   72 ID
//	IDExtdDirectory          64 EaSize   68 Tag        72 ID[16]
//	ID64ExtdDirectory        64 EaSize   68 Tag        72 ID
//	ID64ExtdBothDirectory    64 EaSize   68 Tag        72 ID          80 ShortLen    82 Short[24]
//	IDAllExtdDirectory       64 EaSize   68 Tag        72 ID          80 ID[16]
//	IDAllExtdBothDirectory   64 EaSize   68 Tag        72 ID          80 ID[16]      96 ShortLen   98 Short[24]
//
// Names is 0 Next, 4 Index, 8 NameLength, 12 name.
func (c DirectoryClass) NameOffset() int {
	switch c {
	case Names:
		return 12
	case Directory:
		return 64
	case FullDirectory:
		return 68
	case BothDirectory:
		return 94
	case IDFullDirectory, ID64ExtdDirectory:
		return 80
	case IDExtdDirectory:
		return 88
	case IDAllExtdDirectory:
		return 96
	case IDBothDirectory:
		return 104
	case ID64ExtdBothDirectory:
		return 106
	case IDAllExtdBothDirectory:
		return 122
	}
	return 0
}

// appendFixed appends all of e before its name; Next is 0.
func (e *Entry) appendFixed(b []byte, c DirectoryClass) []byte {
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, e.Index)
	if c != Names {
		b = e.Times.append(b)
		b = le.AppendUint64(b, 0)
		b = le.AppendUint64(b, 0)
		b = le.AppendUint32(b, uint32(e.Attributes))
	}
	b = le.AppendUint32(b, uint32(nameBytes(e.Name)))
	return e.appendTail(b, c)
}

// appendTail appends what stands between the length of the name and the name.
func (e *Entry) appendTail(b []byte, c DirectoryClass) []byte {
	switch c {
	case FullDirectory:
		return e.appendTagAsSize(b)
	case BothDirectory:
		return appendNoShortName(e.appendTagAsSize(b))
	case IDBothDirectory:
		b = appendNoShortName(e.appendTagAsSize(b))
		return le.AppendUint64(le.AppendUint16(b, 0), e.ID)
	case IDFullDirectory:
		return le.AppendUint64(le.AppendUint32(e.appendTagAsSize(b), 0), e.ID)
	case IDExtdDirectory:
		return appendWideID(e.appendSizeAndTag(b), e.ID)
	case ID64ExtdDirectory:
		return le.AppendUint64(e.appendSizeAndTag(b), e.ID)
	case ID64ExtdBothDirectory:
		return appendNoShortName(le.AppendUint64(e.appendSizeAndTag(b), e.ID))
	case IDAllExtdDirectory:
		return appendWideID(le.AppendUint64(e.appendSizeAndTag(b), e.ID), e.ID)
	case IDAllExtdBothDirectory:
		return appendNoShortName(appendWideID(le.AppendUint64(e.appendSizeAndTag(b), e.ID), e.ID))
	}
	return b
}

// appendTagAsSize appends EaSize as the classes without a field for the tag
// have it: the tag, where the entry is a reparse point.
func (e *Entry) appendTagAsSize(b []byte) []byte { return le.AppendUint32(b, uint32(e.ReparseTag)) }

// appendSizeAndTag appends EaSize and ReparsePointTag.
func (e *Entry) appendSizeAndTag(b []byte) []byte {
	return le.AppendUint32(le.AppendUint32(b, 0), uint32(e.ReparseTag))
}

// appendNoShortName appends ShortNameLength u8, Reserved u8, ShortName[24].
func appendNoShortName(b []byte) []byte { return appendZeros(b, 26) }
