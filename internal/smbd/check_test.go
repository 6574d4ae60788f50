package smbd

import (
	"encoding/binary"
	"testing"
	"time"

	"dfsd/internal/smb2"
)

// rawBody is a body of the test's choice.
type rawBody []byte

func (b rawBody) AppendBody(out []byte) []byte { return append(out, b...) }

// bodyOf is what body looks like behind a header.
func bodyOf(body smb2.Body) rawBody {
	return rawBody(body.AppendBody(make([]byte, smb2.HeaderSize))[smb2.HeaderSize:])
}

func ioctlOp(q smb2.IoctlRequest) operation {
	return operation{header: smb2.Header{Command: smb2.CommandIoctl, Credits: 1}, body: q}
}

func echoOp() operation {
	return operation{header: smb2.Header{Command: smb2.CommandEcho, Credits: 1}, body: smb2.EchoRequest{}}
}

// TestReceiveChecks: [MS-SMB2] 3.3.5.2 on a connection whose client has logged
// on and is connected to IPC$.
func TestReceiveChecks(t *testing.T) {
	root := referralRequest(`\fs1\public`, 4, 4096)
	tests := []struct {
		name string
		op   operation
		// change alters the frame after it was signed.
		change func(frame []byte)
		end    bool
		want   smb2.Status
	}{
		{name: "good", op: ioctlOp(root), want: smb2.StatusSuccess},
		{name: "echo", op: echoOp(), want: smb2.StatusSuccess},
		{
			name: "second negotiate", end: true,
			op: operation{header: smb2.Header{Command: smb2.CommandNegotiate}, body: offer()},
		},
		{name: "command above the last", end: true, op: operation{header: smb2.Header{Command: smb2.MaxCommand + 1}, body: smb2.EchoRequest{}}},
		{name: "response", end: true, op: operation{header: smb2.Header{Command: smb2.CommandEcho, Flags: smb2.FlagServerToRedir}, body: smb2.EchoRequest{}}},
		{name: "structure size", end: true, op: echoOp(), change: func(f []byte) { f[4] = 65 }},
		{name: "SMB1", end: true, op: echoOp(), change: func(f []byte) { f[0] = 0xFF }},
		{name: "compressed", end: true, op: echoOp(), change: func(f []byte) { f[0] = 0xFC }},
		{name: "another protocol", end: true, op: echoOp(), change: func(f []byte) { f[1] = 'G' }},
		{name: "message id used before", end: true, op: echoOp(), change: func(f []byte) { binary.LittleEndian.PutUint64(f[24:], 1) }},
		{name: "message id not granted", end: true, op: echoOp(), change: func(f []byte) { binary.LittleEndian.PutUint64(f[24:], 9999) }},
		{name: "charge not granted", end: true, op: operation{header: smb2.Header{Command: smb2.CommandEcho, CreditCharge: 9999}, body: smb2.EchoRequest{}}},
		{name: "next command past the end", end: true, op: echoOp(), change: func(f []byte) { binary.LittleEndian.PutUint32(f[20:], 1<<20) }},
		{name: "next command misaligned", end: true, op: echoOp(), change: func(f []byte) { binary.LittleEndian.PutUint32(f[20:], 66) }},
		{
			name: "short body", want: smb2.StatusInvalidParameter,
			op: operation{header: smb2.Header{Command: smb2.CommandIoctl}, body: bodyOf(root)[:40]},
		},
		{
			name: "wrong structure size of the body", want: smb2.StatusInvalidParameter,
			op: operation{header: smb2.Header{Command: smb2.CommandEcho}, body: rawBody{5, 0, 0, 0}},
		},
		{name: "wrong signature", want: smb2.StatusAccessDenied, op: operation{header: smb2.Header{Command: smb2.CommandEcho}, body: smb2.EchoRequest{}, forged: true}},
		{name: "no signature", want: smb2.StatusAccessDenied, op: operation{header: smb2.Header{Command: smb2.CommandEcho}, body: smb2.EchoRequest{}, plain: true}},
		{
			name: "unknown session", want: smb2.StatusUserSessionDeleted,
			op: operation{header: smb2.Header{Command: smb2.CommandLogoff, SessionID: 0x1234}, body: smb2.LogoffRequest{}},
		},
		{
			name: "session set-up of an unknown session", want: smb2.StatusUserSessionDeleted,
			op: operation{header: smb2.Header{Command: smb2.CommandSessionSetup, SessionID: 0x1234}, body: smb2.SessionSetupRequest{Token: []byte("x")}},
		},
		{
			name: "unknown tree", want: smb2.StatusNetworkNameDeleted,
			op: operation{header: smb2.Header{Command: smb2.CommandIoctl, TreeID: 77}, body: root},
		},
		{
			name: "unknown file", want: smb2.StatusFileClosed,
			op: operation{header: smb2.Header{Command: smb2.CommandClose}, body: smb2.CloseRequest{FileID: smb2.FileID{Persistent: 1, Volatile: 1}}},
		},
		{
			name: "no file", want: smb2.StatusFileClosed,
			op: operation{header: smb2.Header{Command: smb2.CommandFlush}, body: smb2.FlushRequest{FileID: smb2.AnyFileID}},
		},
		{
			name: "binding", want: smb2.StatusRequestNotAccepted,
			op: operation{header: smb2.Header{Command: smb2.CommandSessionSetup}, body: smb2.SessionSetupRequest{Flags: smb2.SessionSetupBinding}},
		},
		{
			name: "oplock break", want: smb2.StatusNotSupported,
			op: operation{header: smb2.Header{Command: smb2.CommandOplockBreak}, body: smb2.OplockBreakRequest{FileID: smb2.AnyFileID}},
		},
	}
	h := listen(t, testOptions(t))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := h.logon(t, "IPC$")
			if tt.change == nil {
				c.send(tt.op)
			} else {
				c.fill(&tt.op)
				frame := tt.op.body.AppendBody(tt.op.header.Append(smb2.AppendFrameHeader(nil)))
				c.sign(tt.op, frame[smb2.FrameHeaderSize:])
				tt.change(frame[smb2.FrameHeaderSize:])
				c.sendFrame(frame)
			}
			if tt.end {
				c.wantEnd()
				return
			}
			c.want(c.receive()[0], tt.want)
			c.want(c.one(echoOp()), smb2.StatusSuccess)
		})
	}
}

func TestReceiveChecksBeforeNegotiate(t *testing.T) {
	signed := operation{header: smb2.Header{Command: smb2.CommandNegotiate, Flags: smb2.FlagSigned, Credits: 1}, body: offer()}
	tests := []struct {
		name string
		send func(c *client)
		end  bool
		want smb2.Status
	}{
		{name: "session set-up", end: true, send: func(c *client) {
			c.send(operation{header: smb2.Header{Command: smb2.CommandSessionSetup}, body: smb2.SessionSetupRequest{}})
		}},
		{name: "echo", end: true, send: func(c *client) { c.send(echoOp()) }},
		{name: "cancel", end: true, send: func(c *client) {
			c.send(operation{header: smb2.Header{Command: smb2.CommandCancel}, body: smb2.CancelRequest{}})
		}},
		{name: "message id 1", end: true, send: func(c *client) {
			c.nextID = 1
			c.send(operation{header: smb2.Header{Command: smb2.CommandNegotiate}, body: offer()})
		}},
		{name: "short header", end: true, send: func(c *client) {
			c.sendFrame(append(smb2.AppendFrameHeader(nil), 0xFE, 'S', 'M', 'B', 64, 0))
		}},
		{name: "empty frame", end: true, send: func(c *client) { c.sendFrame(smb2.AppendFrameHeader(nil)) }},
		{name: "keep-alive of NetBIOS", end: true, send: func(c *client) {
			_, err := c.nc.Write([]byte{0x85, 0, 0, 0})
			c.must(err)
		}},
		{name: "encrypted", end: true, send: func(c *client) {
			h := smb2.TransformHeader{OriginalSize: 4, Flags: 1, SessionID: 5}
			c.sendFrame(append(h.Append(smb2.AppendFrameHeader(nil)), 1, 2, 3, 4))
		}},
		{name: "signed negotiate", want: smb2.StatusInvalidParameter, send: func(c *client) { c.send(signed) }},
		{name: "negotiate in a chain", want: smb2.StatusInvalidParameter, send: func(c *client) {
			c.send(signed, operation{header: smb2.Header{Command: smb2.CommandNegotiate}, body: offer()})
		}, end: true},
		{name: "no common dialect", want: smb2.StatusNotSupported, send: func(c *client) {
			c.send(operation{header: smb2.Header{Command: smb2.CommandNegotiate}, body: offer(0x0999)})
		}},
		{name: "no dialects", want: smb2.StatusInvalidParameter, send: func(c *client) {
			q := bodyOf(offer(smb2.Dialect210))
			q[2] = 0
			c.send(operation{header: smb2.Header{Command: smb2.CommandNegotiate}, body: q})
		}},
		{name: "no hash in common", want: smb2.StatusNoPreauthHashOverlap, send: func(c *client) {
			q := offer()
			q.Contexts.Preauth.Hashes[0] = 7
			c.send(operation{header: smb2.Header{Command: smb2.CommandNegotiate}, body: q})
		}},
		{name: "no preauth context", want: smb2.StatusInvalidParameter, send: func(c *client) {
			q := offer()
			q.Contexts.Preauth = nil
			c.send(operation{header: smb2.Header{Command: smb2.CommandNegotiate}, body: q})
		}},
	}
	h := listen(t, testOptions(t))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, h.dial())
			tt.send(c)
			if tt.end {
				c.wantEnd()
				return
			}
			c.want(c.receive()[0], tt.want)
		})
	}
}

// TestSessionInProgress: a session whose log-on has not ended serves nothing but
// its own end.
func TestSessionInProgress(t *testing.T) {
	tests := []struct {
		name string
		op   operation
		want smb2.Status
	}{
		{"tree connect", operation{header: smb2.Header{Command: smb2.CommandTreeConnect}, body: smb2.TreeConnectRequest{Path: `\\fs1\IPC$`}}, smb2.StatusSecUnsupportedFunction},
		{"signed", operation{header: smb2.Header{Command: smb2.CommandTreeConnect, Flags: smb2.FlagSigned}, body: smb2.TreeConnectRequest{Path: `\\fs1\IPC$`}}, smb2.StatusNotSupported},
		{"close", operation{header: smb2.Header{Command: smb2.CommandClose}, body: smb2.CloseRequest{}}, smb2.StatusNetworkNameDeleted},
		{"logoff", operation{header: smb2.Header{Command: smb2.CommandLogoff}, body: smb2.LogoffRequest{}}, smb2.StatusSuccess},
	}
	h := listen(t, testOptions(t))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := h.connect(t)
			c.beginLogon()
			c.want(c.one(tt.op), tt.want)
		})
	}
}

func TestSessionExpires(t *testing.T) {
	o := testOptions(t)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	clock := make(chan time.Time, 1)
	clock <- now
	o.Now = func() time.Time {
		at := <-clock
		clock <- at
		return at
	}
	h := listen(t, o)
	c := h.logon(t, "public")
	id := c.open("docs")
	h.eachSession(func(s *session) { s.identity.Expires = now.Add(time.Hour) })
	c.want(c.call(smb2.CommandFlush, smb2.FlushRequest{FileID: id}), smb2.StatusSuccess)
	<-clock
	clock <- now.Add(time.Hour)
	c.want(c.call(smb2.CommandFlush, smb2.FlushRequest{FileID: id}), smb2.StatusNetworkSessionExpired)
	c.want(c.call(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\fs1\IPC$`}), smb2.StatusNetworkSessionExpired)
	c.want(c.call(smb2.CommandClose, smb2.CloseRequest{FileID: id}), smb2.StatusSuccess)
	c.mustLogon(testUser, testPassword) // on the same session
	c.want(c.call(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\fs1\IPC$`}), smb2.StatusSuccess)
	h.eachSession(func(s *session) { s.identity.Expires = now })
	c.want(c.call(smb2.CommandLogoff, smb2.LogoffRequest{}), smb2.StatusSuccess)
}

// TestUnsignedTreeConnect: on 3.1.1 the first request behind the log-on proves
// that nobody has changed it.
func TestUnsignedTreeConnect(t *testing.T) {
	o := testOptions(t)
	o.Config.Signing = SigningEnabled
	h := listen(t, o)
	connect := operation{header: smb2.Header{Command: smb2.CommandTreeConnect, Credits: 1}, body: smb2.TreeConnectRequest{Path: `\\fs1\IPC$`}, plain: true}
	t.Run("3.1.1", func(t *testing.T) {
		c := h.connect(t)
		c.mustLogon(testUser, testPassword)
		c.send(connect)
		c.wantEnd()
	})
	t.Run("3.0.2", func(t *testing.T) {
		c := h.connect(t, smb2.Dialect302)
		c.mustLogon(testUser, testPassword)
		c.want(c.one(connect), smb2.StatusSuccess)
	})
	t.Run("client requires signing", func(t *testing.T) {
		c := h.connect(t, smb2.Dialect302)
		c.wantLogon(smb2.StatusSuccess, testUser, testPassword, func(q *smb2.SessionSetupRequest) { q.SecurityMode = smb2.SigningRequired })
		c.want(c.one(connect), smb2.StatusAccessDenied)
	})
}

func TestEncryptedRequests(t *testing.T) {
	tests := []struct {
		name   string
		change func(c *client, op *operation)
		end    bool
	}{
		{name: "good", change: func(*client, *operation) {}},
		{name: "signed with zeros", change: func(_ *client, op *operation) { op.header.Flags |= smb2.FlagSigned }},
		{name: "inner session differs", end: true, change: func(c *client, op *operation) { op.header.SessionID = c.session + 1 }},
		{name: "first is related", end: true, change: func(_ *client, op *operation) { op.header.Flags |= smb2.FlagRelated }},
		{name: "another key", end: true, change: func(c *client, _ *operation) {
			c.sealer, _ = smb2.NewSealer(c.cipher, make([]byte, 16))
		}},
	}
	h := listen(t, testOptions(t))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := h.logon(t, "IPC$")
			c.seal = true
			op := ioctlOp(referralRequest(`\fs1\public`, 4, 4096))
			tt.change(c, &op)
			c.send(op)
			if tt.end {
				c.wantEnd()
				return
			}
			c.want(c.receive()[0], smb2.StatusSuccess)
		})
	}
	t.Run("unknown session", func(t *testing.T) {
		c := h.logon(t, "IPC$")
		c.seal = true
		c.session++
		c.send(echoOp())
		c.wantEnd()
	})
	t.Run("compressed inside", func(t *testing.T) {
		c := h.logon(t, "IPC$")
		frame, err := c.sealer.Seal(smb2.AppendFrameHeader(nil), []byte("\xfcSMB and so on"), c.session)
		c.must(err)
		c.sendFrame(frame)
		c.wantEnd()
	})
}

func TestEncryptionRequired(t *testing.T) {
	o := testOptions(t)
	o.Config.Encryption = EncryptionRequired
	h := listen(t, o)
	c := h.connect(t)
	c.mustLogon(testUser, testPassword)
	if c.flags != smb2.SessionEncryptData {
		t.Errorf("session flags = %#x, want ENCRYPT_DATA", c.flags)
	}
	c.want(c.call(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\fs1\IPC$`}), smb2.StatusAccessDenied)
	c.seal = true
	c.connectTree("IPC$")
	c.referral(`\fs1\public`)

	old := newClient(t, h.dial())
	r := old.one(operation{header: smb2.Header{Command: smb2.CommandNegotiate}, body: offer(smb2.Dialect202, smb2.Dialect210)})
	old.want(r, smb2.StatusNotSupported)

	unable := newClient(t, h.dial())
	q := offer(smb2.Dialect302)
	q.Capabilities &^= smb2.CapEncryption
	unable.negotiate(q)
	if got := unable.logon(testUser, testPassword, nil); got != smb2.StatusAccessDenied {
		t.Errorf("log-on of a client that cannot encrypt: %v, want %v", got, smb2.StatusAccessDenied)
	}
}

// eachSession calls f for every session, with the lock of its connection.
func (h *harness) eachSession(f func(*session)) {
	h.eachConn(func(c *conn) {
		for _, s := range c.sessions {
			f(s)
		}
	})
}

// beginLogon leaves a session in the middle of its log-on.
func (c *client) beginLogon() {
	c.t.Helper()
	token := []byte("NTLMSSP\x00\x01\x00\x00\x00\x97\x82\x08\xe2" + string(make([]byte, 24)))
	r := c.call(smb2.CommandSessionSetup, smb2.SessionSetupRequest{Token: token})
	c.want(r, smb2.StatusMoreProcessingRequired)
	c.session = r.SessionID
}
