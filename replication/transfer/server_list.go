package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"dfsd/replication"
	"dfsd/replication/chunk"
	"dfsd/replication/wire"
)

const (
	plainEntries = 128       // up to so many entries a list goes without outline
	fillMost     = 64 << 10  // bytes of chunks that come with a recipe
	recipeMost   = 2 << 20   // bytes of the longest recipe that is sent
	cutEntries   = 32 << 10  // about so many chunks a range may be cut into
	wholeEntries = 1 << 20   // about so many chunks a content may be cut into
	listBytes    = 256 << 10 // of entries, with which a part is sent
)

// chunkList answers WantChunkList.
func (s *Server) chunkList(ctx context.Context, m wire.WantChunkList, part func(wire.Message) error) (wire.Message, error) {
	average := chunk.Average(m.Average)
	if m.Average != 0 || m.Mode == wire.CutRanges {
		if err := average.Validate(); err != nil {
			return nil, fmt.Errorf("%w: %w", wire.ErrProtocol, err)
		}
	}
	if m.Level > chunk.MaxLevel {
		return nil, fmt.Errorf("%w: outline of level %d", wire.ErrProtocol, m.Level)
	}
	if m.Mode == wire.CutRanges {
		return nil, s.cutRanges(ctx, m, average, part)
	}
	l, known := s.known(m.Hash, average)
	switch {
	case !known && m.Mode == wire.KnownList:
		return nil, nil
	case !known:
		var err error
		if l, err = s.cut(ctx, m.Want, average); err != nil {
			return nil, err
		}
	}
	for l.Level < m.Level {
		l = l.Outline()
	}
	if m.Mode == wire.ListEntries {
		return nil, entries(l, m, part)
	}
	return wholeList(l)
}

// wholeList returns the message of l, outlined until it fits.
func wholeList(l chunk.List) (wire.Message, error) {
	for {
		if b := l.Append(nil); len(b) <= wire.MaxOpaque {
			return wire.ChunkList{Hash: l.Sum, List: b}, nil
		}
		if l.Level == chunk.MaxLevel {
			return nil, wire.ErrTooLarge
		}
		l = l.Outline()
	}
}

// entries sends those of l that cover ranges exactly.
func entries(l chunk.List, m wire.WantChunkList, part func(wire.Message) error) error {
	var b []byte
	var at int64
	i := 0
	for _, r := range m.Ranges {
		for ; i < len(l.Chunks) && at < r.Offset; i++ {
			at += l.Chunks[i].Length
		}
		from := i
		for ; i < len(l.Chunks) && at < r.Offset+r.Length; i++ {
			if from == i && at != r.Offset {
				break
			}
			at += l.Chunks[i].Length
		}
		if at != r.Offset+r.Length || from == i {
			return fmt.Errorf("%w: no entries cover %d bytes at %d", wire.ErrProtocol, r.Length, r.Offset)
		}
		var err error
		if b, err = sendEntries(m.Hash, b, l.Chunks[from:i], part); err != nil {
			return err
		}
	}
	return flushEntries(m.Hash, b, part)
}

// sendEntries adds chunks to the part b and sends it when it is full.
func sendEntries(h replication.Hash, b []byte, chunks []chunk.Chunk, part func(wire.Message) error) ([]byte, error) {
	before := len(b)
	b = chunk.AppendChunks(b, chunks)
	if len(b)-before > wire.MaxOpaque {
		return nil, wire.ErrTooLarge
	}
	if before > 0 && len(b) > wire.MaxOpaque {
		if err := flushEntries(h, b[:before], part); err != nil {
			return nil, err
		}
		b = b[:copy(b, b[before:])]
	}
	if len(b) < listBytes {
		return b, nil
	}
	return b[:0], flushEntries(h, b, part)
}

func flushEntries(h replication.Hash, b []byte, part func(wire.Message) error) error {
	if len(b) == 0 {
		return nil
	}
	return part(wire.ChunkList{Hash: h, List: b})
}

// cutRanges sends the chunks of ranges, each cut for itself.
func (s *Server) cutRanges(ctx context.Context, m wire.WantChunkList, average chunk.Average, part func(wire.Message) error) error {
	f, err := s.open(m.Want)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := within(m.Ranges, f.size); err != nil {
		return err
	}
	done, err := s.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	var b []byte
	for _, r := range m.Ranges {
		if r.Length/int64(average) > cutEntries {
			return fmt.Errorf("%w: %d bytes cut by %v", wire.ErrTooLarge, r.Length, average)
		}
		l, err := readList(ctx, io.NewSectionReader(f, r.Offset, r.Length), r.Length, average)
		if err != nil {
			return err
		}
		if b, err = sendEntries(m.Hash, b, l.Chunks, part); err != nil {
			return err
		}
	}
	if err := f.still(); err != nil {
		return err
	}
	return flushEntries(m.Hash, b, part)
}

// readList cuts size bytes of r.
func readList(ctx context.Context, r io.Reader, size int64, average chunk.Average) (chunk.List, error) {
	l, err := chunk.ReadList(&checkedReader{ctx, r}, average)
	if err == nil && l.Size != size {
		err = wire.ErrChanged
	}
	return l, err
}

// checkedReader ends when ctx does.
type checkedReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *checkedReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// turn waits until a file may be cut, and returns what ends the turn.
func (s *Server) turn(ctx context.Context) (done func(), err error) {
	select {
	case s.cuts <- struct{}{}:
		return func() { <-s.cuts }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// known returns the list of a content, of any average if that is 0.
func (s *Server) known(h replication.Hash, average chunk.Average) (chunk.List, bool) {
	fits := func(l chunk.List) bool { return l.Level == 0 && (average == 0 || l.Average == average) }
	if l, ok := s.local.List(h); ok && fits(l) && l.Sum == h {
		return l, true
	}
	return s.lists.find(h, fits)
}

// cut reads a content for its list, which the member keeps if it is the lasting
// one.
func (s *Server) cut(ctx context.Context, want wire.Want, average chunk.Average) (chunk.List, error) {
	f, err := s.open(want)
	if err != nil {
		return chunk.List{}, err
	}
	defer f.Close()
	lasting := chunk.AverageOf(f.size)
	if average == 0 {
		average = lasting
	}
	if f.size/int64(average) > wholeEntries && average != chunk.MaxAverage {
		return chunk.List{}, fmt.Errorf("%w: %d bytes cut by %v", wire.ErrTooLarge, f.size, average)
	}
	done, err := s.turn(ctx)
	if err != nil {
		return chunk.List{}, err
	}
	defer done()
	if l, ok := s.known(want.Hash, average); ok {
		return l, nil // somebody did it meanwhile
	}
	l, err := readList(ctx, io.NewSectionReader(f, 0, f.size), f.size, average)
	if err != nil {
		return chunk.List{}, err
	}
	if err := f.still(); err != nil {
		return chunk.List{}, err
	}
	if l.Sum != want.Hash {
		return chunk.List{}, wire.ErrChanged
	}
	s.lists.add(l)
	if average == lasting {
		s.local.KeepList(l)
	}
	return l, nil
}

// recentLists holds the last few lists that were cut, for the questions that
// follow the first. Safe for concurrent use.
type recentLists struct {
	mu    sync.Mutex // guards lists
	lists []chunk.List
}

const (
	listsKept   = 4
	entriesKept = 64 << 10 // of a list
)

func (r *recentLists) find(h replication.Hash, fits func(chunk.List) bool) (chunk.List, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lists {
		if l.Sum == h && fits(l) {
			return l, true
		}
	}
	return chunk.List{}, false
}

func (r *recentLists) add(l chunk.List) {
	if len(l.Chunks) > entriesKept {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lists) == listsKept {
		r.lists = r.lists[:copy(r.lists, r.lists[1:])]
	}
	r.lists = append(r.lists, l)
}

// recipe answers WantRecipe.
func (s *Server) recipe(ctx context.Context, m wire.WantRecipe, part func(wire.Message) error) (wire.Message, error) {
	base, ok := s.known(m.Base, 0)
	average := base.Average // 0 if it is not known
	target, known := s.known(m.Hash, average)
	if !known {
		var err error
		target, err = s.cut(ctx, m.Want, average)
		if ok && errors.Is(err, wire.ErrTooLarge) {
			ok = false
			target, err = s.cut(ctx, m.Want, 0)
		}
		if err != nil {
			return nil, err
		}
	}
	if ok {
		r := chunk.Diff(base, target)
		if b := r.Append(nil); len(b) <= recipeMost {
			return nil, s.sendRecipe(m, r, wire.Recipe{Average: uint32(average), Steps: b}, part)
		}
	}
	for len(target.Chunks) > plainEntries && target.Level < chunk.MaxLevel {
		target = target.Outline()
	}
	return wholeList(target)
}

// sendRecipe sends r, and the chunks that it fetches if they are few.
func (s *Server) sendRecipe(m wire.WantRecipe, r chunk.Recipe, msg wire.Recipe, part func(wire.Message) error) error {
	ranges, total := missing(r)
	if msg.Filled = total <= fillMost; !msg.Filled {
		return part(msg)
	}
	f, err := s.open(m.Want)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := part(msg); err != nil {
		return err
	}
	return sendRanges(f, ranges, part)
}

// missing returns where in the target the chunks stand that r fetches, each
// once, and their bytes.
func missing(r chunk.Recipe) (ranges []wire.Range, total int64) {
	seen := map[chunk.ID]bool{}
	var at int64
	for _, step := range r.Steps {
		if step.Fetch && !seen[step.ID] {
			seen[step.ID] = true
			ranges = append(ranges, wire.Range{Offset: at, Length: step.Length})
			total += step.Length
		}
		at += step.Length
	}
	return ranges, total
}
