package smbclient

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"dfsd/internal/smb2"
	"dfsd/internal/smbauth"
	"dfsd/referral/dfsc"
)

// rawBody stands where a body should.
type rawBody []byte

func (r rawBody) AppendBody(b []byte) []byte { return append(b, r...) }

// typed fails for an error that is none of those which a server can cause.
func typed(t *testing.T, err error) {
	t.Helper()
	var status *StatusError
	for _, known := range []error{
		nil, ErrProtocol, ErrUnprotected, ErrGuest, smb2.ErrFrameTooLarge, smb2.ErrFrameType, io.EOF, io.ErrUnexpectedEOF,
		smbauth.ErrMalformedToken, smbauth.ErrNoMechanism, smbauth.ErrIntegrity, smbauth.ErrLogonFailure, ErrClosed,
	} {
		if errors.Is(err, known) {
			return
		}
	}
	if !errors.As(err, &status) {
		t.Errorf("error %v, want one that the package documents", err)
	}
}

// session logs on and uses a tree, whatever the peer makes of it.
func (p *peer) session(t *testing.T, o Options) error {
	c, err := p.dial(t, o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tree, err := c.TreeConnect(ctx, `\\peer\dfs`)
	if err != nil {
		return err
	}
	for _, use := range []func() error{
		func() error { _, err := c.Referral(ctx, tree, `\peer\dfs`, 4, 8192); return err },
		func() error { return useTree(ctx, tree, smb2.CommandCreate) },
		func() error { return useTree(ctx, tree, smb2.CommandQueryDirectory) },
		func() error { return useTree(ctx, tree, smb2.CommandQueryInfo) },
		func() error { return useTree(ctx, tree, smb2.CommandClose) },
		func() error { return useTree(ctx, tree, smb2.CommandTreeDisconnect) },
		func() error { return c.Logoff(ctx) },
	} {
		var status *StatusError
		if err := use(); err != nil && !errors.As(err, &status) {
			return err
		}
	}
	return nil
}

var fuzzedCommands = []smb2.Command{
	smb2.CommandNegotiate, smb2.CommandSessionSetup, smb2.CommandTreeConnect, smb2.CommandIoctl, smb2.CommandCreate,
	smb2.CommandQueryDirectory, smb2.CommandQueryInfo, smb2.CommandClose, smb2.CommandTreeDisconnect, smb2.CommandLogoff,
}

var fuzzedDialects = [][]smb2.Dialect{knownDialects, knownDialects[:4], knownDialects[:2]}

// FuzzBody puts any body, behind a header that is right and signed, into one
// answer of a session.
func FuzzBody(f *testing.F) {
	body := func(b smb2.Body) []byte { return b.AppendBody(make([]byte, smb2.HeaderSize))[smb2.HeaderSize:] }
	for i, b := range []smb2.Body{
		smb2.NegotiateResponse{Dialect: smb2.Dialect210, SecurityMode: smb2.SigningEnabled, MaxTransact: 65536},
		smb2.SessionSetupResponse{Token: []byte("token")},
		smb2.TreeConnectResponse{Type: smb2.ShareDisk, Flags: smb2.ShareFlagDFS},
		smb2.IoctlResponse{CtlCode: dfsc.FSCTLGetReferrals, Output: []byte("output")},
		smb2.CreateResponse{Contexts: []smb2.CreateContext{smb2.DiskIDContext(1, 2)}},
		smb2.QueryDirectoryResponse{Output: make([]byte, 100)},
		smb2.QueryInfoResponse{Output: make([]byte, 100)},
		smb2.CloseResponse{},
		smb2.TreeDisconnectResponse{},
		smb2.LogoffResponse{},
	} {
		f.Add(uint8(i), uint8(0), uint8(0), uint32(smb2.StatusSuccess), body(b))
		f.Add(uint8(i), uint8(0), uint8(0), uint32(smb2.StatusAccessDenied), body(smb2.ErrorResponse{}))
	}
	f.Add(uint8(3), uint8(0), uint8(1), uint32(smb2.StatusSuccess), body(smb2.IoctlResponse{CtlCode: smb2.FSCTLValidateNegotiateInfo, Output: make([]byte, 24)}))
	f.Add(uint8(1), uint8(1), uint8(2), uint32(smb2.StatusMoreProcessingRequired), body(smb2.SessionSetupResponse{}))
	f.Fuzz(func(t *testing.T, command, nth, dialects uint8, status uint32, b []byte) {
		p := newPeer()
		p.dialects = fuzzedDialects[int(dialects)%len(fuzzedDialects)]
		p.change = on(fuzzedCommands[int(command)%len(fuzzedCommands)], int(nth%2), func(a *answer) {
			a.header.Status, a.body = smb2.Status(status), rawBody(slices.Clip(b))
		})
		typed(t, p.session(t, asAlice(nil)))
	})
}

// FuzzFrame puts any frame in the place of one answer, the last.
func FuzzFrame(f *testing.F) {
	f.Add(uint8(0), []byte{})
	f.Add(uint8(0), recordedNegotiate(f))
	for i, c := range fuzzedCommands {
		h := smb2.Header{Command: c, Flags: smb2.FlagServerToRedir, MessageID: uint64(i), SessionID: testSession, Credits: 1}
		f.Add(uint8(i), smb2.AppendMessage(nil, h, smb2.ErrorResponse{}))
		h.Flags |= smb2.FlagAsync
		h.Status, h.AsyncID = smb2.StatusPending, 1
		f.Add(uint8(i), smb2.AppendMessage(nil, h, smb2.ErrorResponse{}))
		f.Add(uint8(i), smb2.TransformHeader{Flags: 1, SessionID: testSession}.Append(nil))
	}
	f.Fuzz(func(t *testing.T, nth uint8, frame []byte) {
		p := newPeer()
		p.change = on(fuzzedCommands[int(nth)%len(fuzzedCommands)], int(nth)/len(fuzzedCommands)%2, func(a *answer) {
			a.hangUp = true // the frame may be an interim answer
			if a.frame = slices.Clip(frame); a.frame == nil {
				a.frame = []byte{}
			}
		})
		err := p.session(t, asAlice(func(o *Options) { o.SigningRequired = nth&1 == 0 }))
		typed(t, err)
	})
}

// recordedNegotiate is the NEGOTIATE response of the 3.1.1 session between two
// Windows machines that Microsoft's open-specifications blog published, with
// the message id of a client that sends no SMB1 first.
func recordedNegotiate(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(`
		FE534D4240000100000000000000010001000000000000000100000000000000FFFE0000000000000000000000000000000000000000000000000000
		00000000410001001103020039CBCAF329714942BDCE5D60F09AB3FB2F000000000080000000800000008000D8DAE5ADCBAED00109094AB095AED001
		80004001C00100006082013C06062B0601050502A08201303082012CA01A3018060A2B06010401823702021E060A2B06010401823702020AA282010C
		048201084E45474F45585453010000000000000060000000700000007C7CC0FD06D6362D02DDE1CF343BFE292900F49750B4AA97934D9C4296B26E51
		FD370471B235E15A50DAE15BD5489C870000000000000000600000000100000000000000000000005C33530DEAF90D4DB2EC4AE3786EC3084E45474F
		45585453030000000100000040000000980000007C7CC0FD06D6362D02DDE1CF343BFE295C33530DEAF90D4DB2EC4AE3786EC3084000000058000000
		3056A05430523027802530233121301F06035504031318546F6B656E205369676E696E67205075626C6963204B65793027802530233121301F060355
		04031318546F6B656E205369676E696E67205075626C6963204B6579010026000000000001002000010060A3C3B95C3C7CCD51EC536648D9B3AC74C4
		83CA5B65385A251117BEB30712E50000020004000000000001000200`), ""))
	if err != nil {
		t.Fatal(err)
	}
	smb2.SetMessageID(b, 0)
	return b
}

// TestRecordedNegotiate agrees with a real Windows.
func TestRecordedNegotiate(t *testing.T) {
	p := newPeer()
	p.change = on(smb2.CommandNegotiate, 0, func(a *answer) { a.frame = recordedNegotiate(t) })
	c, err := Open(t.Context(), p.dialed(t), "peer", asAlice(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n := c.Negotiated()
	if n.Dialect != smb2.Dialect311 || n.Cipher != smb2.CipherAES128GCM || n.Signing != smb2.SigningAESCMAC || n.Capabilities != 0x2F || n.MaxTransact != 8<<20 {
		t.Errorf("Negotiated() = %+v", n)
	}
}

// TestAnnouncedLengths lets a server announce what it does not send.
func TestAnnouncedLengths(t *testing.T) {
	near, far := tcpPair(t)
	defer far.Close()
	go func() {
		_, _ = far.Write([]byte{0, 0x01, 0xFF, 0xFF}) // 128 KiB, of which nothing comes
		_, _ = io.Copy(io.Discard, far)
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, near, "peer", Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Open: %v, want the deadline", err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 96<<10 {
		t.Errorf("%d bytes allocated for an announcement", got)
	}
}
