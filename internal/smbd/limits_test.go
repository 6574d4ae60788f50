package smbd

import (
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"dfsd/internal/smb2"
)

// limited are testOptions with limits changed.
func limited(t *testing.T, change func(*Limits)) Options {
	o := testOptions(t)
	change(&o.Config.Limits)
	return o
}

func (h *harness) wantRejected(t *testing.T, why reason, want float64) {
	t.Helper()
	if got := h.rejected(why); got != want {
		t.Errorf("rejected{%s} = %v, want %v", reasonLabels[why], got, want)
	}
}

func TestFrameLimits(t *testing.T) {
	h := listen(t, limited(t, func(l *Limits) { l.FrameUnauthenticated = 8 << 10; l.Transact = 64 << 10 }))
	announce := func(c *client, n uint32) {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], n)
		c.nc.Write(b[:]) //nolint:errcheck // the answer tells
	}
	for name, c := range map[string]*client{
		"new": newClient(t, h.dial()), "negotiated": h.connect(t),
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			announce(c, 8<<10+1)
			c.wantEnd()
		})
	}
	h.wantRejected(t, rejectFrame, 2)
	c := h.logon(t, "IPC$")
	announce(c, 64<<10+frameOverhead+1)
	c.wantEnd()
	h.wantRejected(t, rejectFrame, 3)

	c = h.logon(t, "IPC$")
	big := smb2.WriteRequest{FileID: smb2.AnyFileID, Data: make([]byte, 64<<10)}
	c.want(c.call(smb2.CommandWrite, big), smb2.StatusFileClosed) // it fits, and is read
	c.want(c.call(smb2.CommandLogoff, smb2.LogoffRequest{}), smb2.StatusSuccess)
	announce(c, 8<<10+1) // without a session the small limit holds again
	c.wantEnd()
	h.wantRejected(t, rejectFrame, 4)
}

// TestTimeToLogOn: the time counts from accept and does not begin anew with
// every byte.
func TestTimeToLogOn(t *testing.T) {
	tests := []struct {
		name string
		use  func(t *testing.T, c *client)
	}{
		{"silent", func(*testing.T, *client) {}},
		{"a byte a second", func(_ *testing.T, c *client) {
			frame := smb2.PutFrameLength
			b := append(smb2.AppendFrameHeader(nil), make([]byte, 4000)...)
			c.must(frame(b))
			for i := range b {
				if _, err := c.nc.Write(b[i : i+1]); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}},
		{"a request a second", func(t *testing.T, c *client) {
			c.negotiate(offer())
			for {
				c.send(echoOp())
				if _, err := c.tryReceive(); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}},
		{"a log-on that does not go on", func(_ *testing.T, c *client) {
			c.negotiate(offer())
			c.beginLogon()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := listenPipe(t, testOptions(t))
				began := time.Now()
				c := newClient(t, h.dial())
				tt.use(t, c)
				c.wantEnd()
				if got := time.Since(began); got < h.limits.AuthenticateWithin || got > h.limits.AuthenticateWithin+time.Second {
					t.Errorf("the connection lasted %v, want %v", got, h.limits.AuthenticateWithin)
				}
				h.stop()
				h.wantRejected(t, rejectAuthenticateTimeout, 1)
			})
		})
	}
}

func TestIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := listenPipe(t, testOptions(t))
		c := h.logon(t, "IPC$")
		time.Sleep(30 * 24 * time.Hour)
		c.referral(`\fs1\public`) // by default the idle stay
		h.stop()
	})
	synctest.Test(t, func(t *testing.T) {
		h := listenPipe(t, limited(t, func(l *Limits) { l.IdleTimeout = time.Hour }))
		c := h.logon(t, "IPC$")
		for range 3 {
			time.Sleep(59 * time.Minute)
			c.referral(`\fs1\public`)
		}
		began := time.Now()
		c.wantEnd()
		if got := time.Since(began); got != time.Hour {
			t.Errorf("the idle connection ended after %v, want 1h", got)
		}
		h.stop()
		h.wantRejected(t, rejectIdle, 1)
	})
}

func TestSlowFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := listenPipe(t, testOptions(t))
		c := h.logon(t, "IPC$")
		began := time.Now()
		c.nc.Write([]byte{0, 0, 4, 0, 0xFE, 'S', 'M', 'B'}) //nolint:errcheck // the end tells
		c.wantEnd()
		if got := time.Since(began); got != h.limits.FrameWithin {
			t.Errorf("half a frame lasted %v, want %v", got, h.limits.FrameWithin)
		}
		h.stop()
		h.wantRejected(t, rejectFrameTimeout, 1)
	})
}

// TestAnswerThatNobodyReads: a client that takes no answers loses its
// connection, and a namespace that changes meanwhile does not wait for it.
func TestAnswerThatNobodyReads(t *testing.T) {
	h := listenPipe(t, limited(t, func(l *Limits) { l.WriteTimeout = time.Second }))
	c := h.logon(t, "public")
	c.watch("docs")
	other := h.logon(t, "public")
	_, interim := other.watch("docs")
	c.send(echoOp()) // whose answer is never read
	h.NamespaceChanged()
	other.wantCompletion(other.receive()[0], interim, smb2.StatusNotifyEnumDir)
	h.wantRejected(t, rejectWriteTimeout, 0)
	for { // until the server has closed its end
		if _, err := c.nc.Write(nil); err != nil {
			break
		}
		other.referral(`\fs1\public`)
	}
	h.stop()
	h.wantRejected(t, rejectWriteTimeout, 1)
}

func TestConnectionLimits(t *testing.T) {
	tests := []struct {
		name   string
		limits func(*Limits)
		why    reason
		logon  bool // the connections that fill the limit log on
	}{
		{"in all", func(l *Limits) { l.Connections = 3 }, rejectConnections, true},
		{"of an address", func(l *Limits) { l.ConnectionsPerAddress = 3 }, rejectConnectionsPerAddress, true},
		{"without a log-on", func(l *Limits) { l.Unauthenticated = 3 }, rejectUnauthenticated, false},
		{"without a log-on of an address", func(l *Limits) { l.UnauthenticatedPerAddress = 3 }, rejectUnauthenticatedPerAddress, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := listen(t, limited(t, tt.limits))
			var first *client
			for range 3 {
				c := h.connect(t)
				if tt.logon {
					c.mustLogon(testUser, testPassword)
				}
				first = c
			}
			newClient(t, h.dial()).wantEnd()
			h.wantRejected(t, tt.why, 1)
			first.mustLogon(testUser, testPassword) // those inside go on
			if !tt.logon {
				h.connect(t) // and have made room
			}
		})
	}
}

func TestSessionLimits(t *testing.T) {
	t.Run("sessions", func(t *testing.T) {
		h := listen(t, limited(t, func(l *Limits) { l.Sessions = 3 }))
		c := h.connect(t)
		for range 3 {
			c.session, c.signer = 0, nil
			c.mustLogon(testUser, testPassword)
		}
		last := c.session
		c.session = 0
		if got := c.logon(testUser, testPassword, nil); got != smb2.StatusRequestNotAccepted {
			t.Errorf("one session too many: %v", got)
		}
		h.wantRejected(t, rejectSessions, 1)
		c.session = last
		c.want(c.one(logoffOp()), smb2.StatusSuccess)
		c.session, c.signer = 0, nil
		c.mustLogon(testUser, testPassword)
	})
	t.Run("in progress", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := listenPipe(t, limited(t, func(l *Limits) { l.SessionsInProgress = 2 }))
			c := h.logon(t, "IPC$")
			for range 2 {
				c.session, c.signer = 0, nil
				c.beginLogon()
			}
			c.session = 0
			if got := c.logon(otherUser, testPassword, nil); got != smb2.StatusRequestNotAccepted {
				t.Errorf("one log-on too many: %v", got)
			}
			h.wantRejected(t, rejectSessionsInProgress, 1)
			time.Sleep(h.limits.AuthenticateWithin + 1)
			c.mustLogon(otherUser, testPassword) // those that did not go on are forgotten
			h.stop()
		})
	})
	t.Run("trees", func(t *testing.T) {
		h := listen(t, limited(t, func(l *Limits) { l.Trees = 3 }))
		c := h.logon(t, "public")
		c.connectTree("IPC$")
		c.connectTree("IPC$")
		c.want(c.one(treeOp("public")), smb2.StatusRequestNotAccepted)
		h.wantRejected(t, rejectTrees, 1)
		c.want(c.one(untreeOp()), smb2.StatusSuccess)
		c.connectTree("public")
	})
	t.Run("opens", func(t *testing.T) {
		h := listen(t, limited(t, func(l *Limits) { l.Opens = 8; l.OpensPerConnection = 12 }))
		c := h.logon(t, "public")
		var id smb2.FileID
		for range 8 {
			id = c.open("docs")
		}
		c.want(c.one(createOp("docs")), smb2.StatusTooManyOpenedFiles)
		h.wantRejected(t, rejectOpens, 1)
		c.want(c.one(closeOp(id)), smb2.StatusSuccess)
		c.open("docs")

		c.session, c.signer = 0, nil
		c.mustLogon(otherUser, testPassword)
		c.connectTree("public")
		for range 4 {
			c.open("docs")
		}
		c.want(c.one(createOp("docs")), smb2.StatusTooManyOpenedFiles)
		h.wantRejected(t, rejectOpensPerConnection, 1)
	})
}

// TestCreditsGrow: before the log-on a client gets credits_min at most, from
// then on credits_max, and never more, however many it asks for.
func TestCreditsGrow(t *testing.T) {
	h := listen(t, limited(t, func(l *Limits) { l.CreditsMin = 64; l.CreditsMax = 256 }))
	c := h.connect(t)
	total := 1 // granted by NEGOTIATE
	greedy := func() {
		op := echoOp()
		op.header.Credits = 65535
		total += int(c.one(op).Credits) - 1
	}
	for range 5 {
		greedy()
	}
	if total != 64 {
		t.Errorf("%d credits before the log-on, want 64", total)
	}
	c.mustLogon(testUser, testPassword)
	total = 0
	for range 5 {
		greedy()
	}
	h.eachConn(func(c *conn) {
		if got := c.window.available(); got != 256 {
			t.Errorf("%d credits after the log-on, want 256", got)
		}
	})
}

func TestRandomSourceFails(t *testing.T) {
	o := testOptions(t)
	o.Rand = failingReader{}
	h := listen(t, o)
	c := newClient(t, h.dial())
	c.want(c.one(operation{header: smb2.Header{Command: smb2.CommandNegotiate}, body: offer()}), smb2.StatusInternalError)
	c = h.connect(t, smb2.Dialect302)
	if got := c.logon(testUser, testPassword, nil); got != smb2.StatusInternalError {
		t.Errorf("log-on without random numbers: %v, want %v", got, smb2.StatusInternalError)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

// eachConn calls f for every connection with its lock.
func (h *harness) eachConn(f func(*conn)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		c.mu.Lock()
		f(c)
		c.mu.Unlock()
	}
}

// TestZeroWindow: over TCP a client that stops reading fills the buffers of the
// kernel, and loses its connection once the write deadline has passed; others
// are not held up.
func TestZeroWindow(t *testing.T) {
	h := listen(t, limited(t, func(l *Limits) { l.WriteTimeout = time.Second }))
	c := h.logon(t, "public")
	other := h.logon(t, "IPC$")
	ops := []operation{createOp("")}
	for range 14 {
		list := listOp()
		q := list.body.(smb2.QueryDirectoryRequest)
		q.Flags = smb2.QueryRestartScans
		list.body = q
		ops = append(ops, list)
	}
	ops = related(append(ops, closeOp(smb2.AnyFileID))...)
	c.must(c.nc.SetWriteDeadline(time.Now().Add(30 * time.Second)))
	for h.rejected(rejectWriteTimeout) == 0 && c.trySend(ops...) == nil {
		other.referral(`\fs1\public`)
	}
	other.referral(`\fs1\public`)
	h.stop()
	h.wantRejected(t, rejectWriteTimeout, 1)
}
