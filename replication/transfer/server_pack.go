package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"dfsd/replication/wire"
)

const (
	partBytes = 512 << 10 // of content, with which a pack is sent
	partFiles = 256
	aheadMost = 4 << 20 // bytes that are read ahead of what was sent
)

// files answers WantFiles: packs in the order asked. Some readers work ahead in
// that order; whoever sends waits for the next file.
func (s *Server) files(ctx context.Context, wants []wire.Want, part func(wire.Message) error) error {
	ctx, stop := context.WithCancel(ctx)
	ahead := &readAhead{wants: wants, files: make([]wire.Packed, len(wants)), ready: make([]bool, len(wants))}
	ahead.changed = sync.NewCond(&ahead.mu)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer ahead.stop()
	defer stop()
	for range min(s.o.Readers, len(wants)) {
		readers.Go(func() { ahead.read(s) })
	}
	defer context.AfterFunc(ctx, ahead.stop)()
	for next := 0; next < len(wants); {
		files := ahead.take(next)
		if len(files) == 0 {
			return context.Cause(ctx)
		}
		bytes := 0
		for i := range files {
			bytes += len(files[i].Data)
		}
		if err := s.packs.time(bytes, func(squeeze bool) error {
			return part(wire.Pack{Folder: s.folder, Files: files, Squeezed: squeeze})
		}); err != nil {
			return err
		}
		next += len(files)
		ahead.sent(files)
	}
	return nil
}

// readAhead reads files in their order, so far ahead as memory allows: whoever
// claims a file does so only below the bound, so the lowest one is always under
// way.
type readAhead struct {
	wants []wire.Want

	mu      sync.Mutex // guards all below
	changed *sync.Cond
	files   []wire.Packed
	ready   []bool
	claimed int
	held    int // bytes read and not sent
	over    bool
}

func (a *readAhead) read(s *Server) {
	for {
		i, ok := a.claim()
		if !ok {
			return
		}
		a.put(i, s.packed(a.wants[i]))
	}
}

func (a *readAhead) claim() (int, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.held >= aheadMost && a.claimed < len(a.wants) && !a.over {
		a.changed.Wait()
	}
	if a.over || a.claimed == len(a.wants) {
		return 0, false
	}
	a.claimed++
	return a.claimed - 1, true
}

func (a *readAhead) put(i int, p wire.Packed) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[i], a.ready[i] = p, true
	a.held += len(p.Data)
	// Whoever sends waits for a whole part, or the end.
	a.changed.Broadcast()
}

// take waits for files from next on: as many as make a part, or all that are
// left.
func (a *readAhead) take(next int) []wire.Packed {
	a.mu.Lock()
	defer a.mu.Unlock()
	end, size := next, 0
	for {
		for end < len(a.files) && a.ready[end] {
			n := len(a.files[end].Data)
			if end > next && size+n > wire.MaxPackBytes {
				return a.files[next:end]
			}
			size += n
			if end++; size >= partBytes || end-next >= partFiles {
				return a.files[next:end]
			}
		}
		switch {
		case a.over:
			return nil
		case end == len(a.files) || a.held >= aheadMost && end > next:
			return a.files[next:end]
		}
		a.changed.Wait()
	}
}

// sent lets go of what was sent.
func (a *readAhead) sent(files []wire.Packed) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range files {
		a.held -= len(files[i].Data)
		files[i].Data = nil
	}
	a.changed.Broadcast()
}

func (a *readAhead) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	a.changed.Broadcast()
}

// packed reads one file, or tells why not.
func (s *Server) packed(want wire.Want) wire.Packed {
	p := wire.Packed{ID: want.ID, Hash: want.Hash}
	b, err := s.whole(want)
	if err != nil {
		p.Code = wire.CodeOf(s.translate(err))
		return p
	}
	p.Data = b
	return p
}

func (s *Server) whole(want wire.Want) ([]byte, error) {
	f, err := s.open(want)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.size > wire.MaxInline {
		return nil, fmt.Errorf("%w: %d bytes in a pack", wire.ErrTooLarge, f.size)
	}
	b := make([]byte, f.size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		return nil, readFault(err)
	}
	return b, f.still()
}

// readFault is what it means that a file gave fewer bytes than it had.
func readFault(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return wire.ErrChanged
	}
	return err
}

// packPace finds out over many questions whether compressing packs pays: not
// where the way to the partners takes more than a compressor gives.
type packPace struct {
	mu   sync.Mutex
	pace pace
}

const (
	slowPacks  = 20 << 20 // bytes a second
	packWindow = 4 << 20  // bytes that make a measurement
)

// time sends bytes, which take as long as the partner lets them.
func (p *packPace) time(bytes int, send func(squeeze bool) error) error {
	p.mu.Lock()
	squeeze := p.pace.slow
	p.mu.Unlock()
	begun := p.pace.now()
	err := send(squeeze)
	spent := p.pace.now().Sub(begun)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pace.add(bytes, spent, packWindow, slowPacks)
	return err
}
