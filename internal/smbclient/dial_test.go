package smbclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"dfsd/internal/smb2"
	"dfsd/internal/smbauth"
	"dfsd/referral/dfsc"
)

// protections are the ways in which a session may be protected.
var protections = []struct {
	name   string
	change func(*Options)
}{
	{"as the server likes", func(*Options) {}},
	{"signed", func(o *Options) { o.SigningRequired = true }},
	{"encrypted", func(o *Options) { o.Encrypt = true }},
}

// TestDial goes through a whole session in every dialect and protection.
func TestDial(t *testing.T) {
	for _, d := range knownDialects {
		for _, prot := range protections {
			for _, raw := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v/%s/raw=%v", d, prot.name, raw), func(t *testing.T) {
					o := asAlice(func(o *Options) { prot.change(o); o.Dialects = []smb2.Dialect{d}; o.RawNTLM = raw })
					if o.Encrypt && !d.Is3x() {
						if err := o.Validate(); err == nil {
							t.Error("Validate takes encryption without a dialect for it")
						}
						return
					}
					p := newPeer()
					c := p.mustDial(t, o)
					if got := c.Negotiated(); got.Dialect != d || got.ServerGUID != p.guid || got.Capabilities != p.caps {
						t.Errorf("Negotiated() = %+v", got)
					}
					if c.SessionID() != testSession || c.SessionFlags() != 0 {
						t.Errorf("session %#x with flags %#x", c.SessionID(), c.SessionFlags())
					}
					useAll(t, c)
					<-p.done
					checkProtected(t, p, o)
				})
			}
		}
	}
}

// useAll calls everything once, and logs off.
func useAll(t *testing.T, c *Conn) {
	t.Helper()
	ctx := t.Context()
	tree, err := c.TreeConnect(ctx, `\\peer\IPC$`)
	if err != nil {
		t.Fatal(err)
	}
	if tree.ID() != testTree || tree.Info().Type != smb2.SharePipe {
		t.Errorf("tree %d is %+v", tree.ID(), tree.Info())
	}
	want := dfsc.Request{MaxLevel: 4, Path: `\peer\dfs`}.Append(nil)
	if got, err := c.Referral(ctx, tree, `\peer\dfs`, 4, 8192); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Referral = %x, %v, want the request back %x", got, err, want)
	}
	want = dfsc.Request{MaxLevel: 4, Path: `\peer\dfs`, Site: "Lyon", HasSite: true}.AppendEx(nil)
	if got, err := c.ReferralEx(ctx, tree, `\peer\dfs`, "Lyon", 4, 8192); err != nil || !bytes.Equal(got, want) {
		t.Errorf("ReferralEx = %x, %v, want the request back %x", got, err, want)
	}
	f, err := tree.Create(ctx, smb2.FlagDFS, smb2.CreateRequest{Name: `peer\dfs`})
	if err != nil || f.FileID != (smb2.FileID{Persistent: 1, Volatile: 2}) {
		t.Errorf("Create = %+v, %v", f, err)
	}
	if got, err := tree.QueryDirectory(ctx, smb2.QueryDirectoryRequest{FileID: f.FileID, OutputLength: 100}); err != nil || string(got) != "entries" {
		t.Errorf("QueryDirectory = %q, %v", got, err)
	}
	if got, err := tree.QueryInfo(ctx, smb2.QueryInfoRequest{FileID: f.FileID, OutputLength: 100}); err != nil || string(got) != "info" {
		t.Errorf("QueryInfo = %q, %v", got, err)
	}
	for _, err := range []error{tree.Close(ctx, f.FileID), c.Echo(ctx), tree.Disconnect(ctx), c.Logoff(ctx)} {
		if err != nil {
			t.Error(err)
		}
	}
	if err := c.Echo(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("Echo after Logoff: %v, want ErrClosed", err)
	}
}

// checkProtected looks at every request that the peer got.
func checkProtected(t *testing.T, p *peer, o Options) {
	t.Helper()
	d := o.Dialects[0]
	for i, r := range p.requests {
		before := r.Command == smb2.CommandNegotiate || r.Command == smb2.CommandSessionSetup
		wantSeal := o.Encrypt && !before
		wantSign := !wantSeal && !before && (o.SigningRequired || d == smb2.Dialect311 && r.Command == smb2.CommandTreeConnect ||
			(d == smb2.Dialect300 || d == smb2.Dialect302) && i > 0 && r.Command == smb2.CommandIoctl && p.requests[i-1].Command == smb2.CommandTreeConnect)
		if r.sealed != wantSeal || r.Flags.Has(smb2.FlagSigned) != wantSign {
			t.Errorf("request %d, %v: encrypted %v and signed %v, want %v and %v", i, r.Command, r.sealed, r.Flags.Has(smb2.FlagSigned), wantSeal, wantSign)
		}
		if want := uint64(i); r.MessageID != want {
			t.Errorf("request %d has message id %d", i, r.MessageID)
		}
		if r.Flags.Has(smb2.FlagDFS) != (r.Command == smb2.CommandCreate) {
			t.Errorf("request %d, %v, has flags %#x", i, r.Command, uint32(r.Flags))
		}
	}
}

// TestAlgorithms goes through what 3.1.1 may agree on.
func TestAlgorithms(t *testing.T) {
	for _, alg := range []smb2.SigningAlgorithm{smb2.SigningHMACSHA256, smb2.SigningAESCMAC, smb2.SigningAESGMAC} {
		t.Run(alg.String(), func(t *testing.T) {
			c := newPeer().mustDial(t, asAlice(func(o *Options) { o.Signing, o.SigningRequired = []smb2.SigningAlgorithm{alg}, true }))
			if got := c.Negotiated().Signing; got != alg {
				t.Errorf("signing = %v, want %v", got, alg)
			}
			useAll(t, c)
		})
	}
	for _, cipher := range []smb2.Cipher{smb2.CipherAES128CCM, smb2.CipherAES128GCM, smb2.CipherAES256CCM, smb2.CipherAES256GCM} {
		t.Run(cipher.String(), func(t *testing.T) {
			c := newPeer().mustDial(t, asAlice(func(o *Options) { o.Ciphers, o.Encrypt = []smb2.Cipher{cipher}, true }))
			if got := c.Negotiated().Cipher; got != cipher {
				t.Errorf("cipher = %v, want %v", got, cipher)
			}
			useAll(t, c)
		})
	}
	t.Run("none offered", func(t *testing.T) {
		c := newPeer().mustDial(t, asAlice(func(o *Options) { o.Ciphers, o.Signing = []smb2.Cipher{}, []smb2.SigningAlgorithm{} }))
		if got := c.Negotiated(); got.Cipher != smb2.CipherNone || got.Signing != smb2.SigningAESCMAC {
			t.Errorf("agreed on %v and %v, want none and AES-CMAC", got.Cipher, got.Signing)
		}
		useAll(t, c)
	})
}

// TestServerDemands is a server that wants more than the client.
func TestServerDemands(t *testing.T) {
	tests := []struct {
		name   string
		change func(*peer)
		signed bool
		sealed bool
	}{
		{name: "signing", change: func(p *peer) { p.mode |= smb2.SigningRequired }, signed: true},
		{name: "an encrypted session", change: func(p *peer) { p.sessFlags = smb2.SessionEncryptData }, sealed: true},
		{name: "an encrypted share", change: func(p *peer) { p.share = smb2.ShareFlagEncryptData }, sealed: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPeer()
			tt.change(p)
			c := p.mustDial(t, asAlice(nil))
			tree, err := c.TreeConnect(t.Context(), `\\peer\share`)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tree.Create(t.Context(), 0, smb2.CreateRequest{}); err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
			<-p.done
			last := p.requests[len(p.requests)-1]
			if last.sealed != tt.sealed || last.Flags.Has(smb2.FlagSigned) != tt.signed {
				t.Errorf("CREATE is encrypted %v and signed %v, want %v and %v", last.sealed, last.Flags.Has(smb2.FlagSigned), tt.sealed, tt.signed)
			}
		})
	}
}

func TestUnprotected(t *testing.T) {
	tests := []struct {
		name   string
		change func(*peer)
		o      Options
		want   error
	}{
		{name: "no cipher in common", change: func(p *peer) { p.ciphers = nil }, o: asAlice(func(o *Options) { o.Encrypt = true }), want: ErrUnprotected},
		{name: "no encryption in 3.0", change: func(p *peer) { p.ciphers = nil }, o: asAlice(func(o *Options) {
			o.Encrypt, o.Dialects = true, []smb2.Dialect{smb2.Dialect300}
		}), want: ErrUnprotected},
		{name: "a dialect without encryption", change: func(p *peer) { p.dialects = knownDialects[:2] }, o: asAlice(func(o *Options) { o.Encrypt = true }), want: ErrUnprotected},
		{name: "guest", change: func(p *peer) { p.auth.Guest = true }, o: Options{Credentials: Credentials{User: "mallory"}}, want: ErrGuest},
		{name: "guest with signing", change: func(p *peer) { p.auth.Guest = true }, o: Options{Credentials: Credentials{User: "mallory"}, SigningRequired: true, AllowGuest: true}, want: ErrUnprotected},
		{name: "known user called a guest", change: func(p *peer) { p.sessFlags = smb2.SessionGuest }, o: asAlice(nil), want: ErrGuest},
		{name: "known user called nobody", change: func(p *peer) { p.sessFlags = smb2.SessionNull }, o: asAlice(nil), want: ErrGuest},
		{name: "anonymous with encryption", change: func(p *peer) { p.auth.Anonymous = true }, o: Options{Encrypt: true}, want: ErrUnprotected},
		{name: "wrong password", change: func(*peer) {}, o: Options{Credentials: Credentials{User: testUser, Password: "wrong"}}, want: smb2.StatusLogonFailure},
		{name: "no dialect in common", change: func(p *peer) { p.dialects = []smb2.Dialect{smb2.Dialect202} }, o: asAlice(func(o *Options) { o.Dialects = []smb2.Dialect{smb2.Dialect311} }), want: smb2.StatusNotSupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPeer()
			tt.change(p)
			if _, err := p.dial(t, tt.o); !errors.Is(err, tt.want) {
				t.Errorf("Dial: %v, want %v", err, tt.want)
			}
		})
	}
}

func TestKeylessSessions(t *testing.T) {
	tests := []struct {
		name  string
		o     Options
		flags smb2.SessionFlags
	}{
		{name: "guest", o: Options{Credentials: Credentials{User: "mallory"}, AllowGuest: true}, flags: smb2.SessionGuest},
		{name: "anonymous", flags: smb2.SessionNull},
		{name: "anonymous, raw", o: Options{RawNTLM: true}, flags: smb2.SessionNull},
		{name: "anonymous in 3.0", o: Options{Dialects: []smb2.Dialect{smb2.Dialect300}}, flags: smb2.SessionNull},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPeer()
			p.auth.Guest, p.auth.Anonymous = true, true
			c := p.mustDial(t, tt.o)
			if c.SessionFlags() != tt.flags {
				t.Errorf("SessionFlags() = %#x, want %#x", c.SessionFlags(), tt.flags)
			}
			useAll(t, c)
			<-p.done
			for _, r := range p.requests {
				if r.sealed || r.Flags.Has(smb2.FlagSigned) {
					t.Errorf("%v is encrypted %v, flags %#x", r.Command, r.sealed, uint32(r.Flags))
				}
			}
		})
	}
}

// TestSourceAddr connects over TCP from a chosen address.
func TestSourceAddr(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	from := make(chan net.Addr, 1)
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		from <- nc.RemoteAddr()
		newPeer().start(t, nc)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := Dial(ctx, l.Addr().String(), asAlice(func(o *Options) { o.SourceAddr = netip.MustParseAddr("127.0.0.2") }))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := (<-from).(*net.TCPAddr).IP.String(); got != "127.0.0.2" {
		t.Errorf("connected from %s, want 127.0.0.2", got)
	}
}

func TestConnectErrors(t *testing.T) {
	if _, err := Connect(t.Context(), "127.0.0.1:1", Options{MaxFrame: 1}); err == nil {
		t.Error("Connect takes options that Validate refuses")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close() // so that nobody listens there
	if _, err := Dial(t.Context(), addr, Options{}); err == nil {
		t.Errorf("Dial of a closed port: no error")
	}
	c := newPeer().mustDial(t, asAlice(nil))
	if err := c.Logon(t.Context()); err == nil {
		t.Error("a second Logon: no error")
	}
}

func TestOptionsValidate(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		ok   bool
	}{
		{name: "zero", ok: true},
		{name: "encrypted", o: Options{Encrypt: true}, ok: true},
		{name: "unknown dialect", o: Options{Dialects: []smb2.Dialect{0x0222}}},
		{name: "the wildcard", o: Options{Dialects: []smb2.Dialect{smb2.DialectWildcard}}},
		{name: "small frames", o: Options{MaxFrame: 1000}},
		{name: "many credits", o: Options{Credits: maxCredits + 1}},
		{name: "less than no credits", o: Options{Credits: -1}},
		{name: "encrypted without a cipher", o: Options{Encrypt: true, Ciphers: []smb2.Cipher{}}},
		{name: "encrypted in 2.1", o: Options{Encrypt: true, Dialects: []smb2.Dialect{smb2.Dialect210}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.o.Validate(); (err == nil) != tt.ok {
				t.Errorf("Validate() = %v, want ok = %v", err, tt.ok)
			}
		})
	}
}

// TestPasswordStaysHere looks for the password in what goes over the wire.
func TestPasswordStaysHere(t *testing.T) {
	near := newPeer().dialed(t)
	w := &wiretap{Conn: near}
	c, err := Open(t.Context(), w, "peer", asAlice(nil))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(w.sent.Bytes(), []byte("NTLMSSP")) {
		t.Error("Open begins to log on")
	}
	if err := c.Logon(t.Context()); err != nil {
		t.Fatal(err)
	}
	hash := smbauth.NTHash(testPassword)
	for _, secret := range [][]byte{[]byte(testPassword), hash[:]} {
		if bytes.Contains(w.sent.Bytes(), secret) {
			t.Error("a secret goes over the wire")
		}
	}
	_ = c.Close()
}

type wiretap struct {
	net.Conn
	sent bytes.Buffer
}

func (w *wiretap) Write(b []byte) (int, error) { w.sent.Write(b); return w.Conn.Write(b) }
