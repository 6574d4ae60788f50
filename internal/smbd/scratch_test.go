package smbd

import (
	"bytes"
	"io"
	"testing"

	"dfsd/internal/smb2"
)

// TestBuffersLeakNothing: what a pooled buffer held before never shows in an
// answer. The same frames are served with buffers full of two different bytes.
func TestBuffersLeakNothing(t *testing.T) {
	h := listen(t, testOptions(t))
	template := h.prepare(t, nil, io.Discard)
	defer template.cleanUp()
	const public = mendMessage | mendSession | mendPublic | signFrame
	const pipes = mendMessage | mendSession | mendTree | signFrame
	read := operation{header: smb2.Header{Command: smb2.CommandRead}, body: smb2.ReadRequest{FileID: smb2.AnyFileID, Length: 9}}
	write := operation{header: smb2.Header{Command: smb2.CommandWrite}, body: smb2.WriteRequest{FileID: smb2.AnyFileID, Data: rpcBind}}
	frames := addFrame(nil, pipes, ioctlOp(referralRequest(`\fs1\public\docs\projects`, 4, 300)), ioctlOp(referralRequest(`\none`, 4, 300)))
	frames = addFrame(frames, public, related(createOp(""), listOp(), queryOp(18), queryOp(200), listOp(), closeOp(smb2.AnyFileID))...)
	frames = addFrame(frames, pipes, related(createOp("srvsvc"), write, read, read, closeOp(smb2.AnyFileID))...)
	frames = addFrame(frames, public, related(createOp("docs"), notifyOp())...)
	frames = addFrame(frames, public, untreeOp(), echoOp(), logoffOp())
	served := func(fill byte) []byte {
		var in bytes.Reader
		var out bytes.Buffer
		p := template.again(t, &in, &out)
		h.registry.remove(p.session)
		p.session.id = template.session.id // so that both answers are the same
		p.server.scratches = scratchPool{}
		for range 8 {
			s := p.server.scratches.get()
			for _, b := range []*[]byte{&s.in, &s.plain, &s.sealed, &s.chain.reply.out} {
				*b = bytes.Repeat([]byte{fill}, 32<<10)[:0]
			}
			p.server.scratches.put(s)
		}
		in.Reset(script(frames, p))
		for p.next() {
		}
		p.cleanUp()
		return out.Bytes()
	}
	first, second := served(0x00), served(0xEE)
	if len(first) < 2000 || !bytes.Equal(first, second) {
		t.Errorf("answers of %d and %d bytes differ with what the buffers held", len(first), len(second))
	}
}

func TestScratchesForgetWhatIsLarge(t *testing.T) {
	var p scratchPool
	s := p.get()
	s.in = make([]byte, 2*keptBuffer)
	s.chain.reply.out = make([]byte, 2*keptBuffer)
	s.chain.hasFile = true
	p.put(s)
	if s.in != nil || s.chain.reply.out != nil || s.chain.hasFile {
		t.Errorf("a scratch given back holds %d and %d bytes, %v", cap(s.in), cap(s.chain.reply.out), s.chain.hasFile)
	}
}
