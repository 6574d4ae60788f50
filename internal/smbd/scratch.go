package smbd

import (
	"sync"

	"dfsd/internal/smb2"
	"dfsd/referral"
)

// scratch is what serving one frame needs. A connection holds one only from the
// arrival of a frame until its answer is written, so that idle ones cost no
// buffers.
type scratch struct {
	in     []byte // the frame as it came
	plain  []byte // the frame decrypted
	sealed []byte // the answer encrypted
	chain  chain
	ref    referral.Referral
}

// scratchPool keeps scratches for reuse. The zero value is ready.
type scratchPool struct{ pool sync.Pool }

// Bounds on what a scratch may hold on to while unused.
const (
	firstBuffer = 4 << 10
	keptBuffer  = 128 << 10
	keptTargets = 1024
)

func (p *scratchPool) get() *scratch {
	if s, ok := p.pool.Get().(*scratch); ok {
		return s
	}
	return &scratch{in: make([]byte, 0, firstBuffer)}
}

// put gives s back; nothing that it holds may be used any more.
func (p *scratchPool) put(s *scratch) {
	for _, b := range []*[]byte{&s.in, &s.plain, &s.sealed, &s.chain.reply.out} {
		if cap(*b) > keptBuffer {
			*b = nil
		}
		*b = (*b)[:0]
	}
	if cap(s.ref.Targets) > keptTargets || cap(s.ref.Excluded) > keptTargets {
		s.ref = referral.Referral{}
	}
	s.chain = chain{reply: reply{out: s.chain.reply.out}}
	p.pool.Put(s)
}

// reply is the frame that answers a frame: room for the transport header, then
// the operations (3.3.4.1.3). The zero value is empty.
type reply struct {
	out []byte
	// start is where the operation being written begins; 0: there is none yet.
	start int
	// signer signs that operation once it is known whether another follows; nil:
	// it stays unsigned.
	signer *smb2.Signer
}

// begin starts an operation with the room for its header. The one before it is
// padded and signed.
func (r *reply) begin() {
	if r.start != 0 {
		r.out = smb2.LinkNext(r.out, r.start)
		r.sign()
	} else {
		r.out = smb2.AppendFrameHeader(r.out[:0])
	}
	r.start = len(r.out)
	r.out = append(r.out, blankHeader[:]...)
}

var blankHeader [smb2.HeaderSize]byte

// message is the operation being written.
func (r *reply) message() []byte { return r.out[r.start:] }

// drop takes the only operation back, so that there is no answer.
func (r *reply) drop() { r.out, r.start = r.out[:0], 0 }

// clearBody takes back what was written of the body.
func (r *reply) clearBody() { r.out = r.out[:r.start+smb2.HeaderSize] }

// head writes the header h over its room.
func (r *reply) head(h smb2.Header) { h.Append(r.out[:r.start]) }

// end signs the last operation and reports whether there is any.
func (r *reply) end() bool {
	if r.start == 0 {
		return false
	}
	r.sign()
	return true
}

func (r *reply) sign() {
	if r.signer != nil {
		r.signer.Sign(r.message())
	}
	r.signer = nil
}
