package smbd

import (
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"dfsd/internal/smb2"
	"dfsd/internal/smbauth"
	"dfsd/referral/dfsc"
)

// client speaks just enough SMB to ask a server questions, wrong ones too. Its
// methods fail the test where the server does not keep to the protocol.
type client struct {
	t  testing.TB
	nc net.Conn

	negotiated smb2.NegotiateResponse
	offer      smb2.NegotiateRequest
	preauth    smb2.PreauthHash
	alg        smb2.SigningAlgorithm
	cipher     smb2.Cipher

	nextID  uint64
	session uint64
	flags   smb2.SessionFlags
	tree    uint32
	signer  *smb2.Signer
	sealer  *smb2.Sealer
	opener  *smb2.Opener
	seal    bool // encrypt what is sent
	header  [smb2.FrameHeaderSize]byte
}

// response is one operation of an answer.
type response struct {
	smb2.Header
	msg []byte
}

// operation is one operation of a request. What header leaves zero and fill
// knows is filled.
type operation struct {
	header smb2.Header
	body   smb2.Body
	raw    bool // the header is sent as it is
	plain  bool // unsigned
	forged bool // with a signature that is wrong
}

func newClient(t testing.TB, nc net.Conn) *client {
	t.Cleanup(func() { nc.Close() }) //nolint:errcheck // the server may have closed it before
	return &client{t: t, nc: nc}
}

// connect returns a client that has negotiated one of dialects, all known ones
// where there are none.
func (h *harness) connect(t testing.TB, dialects ...smb2.Dialect) *client {
	t.Helper()
	c := newClient(t, h.dial())
	c.negotiate(offer(dialects...))
	return c
}

// logon returns a client that is connected to tree as testUser.
func (h *harness) logon(t testing.TB, tree string, dialects ...smb2.Dialect) *client {
	t.Helper()
	c := h.connect(t, dialects...)
	c.mustLogon(testUser, testPassword)
	c.connectTree(tree)
	return c
}

func offer(dialects ...smb2.Dialect) smb2.NegotiateRequest {
	if len(dialects) == 0 {
		dialects = []smb2.Dialect{smb2.Dialect202, smb2.Dialect210, smb2.Dialect300, smb2.Dialect302, smb2.Dialect311}
	}
	q := smb2.NegotiateRequest{
		SecurityMode: smb2.SigningEnabled, Capabilities: smb2.CapDFS | smb2.CapLargeMTU | smb2.CapEncryption,
		ClientGUID: [16]byte{9, byte(dialects[len(dialects)-1]), byte(dialects[len(dialects)-1] >> 8)}, Dialects: dialects,
	}
	if slices.Contains(dialects, smb2.Dialect311) {
		q.Contexts = smb2.NegotiateContexts{
			Preauth:    &smb2.PreauthContext{Hashes: []smb2.HashAlgorithm{smb2.HashSHA512}, Salt: make([]byte, 32)},
			Encryption: &smb2.EncryptionContext{Ciphers: []smb2.Cipher{smb2.CipherAES128GCM, smb2.CipherAES128CCM}},
			Signing:    &smb2.SigningContext{Algorithms: []smb2.SigningAlgorithm{smb2.SigningAESGMAC, smb2.SigningAESCMAC}},
		}
	}
	return q
}

// negotiate settles the dialect, and with it what later requests need.
func (c *client) negotiate(q smb2.NegotiateRequest) smb2.NegotiateResponse {
	c.t.Helper()
	c.offer = q
	r := c.one(operation{header: smb2.Header{Command: smb2.CommandNegotiate, Credits: 1}, body: q})
	c.want(r, smb2.StatusSuccess)
	p, err := smb2.ParseNegotiateResponse(r.msg)
	c.must(err)
	c.negotiated = p
	c.alg = smb2.DefaultSigning(p.Dialect)
	if p.Contexts.Signing != nil {
		c.alg = p.Contexts.Signing.Algorithms[0]
	}
	if p.Contexts.Encryption != nil {
		c.cipher = p.Contexts.Encryption.Ciphers[0]
	} else if p.Capabilities.Has(smb2.CapEncryption) {
		c.cipher = smb2.CipherAES128CCM
	}
	return p
}

// logon sets up a session and returns the status of its last answer. change
// alters each request before it is sent.
func (c *client) logon(user, password string, change func(*smb2.SessionSetupRequest)) smb2.Status {
	c.t.Helper()
	x := smbauth.NewClient(smbauth.ClientOptions{User: user, Domain: "WORKGROUP", Password: password, Workstation: "TEST"})
	preauth := c.preauth
	r := c.stepLogon(x, c.negotiated.Token, &preauth, change)
	if r.Status == smb2.StatusMoreProcessingRequired {
		preauth.Update(r.msg)
		c.session = r.SessionID
		p, err := smb2.ParseSessionSetupResponse(r.msg)
		c.must(err)
		r = c.stepLogon(x, p.Token, &preauth, change)
	}
	if r.Status == smb2.StatusSuccess {
		c.finishLogon(r, x, &preauth)
	}
	return r.Status
}

// stepLogon sends what the server's token asks for.
func (c *client) stepLogon(x *smbauth.ClientExchange, token []byte, preauth *smb2.PreauthHash, change func(*smb2.SessionSetupRequest)) response {
	c.t.Helper()
	token, _, err := x.Next(token, time.Now())
	c.must(err)
	q := smb2.SessionSetupRequest{SecurityMode: smb2.SigningEnabled, Token: token}
	if change != nil {
		change(&q)
	}
	r, sent := c.exchange(operation{header: smb2.Header{Command: smb2.CommandSessionSetup, Credits: 32}, body: q})
	preauth.Update(sent)
	return r
}

// finishLogon checks the last answer and makes the keys, unless the session has
// some already.
func (c *client) finishLogon(r response, x *smbauth.ClientExchange, preauth *smb2.PreauthHash) {
	c.t.Helper()
	p, err := smb2.ParseSessionSetupResponse(r.msg)
	c.must(err)
	_, _, err = x.Next(p.Token, time.Now())
	c.must(err)
	c.flags = p.Flags
	if c.signer != nil || p.Flags&(smb2.SessionGuest|smb2.SessionNull) != 0 {
		return
	}
	keys := smb2.DeriveKeys(c.negotiated.Dialect, c.cipher, x.SessionKey(), preauth)
	c.signer, err = smb2.NewSigner(c.alg, keys.Signing)
	c.must(err)
	if !r.Flags.Has(smb2.FlagSigned) || !c.signer.Verify(r.msg) {
		c.t.Fatal("the last answer of the log-on is not signed as it must be")
	}
	if c.cipher != smb2.CipherNone {
		c.sealer, err = smb2.NewSealer(c.cipher, keys.ClientToServer)
		c.must(err)
		c.opener, err = smb2.NewOpener(c.cipher, keys.ServerToClient)
		c.must(err)
	}
}

func (c *client) mustLogon(user, password string) {
	c.t.Helper()
	c.wantLogon(smb2.StatusSuccess, user, password, nil)
}

// wantLogon sets up a session and checks the status of its last answer.
func (c *client) wantLogon(want smb2.Status, user, password string, change func(*smb2.SessionSetupRequest)) {
	c.t.Helper()
	if got := c.logon(user, password, change); got != want {
		c.t.Fatalf("log-on of %s: %v, want %v", user, got, want)
	}
}

// connectTree connects to a share, whose tree later requests use.
func (c *client) connectTree(share string) {
	c.t.Helper()
	r := c.call(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\fs1\` + share})
	c.want(r, smb2.StatusSuccess)
	c.tree = r.TreeID
}

// open opens the folder or pipe name.
func (c *client) open(name string) smb2.FileID {
	c.t.Helper()
	r := c.call(smb2.CommandCreate, openRequest(name))
	c.want(r, smb2.StatusSuccess)
	p, err := smb2.ParseCreateResponse(r.msg)
	c.must(err)
	return p.FileID
}

func openRequest(name string) smb2.CreateRequest {
	return smb2.CreateRequest{
		Impersonation: smb2.ImpersonationImpersonation, DesiredAccess: smb2.AccessMaximumAllowed,
		ShareAccess: smb2.ShareRead, Disposition: smb2.DispositionOpen, Name: name,
	}
}

// referralRequest asks for the referral of path at level.
func referralRequest(path string, level uint16, room uint32) smb2.IoctlRequest {
	return smb2.IoctlRequest{
		CtlCode: dfsc.FSCTLGetReferrals, FileID: smb2.AnyFileID, Flags: smb2.IoctlIsFSCTL, MaxOutputResponse: room,
		Input: dfsc.Request{MaxLevel: level, Path: path}.Append(nil),
	}
}

// referral asks for a referral and returns it decoded.
func (c *client) referral(path string) dfsc.Response {
	c.t.Helper()
	r := c.call(smb2.CommandIoctl, referralRequest(path, 4, 8192))
	c.want(r, smb2.StatusSuccess)
	p, err := smb2.ParseIoctlResponse(r.msg)
	c.must(err)
	answer, err := dfsc.ParseResponse(p.Output)
	c.must(err)
	return answer
}

// call sends one request and returns its answer.
func (c *client) call(command smb2.Command, body smb2.Body) response {
	c.t.Helper()
	return c.one(operation{header: smb2.Header{Command: command, Credits: 16}, body: body})
}

func (c *client) one(op operation) response {
	c.t.Helper()
	r, _ := c.exchange(op)
	return r
}

// exchange sends one request, and returns its answer and the message sent.
func (c *client) exchange(op operation) (response, []byte) {
	c.t.Helper()
	sent := c.send(op)
	list := c.receive()
	if len(list) != 1 {
		c.t.Fatalf("%d operations in the answer to %v, want 1", len(list), op.header.Command)
	}
	if op.header.Command == smb2.CommandNegotiate {
		c.preauth.Update(sent)
		c.preauth.Update(list[0].msg)
	}
	return list[0], sent
}

// send sends ops as one frame and returns it. A server that has gone is noticed
// by who waits for the answer.
func (c *client) send(ops ...operation) []byte {
	c.t.Helper()
	plain, frame := c.build(ops)
	c.sendFrame(frame)
	return plain
}

// trySend sends ops as one frame.
func (c *client) trySend(ops ...operation) error {
	_, frame := c.build(ops)
	return smb2.WriteFrame(c.nc, frame)
}

// build returns ops as one frame, as it is and as it goes out.
func (c *client) build(ops []operation) (plain, frame []byte) {
	c.t.Helper()
	frame = smb2.AppendFrameHeader(nil)
	start := 0
	var last operation
	for i, op := range ops {
		if i > 0 {
			frame = smb2.LinkNext(frame, start)
			c.sign(last, frame[start:])
		}
		start = len(frame)
		c.fill(&op)
		frame = op.body.AppendBody(op.header.Append(frame))
		last = op
	}
	c.sign(last, frame[start:])
	plain = frame[smb2.FrameHeaderSize:]
	if c.seal && c.sealer != nil {
		var err error
		frame, err = c.sealer.Seal(smb2.AppendFrameHeader(nil), plain, c.session)
		c.must(err)
	}
	return plain, frame
}

// sendFrame sends frame, which has room for its transport header.
func (c *client) sendFrame(frame []byte) {
	smb2.WriteFrame(c.nc, frame) //nolint:errcheck // who waits for the answer notices
}

func (c *client) fill(op *operation) {
	if op.raw {
		return
	}
	h := &op.header
	if h.CreditCharge == 0 {
		h.CreditCharge = 1
	}
	h.MessageID = c.nextID
	c.nextID += uint64(h.CreditCharge)
	if h.SessionID == 0 {
		h.SessionID = c.session
	}
	if h.TreeID == 0 {
		h.TreeID = c.tree
	}
}

func (c *client) sign(op operation, msg []byte) {
	if c.signer == nil || c.seal || op.plain {
		return
	}
	c.signer.Sign(msg)
	if op.forged {
		msg[50] ^= 1
	}
}

// receive returns the operations of the next frame, their signatures checked.
func (c *client) receive() []response {
	c.t.Helper()
	list, err := c.tryReceive()
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return list
}

func (c *client) tryReceive() ([]response, error) {
	frame, err := smb2.ReadFrame(c.nc, &c.header, nil, 1<<24)
	if err != nil {
		return nil, err
	}
	sealed := smb2.FrameKindOf(frame) == smb2.FrameEncrypted
	if sealed {
		if frame, err = c.opener.Open(nil, frame); err != nil {
			return nil, err
		}
	}
	var list []response
	ops := smb2.SplitCompound(frame)
	for ops.Next() {
		h, msg := ops.Header(), ops.Message()
		if h.Flags.Has(smb2.FlagSigned) && c.signer != nil && (sealed || !c.signer.Verify(msg)) {
			return nil, errors.New("answer with a signature that is wrong")
		}
		list = append(list, response{h, msg})
	}
	return list, ops.Err()
}

// wantEnd checks that the server ends the connection and says no more.
func (c *client) wantEnd() {
	c.t.Helper()
	if list, err := c.tryReceive(); err == nil {
		c.t.Fatalf("an answer with %v, want the end of the connection", list[0].Status)
	}
}

func (c *client) want(r response, status smb2.Status) {
	c.t.Helper()
	if r.Status != status {
		c.t.Fatalf("%v answered with %v, want %v", r.Command, r.Status, status)
	}
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}
