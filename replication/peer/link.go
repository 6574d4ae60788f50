package peer

import (
	"net"
	"sync/atomic"
	"time"

	"dfsd/replication/wire"
)

// link is the TCP connection below the TLS of one lane. It counts bytes, and
// once it is live it gives every read and write its deadline, so that a
// partner who stops or trickles is let go. Safe for one reader and one writer.
type link struct {
	net.Conn
	limits Limits

	sent, received atomic.Uint64
	live           atomic.Bool
	frameBy        atomic.Int64 // Unix nanoseconds; when the frame that has begun must be whole; 0: none has

	metrics *Metrics
	lane    atomic.Uint32 // for metrics; wire.Lane
}

func newLink(c net.Conn, l Limits, m *Metrics) *link {
	return &link{Conn: c, limits: l, metrics: m}
}

// goLive ends the handshake, whose deadline was one for all.
func (l *link) goLive() error {
	l.live.Store(true)
	return l.SetDeadline(time.Time{})
}

func (l *link) Read(p []byte) (int, error) {
	if l.live.Load() {
		if err := l.SetReadDeadline(l.readBy(time.Now())); err != nil {
			return 0, err
		}
	}
	n, err := l.Conn.Read(p)
	l.received.Add(uint64(n))
	l.metrics.received[l.lane.Load()].Add(float64(n))
	return n, err
}

func (l *link) readBy(now time.Time) time.Time {
	by := now.Add(l.limits.Silence)
	if frame := l.frameBy.Load(); frame != 0 && frame < by.UnixNano() {
		return time.Unix(0, frame)
	}
	return by
}

func (l *link) Write(p []byte) (int, error) {
	if l.live.Load() {
		if err := l.SetWriteDeadline(time.Now().Add(l.limits.Stall)); err != nil {
			return 0, err
		}
	}
	// Counted first: the partner may have counted the bytes before Write returns.
	l.sent.Add(uint64(len(p)))
	n, err := l.Conn.Write(p)
	l.sent.Add(-uint64(len(p) - n))
	l.metrics.sent[l.lane.Load()].Add(float64(n))
	return n, err
}

// began gives a frame whose header has come the time for its body.
func (l *link) began(h wire.Header) {
	span := l.limits.Silence + time.Duration(h.Length)*time.Second/time.Duration(l.limits.FrameRate)
	l.frameBy.Store(time.Now().Add(span).UnixNano())
}

// ended forgets the frame that began, because it is whole.
func (l *link) ended() { l.frameBy.Store(0) }
