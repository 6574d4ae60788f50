package smbd

import (
	"crypto/rand"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"dfsd/internal/smb2"
	"dfsd/internal/smbauth"
)

func TestSessionIDsCannotBeGuessed(t *testing.T) {
	h := listen(t, testOptions(t))
	seen := map[uint64]bool{}
	for range 20 {
		c := h.logon(t, "IPC$")
		if c.session == 0 || c.session == ^uint64(0) || seen[c.session] || c.session>>32 == 0 && c.session < 1<<16 {
			t.Fatalf("session id %#x", c.session)
		}
		seen[c.session] = true
	}
}

// TestSessionIDIsNeverTaken: a random source that repeats itself gives no second
// session the id of the first, nor one that means something else.
func TestSessionIDIsNeverTaken(t *testing.T) {
	g := newRegistry(zeroReader{})
	if err := g.add(&session{}); err == nil {
		t.Error("add with a random source of zeros = nil, want an error")
	}
	g = newRegistry(sevenReader{})
	if err := g.add(&session{}); err != nil {
		t.Fatal(err)
	}
	if err := g.add(&session{}); err == nil {
		t.Error("add of a session id in use = nil, want an error")
	}
}

type zeroReader struct{}

func (zeroReader) Read(b []byte) (int, error) { clear(b); return len(b), nil }

type sevenReader struct{}

func (sevenReader) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 7
	}
	return len(b), nil
}

func TestPreviousSession(t *testing.T) {
	previous := func(id uint64) func(*smb2.SessionSetupRequest) {
		return func(q *smb2.SessionSetupRequest) { q.PreviousSessionID = id }
	}
	h := listen(t, testOptions(t))
	t.Run("of the same user on another connection", func(t *testing.T) {
		old := h.logon(t, "public")
		old.open("docs")
		c := h.connect(t)
		c.wantLogon(smb2.StatusSuccess, "ALICE", testPassword, previous(old.session))
		old.want(old.call(smb2.CommandCreate, openRequest("docs")), smb2.StatusUserSessionDeleted)
		c.connectTree("IPC$")
		c.referral(`\fs1\public`)
	})
	t.Run("of another user", func(t *testing.T) {
		old := h.logon(t, "public")
		c := h.connect(t)
		c.wantLogon(smb2.StatusSuccess, otherUser, testPassword, previous(old.session))
		old.open("docs")
	})
	t.Run("with a wrong password", func(t *testing.T) {
		old := h.logon(t, "public")
		c := h.connect(t)
		c.wantLogon(smb2.StatusLogonFailure, testUser, "guess", previous(old.session))
		old.open("docs")
	})
	t.Run("that is none", func(t *testing.T) {
		c := h.connect(t)
		c.wantLogon(smb2.StatusSuccess, testUser, testPassword, previous(77))
	})
	t.Run("on the same connection", func(t *testing.T) {
		c := h.logon(t, "public")
		first := *c
		c.session, c.signer, c.tree = 0, nil, 0
		c.wantLogon(smb2.StatusSuccess, testUser, testPassword, previous(first.session))
		first.nextID = c.nextID
		first.want(first.one(treeOp("public")), smb2.StatusUserSessionDeleted)
	})
}

// TestFirstSessionIsCleanedUp: a session that another connection takes over
// gives back what it held without another request on its own.
func TestFirstSessionIsCleanedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := listenPipe(t, testOptions(t))
		old := h.logon(t, "public")
		old.open("docs")
		c := h.connect(t)
		c.wantLogon(smb2.StatusSuccess, testUser, testPassword, func(q *smb2.SessionSetupRequest) { q.PreviousSessionID = old.session })
		synctest.Wait()
		if got := testutil.ToFloat64(h.metrics.opens); got != 0 {
			t.Errorf("%v opens left, want 0", got)
		}
		if got := testutil.ToFloat64(h.metrics.sessions); got != 1 {
			t.Errorf("%v sessions, want 1", got)
		}
		began := time.Now()
		old.wantEnd() // nobody is logged on there any more
		if got := time.Since(began); got != h.limits.AuthenticateWithin {
			t.Errorf("the connection without a session ended after %v, want %v", got, h.limits.AuthenticateWithin)
		}
		h.stop()
	})
}

func TestReauthentication(t *testing.T) {
	h := listen(t, testOptions(t))
	t.Run("same user", func(t *testing.T) {
		c := h.logon(t, "public")
		id := c.open("docs")
		c.mustLogon(testUser, testPassword)
		c.want(c.one(closeOp(id)), smb2.StatusSuccess)
	})
	t.Run("another user", func(t *testing.T) {
		c := h.logon(t, "public")
		c.wantLogon(smb2.StatusAccessDenied, otherUser, testPassword, nil)
		c.want(c.one(treeOp("public")), smb2.StatusUserSessionDeleted)
	})
	t.Run("wrong password", func(t *testing.T) {
		c := h.logon(t, "public")
		c.wantLogon(smb2.StatusLogonFailure, testUser, "guess", nil)
		c.want(c.one(treeOp("public")), smb2.StatusUserSessionDeleted)
	})
	t.Run("unsigned", func(t *testing.T) {
		c := h.logon(t, "public")
		op := operation{header: smb2.Header{Command: smb2.CommandSessionSetup}, body: smb2.SessionSetupRequest{Token: []byte("x")}, plain: true}
		c.want(c.one(op), smb2.StatusAccessDenied)
		c.open("docs")
	})
	t.Run("of somebody else's session", func(t *testing.T) {
		victim := h.logon(t, "public")
		c := h.logon(t, "public")
		op := operation{header: smb2.Header{Command: smb2.CommandSessionSetup, SessionID: victim.session}, body: smb2.SessionSetupRequest{Token: []byte("x")}}
		c.want(c.one(op), smb2.StatusUserSessionDeleted)
		op.body = smb2.SessionSetupRequest{Flags: smb2.SessionSetupBinding, Token: []byte("x")}
		c.want(c.one(op), smb2.StatusRequestNotAccepted)
		op = logoffOp()
		op.header.SessionID = victim.session
		c.want(c.one(op), smb2.StatusUserSessionDeleted)
		victim.open("docs")
	})
}

func TestGuestsAndAnonymous(t *testing.T) {
	logonAs := func(t *testing.T, change func(*smbauth.Config, *Config), user string) (*client, smb2.Status) {
		o := testOptions(t)
		names := smbauth.Config{NetBIOSName: "FS1"}
		change(&names, &o.Config)
		o.Auth = smbauth.NewAuthenticator(names, nil, rand.Reader)
		c := listen(t, o).connect(t)
		return c, c.logon(user, "x", nil)
	}
	t.Run("guest", func(t *testing.T) {
		c, got := logonAs(t, func(n *smbauth.Config, c *Config) { n.Guest, c.Guest = true, true }, "nobody")
		if got != smb2.StatusSuccess || c.flags != smb2.SessionGuest {
			t.Fatalf("log-on = %v, flags %#x, want success as GUEST", got, c.flags)
		}
		c.connectTree("public") // unsigned on 3.1.1
	})
	t.Run("guest that the configuration does not want", func(t *testing.T) {
		if _, got := logonAs(t, func(n *smbauth.Config, _ *Config) { n.Guest = true }, "nobody"); got != smb2.StatusLogonFailure {
			t.Errorf("log-on = %v, want %v", got, smb2.StatusLogonFailure)
		}
	})
	t.Run("anonymous", func(t *testing.T) {
		c, got := logonAs(t, func(n *smbauth.Config, _ *Config) { n.Anonymous = true }, "")
		if got != smb2.StatusSuccess || c.flags != smb2.SessionNull {
			t.Fatalf("log-on = %v, flags %#x, want success as NULL", got, c.flags)
		}
		c.want(c.one(treeOp("public")), smb2.StatusAccessDenied)
		c.connectTree("IPC$")
	})
	t.Run("anonymous where it is off", func(t *testing.T) {
		if _, got := logonAs(t, func(*smbauth.Config, *Config) {}, ""); got != smb2.StatusLogonFailure {
			t.Errorf("log-on = %v, want %v", got, smb2.StatusLogonFailure)
		}
	})
	t.Run("anonymous where encryption is required", func(t *testing.T) {
		_, got := logonAs(t, func(n *smbauth.Config, c *Config) { n.Anonymous, c.Encryption = true, EncryptionRequired }, "")
		if got != smb2.StatusAccessDenied {
			t.Errorf("log-on = %v, want %v", got, smb2.StatusAccessDenied)
		}
	})
}

// TestOneMachineOneDialect: [MS-SMB2] 3.3.5.5.3.
func TestOneMachineOneDialect(t *testing.T) {
	h := listen(t, testOptions(t))
	logonWith := func(guid byte, d smb2.Dialect) (*client, smb2.Status) {
		c := newClient(t, h.dial())
		q := offer(d)
		q.ClientGUID = [16]byte{guid}
		c.negotiate(q)
		return c, c.logon(testUser, testPassword, nil)
	}
	first, got := logonWith(1, smb2.Dialect311)
	if got != smb2.StatusSuccess {
		t.Fatal(got)
	}
	for _, tt := range []struct {
		guid byte
		d    smb2.Dialect
		want smb2.Status
	}{
		{1, smb2.Dialect311, smb2.StatusSuccess},
		{1, smb2.Dialect300, smb2.StatusUserSessionDeleted},
		{1, smb2.Dialect202, smb2.StatusSuccess},
		{2, smb2.Dialect300, smb2.StatusSuccess},
		{0, smb2.Dialect300, smb2.StatusSuccess},
		{0, smb2.Dialect311, smb2.StatusSuccess},
	} {
		c, got := logonWith(tt.guid, tt.d)
		if got != tt.want {
			t.Errorf("log-on of machine %d with %v: %v, want %v", tt.guid, tt.d, got, tt.want)
		}
		c.nc.Close() //nolint:errcheck // done with it
	}
	first.connectTree("IPC$")
}

// TestMachinesAreToldApart: a client cannot speak for one with another address.
func TestMachinesAreToldApart(t *testing.T) {
	g := newRegistry(rand.Reader)
	here := machineID{guid: [16]byte{1}, addr: netip.MustParseAddr("10.1.0.1")}
	there := machineID{guid: here.guid, addr: netip.MustParseAddr("10.1.0.2")}
	if !g.enter(here, smb2.Dialect202) || !g.enter(there, smb2.Dialect311) {
		t.Error("one machine keeps the other from its dialect")
	}
	if g.enter(there, smb2.Dialect300) {
		t.Error("one machine speaks two dialects")
	}
	g.leave(there)
	if !g.enter(there, smb2.Dialect300) {
		t.Error("a machine that has gone is remembered")
	}
}

// slowRefusals are testOptions with the delay that wrong passwords have by
// default.
func slowRefusals(t *testing.T) Options {
	o := testOptions(t)
	o.Config.Limits.LogonDelay = 2 * time.Second
	return o
}

func TestFailedLogonWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := slowRefusals(t)
		lines := observeLog(&o)
		h := listenPipe(t, o)
		c := h.connect(t)
		began := time.Now()
		c.wantLogon(smb2.StatusLogonFailure, testUser, "guess", nil)
		if got := time.Since(began); got != h.limits.LogonDelay {
			t.Errorf("answered after %v, want %v", got, h.limits.LogonDelay)
		}
		if got := testutil.ToFloat64(h.metrics.auth.WithLabelValues(smbauth.MechanismNTLMv2, logonRefused)); got != 1 {
			t.Errorf("auth{refused} = %v, want 1", got)
		}
		failed := lines.FilterMessage("log-on failed").All()
		if len(failed) != 1 || failed[0].ContextMap()["user"] != testUser || failed[0].ContextMap()["client"] != "10.1.0.99" {
			t.Errorf("log lines = %v, want one with the user and the address", failed)
		}
		c.session = 0
		c.mustLogon(testUser, testPassword) // the same connection may try again
		for range h.limits.Sessions + 1 {   // and what failed is forgotten
			c.session, c.signer = 0, nil
			c.wantLogon(smb2.StatusLogonFailure, testUser, "guess", nil)
		}
		h.stop()
	})
}

// TestFailedLogonHoldsNobodyUp: while one log-on waits for its refusal, another
// session of the connection is served, and so are other connections.
func TestFailedLogonHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := listenPipe(t, slowRefusals(t))
		c := h.logon(t, "IPC$")
		other := h.logon(t, "IPC$")
		good := *c
		c.session, c.signer = 0, nil
		began := time.Now()
		x := smbauth.NewClient(smbauth.ClientOptions{User: testUser, Password: "guess"})
		var preauth smb2.PreauthHash
		r := c.stepLogon(x, c.negotiated.Token, &preauth, nil)
		c.session = r.SessionID
		p, err := smb2.ParseSessionSetupResponse(r.msg)
		c.must(err)
		token, _, err := x.Next(p.Token, time.Now())
		c.must(err)
		c.send(operation{header: smb2.Header{Command: smb2.CommandSessionSetup}, body: smb2.SessionSetupRequest{Token: token}})
		refused := c.nextID - 1

		good.nextID = c.nextID
		good.referral(`\fs1\public`)
		other.referral(`\fs1\public`)
		if got := time.Since(began); got != 0 {
			t.Errorf("others waited for %v", got)
		}
		// The session that waits for its refusal is nobody's any more.
		c.nextID = good.nextID
		c.want(c.one(treeOp("public")), smb2.StatusUserSessionDeleted)
		late := c.receive()[0]
		if late.MessageID != refused || late.Status != smb2.StatusLogonFailure || time.Since(began) != h.limits.LogonDelay {
			t.Errorf("message %d answered %v after %v, want %d, %v, %v", late.MessageID, late.Status, time.Since(began), refused, smb2.StatusLogonFailure, h.limits.LogonDelay)
		}
		h.stop()
	})
}

// TestStopDuringDelay: a server that stops does not wait for a refusal to be
// due.
func TestStopDuringDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := listenPipe(t, slowRefusals(t))
		c := h.connect(t)
		x := smbauth.NewClient(smbauth.ClientOptions{User: testUser, Password: "guess"})
		var preauth smb2.PreauthHash
		r := c.stepLogon(x, c.negotiated.Token, &preauth, nil)
		c.session = r.SessionID
		p, err := smb2.ParseSessionSetupResponse(r.msg)
		c.must(err)
		token, _, err := x.Next(p.Token, time.Now())
		c.must(err)
		c.send(operation{header: smb2.Header{Command: smb2.CommandSessionSetup}, body: smb2.SessionSetupRequest{Token: token}})
		synctest.Wait()
		began := time.Now()
		h.stop()
		if got := time.Since(began); got != 0 {
			t.Errorf("stopping took %v", got)
		}
	})
}

func TestLogonLogIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions(t)
		lines := observeLog(&o)
		h := listenPipe(t, o)
		c := h.connect(t)
		for range 3 * logonBurst {
			c.session = 0
			c.wantLogon(smb2.StatusLogonFailure, testUser, "guess", nil)
		}
		if got := lines.FilterMessage("log-on failed").Len(); got != logonBurst {
			t.Errorf("%d lines, want %d", got, logonBurst)
		}
		time.Sleep(time.Second)
		c = h.connect(t)
		c.wantLogon(smb2.StatusLogonFailure, testUser, "guess", nil)
		last := lines.FilterMessage("log-on failed").All()[logonBurst]
		if got := last.ContextMap()["left_out"]; got != int64(2*logonBurst) {
			t.Errorf("left_out = %v, want %d", got, 2*logonBurst)
		}
		h.stop()
	})
}
