package wire

import "encoding/binary"

// MaxPiece is how many bytes of content one Data holds.
const MaxPiece = 1 << 20

// WantRange asks for a part of one file's content, as Data of many parts in
// rising order without gaps. Offset is where a transfer that was cut resumes.
type WantRange struct {
	Folder FolderKey
	Want
	Offset, Length int64 // in bytes; together at most 2⁶³−1
}

// Type is TypeWantRange.
func (WantRange) Type() Type { return TypeWantRange }

// Append writes folder, id, hash, offset and length.
func (w WantRange) Append(b []byte) []byte {
	b = w.appendTo(append(b, w.Folder[:]...))
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(w.Offset)), uint64(w.Length))
}

func parseWantRange(r *reader) Message {
	w := WantRange{r.folder(), r.want(), r.Amount("offset"), r.Amount("length")}
	if w.Offset+w.Length < 0 {
		r.Fail("a range from %d of length %d", w.Offset, w.Length)
	}
	return w
}

func (w Want) appendTo(b []byte) []byte { return append(append(b, w.ID[:]...), w.Hash[:]...) }

func (r *reader) want() Want { return Want{r.id("id"), r.hash("hash")} }

// Data is a piece of the content that a WantRange asked for.
type Data struct {
	Offset int64
	Bytes  []byte // at most MaxPiece
	Zeros  int64  // so many zero bytes follow Bytes: a hole, of any length
	// Squeezed asks for compression where it pays; in a parsed message it
	// tells that the piece came compressed.
	Squeezed bool
}

// Type is TypeData.
func (Data) Type() Type { return TypeData }

// Append writes the offset, the number of zeros, and the bytes as one block.
func (d Data) Append(b []byte) []byte {
	e := noEffort
	if d.Squeezed {
		e = fast
	}
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(d.Offset)), uint64(d.Zeros))
	return appendBlock(b, d.Bytes, e)
}

func parseData(r *reader) Message {
	d := Data{Offset: r.Amount("offset"), Zeros: r.Amount("zeros")}
	d.Bytes, d.Squeezed = r.block(MaxPiece, "content")
	if end := d.Offset + int64(len(d.Bytes)); end < 0 || end+d.Zeros < 0 {
		r.Fail("a piece at %d of length %d and %d zeros", d.Offset, len(d.Bytes), d.Zeros)
	}
	return d
}
