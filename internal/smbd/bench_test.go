package smbd

import (
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"dfsd/internal/netaddr"
	"dfsd/internal/smb2"
)

// prepared is a connection with a session that is logged on as testUser and
// connected to IPC$ (tree 1) and public (tree 2), without a client: what it
// writes goes to out.
type prepared struct {
	*conn
	session *session
	signer  *smb2.Signer // of the client
}

// nowhere is a connection that nothing comes from, and whose answers go to out.
type nowhere struct {
	net.Conn
	in  io.Reader
	out io.Writer
}

func (n nowhere) Read(b []byte) (int, error)     { return n.in.Read(b) }
func (n nowhere) Write(b []byte) (int, error)    { return n.out.Write(b) }
func (nowhere) Close() error                     { return nil }
func (nowhere) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(10, 1, 0, 99)} }
func (nowhere) SetReadDeadline(time.Time) error  { return nil }
func (nowhere) SetWriteDeadline(time.Time) error { return nil }

// prepare makes a connection of h whose log-on is behind it.
func (h *harness) prepare(t testing.TB, in io.Reader, out io.Writer) *prepared {
	t.Helper()
	front := h.logon(t, "IPC$")
	front.connectTree("public")
	var p *prepared
	h.eachConn(func(c *conn) {
		if len(c.sessions) > 0 && c.sessions[0].id == front.session {
			p = (&prepared{conn: c, session: c.sessions[0]}).again(t, in, out)
		}
	})
	return p
}

// again makes another connection like p, with a session of its own.
func (p *prepared) again(t testing.TB, in io.Reader, out io.Writer) *prepared {
	t.Helper()
	server := p.server
	c := newConn(server, nowhere{in: in, out: out}, netaddr.Of(nowhere{}.RemoteAddr()), new(sync.WaitGroup))
	c.terms, c.authenticated, c.logonBy = p.terms, true, time.Time{}
	c.lastTree = p.lastTree
	c.window.grant(64, server.limits.CreditsMax)
	s := &session{conn: c, state: valid, identity: p.session.identity, keys: p.session.keys, signs: p.session.signs}
	s.trees = slices.Clone(p.session.trees)
	if err := server.registry.add(s); err != nil {
		t.Fatal(err)
	}
	c.sessions = []*session{s}
	server.metrics.sessions.Inc()
	signer, err := smb2.NewSigner(c.terms.signing, s.keys.Signing)
	if err != nil {
		t.Fatal(err)
	}
	return &prepared{conn: c, session: s, signer: signer}
}

// BenchmarkReferral is a signed referral request from its bytes to those of its
// answer, without a network. The client's signature is part of it.
func BenchmarkReferral(b *testing.B) {
	h := listen(b, testOptions(b))
	for _, alg := range signings {
		b.Run(alg.String(), func(b *testing.B) {
			p := h.prepare(b, nil, io.Discard)
			p.terms.signing = alg
			p.signer, _ = smb2.NewSigner(alg, p.session.keys.Signing)
			defer p.cleanUp()
			msg := referralRequest(`\fs1\public\docs\projects\deep\below`, 4, 8192).AppendBody(smb2.Header{
				Command: smb2.CommandIoctl, Credits: 1, CreditCharge: 1, SessionID: p.session.id, TreeID: 1,
			}.Append(nil))
			frame := make([]byte, len(msg))
			b.ReportAllocs()
			id := uint64(0)
			for b.Loop() {
				copy(frame, msg)
				binary.LittleEndian.PutUint64(frame[24:], id)
				id++
				p.signer.Sign(frame)
				s := h.scratches.get()
				if err := p.serveFrame(s, frame); err != nil {
					b.Fatal(err)
				}
				h.scratches.put(s)
			}
		})
	}
}

// BenchmarkReferralTCP is the same over loopback TCP, a client for each
// processor.
func BenchmarkReferralTCP(b *testing.B) {
	h := listen(b, testOptions(b))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c := h.logon(b, "IPC$")
		op := ioctlOp(referralRequest(`\fs1\public\docs\projects\deep\below`, 4, 8192))
		for pb.Next() {
			if r := c.one(op); r.Status != smb2.StatusSuccess {
				b.Error(r.Status)
			}
		}
	})
}

// BenchmarkLogon is a connection from its first byte to its first referral.
func BenchmarkLogon(b *testing.B) {
	h := listen(b, testOptions(b))
	for b.Loop() {
		c := h.logon(b, "IPC$")
		c.referral(`\fs1\public`)
		c.nc.Close() //nolint:errcheck // done with it
	}
}

// TestReferralAllocatesNothing: of a signed referral only the decoded path is
// left to the garbage collector.
func TestReferralAllocatesNothing(t *testing.T) {
	h := listen(t, testOptions(t))
	p := h.prepare(t, nil, io.Discard)
	defer p.cleanUp()
	msg := referralRequest(`\fs1\public\docs\projects`, 4, 8192).AppendBody(smb2.Header{
		Command: smb2.CommandIoctl, Credits: 1, CreditCharge: 1, SessionID: p.session.id, TreeID: 1,
	}.Append(nil))
	s := h.scratches.get()
	id := uint64(0)
	got := testing.AllocsPerRun(200, func() {
		binary.LittleEndian.PutUint64(msg[24:], id)
		id++
		p.signer.Sign(msg)
		if err := p.serveFrame(s, msg); err != nil {
			t.Fatal(err)
		}
		s.chain = chain{reply: reply{out: s.chain.reply.out[:0]}}
	})
	if got > 1 {
		t.Errorf("%v allocations for a referral, want 1, the path", got)
	}
}

// TestIdleConnectionIsSmall: what an idle client that has logged on costs, both
// ends of its TCP connection included.
func TestIdleConnectionIsSmall(t *testing.T) {
	const clients, most = 400, 15 << 10
	h := listen(t, testOptions(t))
	h.logon(t, "IPC$").referral(`\fs1\public`)
	before := memoryInUse()
	ends := make([]net.Conn, clients)
	for i := range ends {
		c := &client{t: t, nc: h.dial()}
		c.negotiate(offer())
		c.mustLogon(testUser, testPassword)
		c.connectTree("IPC$")
		c.referral(`\fs1\public\docs\projects`)
		ends[i] = c.nc
	}
	each := (memoryInUse() - before) / clients
	t.Logf("%d bytes for an idle connection", each)
	if each > most {
		t.Errorf("%d bytes for an idle connection, want at most %d", each, most)
	}
	for _, nc := range ends {
		nc.Close() //nolint:errcheck // done with it
	}
}

// memoryInUse is the heap and the stacks, after what is unused has gone.
func memoryInUse() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
