package wire

import (
	"encoding/binary"

	"dfsd/replication"
)

const (
	// MaxOpaque is how many bytes a chunk list or recipe may have.
	MaxOpaque = maxPlain
	// MaxChunks is how many chunks one request or answer names.
	MaxChunks = 1 << 12
	// MaxChunkBytes is how many bytes the chunks of one answer may have
	// together.
	MaxChunkBytes = maxPlain - MaxChunks*(32+5+4)
)

// WantChunkList asks for the list of the chunks of one content, as ChunkLists
// of many parts.
type WantChunkList struct {
	Folder FolderKey
	Want
}

// Type is TypeWantChunkList.
func (WantChunkList) Type() Type { return TypeWantChunkList }

// Append writes folder, id and hash.
func (w WantChunkList) Append(b []byte) []byte { return w.appendTo(append(b, w.Folder[:]...)) }

func parseWantChunkList(r *reader) Message { return WantChunkList{r.folder(), r.want()} }

// ChunkList is a part of the list of the chunks of one content. The bytes are
// those of the chunk room; nothing here looks into them.
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

// WantRecipe asks how to make one content from another that the asker holds,
// as Recipes of many parts.
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

// Recipe is a part of the instructions to make a content from its base. The
// bytes are those of the chunk room.
type Recipe struct {
	Want
	Base  replication.Hash
	Steps []byte // at most MaxOpaque
}

// Type is TypeRecipe.
func (Recipe) Type() Type { return TypeRecipe }

// Append writes id, hash and base, and the steps as one block.
func (p Recipe) Append(b []byte) []byte {
	return appendBlock(append(p.appendTo(b), p.Base[:]...), p.Steps, fast)
}

func parseRecipe(r *reader) Message {
	p := Recipe{Want: r.want(), Base: r.hash("base")}
	p.Steps, _ = r.block(MaxOpaque, "steps")
	return p
}

// WantChunks asks for chunks of one content by their hashes, as Chunks of many
// parts.
type WantChunks struct {
	Folder FolderKey
	Want
	Chunks []replication.Hash // at most MaxChunks
}

// Type is TypeWantChunks.
func (WantChunks) Type() Type { return TypeWantChunks }

// Append writes folder, id, hash, number, and the hashes.
func (w WantChunks) Append(b []byte) []byte {
	b = binary.AppendUvarint(w.appendTo(append(b, w.Folder[:]...)), uint64(len(w.Chunks)))
	for _, h := range w.Chunks {
		b = append(b, h[:]...)
	}
	return b
}

func parseWantChunks(r *reader) Message {
	w := WantChunks{Folder: r.folder(), Want: r.want()}
	if n := r.count(MaxChunks, 32, "chunks"); n > 0 {
		w.Chunks = make([]replication.Hash, n)
	}
	for i := range w.Chunks {
		w.Chunks[i] = r.hash("chunk")
	}
	return w
}

// Chunk is one chunk: its bytes, or why it does not come.
type Chunk struct {
	Hash replication.Hash // the receiver verifies it
	Code Code             // not 0: no bytes
	Data []byte
}

// Chunks holds chunks, compressed across them.
type Chunks struct {
	Chunks []Chunk // at most MaxChunks, with at most MaxChunkBytes of data
}

// Type is TypeChunks.
func (Chunks) Type() Type { return TypeChunks }

// Append writes one block: the number of chunks, and of each its hash, code
// and bytes.
func (c Chunks) Append(b []byte) []byte {
	block := binary.AppendUvarint(nil, uint64(len(c.Chunks)))
	for _, k := range c.Chunks {
		block = append(block, k.Hash[:]...)
		block = appendBytes(binary.AppendUvarint(block, uint64(k.Code)), k.Data)
	}
	return appendBlock(b, block, fast)
}

func parseChunks(r *reader) Message {
	var c Chunks
	block, _ := r.block(maxPlain, "chunks")
	in := reader{b: block, err: r.err}
	if n := in.count(MaxChunks, 34, "chunks"); n > 0 {
		c.Chunks = make([]Chunk, n)
	}
	for i := range c.Chunks {
		c.Chunks[i] = Chunk{in.hash("hash"), Code(in.uint32("code")), in.bytes(maxPlain, "bytes")}
	}
	in.end("the last chunk")
	r.err = in.err
	return c
}
