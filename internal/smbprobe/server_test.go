package smbprobe

import (
	"bufio"
	"crypto/rand"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"dfsd/internal/smb2"
	"dfsd/internal/smbauth"
	"dfsd/internal/smbclient"
)

const testPassword = "correct horse"

// server is a file server, as good as its test wants it to be. The hooks are
// called by the goroutines of its connections.
type server struct {
	port    int
	dialect smb2.Dialect
	split   bool // answers compounds one by one
	// raw takes the place of the protocol; nil: none does.
	raw func(nc net.Conn)
	// share and folder answer TREE_CONNECT and CREATE. STATUS_PENDING: never,
	// but for one interim answer. endConn: the connection ends.
	share  func(name string) smb2.Status
	folder func(share, name string) smb2.Status
	// logon answers a SESSION_SETUP instead; success: the password decides.
	logon func() smb2.Status
	// finish answers CLOSE; nil: success.
	finish func() smb2.Status

	mu     sync.Mutex
	conns  map[net.Conn]bool
	counts map[smb2.Command]int
	closes sync.WaitGroup
}

// endConn is no status of a server.
const endConn smb2.Status = 0xFFFFFFFF

// noAnswer neither.
const noAnswer smb2.Status = 0xFFFFFFFE

func good(string) smb2.Status               { return smb2.StatusSuccess }
func goodFolder(string, string) smb2.Status { return smb2.StatusSuccess }

// startServer listens on addr, at port or any one for 0, until the test ends.
func startServer(t testing.TB, addr string, port int, change func(*server)) *server {
	t.Helper()
	s := &server{
		dialect: smb2.Dialect311, share: good, folder: goodFolder,
		conns: map[net.Conn]bool{}, counts: map[smb2.Command]int{},
	}
	if change != nil {
		change(s)
	}
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(addr), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	s.closes.Go(func() { s.accept(l) })
	t.Cleanup(func() {
		_ = l.Close()
		s.cut()
		s.closes.Wait()
	})
	return s
}

func (s *server) accept(l net.Listener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[nc] = true
		s.mu.Unlock()
		s.closes.Go(func() {
			defer s.forget(nc)
			if s.raw != nil {
				s.raw(nc)
				return
			}
			(&peer{s: s, nc: nc, in: bufio.NewReader(nc), trees: map[uint32]string{}}).serve()
		})
	}
}

func (s *server) forget(nc net.Conn) {
	_ = nc.Close()
	s.mu.Lock()
	delete(s.conns, nc)
	s.mu.Unlock()
}

// cut ends every connection.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for nc := range s.conns {
		_ = nc.Close()
	}
}

// open is how many connections there are.
func (s *server) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// count is how many requests of a kind have come.
func (s *server) count(c smb2.Command) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[c]
}

// peer is one connection of a server.
type peer struct {
	s        *server
	nc       net.Conn
	in       *bufio.Reader
	head     [smb2.FrameHeaderSize]byte
	preauth  smb2.PreauthHash
	exchange *smbauth.Exchange
	signer   *smb2.Signer
	trees    map[uint32]string
	failed   smb2.Status // of the CREATE in this compound
}

func (p *peer) serve() {
	for {
		frame, err := smb2.ReadFrame(p.in, &p.head, nil, 1<<20)
		if err != nil {
			return
		}
		var out []byte
		ops := smb2.SplitCompound(frame)
		for ops.Next() {
			h, msg := ops.Header(), ops.Message()
			p.s.mu.Lock()
			p.s.counts[h.Command]++
			p.s.mu.Unlock()
			if p.signer != nil && !p.signer.Verify(msg) {
				return
			}
			status, body := p.answer(h, msg)
			switch status {
			case endConn:
				return
			case noAnswer:
				continue
			}
			if status != smb2.StatusPending && body == nil {
				body = smb2.ErrorResponse{}
			}
			if out, err = p.append(out, h, status, body, ops.Last()); err != nil {
				return
			}
		}
		if len(out) > 0 && smb2.WriteFrame(p.nc, append(smb2.AppendFrameHeader(nil), out...)) != nil {
			return
		}
	}
}

// append adds an answer to those of the frame, signed where there is a key.
func (p *peer) append(out []byte, h smb2.Header, status smb2.Status, body smb2.Body, last bool) ([]byte, error) {
	r := h.Response(status, 32)
	switch h.Command {
	case smb2.CommandSessionSetup:
		r.SessionID = 42
	case smb2.CommandTreeConnect:
		r.TreeID = uint32(len(p.trees))
	}
	if status == smb2.StatusPending { // an interim answer has a frame of its own
		r.Flags |= smb2.FlagAsync
		r.AsyncID = h.MessageID + 1
		msg := smb2.AppendMessage(smb2.AppendFrameHeader(nil), r, smb2.ErrorResponse{})
		return out, smb2.WriteFrame(p.nc, msg)
	}
	start := len(out)
	out = smb2.AppendMessage(out, r, body)
	if !last && !p.s.split {
		out = smb2.LinkNext(out, start)
	}
	msg := out[start:]
	if h.Command == smb2.CommandNegotiate || status == smb2.StatusMoreProcessingRequired {
		p.preauth.Update(msg)
	}
	if p.signer != nil {
		p.signer.Sign(msg)
	}
	if p.s.split {
		return nil, smb2.WriteFrame(p.nc, append(smb2.AppendFrameHeader(nil), out...))
	}
	return out, nil
}

func (p *peer) answer(h smb2.Header, msg []byte) (smb2.Status, smb2.Body) {
	switch h.Command {
	case smb2.CommandNegotiate:
		p.preauth.Update(msg)
		return p.negotiate()
	case smb2.CommandSessionSetup:
		p.preauth.Update(msg)
		return p.sessionSetup(msg)
	case smb2.CommandTreeConnect:
		return p.treeConnect(msg)
	case smb2.CommandTreeDisconnect:
		return smb2.StatusSuccess, smb2.TreeDisconnectResponse{}
	case smb2.CommandCreate:
		return p.create(h, msg)
	case smb2.CommandClose:
		return p.close()
	case smb2.CommandIoctl:
		return p.validate(msg)
	}
	return smb2.StatusNotSupported, nil
}

func (p *peer) negotiate() (smb2.Status, smb2.Body) {
	r := smb2.NegotiateResponse{
		SecurityMode: smb2.SigningEnabled, Dialect: p.s.dialect, Capabilities: smb2.CapLargeMTU,
		MaxTransact: 1 << 20, MaxRead: 1 << 20, MaxWrite: 1 << 20, Token: p.auth().InitToken(),
	}
	if p.s.dialect == smb2.Dialect311 {
		r.Contexts.Preauth = &smb2.PreauthContext{Hashes: []smb2.HashAlgorithm{smb2.HashSHA512}, Salt: make([]byte, 32)}
	}
	return smb2.StatusSuccess, r
}

func (p *peer) auth() *smbauth.Authenticator {
	users, err := smbauth.NewUsers(map[string]smbauth.Hash{"probe": smbauth.NTHash(testPassword)})
	if err != nil {
		panic(err)
	}
	return smbauth.NewAuthenticator(smbauth.Config{NetBIOSName: "PEER"}, func() *smbauth.Users { return users }, rand.Reader)
}

func (p *peer) sessionSetup(msg []byte) (smb2.Status, smb2.Body) {
	if p.s.logon != nil {
		if status := p.s.logon(); status != smb2.StatusSuccess {
			return status, nil
		}
	}
	q, err := smb2.ParseSessionSetupRequest(msg)
	if err != nil {
		return smb2.StatusInvalidParameter, nil
	}
	if p.exchange == nil {
		p.exchange = p.auth().Begin()
	}
	token, id, err := p.exchange.Step(q.Token, time.Now())
	switch {
	case err != nil:
		return smb2.StatusLogonFailure, nil
	case id == nil:
		return smb2.StatusMoreProcessingRequired, smb2.SessionSetupResponse{Token: token}
	}
	keys := smb2.DeriveKeys(p.s.dialect, smb2.CipherNone, id.SessionKey, &p.preauth)
	if p.signer, err = smb2.NewSigner(smb2.DefaultSigning(p.s.dialect), keys.Signing); err != nil {
		panic(err)
	}
	return smb2.StatusSuccess, smb2.SessionSetupResponse{Token: token}
}

func (p *peer) treeConnect(msg []byte) (smb2.Status, smb2.Body) {
	q, err := smb2.ParseTreeConnectRequest(msg)
	if err != nil {
		return smb2.StatusInvalidParameter, nil
	}
	name := q.Path[strings.LastIndex(q.Path, `\`)+1:]
	status := smb2.StatusSuccess
	if name != "IPC$" {
		status = p.s.share(name)
	}
	if status != smb2.StatusSuccess {
		return status, nil
	}
	p.trees[uint32(len(p.trees)+1)] = name
	return status, smb2.TreeConnectResponse{Type: smb2.ShareDisk}
}

func (p *peer) create(h smb2.Header, msg []byte) (smb2.Status, smb2.Body) {
	q, err := smb2.ParseCreateRequest(msg)
	if err != nil || q.DesiredAccess != smb2.AccessReadAttributes || q.Options != smb2.OptionDirectoryFile || q.Disposition != smb2.DispositionOpen {
		return smb2.StatusInvalidParameter, nil
	}
	share, ok := p.trees[h.TreeID]
	if !ok {
		return smb2.StatusNetworkNameDeleted, nil
	}
	if p.failed = p.s.folder(share, q.Name); p.failed != smb2.StatusSuccess {
		return p.failed, nil
	}
	return smb2.StatusSuccess, smb2.CreateResponse{FileID: smb2.FileID{Persistent: 1, Volatile: 2}}
}

func (p *peer) close() (smb2.Status, smb2.Body) {
	switch {
	case p.failed == smb2.StatusPending:
		return noAnswer, nil
	case p.failed != smb2.StatusSuccess:
		return p.failed, nil
	case p.s.finish != nil:
		return p.s.finish(), nil
	}
	return smb2.StatusSuccess, smb2.CloseResponse{}
}

func (p *peer) validate(msg []byte) (smb2.Status, smb2.Body) {
	q, err := smb2.ParseIoctlRequest(msg)
	if err != nil || q.CtlCode != smb2.FSCTLValidateNegotiateInfo {
		return smb2.StatusInvalidDeviceRequest, nil
	}
	return smb2.StatusSuccess, smb2.IoctlResponse{
		CtlCode: q.CtlCode, FileID: q.FileID,
		Output: smb2.ValidateNegotiateResponse{Capabilities: smb2.CapLargeMTU, SecurityMode: smb2.SigningEnabled, Dialect: p.s.dialect}.Append(nil),
	}
}

// newProber probes servers on port of the loopback, as the user that they know
// where password is not empty.
func newProber(t testing.TB, port int, password string, change func(*Options)) *Prober {
	t.Helper()
	o := Options{Port: at(port), Addrs: func(string) []netip.Addr { return []netip.Addr{netip.MustParseAddr("127.0.0.1")} }}
	if password != "" {
		o.Credentials = func(string) smbclient.Credentials {
			return smbclient.Credentials{User: "probe", Password: password}
		}
	}
	if change != nil {
		change(&o)
	}
	p := New(o)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// at has every host listen at one port.
func at(port int) func(string) int { return func(string) int { return port } }
