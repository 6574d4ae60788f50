package transfer

import (
	"slices"
	"strings"
	"testing"

	"dfsd/replication/chunk"
	"dfsd/replication/wire"
)

// TestHostileAnswers: whatever a partner sends for a large content, with a base
// or without, the content comes from the next one, and the first cannot make
// much come.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	base := noise(1, 2<<20)
	target := slices.Concat(base[:1<<20], noise(2, 300_000), base[1<<20:])
	size := int64(len(target))
	other := chunk.ListOf(noise(3, 2<<20), chunk.AverageOf(2<<20))
	good := chunk.ListOf(target, chunk.AverageOf(size))
	steps := func(steps ...chunk.Step) wire.Recipe {
		return wire.Recipe{Average: 4096, Steps: chunk.Recipe{Size: size, Sum: hashOf(target), Steps: steps}.Append(nil)}
	}
	fill := func(p wire.Recipe) wire.Recipe {
		p.Filled = true
		return p
	}
	always := func(answers ...wire.Message) func(wire.Message) []wire.Message {
		return func(wire.Message) []wire.Message { return answers }
	}
	// data changes pieces, and answers questions for recipes truly.
	data := func(change func(d *wire.Data)) func(wire.Message) []wire.Message {
		return func(m wire.Message) []wire.Message {
			if d, ok := m.(wire.Data); ok {
				change(&d)
				m = d
			}
			return []wire.Message{m}
		}
	}
	chunks := func(change func(wire.Chunks) []wire.Message) func(wire.Message) []wire.Message {
		return func(m wire.Message) []wire.Message {
			if c, ok := m.(wire.Chunks); ok {
				return change(c)
			}
			return []wire.Message{m}
		}
	}
	for name, lie := range map[string]func(wire.Message) []wire.Message{
		"nothing":                 always(),
		"another message":         always(wire.Pack{Folder: folder}),
		"list of another":         always(wire.ChunkList{List: other.Append(nil)}),
		"list that is none":       always(wire.ChunkList{List: []byte("list")}),
		"two lists":               always(wire.ChunkList{List: good.Append(nil)}, wire.ChunkList{List: good.Append(nil)}),
		"bytes behind a list":     always(wire.ChunkList{List: append(good.Append(nil), 0)}),
		"outline of nothing":      always(wire.ChunkList{List: other.Outline().Append(nil)}),
		"right outline, no more":  always(wire.ChunkList{List: good.Outline().Append(nil)}),
		"recipe that is none":     always(wire.Recipe{Average: 4096, Steps: []byte("steps")}),
		"recipe of bad average":   always(wire.Recipe{Average: 5, Steps: steps(chunk.Step{Length: size}).Steps}),
		"recipe beyond the base":  always(steps(chunk.Step{Length: size, From: 1 << 40})),
		"recipe of all the wrong": always(steps(chunk.Step{Length: size})),
		"recipe twice":            always(steps(chunk.Step{Length: size}), steps(chunk.Step{Length: size})),
		"recipe without chunks":   always(fill(steps(chunk.Step{Fetch: true, Length: 5}, chunk.Step{Length: size - 5}))),
		"recipe, wrong chunks":    always(fill(steps(chunk.Step{Fetch: true, Length: 5}, chunk.Step{Length: size - 5})), wire.Chunks{Bytes: []byte("wrong")}),
		"recipe, too many chunks": always(fill(steps(chunk.Step{Fetch: true, Length: 5}, chunk.Step{Length: size - 5})), wire.Chunks{Bytes: []byte("much more")}),
		"recipe with a flood":     always(fill(steps(chunk.Step{Fetch: true, Length: 1 << 20}, chunk.Step{Length: size - 1<<20})), wire.Chunks{Bytes: noise(4, 1<<20)}),
		"empty chunks":            chunks(func(wire.Chunks) []wire.Message { return []wire.Message{wire.Chunks{}} }),
		"chunks twice":            chunks(func(c wire.Chunks) []wire.Message { return []wire.Message{c, c} }),
		"wrong chunks":            chunks(func(c wire.Chunks) []wire.Message { return []wire.Message{wire.Chunks{Bytes: noise(5, len(c.Bytes))}} }),
		"half of the chunks": chunks(func(c wire.Chunks) []wire.Message {
			return []wire.Message{wire.Chunks{Bytes: c.Bytes[:len(c.Bytes)/2]}}
		}),
		"other offset":     data(func(d *wire.Data) { d.Offset++ }),
		"too many zeros":   data(func(d *wire.Data) { d.Zeros = 1 << 50 }),
		"empty pieces":     data(func(d *wire.Data) { d.Bytes = nil }),
		"wrong pieces":     data(func(d *wire.Data) { d.Bytes = noise(6, len(d.Bytes)) }),
		"pieces too short": data(func(d *wire.Data) { d.Bytes = d.Bytes[1:] }),
	} {
		for _, hasBase := range []bool{true, false} {
			liar := linkTo(newShelf().add(target))
			liar.lie = lie
			honest := linkTo(newShelf().add(target))
			x := start(t, Options{}, liar, honest)
			x.local.add(base)
			x.Want(Job{Record: recordOf(1, target), Base: hashOf(base), HasBase: hasBase})
			r := x.one(t)
			if r.Err != nil {
				t.Errorf("%s, base %v: %v", name, hasBase, r.Err)
				continue
			}
			x.mustBe(t, r, target)
			x.stop()
			if aboutPieces := strings.Contains(name, "pieces") || strings.Contains(name, "zeros") || strings.Contains(name, "offset"); aboutPieces && !hasBase && honest.total() == 0 {
				t.Errorf("%s: taken as it came", name)
			}
			if liar.received.Load() > 4*size {
				t.Errorf("%s, base %v: %d bytes came from the liar", name, hasBase, liar.received.Load())
			}
		}
	}
}

// TestHostileQuestions: a Server refuses what no Fetcher asks.
func TestHostileQuestions(t *testing.T) {
	t.Parallel()
	b := noise(7, 1<<20)
	s := NewServer(folder, newShelf().add(b), ServerOptions{})
	want := wire.Want{ID: idOf(1), Hash: hashOf(b)}
	const size = 1 << 20
	for _, test := range []struct {
		name string
		m    wire.Message
		want error
	}{
		{"no content", wire.WantRecords{Folder: folder}, wire.ErrUnsupported},
		{"another folder", wire.WantFiles{Folder: wire.FolderKey{1}}, wire.ErrUnknownFolder},
		{"range beyond the end", wire.WantRange{Folder: folder, Want: want, Offset: size, Length: 1}, wire.ErrProtocol},
		{"range of nothing known", wire.WantRange{Folder: folder, Length: 1}, wire.ErrNotFound},
		{"chunks beyond the end", wire.WantChunks{Folder: folder, Want: want, Ranges: []wire.Range{{Offset: 5, Length: size}}}, wire.ErrProtocol},
		{"list of bad average", wire.WantChunkList{Folder: folder, Want: want, Mode: wire.WholeList, Average: 5}, wire.ErrProtocol},
		{"cut of no average", wire.WantChunkList{Folder: folder, Want: want, Mode: wire.CutRanges}, wire.ErrProtocol},
		{"level 9", wire.WantChunkList{Folder: folder, Want: want, Mode: wire.WholeList, Level: 9}, wire.ErrProtocol},
		{"entries of no chunk", wire.WantChunkList{Folder: folder, Want: want, Mode: wire.ListEntries, Ranges: []wire.Range{{Offset: 1, Length: 1}}}, wire.ErrProtocol},
		{"entries beyond the end", wire.WantChunkList{Folder: folder, Want: want, Mode: wire.ListEntries, Ranges: []wire.Range{{Offset: 0, Length: size + 1}}}, wire.ErrProtocol},
		{"cut beyond the end", wire.WantChunkList{Folder: folder, Want: want, Mode: wire.CutRanges, Average: 1024, Ranges: []wire.Range{{Offset: 1, Length: size}}}, wire.ErrProtocol},
		{"list of nothing known", wire.WantChunkList{Folder: folder, Mode: wire.WholeList}, wire.ErrNotFound},
	} {
		_, err := s.Answer(t.Context(), wire.Bulk, test.m, func(wire.Message) error { return nil })
		if wire.CodeOf(err) != wire.CodeOf(test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	// A long file does not come in a pack, nor one that changes as it is read.
	shelf := s.local.(*shelf)
	moving := noise(8, 100)
	shelf.add(moving)
	shelf.changed[hashOf(moving)] = true
	m := wire.WantFiles{Folder: folder, Files: []wire.Want{want, {Hash: hashOf(moving)}, {}}}
	var codes []wire.Code
	if _, err := s.Answer(t.Context(), wire.Small, m, func(m wire.Message) error {
		for _, f := range m.(wire.Pack).Files {
			codes = append(codes, f.Code)
			if len(f.Data) > 0 {
				t.Errorf("%d bytes with code %d", len(f.Data), f.Code)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if expect := []wire.Code{wire.CodeOf(wire.ErrTooLarge), wire.CodeOf(wire.ErrChanged), wire.CodeOf(wire.ErrNotFound)}; !slices.Equal(codes, expect) {
		t.Errorf("codes %v, want %v", codes, expect)
	}
}

// TestServerReadsNoFurtherThanBound: a partner that asks for much and takes
// little makes little be read.
func TestServerReadsNoFurtherThanBound(t *testing.T) {
	t.Parallel()
	there := newShelf()
	m := wire.WantFiles{Folder: folder}
	for i := range 200 {
		b := noise(byte(i), 100<<10)
		there.add(b)
		m.Files = append(m.Files, wire.Want{ID: idOf(i), Hash: hashOf(b)})
	}
	s := NewServer(folder, there, ServerOptions{Readers: 8})
	next := 0
	if _, err := s.Answer(t.Context(), wire.Small, m, func(m wire.Message) error {
		there.mu.Lock()
		defer there.mu.Unlock()
		for _, f := range m.(wire.Pack).Files {
			if f.ID != idOf(next) || hashOf(f.Data) != f.Hash {
				t.Fatalf("file %v at place %d", f.ID, next)
			}
			next++
		}
		if ahead := there.opens - next; ahead > aheadMost/(100<<10)+8 {
			t.Fatalf("%d files read ahead", ahead)
		}
		return nil
	}); err != nil || next != 200 {
		t.Errorf("%d files, %v", next, err)
	}
}

// TestErrorsNameNoPath: what a partner is told of a failure here is a code.
func TestErrorsNameNoPath(t *testing.T) {
	t.Parallel()
	there := newShelf()
	h := hashOf([]byte("x"))
	there.addFile(memoryDir(t, noOptions), "secret/name", h, 1)
	_, err := NewServer(folder, there, ServerOptions{}).Answer(t.Context(), wire.Bulk,
		wire.WantRange{Folder: folder, Want: wire.Want{Hash: h}, Length: 1}, nil)
	if err == nil || err.Error() != wire.ErrNotFound.Error() {
		t.Errorf("Answer = %v", err)
	}
}
