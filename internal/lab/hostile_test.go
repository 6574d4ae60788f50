//go:build integration

package lab_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dfsd/internal/lab"
	"dfsd/internal/smb2"
	"dfsd/internal/smbclient"
	"dfsd/referral/dfsc"
)

// attack works against a server until its context ends. It counts what it did.
type attack struct {
	name string
	run  func(ctx context.Context, from, to netip.Addr, done *atomic.Int64)
}

// TestHostileClients: while hostile clients hold connections half open, send
// endless bytes before a log-on, exhaust their credits and read no answers, an
// honest client's referrals are all answered, and the daemon's memory stays
// bounded. The times are printed, not judged: machines differ.
func TestHostileClients(t *testing.T) {
	l := lab.New(t)
	d := l.Dfsd(lab.DfsdSetup{Rest: namespaceYAML([]lab.Folder{{Path: "projects", Targets: []string{`\\fs1\projects`, `\\fs2\projects`}}})})
	honest := dialHonest(t, d.Addr, l.Address())
	quiet := honest.refer(t, 500)
	before := d.Usage()

	attacks := []attack{{"half open", holdHalfOpen}, {"endless bytes", sendEndlessBytes}, {"garbage frames", sendGarbage}, {"credits exhausted", exhaustCredits}, {"answers unread", readNothing}}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	done := make([]atomic.Int64, len(attacks))
	for i, a := range attacks {
		from := l.Address()
		for range 4 {
			all.Go(func() { a.run(ctx, from, d.Addr, &done[i]) })
		}
	}
	l.Await("every attack under way", func() error {
		for i, a := range attacks {
			if done[i].Load() == 0 {
				return fmt.Errorf("%s has done nothing yet", a.name)
			}
		}
		return nil
	})
	attacked := honest.refer(t, 1000)
	during := d.Usage()
	newcomer := dialHonest(t, d.Addr, l.Address())
	newcomer.refer(t, 10)
	stop()
	all.Wait()

	for i, a := range attacks {
		t.Logf("%s: %d times", a.name, done[i].Load())
	}
	t.Logf("referral of the honest client: median %v quiet, %v under attack; memory %d MiB before, %d MiB under attack",
		median(quiet), median(attacked), before.Resident>>20, during.Resident>>20)
	if most := int64(256 << 20); during.Resident > most {
		t.Errorf("the daemon holds %d MiB under attack, want at most %d", during.Resident>>20, most>>20)
	}
	if err := d.Alive(); err != nil {
		t.Errorf("the daemon did not survive: %v", err)
	}
}

// honestClient asks for referrals and wants every answer to be right.
type honestClient struct {
	conn *smbclient.Conn
	tree *smbclient.Tree
	host netip.Addr
}

func dialHonest(t *testing.T, host, from netip.Addr) honestClient {
	t.Helper()
	conn, err := smbclient.Dial(t.Context(), netip.AddrPortFrom(host, 445).String(), logonOptions(from))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	tree, err := conn.TreeConnect(t.Context(), lab.UNC(host, "IPC$"))
	if err != nil {
		t.Fatal(err)
	}
	return honestClient{conn, tree, host}
}

func logonOptions(from netip.Addr) smbclient.Options {
	return smbclient.Options{
		SigningRequired: true, SourceAddr: from,
		Credentials: smbclient.Credentials{User: lab.Alice.User, Password: lab.Alice.Password},
	}
}

// refer asks n times and returns how long each answer took.
func (h honestClient) refer(t *testing.T, n int) []time.Duration {
	t.Helper()
	took := make([]time.Duration, n)
	for i := range took {
		start := time.Now()
		blob, err := h.conn.Referral(t.Context(), h.tree, `\`+h.host.String()+`\public\projects\a`, 4, 8192)
		took[i] = time.Since(start)
		if err != nil {
			t.Fatalf("referral %d of the honest client: %v", i, err)
		}
		if answer, err := dfsc.ParseResponse(blob); err != nil || len(answer.Entries) != 2 {
			t.Fatalf("referral %d of the honest client: %+v, %v", i, answer, err)
		}
	}
	return took
}

func median(d []time.Duration) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}

// connect opens a plain TCP connection from an address of its own; it breaks
// when the context ends.
func connect(ctx context.Context, from, to netip.Addr) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: 5 * time.Second}
	c, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(to, 445).String())
	if err == nil {
		context.AfterFunc(ctx, func() { _ = c.Close() })
	}
	return c, err
}

// holdHalfOpen opens connection after connection and says the first byte of a
// frame on each.
func holdHalfOpen(ctx context.Context, from, to netip.Addr, done *atomic.Int64) {
	var held []net.Conn
	for ctx.Err() == nil {
		c, err := connect(ctx, from, to)
		if err != nil {
			continue
		}
		if held = append(held, c); len(held) > 300 {
			_ = held[0].Close()
			held = held[1:]
		}
		if _, err := c.Write([]byte{0}); err == nil {
			done.Add(1)
		}
	}
}

// sendEndlessBytes announces the longest frame there is and keeps sending.
func sendEndlessBytes(ctx context.Context, from, to netip.Addr, done *atomic.Int64) {
	chunk := make([]byte, 64<<10)
	for ctx.Err() == nil {
		c, err := connect(ctx, from, to)
		if err != nil {
			continue
		}
		_, err = c.Write([]byte{0, 0xFF, 0xFF, 0xFF})
		for err == nil {
			_, err = c.Write(chunk)
			done.Add(1)
		}
		_ = c.Close()
	}
}

// sendGarbage sends frames of legal length and random content.
func sendGarbage(ctx context.Context, from, to netip.Addr, done *atomic.Int64) {
	rng := rand.New(rand.NewPCG(1, uint64(from.As4()[3])))
	for ctx.Err() == nil {
		c, err := connect(ctx, from, to)
		if err != nil {
			continue
		}
		for err == nil {
			n := 64 + rng.IntN(60<<10)
			frame := append([]byte{0, byte(n >> 16), byte(n >> 8), byte(n)}, 0xFE, 'S', 'M', 'B')
			for len(frame) < n+4 {
				frame = append(frame, byte(rng.Uint32()))
			}
			_, err = c.Write(frame)
			done.Add(1)
		}
		_ = c.Close()
	}
}

// exhaustCredits logs on and parks a change notification on every credit that
// it can get, then begins anew.
func exhaustCredits(ctx context.Context, from, to netip.Addr, done *atomic.Int64) {
	for ctx.Err() == nil {
		o := logonOptions(from)
		o.Credits = 8192
		conn, err := smbclient.Dial(ctx, netip.AddrPortFrom(to, 445).String(), o)
		if err != nil {
			continue
		}
		if tree, err := conn.TreeConnect(ctx, lab.UNC(to, "public")); err == nil {
			done.Add(park(ctx, conn, tree))
		}
		_ = conn.Close()
	}
}

func park(ctx context.Context, conn *smbclient.Conn, tree *smbclient.Tree) (parked int64) {
	root, err := tree.Create(ctx, 0, smb2.CreateRequest{
		Impersonation: 2, DesiredAccess: 0x00100081, ShareAccess: 7, Disposition: 1, Options: 1,
	})
	for err == nil && parked < 10_000 {
		_, err = conn.Send(ctx, smb2.Header{Command: smb2.CommandChangeNotify, TreeID: tree.ID()},
			smb2.ChangeNotifyRequest{FileID: root.FileID, OutputLength: 4096, Filter: 0xFFF})
		if errors.Is(err, smbclient.ErrNoCredits) {
			_, _, err = conn.Receive(ctx)
		}
		parked++
	}
	return parked
}

// readNothing logs on and sends echo after echo without reading an answer.
func readNothing(ctx context.Context, from, to netip.Addr, done *atomic.Int64) {
	for ctx.Err() == nil {
		o := logonOptions(from)
		o.Credits = 8192
		conn, err := smbclient.Dial(ctx, netip.AddrPortFrom(to, 445).String(), o)
		for err == nil {
			if _, err = conn.Send(ctx, smb2.Header{Command: smb2.CommandEcho}, smb2.EchoRequest{}); err == nil {
				done.Add(1)
			}
		}
		if conn != nil {
			_ = conn.Flush(ctx) // the credits are spent: what is queued goes out, and nobody reads on
			_ = conn.Close()
		}
	}
}
