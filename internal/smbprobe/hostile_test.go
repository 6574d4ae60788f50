package smbprobe

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dfsd/internal/smb2"
)

// hostileTime is what a probe has: on a busy machine, too, it gets as far as the
// server lets it.
const hostileTime = 2 * time.Second

// readFrame takes in one request, and gives up when the client does.
func readFrame(nc net.Conn) error {
	var head [smb2.FrameHeaderSize]byte
	_, err := smb2.ReadFrame(nc, &head, nil, 1<<20)
	return err
}

// untilGone waits for the client to hang up.
func untilGone(nc net.Conn) { _, _ = io.Copy(io.Discard, nc) }

// dribble sends b slowly.
func dribble(nc net.Conn, b []byte) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := range b {
		if _, err := nc.Write(b[i : i+1]); err != nil {
			return
		}
		<-tick.C
	}
	untilGone(nc)
}

// hostiles are servers that do not even negotiate.
var hostiles = map[string]func(nc net.Conn){
	"hangs": untilGone,
	"hangs up": func(net.Conn) {
	},
	"hangs up late": func(nc net.Conn) { _ = readFrame(nc) },
	"garbage": func(nc net.Conn) {
		_, _ = nc.Write([]byte("220 mail.example ESMTP\r\n"))
		untilGone(nc)
	},
	"16 MiB": func(nc net.Conn) {
		_, _ = nc.Write([]byte{0, 0xFF, 0xFF, 0xFF})
		untilGone(nc)
	},
	"128 KiB that do not come": func(nc net.Conn) {
		_, _ = nc.Write([]byte{0, 0, 0xFF, 0xFF})
		untilGone(nc)
	},
	"empty frames": func(nc net.Conn) {
		for {
			if _, err := nc.Write(make([]byte, 4)); err != nil {
				return
			}
		}
	},
	"dribbles": func(nc net.Conn) { dribble(nc, make([]byte, 1<<16)) },
	"endless": func(nc net.Conn) {
		b := make([]byte, 1<<16)
		for {
			if _, err := nc.Write(b); err != nil {
				return
			}
		}
	},
	"pending": func(nc net.Conn) {
		h := smb2.Header{Command: smb2.CommandNegotiate, AsyncID: 1, Flags: smb2.FlagAsync}.Response(smb2.StatusPending, 1)
		h.Flags |= smb2.FlagAsync
		msg := smb2.AppendMessage(smb2.AppendFrameHeader(nil), h, smb2.ErrorResponse{})
		for smb2.WriteFrame(nc, msg) == nil {
			continue
		}
	},
	"wrong dialect": func(nc net.Conn) {
		if readFrame(nc) == nil {
			msg := smb2.AppendMessage(smb2.AppendFrameHeader(nil), smb2.Header{}.Response(0, 1), smb2.NegotiateResponse{Dialect: 0x0400})
			_ = smb2.WriteFrame(nc, msg)
		}
		untilGone(nc)
	},
	"refuses": func(nc net.Conn) {
		if readFrame(nc) == nil {
			msg := smb2.AppendMessage(smb2.AppendFrameHeader(nil), smb2.Header{}.Response(smb2.StatusNotSupported, 1), smb2.ErrorResponse{})
			_ = smb2.WriteFrame(nc, msg)
		}
		untilGone(nc)
	},
}

// TestHostileServers has each of them probed, side by side: a probe ends in time,
// with a failure, without goroutines left and without much memory.
func TestHostileServers(t *testing.T) {
	type pair struct {
		s *server
		p *Prober
	}
	pairs := map[string]pair{}
	for name, raw := range hostiles {
		s := startServer(t, "127.0.0.1", 0, func(s *server) { s.raw = raw })
		pairs[name] = pair{s, newProber(t, s.port, testPassword, nil)}
	}
	before := runtime.NumGoroutine()
	var all sync.WaitGroup
	for name, x := range pairs {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), hostileTime)
			defer cancel()
			start := time.Now()
			r := x.p.Probe(ctx, "fs1", []string{`docs\a`})
			if took := time.Since(start); took > hostileTime+10*time.Second {
				t.Errorf("%s: probe took %v", name, took)
			}
			if verdicts(r) != "host negotiate, good" || r.Local {
				t.Errorf("%s: probe: %s (%v), local %v", name, verdicts(r), r.Host, r.Local)
			}
		})
	}
	all.Wait()
	for name, x := range pairs {
		eventually(t, name+": no connection is left", func() bool { return x.s.open() == 0 })
	}
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

// TestHostileMemory counts what the worst of them make us allocate.
func TestHostileMemory(t *testing.T) {
	for _, name := range []string{"16 MiB", "128 KiB that do not come", "dribbles", "garbage"} {
		s := startServer(t, "127.0.0.1", 0, func(s *server) { s.raw = hostiles[name] })
		p := newProber(t, s.port, "", nil)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const probes = 5
		for range probes {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			p.Probe(ctx, "fs1", nil)
			cancel()
		}
		runtime.ReadMemStats(&after)
		if got := (after.TotalAlloc - before.TotalAlloc) / probes; got > 200<<10 {
			t.Errorf("%s: %d bytes a probe", name, got)
		}
	}
}

// TestHostileAfterNegotiate has servers turn bad at a later request.
func TestHostileAfterNegotiate(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("each", testHostileAfterNegotiate)
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

func testHostileAfterNegotiate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*server)
		want   string
	}{
		{"hangs at log-on", func(s *server) { s.logon = func() smb2.Status { return noAnswer } }, "host session, good, good"},
		{"pending at log-on", func(s *server) { s.logon = func() smb2.Status { return smb2.StatusPending } }, "host session, good, good"},
		{"hangs up at a share", func(s *server) { s.share = func(string) smb2.Status { return endConn } }, "host good, tree, tree"},
		{"hangs at a share", func(s *server) { s.share = func(string) smb2.Status { return noAnswer } }, "host good, tree, tree"},
		{"hangs up at a path", func(s *server) { s.folder = func(string, string) smb2.Status { return endConn } }, "host good, path, path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, "127.0.0.1", 0, tt.change)
			p := newProber(t, s.port, testPassword, nil)
			for range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), hostileTime)
				r := p.Probe(ctx, "fs1", []string{`docs\a`, `docs\b`})
				cancel()
				if got := verdicts(r); got != tt.want {
					t.Errorf("probe: %s, want %s", got, tt.want)
				}
			}
			eventually(t, "no connection is left", func() bool { return s.open() == 0 })
		})
	}
}

// TestEndlessSessionEnd has a server end every session at its first path.
func TestEndlessSessionEnd(t *testing.T) {
	var n atomic.Int32
	s := startServer(t, "127.0.0.1", 0, func(s *server) {
		s.folder = func(string, string) smb2.Status { n.Add(1); return smb2.StatusUserSessionDeleted }
	})
	p := newProber(t, s.port, testPassword, nil)
	for i := range 3 {
		want(t, p, "host good, path", "docs")
		if got := n.Load(); got != int32(i)+1 {
			t.Errorf("%d paths asked about after %d probes", got, i+1)
		}
	}
}

// TestDeletedForEver has a server that loses every tree at once.
func TestDeletedForEver(t *testing.T) {
	s := startServer(t, "127.0.0.1", 0, func(s *server) {
		s.folder = func(string, string) smb2.Status { return smb2.StatusNetworkNameDeleted }
	})
	p := newProber(t, s.port, testPassword, nil)
	for i := range 3 {
		want(t, p, "host good, path, path", `docs\a`, `docs\b`)
		if got := s.count(smb2.CommandTreeConnect); got != i+1 {
			t.Errorf("%d trees after %d probes", got, i+1)
		}
	}
}
