package wire

import (
	"encoding/binary"

	"dfsd/internal/field"
	"dfsd/replication"
)

const (
	// MaxPackFiles is how many files one request or pack names.
	MaxPackFiles = 1 << 12
	// MaxPackBytes is how many bytes the files of one pack may have together,
	// and so the length of the longest file that can travel in one.
	MaxPackBytes = maxPlain - MaxPackFiles*maxEntryHeader
	// MaxInline is the length up to which a file is better sent in a pack.
	MaxInline = 256 << 10

	leastEntryHeader = 16 + 32 + 1 + 1
	maxEntryHeader   = 16 + 32 + 5 + 4
)

// Want is one file of a request: its id, and the hash of the content wanted.
type Want struct {
	ID   replication.FileID
	Hash replication.Hash
}

// WantFiles asks for whole small files, as Packs of many parts.
type WantFiles struct {
	Folder FolderKey
	Files  []Want // at most MaxPackFiles
}

// Type is TypeWantFiles.
func (WantFiles) Type() Type { return TypeWantFiles }

// Append writes folder, number, and of each file its id and hash.
func (w WantFiles) Append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, w.Folder[:]...), uint64(len(w.Files)))
	for _, f := range w.Files {
		b = append(append(b, f.ID[:]...), f.Hash[:]...)
	}
	return b
}

func parseWantFiles(r *reader) Message {
	w := WantFiles{Folder: r.folder()}
	if n := r.Count(MaxPackFiles, 48, "files"); n > 0 {
		w.Files = make([]Want, n)
	}
	for i := range w.Files {
		w.Files[i] = Want{r.id("id"), r.hash("hash")}
	}
	return w
}

// Packed is one file of a pack: its whole content, or why it does not come.
type Packed struct {
	ID   replication.FileID
	Hash replication.Hash // of the content asked for; the receiver verifies it
	Code Code             // not 0: no content
	Data []byte
}

// Pack holds small files.
type Pack struct {
	Folder FolderKey
	Files  []Packed // at most MaxPackFiles, with at most MaxPackBytes of data
	// Squeezed asks for compression across the files where it pays; in a parsed
	// message it tells that they came compressed.
	Squeezed bool
}

// Type is TypePack.
func (Pack) Type() Type { return TypePack }

// Append writes the folder and one block: the number of files, and of each its
// id, hash, code and content.
func (p Pack) Append(b []byte) []byte {
	size := 4
	for _, f := range p.Files {
		size += maxEntryHeader + len(f.Data)
	}
	block := binary.AppendUvarint(make([]byte, 0, size), uint64(len(p.Files)))
	for _, f := range p.Files {
		block = append(append(block, f.ID[:]...), f.Hash[:]...)
		block = field.AppendBytes(binary.AppendUvarint(block, uint64(f.Code)), f.Data)
	}
	e := noEffort
	if p.Squeezed {
		e = fast
	}
	return appendBlock(append(b, p.Folder[:]...), block, e)
}

func parsePack(r *reader) Message {
	p := Pack{Folder: r.folder()}
	block, squeezed := r.block(maxPlain, "files")
	p.Squeezed = squeezed
	in := readerOf(block)
	in.Err = r.Err
	if n := in.Count(MaxPackFiles, leastEntryHeader, "files"); n > 0 {
		p.Files = make([]Packed, n)
	}
	for i := range p.Files {
		p.Files[i] = Packed{in.id("id"), in.hash("hash"), Code(in.uint32("code")), in.Bytes(maxPlain, "content")}
	}
	r.Err = in.End("the last file")
	return p
}
