package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"dfsd/replication"
	"dfsd/replication/version"
	"dfsd/replication/wire"
)

func TestMessagesOfAllKindsOnAllLanes(t *testing.T) {
	type notice struct {
		lane wire.Lane
		m    wire.Message
	}
	notices := make(chan notice, 8)
	accepts := handler{
		receive: func(_ context.Context, l wire.Lane, m wire.Message) error {
			notices <- notice{l, m}
			return nil
		},
		answer: func(_ context.Context, _ wire.Lane, m wire.Message, part func(wire.Message) error) (wire.Message, error) {
			switch m := m.(type) {
			case wire.WantRange:
				for n := range m.Length {
					if err := part(wire.Data{Offset: n, Bytes: []byte{byte(n)}}); err != nil {
						return nil, err
					}
				}
				return nil, nil
			case wire.WantChunkList:
				return wire.ChunkList{Hash: m.Hash, List: []byte("list")}, nil
			case wire.WantRecipe:
				return nil, fmt.Errorf("recipe of it: %w", wire.ErrNotFound)
			case wire.WantChunks:
				return wire.Data{Bytes: make([]byte, wire.MaxBody)}, nil
			}
			return nil, wire.ErrUnsupported
		},
	}
	dialled, accepted := pair(t, handler{}, accepts)
	if dialled.Hello().Host != "fs2" || accepted.Hello().Host != "fs1" || len(accepted.Hello().Offers) != 1 || !dialled.Dialled() || accepted.Dialled() {
		t.Errorf("hellos %+v and %+v", dialled.Hello(), accepted.Hello())
	}
	for l := range wire.Lanes {
		stamp := version.Stamp{Origin: version.Origin{1}, Count: uint64(l) + 1}
		want := wire.Knowledge{Known: version.Vector{}.With(stamp), Held: version.Vector{}.With(stamp)}
		if err := dialled.Send(t.Context(), l, want); err != nil {
			t.Fatal(err)
		}
		if got := within(t, notices); got.lane != l || !reflect.DeepEqual(got.m, want) {
			t.Errorf("on the %v lane came %+v, want %+v", l, got, want)
		}
		hash := replication.Hash{byte(l)}
		got, err := dialled.Call(t.Context(), l, wire.WantChunkList{Want: wire.Want{Hash: hash}})
		if list, ok := got.(wire.ChunkList); err != nil || !ok || list.Hash != hash || string(list.List) != "list" {
			t.Errorf("Call on the %v lane = %+v, %v", l, got, err)
		}
		var parts int64
		err = dialled.Stream(t.Context(), l, wire.WantRange{Length: 100}, func(m wire.Message) error {
			if m.(wire.Data).Offset != parts {
				t.Errorf("part %d is %+v", parts, m)
			}
			parts++
			return nil
		})
		if err != nil || parts != 100 {
			t.Errorf("Stream on the %v lane = %d parts, %v, want 100", l, parts, err)
		}
	}
	for _, tt := range []struct {
		m    wire.Message
		want error
	}{{wire.WantRecipe{}, wire.ErrNotFound}, {wire.WantFiles{}, wire.ErrUnsupported}, {wire.WantChunks{}, wire.ErrTooLarge}, {wire.WantRange{Length: 2}, wire.ErrProtocol}} {
		if got, err := dialled.Call(t.Context(), wire.Small, tt.m); !errors.Is(err, tt.want) {
			t.Errorf("Call of %v = %v, %v, want %v", tt.m.Type(), got, err, tt.want)
		}
	}
	if got, err := dialled.Call(t.Context(), wire.Small, wire.WantRange{}); err != nil || got != (wire.Done{}) {
		t.Errorf("Call for nothing = %v, %v, want done", got, err)
	}
	ours, theirs := dialled.Counters(), accepted.Counters()
	if ours.Sent < 1000 || theirs.Sent < 1000 || theirs.Received > ours.Sent || ours.Received > theirs.Sent {
		t.Errorf("counters %+v and %+v", ours, theirs)
	}
}

func TestVersionsOfNeighboursTalk(t *testing.T) {
	tests := []struct {
		dials, accepts wire.Versions
		want           uint16 // 0: none
	}{
		{wire.Versions{Oldest: 1, Newest: 2}, wire.Versions{Oldest: 1, Newest: 1}, 1},
		{wire.Versions{Oldest: 1, Newest: 1}, wire.Versions{Oldest: 1, Newest: 2}, 1},
		{wire.Versions{Oldest: 2, Newest: 3}, wire.Versions{Oldest: 1, Newest: 2}, 2},
		{wire.Versions{Oldest: 3, Newest: 4}, wire.Versions{Oldest: 1, Newest: 2}, 0},
		{wire.Versions{Oldest: 1, Newest: 2}, wire.Versions{Oldest: 3, Newest: 4}, 0},
	}
	for _, tt := range tests {
		fs1, fs2 := newHost(t, "fs1", 1).speaks(tt.dials), newHost(t, "fs2", 2).speaks(tt.accepts)
		s := fs2.serve(t, handler{}, fs1.as(""))
		d, err := NewDialer(fs1.o)
		if err != nil {
			t.Fatal(err)
		}
		session, err := d.Dial(t.Context(), fs2.as(s.address))
		if tt.want == 0 {
			if !errors.Is(err, wire.ErrVersion) {
				t.Errorf("Dial of %v from %v = %v, want %v", tt.accepts, tt.dials, err, wire.ErrVersion)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		accepted := within(t, s.sessions)
		if session.Version() != tt.want || accepted.Version() != tt.want {
			t.Errorf("%v and %v speak %d and %d, want %d", tt.dials, tt.accepts, session.Version(), accepted.Version(), tt.want)
		}
		session.Close()
	}
}

// TestBulkDoesNotDelayControl: the receiver of bulk takes nothing, the sender
// has filled all that there is to fill, and control goes on.
func TestBulkDoesNotDelayControl(t *testing.T) {
	release := make(chan struct{})
	var taken atomic.Int64
	accepts := handler{
		receive: func(ctx context.Context, l wire.Lane, m wire.Message) error {
			if l == wire.Bulk {
				select {
				case <-release:
				case <-ctx.Done():
				}
				taken.Add(int64(len(m.(wire.Data).Bytes)))
			}
			return nil
		},
		answer: func(context.Context, wire.Lane, wire.Message, func(wire.Message) error) (wire.Message, error) {
			return nil, nil
		},
	}
	dialled, accepted := pair(t, handler{}, accepts)
	ctx, cancel := context.WithCancel(t.Context())
	var sent atomic.Int64
	full := make(chan error, 1)
	go func() {
		for {
			if err := dialled.Send(ctx, wire.Bulk, wire.Data{Bytes: make([]byte, wire.MaxPiece)}); err != nil {
				full <- err
				return
			}
			sent.Add(wire.MaxPiece)
		}
	}()
	window := int64(accepted.lanes[wire.Bulk].limits.Window)
	for until := time.Now().Add(patience); sent.Load() < window-2*wire.MaxPiece && time.Now().Before(until); {
		if _, err := dialled.Call(t.Context(), wire.Control, wire.WantRange{}); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	const calls = 200
	for range calls {
		if _, err := dialled.Call(t.Context(), wire.Control, wire.WantRange{}); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%v a call beside a bulk lane that stands still", time.Since(start)/calls)
	if sent.Load() > window || taken.Load() > 0 {
		t.Errorf("the sender sent %d bytes into a window of %d, of which %d were taken", sent.Load(), window, taken.Load())
	}
	cancel()
	if err := within(t, full); !errors.Is(err, context.Canceled) {
		t.Errorf("Send without credit = %v, want %v", err, context.Canceled)
	}
	close(release)
	if _, err := dialled.Call(t.Context(), wire.Bulk, wire.WantRange{}); err != nil {
		t.Errorf("Call behind bulk that moves again = %v", err)
	}
}

func TestCallsAreWithdrawn(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	accepts := handler{answer: func(ctx context.Context, _ wire.Lane, m wire.Message, _ func(wire.Message) error) (wire.Message, error) {
		if m.(wire.WantRange).Length == 0 {
			return nil, nil
		}
		close(began)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	}}
	dialled, accepted := pair(t, handler{}, accepts)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := dialled.Call(ctx, wire.Small, wire.WantRange{Length: 1})
		done <- err
	}()
	within(t, began)
	cancel()
	if err := within(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("Call = %v, want %v", err, context.Canceled)
	}
	within(t, ended)
	if _, err := dialled.Call(t.Context(), wire.Small, wire.WantRange{}); err != nil {
		t.Errorf("the next Call = %v", err)
	}
	l := accepted.lanes[wire.Small]
	for until := time.Now().Add(patience); ; {
		l.mu.Lock()
		left := len(l.answers)
		l.mu.Unlock()
		if left == 0 {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("%d answers are still being made", left)
		}
	}
}

// TestStreamStopsWhenNobodyWants: a receiver that fails in the middle gets no
// more than the window, and the lane stays in use.
func TestStreamStopsWhenNobodyWants(t *testing.T) {
	stopped := make(chan error, 1)
	accepts := handler{answer: func(_ context.Context, _ wire.Lane, m wire.Message, part func(wire.Message) error) (wire.Message, error) {
		if m.(wire.WantRange).Length == 0 {
			return nil, nil
		}
		for {
			if err := part(wire.Data{Bytes: make([]byte, wire.MaxPiece)}); err != nil {
				stopped <- err
				return nil, err
			}
		}
	}}
	dialled, _ := pair(t, handler{}, accepts)
	full := errors.New("disk full")
	for range 3 {
		if err := dialled.Stream(t.Context(), wire.Bulk, wire.WantRange{Length: 1}, func(wire.Message) error { return full }); !errors.Is(err, full) {
			t.Errorf("Stream = %v, want %v", err, full)
		}
		if err := within(t, stopped); !errors.Is(err, context.Canceled) {
			t.Errorf("part = %v, want %v", err, context.Canceled)
		}
		if _, err := dialled.Call(t.Context(), wire.Bulk, wire.WantRange{}); err != nil {
			t.Errorf("the next Call = %v", err)
		}
	}
}

// TestResume cuts a transfer in its middle, dials again, and goes on where it
// was.
func TestResume(t *testing.T) {
	content := make([]byte, 40<<20)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < len(content); i += 997 {
		content[i] = byte(rnd.Uint32())
	}
	fs1, fs2 := newHost(t, "fs1", 1), newHost(t, "fs2", 2)
	s := fs2.serve(t, handler{answer: func(_ context.Context, _ wire.Lane, m wire.Message, part func(wire.Message) error) (wire.Message, error) {
		want := m.(wire.WantRange)
		for at := want.Offset; at < want.Offset+want.Length; at += wire.MaxPiece {
			if err := part(wire.Data{Offset: at, Bytes: content[at:min(at+wire.MaxPiece, int64(len(content)))]}); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}}, fs1.as(""))
	var have []byte
	for attempt := range 4 {
		session, _ := fs1.dial(t, s, fs2, handler{})
		start := len(have)
		left := int64(len(content) - start)
		err := session.Stream(t.Context(), wire.Bulk, wire.WantRange{Offset: int64(len(have)), Length: left}, func(m wire.Message) error {
			data := m.(wire.Data)
			if data.Offset != int64(len(have)) {
				t.Errorf("a piece at %d, want %d", data.Offset, len(have))
			}
			have = append(have, data.Bytes...)
			if attempt < 3 && len(have) >= start+1<<20 {
				_ = session.lanes[wire.Bulk].link.Close() // the cut
			}
			return nil
		})
		if attempt < 3 && !errors.Is(err, ErrLost) || attempt == 3 && err != nil {
			t.Fatalf("attempt %d: Stream = %v", attempt, err)
		}
	}
	if !bytes.Equal(have, content) {
		t.Errorf("%d bytes came together wrong, want %d", len(have), len(content))
	}
}

func TestGoodbye(t *testing.T) {
	fs1, fs2 := newHost(t, "fs1", 1), newHost(t, "fs2", 2)
	s := fs2.serve(t, handler{receive: func(context.Context, wire.Lane, wire.Message) error {
		return fmt.Errorf("folder: %w", wire.ErrNotPermitted)
	}}, fs1.as(""))
	session, ended := fs1.dial(t, s, fs2, handler{})
	if err := session.Send(t.Context(), wire.Small, wire.Knowledge{}); err != nil {
		t.Fatal(err)
	}
	if err := within(t, ended); !errors.Is(err, wire.ErrNotPermitted) || !errors.Is(err, errLeft) {
		t.Errorf("Run = %v, want the partner's %v", err, wire.ErrNotPermitted)
	}
	if err := within(t, s.ends); !errors.Is(err, wire.ErrNotPermitted) || errors.Is(err, errLeft) {
		t.Errorf("Run = %v, want %v", err, wire.ErrNotPermitted)
	}
	for name, err := range map[string]error{
		"Send":   session.Send(t.Context(), wire.Small, wire.Knowledge{}),
		"Stream": session.Stream(t.Context(), wire.Bulk, wire.WantRange{}, nil),
	} {
		if !errors.Is(err, wire.ErrNotPermitted) {
			t.Errorf("%s on a session that ended = %v", name, err)
		}
	}
	other, ended := fs1.dial(t, s, fs2, handler{})
	other.Close()
	if err := within(t, ended); !errors.Is(err, ErrClosed) {
		t.Errorf("Run of a closed session = %v, want %v", err, ErrClosed)
	}
	if err := within(t, s.ends); !errors.Is(err, ErrLost) && !errors.Is(err, io.EOF) {
		t.Errorf("Run of the other side = %v, want %v", err, ErrLost)
	}
}
