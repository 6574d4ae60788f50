package smbd

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"testing"

	"dfsd/internal/netaddr"
	"dfsd/internal/smb2"
	"dfsd/referral/dfsc"
)

// A script is what the fuzzer makes of a connection's input: frames, each behind
// a byte of control and two of length. The control says how the ids in the
// headers are mended, so that the fuzzer need not guess what the window and the
// session table hold.
const (
	mendMessage = 1 << iota // message ids go on from those before
	mendSession             // session ids are those of the session
	mendTree                // tree ids are that of IPC$
	mendPublic              // tree ids are that of public
	signFrame               // the last operation is signed
	sealFrame               // the frame is encrypted
	lieLength               // the transport header says a byte more than there is
)

// script turns frames into what the client of p sends; p is nil before a log-on.
func script(frames []byte, p *prepared) []byte {
	var out []byte
	next := uint64(0)
	for len(frames) >= 3 {
		control, n := frames[0], int(binary.LittleEndian.Uint16(frames[1:]))
		frame := slices.Clone(frames[3:min(3+n, len(frames))])
		frames = frames[3+len(frame):]
		mend(frame, control, &next, p)
		if p != nil && control&sealFrame != 0 {
			if sealer, err := smb2.NewSealer(p.terms.cipher, p.session.keys.ClientToServer); err == nil {
				frame, _ = sealer.Seal(nil, frame, p.session.id)
			}
		}
		length := len(frame)
		if control&lieLength != 0 {
			length++
		}
		out = append(out, 0, byte(length>>16), byte(length>>8), byte(length))
		out = append(out, frame...)
	}
	return out
}

func mend(frame []byte, control byte, next *uint64, p *prepared) {
	ops := smb2.SplitCompound(frame)
	for ops.Next() {
		msg := ops.Message()
		if control&mendMessage != 0 && ops.Header().Command != smb2.CommandCancel {
			smb2.SetMessageID(msg, *next)
			*next++
		}
		if p == nil {
			continue
		}
		if control&mendSession != 0 {
			smb2.SetSessionID(msg, p.session.id)
		}
		if control&(mendTree|mendPublic) != 0 && !ops.Header().Flags.Has(smb2.FlagAsync) {
			smb2.SetTreeID(msg, 1+uint32(control&mendPublic)/mendPublic)
		}
		if control&signFrame != 0 {
			p.signer.Sign(msg)
		}
	}
}

// addFrame appends a frame of ops to a script.
func addFrame(b []byte, control byte, ops ...operation) []byte {
	var frame []byte
	start := 0
	for i, op := range ops {
		if i > 0 {
			frame = smb2.LinkNext(frame, start)
		}
		start = len(frame)
		op.header.CreditCharge = 1
		frame = op.body.AppendBody(op.header.Append(frame))
	}
	b = append(b, control, 0, 0)
	binary.LittleEndian.PutUint16(b[len(b)-2:], uint16(len(frame)))
	return append(b, frame...)
}

func addScripts(f *testing.F) {
	const good = mendMessage | mendSession | mendTree | signFrame
	const public = good&^mendTree | mendPublic
	negotiate := operation{header: smb2.Header{Command: smb2.CommandNegotiate, Credits: 1}, body: offer()}
	setup := operation{header: smb2.Header{Command: smb2.CommandSessionSetup, Credits: 1}, body: smb2.SessionSetupRequest{
		Token: []byte("NTLMSSP\x00\x01\x00\x00\x00\x97\x82\x08\xe2" + string(make([]byte, 24))),
	}}
	transceive := ioctlOp(smb2.IoctlRequest{CtlCode: smb2.FSCTLPipeTransceive, FileID: smb2.AnyFileID, Flags: 1, MaxOutputResponse: 16, Input: rpcBind})
	extended := referralRequest("", 4, 4096)
	extended.CtlCode = dfsc.FSCTLGetReferralsEx
	extended.Input = dfsc.Request{MaxLevel: 4, Path: `\fs1\public\docs\projects`, Site: "London", HasSite: true}.AppendEx(nil)
	cancel := operation{header: smb2.Header{Command: smb2.CommandCancel, Flags: smb2.FlagAsync, AsyncID: 1}, body: smb2.CancelRequest{}}
	write := operation{header: smb2.Header{Command: smb2.CommandWrite}, body: smb2.WriteRequest{FileID: smb2.AnyFileID, Data: rpcBind}}
	setInfo := operation{header: smb2.Header{Command: smb2.CommandSetInfo}, body: smb2.SetInfoRequest{
		Type: smb2.InfoFile, Class: 4, FileID: smb2.AnyFileID, Input: make([]byte, 40),
	}}
	lock := operation{header: smb2.Header{Command: smb2.CommandLock}, body: smb2.LockRequest{FileID: smb2.AnyFileID, Locks: make([]smb2.Lock, 1)}}
	flush := operation{header: smb2.Header{Command: smb2.CommandFlush}, body: smb2.FlushRequest{FileID: smb2.AnyFileID}}
	garbage := operation{header: smb2.Header{Command: smb2.CommandSessionSetup}, body: smb2.SessionSetupRequest{Token: []byte("\x60\x03\x06\x01\x2b")}}
	validate := smb2.IoctlRequest{
		CtlCode: smb2.FSCTLValidateNegotiateInfo, FileID: smb2.AnyFileID, Flags: 1, MaxOutputResponse: 24,
		Input: smb2.ValidateNegotiateRequest{Dialects: []smb2.Dialect{smb2.Dialect302}}.Append(nil),
	}
	read := operation{header: smb2.Header{Command: smb2.CommandRead}, body: smb2.ReadRequest{FileID: smb2.AnyFileID, Length: 100}}

	f.Add(addFrame(nil, mendMessage, negotiate))
	f.Add(addFrame(addFrame(nil, mendMessage, negotiate), mendMessage, setup))
	f.Add(addFrame(nil, good, ioctlOp(referralRequest(`\fs1\public\docs\projects`, 4, 4096)), ioctlOp(extended)))
	f.Add(addFrame(addFrame(nil, public, related(createOp("docs"), queryOp(18), closeOp(smb2.AnyFileID))...), public, logoffOp(), echoOp()))
	f.Add(addFrame(addFrame(nil, public, related(createOp(""), listOp(), notifyOp())...), good, cancel))
	f.Add(addFrame(addFrame(nil, good, related(createOp("srvsvc"), transceive, read)...), good|sealFrame, untreeOp()))
	f.Add(addFrame(nil, good, related(createOp("srvsvc"), read)...))
	f.Add(addFrame(addFrame(nil, public, related(createOp("docs"), notifyOp())...), public, untreeOp()))
	f.Add(addFrame(nil, public, related(createOp("docs"), setInfo, lock, write, flush, closeOp(smb2.AnyFileID))...))
	f.Add(addFrame(addFrame(nil, good, related(createOp("srvsvc"), write)...), good, read))
	f.Add(addFrame(addFrame(nil, mendMessage, negotiate), mendMessage, garbage))
	f.Add(addFrame(nil, good, ioctlOp(validate)))
	f.Add(addFrame(addFrame(nil, good, setup), good|sealFrame, related(logoffOp(), treeOp("public"), createOp("docs"))...))
	smb1 := smb2.AppendSMB1Negotiate(nil, "NT LM 0.12", "SMB 2.002", "SMB 2.???")
	f.Add(append([]byte{0, byte(len(smb1)), 0}, smb1...))
	f.Add([]byte{lieLength, 4, 0, 0xFE, 'S', 'M', 'B'})
}

// checkedAnswers takes the frames of the server and checks that each is one.
type checkedAnswers struct {
	t    *testing.T
	most int
}

func (a checkedAnswers) Write(b []byte) (int, error) {
	if len(b) > a.most {
		a.t.Errorf("answer of %d bytes, most is %d", len(b), a.most)
	}
	frame := b[smb2.FrameHeaderSize:]
	if smb2.FrameKindOf(frame) == smb2.FrameEncrypted {
		return len(b), nil
	}
	ops := smb2.SplitCompound(frame)
	for ops.Next() {
		if !ops.Header().IsResponse() {
			a.t.Errorf("answer without the flag of one: %x", frame)
		}
	}
	if ops.Err() != nil {
		a.t.Errorf("malformed answer: %v", ops.Err())
	}
	return len(b), nil
}

// FuzzConnection feeds a connection whole sequences of frames, before a log-on
// and after it. Nothing may panic, all answers are well-formed, and what the
// connection holds stays within its limits.
func FuzzConnection(f *testing.F) {
	addScripts(f)
	o := testOptions(f)
	o.Config.Limits.Opens, o.Config.Limits.OpensPerConnection, o.Config.Limits.Parked = 8, 16, 4
	h := listen(f, o)
	limits := &h.limits
	template := h.prepare(f, nil, io.Discard)
	defer template.cleanUp()
	f.Fuzz(func(t *testing.T, frames []byte) {
		frames = slices.Clip(frames)
		answers := checkedAnswers{t: t, most: int(limits.Transact) + frameOverhead}

		fresh := newConn(h.Server, nowhere{in: bytes.NewReader(script(frames, nil)), out: answers}, netaddr.Of(&net.TCPAddr{IP: net.IPv4(10, 1, 0, 98)}), nil)
		for fresh.next() {
		}
		if !fresh.authenticated && (len(fresh.sessions) > limits.SessionsInProgress || fresh.opens.count > 0 || len(fresh.parked) > 0) {
			t.Errorf("before a log-on: %d sessions, %d opens, %d parked", len(fresh.sessions), fresh.opens.count, len(fresh.parked))
		}
		fresh.cleanUp()

		var in bytes.Reader
		p := template.again(t, &in, answers)
		in.Reset(script(frames, p))
		for p.next() {
		}
		if p.opens.count > limits.OpensPerConnection || len(p.parked) > limits.Parked || len(p.sessions) > limits.Sessions || p.window.available() > limits.CreditsMax {
			t.Errorf("after a log-on: %d opens, %d parked, %d sessions, %d credits", p.opens.count, len(p.parked), len(p.sessions), p.window.available())
		}
		p.cleanUp()
	})
}
