package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zeebo/blake3"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/chunk"
	"dfsd/replication/version"
	"dfsd/replication/wire"
)

var folder = wire.KeyOf("branch", "projects")

var errLost = errors.New("connection lost")

// noise returns n bytes that nothing compresses.
func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func idOf(n int) replication.FileID {
	return replication.FileID{0: 1, 12: byte(n >> 24), 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
}

func hashOf(b []byte) replication.Hash { return blake3.Sum256(b) }

func recordOf(id int, b []byte) replication.Record {
	return replication.Record{
		ID: idOf(id), Kind: replication.File, Size: int64(len(b)), Hash: hashOf(b),
		Stamp: version.Stamp{Origin: version.Origin{1}, Count: uint64(id)},
	}
}

// shelf is a Local whose contents are files of a directory, or bytes.
type shelf struct {
	mu      sync.Mutex // guards all below
	plain   map[replication.Hash][]byte
	names   map[replication.Hash]string
	sizes   map[replication.Hash]int64
	dir     fsx.Dir
	lists   map[replication.Hash]chunk.List
	changed map[replication.Hash]bool // still says so
	opens   int
}

func newShelf() *shelf {
	return &shelf{
		plain: map[replication.Hash][]byte{}, names: map[replication.Hash]string{}, sizes: map[replication.Hash]int64{},
		lists: map[replication.Hash]chunk.List{}, changed: map[replication.Hash]bool{},
	}
}

func (s *shelf) add(contents ...[]byte) *shelf {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range contents {
		s.plain[hashOf(b)] = b
	}
	return s
}

// addFile takes in a file of dir.
func (s *shelf) addFile(dir fsx.Dir, name string, h replication.Hash, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dir, s.names[h], s.sizes[h] = dir, name, size
}

func (s *shelf) Open(want wire.Want) (fsx.File, int64, func() error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opens++
	still := func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.changed[want.Hash] {
			return wire.ErrChanged
		}
		return nil
	}
	if b, ok := s.plain[want.Hash]; ok {
		return plainFile{b: b}, int64(len(b)), still, nil
	}
	if name, ok := s.names[want.Hash]; ok {
		f, err := s.dir.Open(name, fsx.ReadOnly)
		return f, s.sizes[want.Hash], still, err
	}
	return nil, 0, nil, wire.ErrNotFound
}

func (s *shelf) List(h replication.Hash) (chunk.List, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.lists[h]
	return l, ok
}

func (s *shelf) Similar(t chunk.Traits) (similar []replication.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h, l := range s.lists {
		if l.Traits().Similarity(t) >= 2 {
			similar = append(similar, h)
		}
	}
	return similar
}

func (s *shelf) KeepList(l chunk.List) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists[l.Sum] = l
}

// plainFile is a file of bytes: what reading needs of one.
type plainFile struct {
	fsx.File
	b []byte
}

func (f plainFile) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(f.b).ReadAt(p, off)
}
func (f plainFile) Close() error                  { return nil }
func (f plainFile) SeekData(int64) (int64, error) { return 0, fsx.ErrUnsupported }

// link is a Partner that a Server answers, over real frames.
type link struct {
	server   *Server
	sent     atomic.Int64 // bytes of frames
	received atomic.Int64
	asked    [256]atomic.Int64                 // questions by type
	cutAfter atomic.Int64                      // bytes until the connection is lost; 0: never
	lie      func(wire.Message) []wire.Message // instead of a part of an answer
}

func linkTo(l Local) *link {
	return &link{server: NewServer(folder, l, ServerOptions{})}
}

func (l *link) total() int64 { return l.sent.Load() + l.received.Load() }

func (l *link) Call(ctx context.Context, lane wire.Lane, m wire.Message) (wire.Message, error) {
	var answer wire.Message = wire.Done{}
	err := l.Stream(ctx, lane, m, func(m wire.Message) error {
		answer = m
		return nil
	})
	return answer, err
}

func (l *link) Stream(ctx context.Context, lane wire.Lane, m wire.Message, each func(wire.Message) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	l.asked[m.Type()].Add(1)
	m, err := l.across(m, wire.FlagRequest, &l.sent)
	if err != nil {
		return err
	}
	frames := make(chan []byte, 4)
	var answering sync.WaitGroup
	defer answering.Wait()
	defer stop()
	answering.Go(func() {
		defer close(frames)
		put := func(m wire.Message) error {
			b, err := wire.AppendFrame(nil, wire.Header{Flags: wire.FlagAnswer, Request: 1}, m)
			if err != nil {
				return err
			}
			select {
			case frames <- b:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		part := func(m wire.Message) error {
			if l.lie == nil {
				return put(m)
			}
			for _, m := range l.lie(m) {
				if err := put(m); err != nil {
					return err
				}
			}
			return nil
		}
		last, err := l.server.Answer(ctx, lane, m, part)
		switch {
		case err != nil:
			_ = put(wire.ErrorOf(err))
		case last != nil:
			_ = part(last)
		default:
			_ = put(wire.Done{})
		}
	})
	for b := range frames {
		if err := l.count(&l.received, len(b)); err != nil {
			return err
		}
		h, err := wire.ParseHeader(b)
		if err != nil {
			return err
		}
		m, err := wire.Parse(h.Type, b[wire.HeaderSize:])
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case wire.Done:
			continue
		case wire.Error:
			return m
		}
		if err := each(m); err != nil {
			return err
		}
		if h.Type == wire.TypeData {
			clear(b) // as a session uses the memory again
		}
	}
	return ctx.Err()
}

// across takes m to the other side.
func (l *link) across(m wire.Message, flags wire.Flags, counter *atomic.Int64) (wire.Message, error) {
	b, err := wire.AppendFrame(nil, wire.Header{Flags: flags, Request: 1}, m)
	if err != nil {
		return nil, err
	}
	if err := l.count(counter, len(b)); err != nil {
		return nil, err
	}
	return wire.Parse(m.Type(), b[wire.HeaderSize:])
}

func (l *link) count(counter *atomic.Int64, n int) error {
	counter.Add(int64(n))
	if l.cutAfter.Load() > 0 && l.cutAfter.Add(-int64(n)) <= 0 {
		l.cutAfter.Store(1) // and stays so
		return errLost
	}
	return nil
}

// fixture is a Fetcher under way.
type fixture struct {
	*Fetcher
	staging fsx.Dir
	local   *shelf
	stop    func()

	mu      sync.Mutex // guards sources
	sources []Source
}

func memoryDir(t testing.TB, o fsx.MemoryOptions) fsx.Dir {
	t.Helper()
	dir, err := fsx.NewMemory(o).OpenRoot("/")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func osDir(t testing.TB) fsx.Dir {
	t.Helper()
	dir, err := fsx.OS().OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	return dir
}

// start runs a Fetcher with these partners until the test ends or stop is
// called.
func start(t testing.TB, o Options, partners ...Partner) *fixture {
	t.Helper()
	x := &fixture{local: newShelf()}
	if o.Local == nil {
		o.Local = x.local
	}
	if o.Staging == nil {
		o.Staging = memoryDir(t, fsx.MemoryOptions{})
	}
	x.staging = o.Staging
	o.Folder = folder
	x.connect(partners...)
	o.Partners = func() []Source {
		x.mu.Lock()
		defer x.mu.Unlock()
		return slices.Clone(x.sources)
	}
	x.Fetcher = NewFetcher(o)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx) }()
	x.stop = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	t.Cleanup(x.stop)
	return x
}

func (x *fixture) connect(partners ...Partner) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sources = nil
	for i, p := range partners {
		x.sources = append(x.sources, Source{Host: string(rune('a' + i)), Partner: p})
	}
}

// await returns the results of n jobs by file.
func (x *fixture) await(t testing.TB, n int) map[replication.FileID]Result {
	t.Helper()
	results := map[replication.FileID]Result{}
	deadline := time.After(60 * time.Second)
	for len(results) < n {
		select {
		case batch, ok := <-x.Results():
			if !ok {
				t.Fatalf("stopped after %d of %d results", len(results), n)
			}
			for _, r := range batch {
				if _, twice := results[r.ID]; twice {
					t.Fatalf("a second result for %v", r.ID)
				}
				results[r.ID] = r
			}
		case <-deadline:
			t.Fatalf("%d of %d results after a minute; %+v", len(results), n, x.Progress())
		}
	}
	return results
}

// awaitParked returns when n jobs wait for a source.
func (x *fixture) awaitParked(t testing.TB, n int) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		x.Fetcher.mu.Lock()
		parked := len(x.parked)
		x.Fetcher.mu.Unlock()
		if parked >= n {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d jobs wait after a minute, want %d", parked, n)
		}
	}
}

func (x *fixture) one(t testing.TB) Result {
	t.Helper()
	for _, r := range x.await(t, 1) {
		return r
	}
	return Result{}
}

// content returns what a result holds.
func (x *fixture) content(t testing.TB, r Result) []byte {
	t.Helper()
	if r.Err != nil || r.Staged == "" {
		if r.Err != nil {
			t.Fatalf("result of %v: %v", r.ID, r.Err)
		}
		return r.Bytes
	}
	f, err := x.staging.Open(r.Staged, fsx.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Info()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, info.Size))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// names lists staging.
func (x *fixture) names(t testing.TB) (names []string) {
	t.Helper()
	if err := x.staging.ReadDir(func(e fsx.Entry) bool {
		names = append(names, e.Name)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// mustBe fails unless r is the content b.
func (x *fixture) mustBe(t testing.TB, r Result, b []byte) {
	t.Helper()
	if got := x.content(t, r); !bytes.Equal(got, b) {
		t.Errorf("content of %v: %d bytes, not the %d of the source", r.ID, len(got), len(b))
	}
	if r.Staged != "" && (r.List == nil || r.List.Sum != hashOf(b) || r.List.Validate() != nil) {
		t.Errorf("content of %v has the list %+v", r.ID, r.List)
	}
}
