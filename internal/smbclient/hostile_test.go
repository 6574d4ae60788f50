package smbclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"dfsd/internal/smb2"
)

// on makes a change that concerns one answer: the nth to command.
func on(command smb2.Command, nth int, change func(*answer)) func(*answer) {
	return func(a *answer) {
		if a.request.Command == command && a.nth == nth {
			change(a)
		}
	}
}

// TestHostileLogon answers a log-on as no server may.
func TestHostileLogon(t *testing.T) {
	negotiate := func(change func(*smb2.NegotiateResponse)) func(*answer) {
		return on(smb2.CommandNegotiate, 0, func(a *answer) {
			r := a.body.(smb2.NegotiateResponse)
			change(&r)
			a.body = r
		})
	}
	setup := func(nth int, change func(*answer)) func(*answer) { return on(smb2.CommandSessionSetup, nth, change) }
	tests := []struct {
		name   string
		o      func(*Options)
		change func(*answer)
		want   error
	}{
		{name: "dialect not offered", o: func(o *Options) { o.Dialects = knownDialects[:3] }, change: negotiate(func(r *smb2.NegotiateResponse) { r.Dialect = smb2.Dialect302 }), want: ErrProtocol},
		{name: "wildcard dialect", change: negotiate(func(r *smb2.NegotiateResponse) { r.Dialect = smb2.DialectWildcard }), want: ErrProtocol},
		{name: "no pre-authentication hash", change: negotiate(func(r *smb2.NegotiateResponse) { r.Contexts.Preauth = nil }), want: ErrProtocol},
		{name: "unknown hash", change: negotiate(func(r *smb2.NegotiateResponse) { r.Contexts.Preauth.Hashes[0] = 2 }), want: ErrProtocol},
		{name: "cipher not offered", o: func(o *Options) { o.Ciphers = []smb2.Cipher{smb2.CipherAES128GCM} }, change: negotiate(func(r *smb2.NegotiateResponse) {
			r.Contexts.Encryption = &smb2.EncryptionContext{Ciphers: []smb2.Cipher{smb2.CipherAES256GCM}}
		}), want: ErrProtocol},
		{name: "two ciphers", change: negotiate(func(r *smb2.NegotiateResponse) {
			r.Contexts.Encryption.Ciphers = []smb2.Cipher{smb2.CipherAES128GCM, smb2.CipherAES128CCM}
		}), want: ErrProtocol},
		{name: "signing not offered", o: func(o *Options) { o.Signing = []smb2.SigningAlgorithm{smb2.SigningAESCMAC} }, change: negotiate(func(r *smb2.NegotiateResponse) {
			r.Contexts.Signing = &smb2.SigningContext{Algorithms: []smb2.SigningAlgorithm{smb2.SigningHMACSHA256}}
		}), want: ErrProtocol},
		{name: "encryption in 3.0 not offered", o: func(o *Options) { o.Dialects, o.Ciphers = []smb2.Dialect{smb2.Dialect300}, []smb2.Cipher{} }, change: negotiate(func(r *smb2.NegotiateResponse) {
			r.Capabilities |= smb2.CapEncryption
		}), want: ErrProtocol},
		{name: "token that is none", change: negotiate(func(r *smb2.NegotiateResponse) { r.Token = []byte{1} }), want: errAny},
		{name: "negotiate cut short", change: on(smb2.CommandNegotiate, 0, func(a *answer) { a.cut = 10 }), want: ErrProtocol},
		{name: "negotiate fails", change: on(smb2.CommandNegotiate, 0, func(a *answer) {
			a.header.Status, a.body = smb2.StatusInsufficientResources, smb2.ErrorResponse{}
		}), want: smb2.StatusInsufficientResources},
		{name: "session id 0", change: setup(0, func(a *answer) { a.header.SessionID = 0 }), want: ErrProtocol},
		{name: "session id changes", change: setup(1, func(a *answer) { a.header.SessionID++ }), want: ErrProtocol},
		{name: "success at once", change: setup(0, func(a *answer) { a.header.Status = smb2.StatusSuccess }), want: ErrProtocol},
		{name: "never enough", change: setup(1, func(a *answer) { a.header.Status = smb2.StatusMoreProcessingRequired }), want: ErrProtocol},
		{name: "last answer unsigned", change: setup(1, func(a *answer) { a.sign = false }), want: ErrSignature},
		{name: "last answer signed wrongly", change: setup(1, func(a *answer) { a.forge = true }), want: ErrSignature},
		{name: "last token changed", change: setup(1, func(a *answer) {
			r := a.body.(smb2.SessionSetupResponse)
			r.Token[len(r.Token)-5] ^= 1
			a.body = r
		}), want: errAny},
		{name: "encryption without a cipher", o: func(o *Options) { o.Ciphers = []smb2.Cipher{} }, change: setup(1, func(a *answer) {
			r := a.body.(smb2.SessionSetupResponse)
			r.Flags |= smb2.SessionEncryptData
			a.body = r
		}), want: ErrProtocol},
		{name: "encrypted before there is a key", change: setup(0, func(a *answer) {
			a.frame = smb2.TransformHeader{Flags: 1, SessionID: testSession}.Append(nil)
		}), want: ErrProtocol},
		{name: "a token of 200 KB", change: setup(0, func(a *answer) { a.frame = make([]byte, 200_000) }), want: smb2.ErrFrameTooLarge},
		{name: "SMB1", change: on(smb2.CommandNegotiate, 0, func(a *answer) { a.frame = []byte("\xFFSMBr") }), want: ErrProtocol},
		{name: "nothing", change: on(smb2.CommandNegotiate, 0, func(a *answer) { a.frame = []byte{} }), want: ErrProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPeer()
			p.change = tt.change
			_, err := p.dial(t, asAlice(tt.o))
			switch {
			case errors.Is(tt.want, errAny) && err == nil:
				t.Error("Dial: no error")
			case !errors.Is(tt.want, errAny) && !errors.Is(err, tt.want):
				t.Errorf("Dial: %v, want %v", err, tt.want)
			}
		})
	}
}

var errAny = errors.New("any error")

// TestPreauthIntegrity changes one bit of a message between the two ends, where
// only the pre-authentication hash can notice.
func TestPreauthIntegrity(t *testing.T) {
	for nth := range 3 {
		for _, d := range []smb2.Dialect{smb2.Dialect302, smb2.Dialect311} {
			t.Run(fmt.Sprintf("frame %d in %v", nth, d), func(t *testing.T) {
				near := newPeer().dialed(t)
				m := &meddler{Conn: near, nth: nth, at: smb2.FrameHeaderSize + 14} // credits asked for
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				c, err := Open(ctx, m, "peer", asAlice(func(o *Options) { o.Dialects = []smb2.Dialect{d} }))
				if err == nil {
					err = c.Logon(ctx)
				}
				if d == smb2.Dialect311 && !errors.Is(err, ErrSignature) || d != smb2.Dialect311 && err != nil {
					t.Errorf("log-on: %v", err)
				}
			})
		}
	}
}

// meddler flips a bit of the nth frame that goes out.
type meddler struct {
	net.Conn
	nth, at int
}

func (m *meddler) Write(b []byte) (int, error) {
	if m.nth--; m.nth == -1 {
		b = slices.Clone(b)
		b[m.at] ^= 1
	}
	return m.Conn.Write(b)
}

// TestDowngrade is a man in the middle who takes the better dialects out of the
// offer, and a server whose memory of it differs.
func TestDowngrade(t *testing.T) {
	forget := func(change func(*smb2.ValidateNegotiateResponse)) func(*answer) {
		return on(smb2.CommandIoctl, 0, func(a *answer) {
			r := a.body.(smb2.IoctlResponse)
			v, err := smb2.ParseValidateNegotiateResponse(r.Output)
			if err != nil {
				panic(err)
			}
			change(&v)
			r.Output = v.Append(nil)
			a.body = r
		})
	}
	fails := func(s smb2.Status) func(*answer) {
		return on(smb2.CommandIoctl, 0, func(a *answer) { a.header.Status, a.body = s, smb2.ErrorResponse{} })
	}
	unsigned := func(s smb2.Status) func(*answer) {
		return on(smb2.CommandIoctl, 0, func(a *answer) { a.header.Status, a.body, a.sign = s, smb2.ErrorResponse{}, false })
	}
	tests := []struct {
		name     string
		dialects []smb2.Dialect // the server's
		change   func(*answer)
		want     error
	}{
		{name: "honest, 3.0.2", dialects: knownDialects[:4]},
		{name: "honest, 2.1", dialects: knownDialects[:2]},
		{name: "dialect", dialects: knownDialects[:4], change: forget(func(v *smb2.ValidateNegotiateResponse) { v.Dialect = smb2.Dialect311 }), want: ErrDowngrade},
		{name: "dialect, down to 2.1", dialects: knownDialects[:2], change: forget(func(v *smb2.ValidateNegotiateResponse) { v.Dialect = smb2.Dialect302 }), want: ErrDowngrade},
		{name: "capabilities", dialects: knownDialects[:4], change: forget(func(v *smb2.ValidateNegotiateResponse) { v.Capabilities ^= smb2.CapEncryption }), want: ErrDowngrade},
		{name: "security mode", dialects: knownDialects[:4], change: forget(func(v *smb2.ValidateNegotiateResponse) { v.SecurityMode |= smb2.SigningRequired }), want: ErrDowngrade},
		{name: "GUID", dialects: knownDialects[:4], change: forget(func(v *smb2.ValidateNegotiateResponse) { v.GUID[0]++ }), want: ErrDowngrade},
		{name: "refused in 3.0.2", dialects: knownDialects[:4], change: fails(smb2.StatusNotSupported), want: ErrDowngrade},
		{name: "unknown to 2.1", dialects: knownDialects[:2], change: fails(smb2.StatusNotSupported)},
		{name: "refused by 2.1", dialects: knownDialects[:2], change: fails(smb2.StatusAccessDenied), want: ErrDowngrade},
		{name: "unknown, unsigned", dialects: knownDialects[:2], change: unsigned(smb2.StatusNotSupported), want: ErrSignature},
		{name: "hangs up", dialects: knownDialects[:4], change: on(smb2.CommandIoctl, 0, func(a *answer) { a.drop, a.hangUp = true, true }), want: ErrDowngrade},
		{name: "session deleted, unsigned", dialects: knownDialects[:2], change: unsigned(smb2.StatusUserSessionDeleted), want: ErrDowngrade},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPeer()
			p.dialects, p.change = tt.dialects, tt.change
			c := p.mustDial(t, asAlice(nil))
			if _, err := c.TreeConnect(t.Context(), `\\peer\IPC$`); !errors.Is(err, tt.want) {
				t.Errorf("TreeConnect: %v, want %v", err, tt.want)
			}
			if err := c.Echo(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("Echo afterwards: %v, want %v", err, tt.want)
			}
		})
	}
}

// TestHostileAnswers spoils one answer within a session.
func TestHostileAnswers(t *testing.T) {
	echo := func(change func(*answer)) func(*answer) { return on(smb2.CommandEcho, 0, change) }
	tests := []struct {
		name   string
		sealed bool
		change func(*answer)
		want   error
	}{
		{name: "unsigned", change: echo(func(a *answer) { a.sign = false }), want: ErrSignature},
		{name: "unsigned failure", change: echo(func(a *answer) {
			a.sign, a.header.Status, a.body = false, smb2.StatusAccessDenied, smb2.ErrorResponse{}
		}), want: ErrSignature},
		{name: "signed wrongly", change: echo(func(a *answer) { a.forge = true }), want: ErrSignature},
		{name: "session deleted, unsigned", change: echo(func(a *answer) {
			a.sign, a.header.Status, a.body = false, smb2.StatusUserSessionDeleted, smb2.ErrorResponse{}
		}), want: smb2.StatusUserSessionDeleted},
		{name: "in clear", sealed: true, change: echo(func(a *answer) { a.seal = false }), want: ErrSignature},
		{name: "in clear and signed", sealed: true, change: echo(func(a *answer) { a.seal, a.sign = false, true }), want: ErrSignature},
		{name: "does not decrypt", sealed: true, change: echo(func(a *answer) { a.forge = true }), want: errAny},
		{name: "encrypted for another session", sealed: true, change: echo(func(a *answer) { a.sealFor++ }), want: ErrProtocol},
		{name: "transform header cut short", sealed: true, change: echo(func(a *answer) { a.frame = []byte("\xFDSMB") }), want: ErrProtocol},
		{name: "other message id", change: echo(func(a *answer) { a.header.MessageID++ }), want: ErrProtocol},
		{name: "message id of a break", change: echo(func(a *answer) { a.header.MessageID = ^uint64(0) }), want: ErrProtocol},
		{name: "other command", change: echo(func(a *answer) { a.header.Command = smb2.CommandLogoff }), want: ErrProtocol},
		{name: "other session", change: echo(func(a *answer) { a.header.SessionID++ }), want: ErrProtocol},
		{name: "a request", change: echo(func(a *answer) { a.header.Flags = 0 }), want: ErrProtocol},
		{name: "a compound", change: echo(func(a *answer) { a.header.NextCommand = 64 }), want: ErrProtocol},
		{name: "cut short", change: echo(func(a *answer) { a.cut = 1 }), want: ErrProtocol},
		{name: "error body cut short", change: echo(func(a *answer) {
			a.header.Status, a.body, a.cut = smb2.StatusAccessDenied, smb2.ErrorResponse{}, 8
		}), want: ErrProtocol},
		{name: "compressed", change: echo(func(a *answer) { a.frame = append([]byte("\xFCSMB"), make([]byte, 60)...) }), want: ErrProtocol},
		{name: "two interim answers", change: echo(func(a *answer) {
			a.header.Status, a.header.Flags, a.header.AsyncID = smb2.StatusPending, smb2.FlagServerToRedir|smb2.FlagAsync, 5
			a.more = []smb2.Header{a.header}
		}), want: ErrProtocol},
		{name: "interim answer without an id", change: echo(func(a *answer) {
			a.header.Status, a.header.Flags = smb2.StatusPending, smb2.FlagServerToRedir|smb2.FlagAsync
		}), want: ErrProtocol},
		{name: "final answer with another id", change: echo(func(a *answer) {
			a.header.Flags, a.header.AsyncID = smb2.FlagServerToRedir|smb2.FlagAsync, 6
			a.more = []smb2.Header{a.header}
			a.header.Status, a.header.AsyncID = smb2.StatusPending, 5
		}), want: ErrProtocol},
		{name: "two answers", change: echo(func(a *answer) { a.more = []smb2.Header{a.header} }), want: nil},
		{name: "a frame of 2 MiB", change: echo(func(a *answer) { a.frame = make([]byte, 2<<20) }), want: smb2.ErrFrameTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPeer()
			p.change = tt.change
			c := p.mustDial(t, asAlice(func(o *Options) { o.SigningRequired, o.Encrypt = !tt.sealed, tt.sealed }))
			err := c.Echo(t.Context())
			switch {
			case errors.Is(tt.want, errAny) && err == nil, !errors.Is(tt.want, errAny) && !errors.Is(err, tt.want):
				t.Errorf("Echo: %v, want %v", err, tt.want)
			}
			if errors.Is(err, ErrProtocol) {
				if again := c.Echo(t.Context()); !errors.Is(again, ErrProtocol) {
					t.Errorf("Echo afterwards: %v, want the same error", again)
				}
			}
		})
	}
}

// TestUnaskedAnswer is a server that answers twice: the next answer is refused.
func TestUnaskedAnswer(t *testing.T) {
	p := newPeer()
	p.tcp = true
	p.change = on(smb2.CommandEcho, 0, func(a *answer) { a.more = []smb2.Header{a.header} })
	c := p.mustDial(t, asAlice(nil))
	if err := c.Echo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Echo(t.Context()); !errors.Is(err, ErrProtocol) {
		t.Errorf("Echo: %v, want ErrProtocol", err)
	}
}

// TestHostileOutput returns more than was asked for, and something else.
func TestHostileOutput(t *testing.T) {
	tests := []struct {
		name    string
		command smb2.Command
		body    smb2.Body
	}{
		{name: "listing", command: smb2.CommandQueryDirectory, body: smb2.QueryDirectoryResponse{Output: make([]byte, 101)}},
		{name: "info", command: smb2.CommandQueryInfo, body: smb2.QueryInfoResponse{Output: make([]byte, 101)}},
		{name: "control", command: smb2.CommandIoctl, body: smb2.IoctlResponse{CtlCode: 1, Output: make([]byte, 101)}},
		{name: "other control code", command: smb2.CommandIoctl, body: smb2.IoctlResponse{CtlCode: 2}},
		{name: "other body", command: smb2.CommandIoctl, body: smb2.EchoResponse{}},
		{name: "other listing", command: smb2.CommandQueryDirectory, body: smb2.EchoResponse{}},
		{name: "other info", command: smb2.CommandQueryInfo, body: smb2.EchoResponse{}},
		{name: "other open", command: smb2.CommandCreate, body: smb2.EchoResponse{}},
		{name: "other close", command: smb2.CommandClose, body: smb2.EchoResponse{}},
		{name: "other disconnect", command: smb2.CommandTreeDisconnect, body: smb2.ErrorResponse{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPeer()
			p.handle = func(h smb2.Header, _ []byte) (smb2.Status, smb2.Body) {
				if h.Command == tt.command {
					return smb2.StatusSuccess, tt.body
				}
				return 0, nil
			}
			c := p.mustDial(t, asAlice(nil))
			tree, err := c.TreeConnect(t.Context(), `\\peer\share`)
			if err != nil {
				t.Fatal(err)
			}
			if err := useTree(t.Context(), tree, tt.command); !errors.Is(err, ErrProtocol) {
				t.Errorf("%v: %v, want ErrProtocol", tt.command, err)
			}
		})
	}
}

// useTree sends one command, with room for 100 bytes of output.
func useTree(ctx context.Context, tree *Tree, command smb2.Command) (err error) {
	switch command {
	case smb2.CommandQueryDirectory:
		_, err = tree.QueryDirectory(ctx, smb2.QueryDirectoryRequest{OutputLength: 100})
	case smb2.CommandQueryInfo:
		_, err = tree.QueryInfo(ctx, smb2.QueryInfoRequest{OutputLength: 100})
	case smb2.CommandIoctl:
		_, err = tree.Ioctl(ctx, smb2.IoctlRequest{CtlCode: 1, MaxOutputResponse: 100})
	case smb2.CommandCreate:
		_, err = tree.Create(ctx, 0, smb2.CreateRequest{})
	case smb2.CommandClose:
		err = tree.Close(ctx, smb2.AnyFileID)
	case smb2.CommandTreeDisconnect:
		err = tree.Disconnect(ctx)
	}
	return err
}

// TestShareDemandsTheImpossible is a share that wants encryption where none was
// agreed on.
func TestShareDemandsTheImpossible(t *testing.T) {
	p := newPeer()
	p.share = smb2.ShareFlagEncryptData
	c := p.mustDial(t, asAlice(func(o *Options) { o.Ciphers = []smb2.Cipher{} }))
	if _, err := c.TreeConnect(t.Context(), `\\peer\share`); !errors.Is(err, ErrUnprotected) {
		t.Errorf("TreeConnect: %v, want ErrUnprotected", err)
	}
}

// TestCutEverywhere ends the server's bytes at every place of every answer.
func TestCutEverywhere(t *testing.T) {
	for _, command := range []smb2.Command{smb2.CommandNegotiate, smb2.CommandSessionSetup, smb2.CommandTreeConnect, smb2.CommandIoctl, smb2.CommandCreate, smb2.CommandQueryInfo} {
		whole := 0
		for cut := 1; cut == 1 || cut <= whole; cut++ {
			p := newPeer()
			p.change = on(command, 0, func(a *answer) {
				whole = len(smb2.AppendMessage(nil, a.header, a.body))
				a.cut = cut
			})
			c, err := p.dial(t, asAlice(func(o *Options) { o.Signing = []smb2.SigningAlgorithm{smb2.SigningAESCMAC} }))
			if err == nil {
				var tree *Tree
				if tree, err = c.TreeConnect(t.Context(), `\\peer\share`); err == nil {
					err = useTree(t.Context(), tree, command)
				}
			}
			if !errors.Is(err, ErrProtocol) && !errors.Is(err, io.EOF) {
				t.Errorf("%v cut by %d of %d bytes: %v, want ErrProtocol", command, cut, whole, err)
			}
		}
	}
}
