package smbclient

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"dfsd/internal/smb2"
	"dfsd/internal/smbauth"
)

const (
	testUser     = "alice"
	testPassword = "correct horse"
	testSession  = 0x0123456789ABCDEF
	testTree     = 7
)

// peer is a server of one connection, as good as its test wants it to be.
type peer struct {
	// What the server is like; newPeer sets what a good one has.
	dialects  []smb2.Dialect
	mode      smb2.SecurityMode
	caps      smb2.Capabilities
	ciphers   []smb2.Cipher
	algs      []smb2.SigningAlgorithm
	auth      smbauth.Config
	sessFlags smb2.SessionFlags
	share     smb2.ShareFlags
	grant     uint16
	// handle answers what comes after the log-on; nil, or a nil body: the peer
	// does.
	handle func(h smb2.Header, msg []byte) (smb2.Status, smb2.Body)
	// change is the last to see an answer before it is signed and sent.
	change func(a *answer)

	linked   bool   // answers to a compound are one, too
	held     []byte // of such an answer
	said     uint64 // the session id of the last SESSION_SETUP
	tcp      bool
	nc       net.Conn
	in       *bufio.Reader
	header   [smb2.FrameHeaderSize]byte
	guid     [16]byte
	dialect  smb2.Dialect
	cipher   smb2.Cipher
	alg      smb2.SigningAlgorithm
	preauth  smb2.PreauthHash
	exchange *smbauth.Exchange
	signer   *smb2.Signer
	sealer   *smb2.Sealer
	opener   *smb2.Opener
	requests []received
	done     chan struct{}
}

// received is one request, as it came.
type received struct {
	smb2.Header
	sealed bool
}

// answer is one that is about to be sent.
type answer struct {
	request smb2.Header
	nth     int // which answer to such a command it is, from 0
	header  smb2.Header
	body    smb2.Body
	cut     int           // bytes to leave out at the end
	sign    bool          // as the session wants it
	seal    bool          // likewise
	link    bool          // the next answer follows in its frame
	sealFor uint64        // the session that an encrypted frame is said to be of
	forge   bool          // spoil the signature, or the ciphertext
	drop    bool          // nothing is sent
	hangUp  bool          // nothing is sent afterwards
	frame   []byte        // not nil: sent in place of all this
	more    []smb2.Header // answers to send after it, with the same body
}

func newPeer() *peer {
	return &peer{
		dialects: knownDialects, mode: smb2.SigningEnabled, caps: smb2.CapDFS | smb2.CapLargeMTU,
		ciphers: []smb2.Cipher{smb2.CipherAES128GCM, smb2.CipherAES128CCM, smb2.CipherAES256GCM, smb2.CipherAES256CCM},
		algs:    []smb2.SigningAlgorithm{smb2.SigningAESGMAC, smb2.SigningAESCMAC, smb2.SigningHMACSHA256},
		auth:    smbauth.Config{NetBIOSName: "PEER"}, grant: 32, guid: [16]byte{1, 2, 3},
		done: make(chan struct{}),
	}
}

// dialed opens a connection to the peer and starts it: over a pipe, or over TCP
// where the two must not wait for each other's reads.
func (p *peer) dialed(t testing.TB) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	if p.tcp {
		near, far = tcpPair(t)
	}
	p.start(t, far)
	return near
}

func tcpPair(t testing.TB) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		nc, _ := l.Accept() // nil where the listener was closed
		accepted <- nc
	}()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	return near, <-accepted
}

func (p *peer) start(t testing.TB, nc net.Conn) {
	p.nc, p.in = nc, bufio.NewReader(nc)
	go p.serve()
	t.Cleanup(func() {
		_ = nc.Close() // the client may have closed it before
		<-p.done
	})
}

// dial logs on.
func (p *peer) dial(t testing.TB, o Options) (*Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := Open(ctx, p.dialed(t), "peer", o)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, c.Logon(ctx)
}

func (p *peer) mustDial(t testing.TB, o Options) *Conn {
	t.Helper()
	c, err := p.dial(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func asAlice(change func(*Options)) Options {
	o := Options{Credentials: Credentials{User: testUser, Password: testPassword}}
	if change != nil {
		change(&o)
	}
	return o
}

func (p *peer) serve() {
	defer close(p.done)
	defer p.nc.Close()
	nth := map[smb2.Command]int{}
	for {
		frame, err := smb2.ReadFrame(p.in, &p.header, nil, 1<<20)
		if err != nil {
			return
		}
		msg, sealed, err := p.unseal(frame)
		if err != nil {
			return
		}
		ops := smb2.SplitCompound(msg)
		for ops.Next() {
			if !p.serveOne(ops.Header(), ops.Message(), sealed, ops.Last(), nth) {
				return
			}
		}
		if ops.Err() != nil {
			return
		}
	}
}

// serveOne answers one request, and reports whether the connection goes on.
func (p *peer) serveOne(h smb2.Header, msg []byte, sealed, last bool, nth map[smb2.Command]int) bool {
	if h.Flags.Has(smb2.FlagSigned) && (p.signer == nil || !p.signer.Verify(msg)) {
		return false
	}
	if known := nth[smb2.CommandSessionSetup] > 0; known && h.SessionID != p.said || !known && h.SessionID != 0 {
		return false
	}
	p.requests = append(p.requests, received{h, sealed})
	if h.Command == smb2.CommandCancel {
		return true
	}
	a := &answer{request: h, nth: nth[h.Command], sign: h.Flags.Has(smb2.FlagSigned), seal: sealed, sealFor: testSession, link: p.linked && !last}
	nth[h.Command]++
	status, body := p.answer(h, msg, a)
	if body == nil {
		return false
	}
	a.header, a.body = h.Response(status, p.grant), body
	if h.Command == smb2.CommandSessionSetup {
		a.header.SessionID = testSession
	}
	if h.Command == smb2.CommandTreeConnect {
		a.header.TreeID = testTree
	}
	if p.change != nil {
		p.change(a)
	}
	if h.Command == smb2.CommandSessionSetup {
		p.said = a.header.SessionID
	}
	return p.send(a) == nil && !a.hangUp
}

func (p *peer) unseal(frame []byte) (msg []byte, sealed bool, err error) {
	if smb2.FrameKindOf(frame) != smb2.FrameEncrypted {
		return frame, false, nil
	}
	if p.opener == nil {
		return nil, true, errors.New("no key")
	}
	msg, err = p.opener.Open(nil, frame)
	return msg, true, err
}

func (p *peer) send(a *answer) error {
	if a.drop {
		return nil
	}
	if a.frame != nil {
		return smb2.WriteFrame(p.nc, append(smb2.AppendFrameHeader(nil), a.frame...))
	}
	for _, h := range append([]smb2.Header{a.header}, a.more...) {
		if err := p.sendOne(a, h); err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) sendOne(a *answer, h smb2.Header) error {
	msg := smb2.AppendMessage(nil, h, a.body)
	msg = msg[:max(len(msg)-a.cut, 0)]
	if a.link {
		msg = smb2.LinkNext(msg, 0)
	}
	seal := a.seal && p.sealer != nil
	if !seal && a.sign && p.signer != nil && len(msg) >= smb2.HeaderSize {
		p.signer.Sign(msg)
	}
	if a.link {
		p.held = append(p.held, msg...)
		return nil
	}
	if len(p.held) > 0 {
		msg, p.held = append(p.held, msg...), nil
	}
	if seal {
		sealed, err := p.sealer.Seal(nil, msg, a.sealFor)
		if err != nil {
			return err
		}
		msg = sealed
	}
	if a.forge {
		msg[50] ^= 1
	}
	switch a.request.Command {
	case smb2.CommandNegotiate:
		p.preauth.Update(msg)
	case smb2.CommandSessionSetup:
		if h.Status == smb2.StatusMoreProcessingRequired {
			p.preauth.Update(msg)
		}
	}
	return smb2.WriteFrame(p.nc, append(smb2.AppendFrameHeader(nil), msg...))
}

func (p *peer) answer(h smb2.Header, msg []byte, a *answer) (smb2.Status, smb2.Body) {
	switch h.Command {
	case smb2.CommandNegotiate:
		p.preauth.Update(msg)
		return p.negotiate(msg)
	case smb2.CommandSessionSetup:
		p.preauth.Update(msg)
		return p.sessionSetup(msg, a)
	}
	if p.handle != nil {
		if status, body := p.handle(h, msg); body != nil {
			return status, body
		}
	}
	switch h.Command {
	case smb2.CommandTreeConnect:
		return smb2.StatusSuccess, smb2.TreeConnectResponse{Type: smb2.SharePipe, Flags: p.share}
	case smb2.CommandTreeDisconnect:
		return smb2.StatusSuccess, smb2.TreeDisconnectResponse{}
	case smb2.CommandCreate:
		return smb2.StatusSuccess, smb2.CreateResponse{FileID: smb2.FileID{Persistent: 1, Volatile: 2}}
	case smb2.CommandClose:
		return smb2.StatusSuccess, smb2.CloseResponse{}
	case smb2.CommandEcho:
		return smb2.StatusSuccess, smb2.EchoResponse{}
	case smb2.CommandLogoff:
		return smb2.StatusSuccess, smb2.LogoffResponse{}
	case smb2.CommandQueryDirectory:
		return smb2.StatusSuccess, smb2.QueryDirectoryResponse{Output: []byte("entries")}
	case smb2.CommandQueryInfo:
		return smb2.StatusSuccess, smb2.QueryInfoResponse{Output: []byte("info")}
	case smb2.CommandIoctl:
		return p.ioctl(msg)
	}
	return smb2.StatusNotSupported, smb2.ErrorResponse{}
}

func (p *peer) negotiate(msg []byte) (smb2.Status, smb2.Body) {
	q, err := smb2.ParseNegotiateRequest(msg)
	if err != nil {
		return smb2.StatusInvalidParameter, smb2.ErrorResponse{}
	}
	for _, d := range p.dialects {
		if slices.Contains(q.Dialects, d) {
			p.dialect = d
		}
	}
	if p.dialect == 0 {
		return smb2.StatusNotSupported, smb2.ErrorResponse{}
	}
	p.alg = smb2.DefaultSigning(p.dialect)
	r := smb2.NegotiateResponse{
		SecurityMode: p.mode, Dialect: p.dialect, ServerGUID: p.guid, Capabilities: p.caps,
		MaxTransact: 1 << 20, MaxRead: 1 << 20, MaxWrite: 1 << 20, Token: p.authenticator().InitToken(),
	}
	if p.dialect == smb2.Dialect311 {
		p.choose(q.Contexts, &r.Contexts)
	} else if p.dialect.Is3x() && q.Capabilities.Has(smb2.CapEncryption) && slices.Contains(p.ciphers, smb2.CipherAES128CCM) {
		p.cipher = smb2.CipherAES128CCM
		r.Capabilities |= smb2.CapEncryption
	}
	p.caps = r.Capabilities
	return smb2.StatusSuccess, r
}

func (p *peer) choose(offered smb2.NegotiateContexts, chosen *smb2.NegotiateContexts) {
	chosen.Preauth = &smb2.PreauthContext{Hashes: []smb2.HashAlgorithm{smb2.HashSHA512}, Salt: make([]byte, 32)}
	if offered.Encryption != nil && p.ciphers != nil {
		for _, c := range slices.Backward(offered.Encryption.Ciphers) {
			if slices.Contains(p.ciphers, c) {
				p.cipher = c
			}
		}
		chosen.Encryption = &smb2.EncryptionContext{Ciphers: []smb2.Cipher{p.cipher}}
	}
	if offered.Signing != nil && p.algs != nil {
		for _, a := range slices.Backward(offered.Signing.Algorithms) {
			if slices.Contains(p.algs, a) {
				p.alg = a
			}
		}
		chosen.Signing = &smb2.SigningContext{Algorithms: []smb2.SigningAlgorithm{p.alg}}
	}
}

func (p *peer) authenticator() *smbauth.Authenticator {
	users, err := smbauth.NewUsers(map[string]smbauth.Hash{testUser: smbauth.NTHash(testPassword)})
	if err != nil {
		panic(err)
	}
	return smbauth.NewAuthenticator(p.auth, func() *smbauth.Users { return users }, rand.Reader)
}

func (p *peer) sessionSetup(msg []byte, a *answer) (smb2.Status, smb2.Body) {
	q, err := smb2.ParseSessionSetupRequest(msg)
	if err != nil {
		return smb2.StatusInvalidParameter, smb2.ErrorResponse{}
	}
	if p.exchange == nil {
		p.exchange = p.authenticator().Begin()
	}
	token, id, err := p.exchange.Step(q.Token, time.Now())
	switch {
	case err != nil:
		return smb2.StatusLogonFailure, smb2.ErrorResponse{}
	case id == nil:
		return smb2.StatusMoreProcessingRequired, smb2.SessionSetupResponse{Token: token}
	}
	flags := p.sessFlags
	switch id.Kind {
	case smbauth.Guest:
		flags |= smb2.SessionGuest
	case smbauth.Anonymous:
		flags |= smb2.SessionNull
	default:
		p.useKeys(id.SessionKey)
		a.sign = p.dialect.Is3x() || (p.mode|q.SecurityMode)&smb2.SigningRequired != 0
	}
	return smb2.StatusSuccess, smb2.SessionSetupResponse{Flags: flags, Token: token}
}

func (p *peer) useKeys(sessionKey []byte) {
	keys := smb2.DeriveKeys(p.dialect, p.cipher, sessionKey, &p.preauth)
	var err error
	if p.signer, err = smb2.NewSigner(p.alg, keys.Signing); err != nil {
		panic(err)
	}
	if p.cipher == smb2.CipherNone {
		return
	}
	if p.opener, err = smb2.NewOpener(p.cipher, keys.ClientToServer); err != nil {
		panic(err)
	}
	if p.sealer, err = smb2.NewSealer(p.cipher, keys.ServerToClient); err != nil {
		panic(err)
	}
}

func (p *peer) ioctl(msg []byte) (smb2.Status, smb2.Body) {
	q, err := smb2.ParseIoctlRequest(msg)
	if err != nil {
		return smb2.StatusInvalidParameter, smb2.ErrorResponse{}
	}
	r := smb2.IoctlResponse{CtlCode: q.CtlCode, FileID: q.FileID, Output: q.Input}
	if q.CtlCode == smb2.FSCTLValidateNegotiateInfo {
		r.Output = smb2.ValidateNegotiateResponse{Capabilities: p.caps, GUID: p.guid, SecurityMode: p.mode, Dialect: p.dialect}.Append(nil)
	}
	return smb2.StatusSuccess, r
}
