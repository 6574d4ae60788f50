package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/fsx"
	"dfsd/replication/wire"
)

// ServerOptions shape a Server. The zero value works.
type ServerOptions struct {
	Readers int              // files that one question reads at a time; 0: 4
	Now     func() time.Time // nil: time.Now
	Log     *zap.Logger      // nil: nobody hears
}

// Server answers the questions for contents of one folder. It is safe for
// concurrent use and has no goroutine outside of Answer.
type Server struct {
	folder wire.FolderKey
	local  Local
	o      ServerOptions
	cuts   chan struct{} // holds one for each file that is being cut
	lists  recentLists
	packs  packPace
}

// NewServer returns the Server of a folder.
func NewServer(folder wire.FolderKey, l Local, o ServerOptions) *Server {
	if o.Readers <= 0 {
		o.Readers = 4
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Server{folder: folder, local: l, o: o, cuts: make(chan struct{}, 2), packs: packPace{pace: pace{now: o.Now, slow: true}}}
}

// Answer answers one question as peer.Handler says. Messages that it gives to
// part hold buffers that it uses again when part returns. Questions that are not
// about contents are wire.ErrUnsupported, those about another folder
// wire.ErrUnknownFolder. No error names a path.
func (s *Server) Answer(ctx context.Context, _ wire.Lane, m wire.Message, part func(wire.Message) error) (wire.Message, error) {
	told := func(m wire.Message) error {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := part(m); err != nil {
			return &partError{err}
		}
		return nil
	}
	last, err := s.answer(ctx, m, told)
	return last, s.translate(err)
}

func (s *Server) answer(ctx context.Context, m wire.Message, part func(wire.Message) error) (wire.Message, error) {
	folder, ok := wire.FolderOf(m)
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: %v", wire.ErrUnsupported, m.Type())
	case folder != s.folder:
		return nil, wire.ErrUnknownFolder
	}
	switch m := m.(type) {
	case wire.WantFiles:
		return nil, s.files(ctx, m.Files, part)
	case wire.WantRange:
		return nil, s.stretch(m, part)
	case wire.WantChunkList:
		return s.chunkList(ctx, m, part)
	case wire.WantRecipe:
		return s.recipe(ctx, m, part)
	case wire.WantChunks:
		return nil, s.chunks(m.Want, m.Ranges, part)
	}
	return nil, wire.ErrUnsupported
}

// partError is a failure of the session and not of a file.
type partError struct{ error }

func (e *partError) Unwrap() error { return e.error }

// translate keeps what the disk says about paths on this host.
func (s *Server) translate(err error) error {
	var session *partError
	if err == nil || errors.As(err, &session) {
		return err
	}
	if errors.Is(err, fsx.ErrNotExist) {
		return wire.ErrNotFound
	}
	if code := wire.CodeOf(err); code != wire.CodeOf(wire.ErrInternal) {
		return code.Err()
	}
	s.o.Log.Warn("content not read for a partner", zap.Error(err))
	return wire.ErrStorage
}

// opened is a content that is read for a partner.
type opened struct {
	fsx.File
	size  int64
	still func() error
}

func (s *Server) open(want wire.Want) (opened, error) {
	f, size, still, err := s.local.Open(want)
	if err != nil {
		return opened{}, err
	}
	return opened{f, size, still}, nil
}
