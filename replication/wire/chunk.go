package wire

import (
	"encoding/binary"

	"dfsd/internal/field"
	"dfsd/replication"
)

const (
	// MaxOpaque is how many bytes a chunk list or recipe may have.
	MaxOpaque = maxPlain
	// MaxRanges is how many ranges one request names.
	MaxRanges = 1 << 12
	// MaxChunkBytes is how many bytes of content one Chunks holds.
	MaxChunkBytes = 1 << 20
)

// Range is Length bytes at Offset of a content.
type Range struct{ Offset, Length int64 }

// appendRanges writes the number of ranges and of each how far it begins behind
// the end of the one before, and its length.
func appendRanges(b []byte, ranges []Range) []byte {
	b = binary.AppendUvarint(b, uint64(len(ranges)))
	var end int64
	for _, r := range ranges {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(r.Offset-end)), uint64(r.Length))
		end = r.Offset + r.Length
	}
	return b
}

// ranges takes ranges that are not empty, rise and do not overlap.
func (r *reader) ranges() []Range {
	n := r.Count(MaxRanges, 2, "ranges")
	if n == 0 {
		return nil
	}
	ranges := make([]Range, n)
	var end int64
	for i := range ranges {
		skip, length := r.Amount("skip"), r.Amount("length")
		if length == 0 || end+skip < 0 || end+skip+length < 0 {
			r.Fail("a range of length %d that begins %d behind %d", length, skip, end)
			return nil
		}
		ranges[i] = Range{end + skip, length}
		end += skip + length
	}
	return ranges
}

// ListMode says which list of chunks a WantChunkList asks for.
type ListMode uint8

// The modes of a WantChunkList.
const (
	// KnownList asks for the lasting list of the whole content if it is known
	// without reading that; Done is the answer if not.
	KnownList ListMode = iota
	// WholeList asks for the lasting list of the whole content.
	WholeList
	// ListEntries asks for the entries of the lasting list that cover the
	// ranges exactly.
	ListEntries
	// CutRanges asks for the chunks of each range, cut for itself.
	CutRanges
	listModes
)

// WantChunkList asks for chunks of one content, as ChunkLists of many parts.
type WantChunkList struct {
	Folder FolderKey
	Want
	Mode    ListMode
	Average uint32  // of the cut; 0: as the answering member likes best
	Level   uint8   // 0: chunks; n: outline of the list of level n-1
	Ranges  []Range // of the content; rising, at most MaxRanges; not of whole lists
}

// Type is TypeWantChunkList.
func (WantChunkList) Type() Type { return TypeWantChunkList }

// Append writes folder, id, hash, mode, average, level and ranges.
func (w WantChunkList) Append(b []byte) []byte {
	b = append(w.appendTo(append(b, w.Folder[:]...)), byte(w.Mode))
	return appendRanges(append(binary.AppendUvarint(b, uint64(w.Average)), w.Level), w.Ranges)
}

func parseWantChunkList(r *reader) Message {
	w := WantChunkList{r.folder(), r.want(), ListMode(r.Byte("mode")), r.uint32("average"), r.Byte("level"), r.ranges()}
	if w.Mode >= listModes {
		r.Fail("list of mode %d", w.Mode)
	}
	return w
}

// ChunkList is a part of the answer to a WantChunkList: of a whole list the
// list, of ranges the entries of so many ranges as fit, in their order. The
// bytes are those of the chunk room; nothing here looks into them.
type ChunkList struct {
	Hash replication.Hash // of the content
	List []byte           // at most MaxOpaque
}

// Type is TypeChunkList.
func (ChunkList) Type() Type { return TypeChunkList }

// Append writes the hash, and the list as one block.
func (c ChunkList) Append(b []byte) []byte { return appendBlock(append(b, c.Hash[:]...), c.List, fast) }

func parseChunkList(r *reader) Message {
	c := ChunkList{Hash: r.hash("hash")}
	c.List, _ = r.block(MaxOpaque, "list")
	return c
}

// WantRecipe asks how to make one content from another that the asker holds.
// The answer is a Recipe, with Chunks behind it if it says so, from a member
// that knows the chunks of the base; otherwise the ChunkList of the whole
// target, as an outline where that is long.
type WantRecipe struct {
	Folder FolderKey
	Want
	Base replication.Hash
}

// Type is TypeWantRecipe.
func (WantRecipe) Type() Type { return TypeWantRecipe }

// Append writes folder, id, hash and base.
func (w WantRecipe) Append(b []byte) []byte {
	return append(w.appendTo(append(b, w.Folder[:]...)), w.Base[:]...)
}

func parseWantRecipe(r *reader) Message { return WantRecipe{r.folder(), r.want(), r.hash("base")} }

// Recipe is how to make a content from its base. The steps are those of the
// chunk room; nothing here looks into them.
type Recipe struct {
	Average uint32 // of the chunks of both contents
	Filled  bool   // the chunks to fetch follow as Chunks, each once, in the order of their first use
	Steps   []byte // at most MaxOpaque
}

// Type is TypeRecipe.
func (Recipe) Type() Type { return TypeRecipe }

// Append writes the average, whether chunks follow, and the steps as one block.
func (p Recipe) Append(b []byte) []byte {
	return appendBlock(field.AppendBool(binary.AppendUvarint(b, uint64(p.Average)), p.Filled), p.Steps, fast)
}

func parseRecipe(r *reader) Message {
	p := Recipe{Average: r.uint32("average"), Filled: r.Bool("filled")}
	p.Steps, _ = r.block(MaxOpaque, "steps")
	return p
}

// WantChunks asks for stretches of one content, as Chunks of many parts.
type WantChunks struct {
	Folder FolderKey
	Want
	Ranges []Range // rising, at most MaxRanges
}

// Type is TypeWantChunks.
func (WantChunks) Type() Type { return TypeWantChunks }

// Append writes folder, id, hash and ranges.
func (w WantChunks) Append(b []byte) []byte {
	return appendRanges(w.appendTo(append(b, w.Folder[:]...)), w.Ranges)
}

func parseWantChunks(r *reader) Message { return WantChunks{r.folder(), r.want(), r.ranges()} }

// Chunks holds the next bytes of the stretches that were asked for, one behind
// the other; the parts are cut anywhere.
type Chunks struct {
	Bytes []byte // at most MaxChunkBytes; the receiver verifies them
}

// Type is TypeChunks.
func (Chunks) Type() Type { return TypeChunks }

// Append writes the bytes as one block, compressed where it pays.
func (c Chunks) Append(b []byte) []byte { return appendBlock(b, c.Bytes, fast) }

func parseChunks(r *reader) Message {
	var c Chunks
	c.Bytes, _ = r.block(MaxChunkBytes, "bytes")
	return c
}
