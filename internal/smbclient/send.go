package smbclient

import (
	"context"
	"fmt"

	"dfsd/internal/smb2"
)

// request is what is remembered of a request until its answer.
type request struct {
	command smb2.Command
	signed  bool
	sealed  bool
	linked  bool              // another request follows in its frame
	asyncID uint64            // of the interim answer; 0: none came
	preauth *smb2.PreauthHash // takes the request in; nil: none does
}

const (
	processID   = 0xFEFF   // what every client says
	creditUnit  = 64 << 10 // bytes of payload that one credit pays
	flushAt     = 32 << 10 // bytes of queued frames that are written at once
	frameRoom   = 4 << 10  // first capacity of the queue
	afterHeader = smb2.FrameHeaderSize + smb2.TransformHeaderSize
)

// Send queues one request and returns its message id. Of h the caller sets
// Command, TreeID and Flags, where FlagSigned demands a signature that the
// session would not; the rest is filled in. Receive writes what is queued, as
// does Flush. ErrNoCredits means that answers must be received first. A CANCEL
// goes by the MessageID in h, or by its AsyncID with FlagAsync, costs nothing
// and has no answer.
func (c *Conn) Send(ctx context.Context, h smb2.Header, body smb2.Body) (messageID uint64, err error) {
	return c.send(ctx, h, body, nil)
}

// send is Send, which also takes the request into a pre-authentication hash.
func (c *Conn) send(ctx context.Context, h smb2.Header, body smb2.Body, preauth *smb2.PreauthHash) (messageID uint64, err error) {
	if c.broken != nil {
		return 0, c.broken
	}
	r := request{command: h.Command, preauth: preauth}
	if h.Command != smb2.CommandCancel {
		charge := c.charge(body)
		if charge > c.credits {
			return 0, fmt.Errorf("%w: needs %d, has %d", ErrNoCredits, charge, c.credits)
		}
		h.MessageID = c.nextID
		c.spend(&h, charge)
	}
	if err := c.enqueue(h, body, &r); err != nil {
		return 0, c.fail(ctx, err)
	}
	if h.Command != smb2.CommandCancel {
		c.due[h.MessageID] = r
	}
	if len(c.out) >= flushAt {
		return h.MessageID, c.Flush(ctx)
	}
	return h.MessageID, nil
}

// spend takes a request's credits, and asks for as many as are missing.
func (c *Conn) spend(h *smb2.Header, charge int) {
	c.credits -= charge
	c.nextID += uint64(charge)
	if c.multiCredit() {
		h.CreditCharge = uint16(charge)
	}
	h.Credits = uint16(max(charge, c.o.Credits-c.credits-len(c.due)))
}

// multiCredit reports whether a request may cost more than one credit
// (3.2.4.1.5).
func (c *Conn) multiCredit() bool {
	return c.negotiated.Dialect >= smb2.Dialect210 && c.negotiated.Capabilities.Has(smb2.CapLargeMTU)
}

// charge is what a request costs: one credit for each 64 KiB of what it sends
// or of what it lets the server answer, whichever is more.
func (c *Conn) charge(body smb2.Body) int {
	if !c.multiCredit() {
		return 1
	}
	sent, back := 0, uint32(0)
	switch q := body.(type) {
	case smb2.IoctlRequest:
		sent, back = len(q.Input), q.MaxOutputResponse
	case smb2.QueryDirectoryRequest:
		back = q.OutputLength
	case smb2.QueryInfoRequest:
		sent, back = len(q.Input), q.OutputLength
	case smb2.ReadRequest:
		back = q.Length
	case smb2.WriteRequest:
		sent = len(q.Data)
	}
	most := max(uint64(sent), uint64(back), 1)
	return int((most-1)/creditUnit) + 1
}

// enqueue appends the frame of one request to the queue, signed or sealed as
// the session and the tree demand.
func (c *Conn) enqueue(h smb2.Header, body smb2.Body, r *request) error {
	h.ProcessID = processID
	if c.session != nil { // else that of a log-on under way
		h.SessionID = c.session.id
	}
	p := c.protection(h)
	r.signed, r.sealed = p.signed, p.sealed
	h.Flags &^= smb2.FlagSigned
	if c.out == nil {
		c.out = make([]byte, 0, frameRoom)
	}
	if r.sealed {
		return c.enqueueSealed(h, body)
	}
	start := len(c.out)
	c.out = smb2.AppendMessage(smb2.AppendFrameHeader(c.out), h, body)
	msg := c.out[start+smb2.FrameHeaderSize:]
	if r.signed {
		c.session.signer.Sign(msg)
	}
	if r.preauth != nil {
		r.preauth.Update(msg)
	}
	return smb2.PutFrameLength(c.out[start:])
}

// protection is how a request with the header h is to go out, as the session
// and the tree demand.
func (c *Conn) protection(h smb2.Header) (r request) {
	if s := c.session; s != nil {
		r.sealed = s.sealer != nil && (s.mustSeal || c.sealed[h.TreeID])
		r.signed = s.signer != nil && !r.sealed && (s.mustSign || h.Flags.Has(smb2.FlagSigned))
	}
	return r
}

// enqueueSealed lays the request out where its ciphertext will be.
func (c *Conn) enqueueSealed(h smb2.Header, body smb2.Body) error {
	start := len(c.out)
	c.out = append(c.out, make([]byte, afterHeader)...)
	c.out = smb2.AppendMessage(c.out, h, body)
	var err error
	c.out, err = c.session.sealer.Seal(c.out[:start+smb2.FrameHeaderSize], c.out[start+afterHeader:], c.session.id)
	if err != nil {
		return err
	}
	return smb2.PutFrameLength(c.out[start:])
}

// Flush writes what is queued.
func (c *Conn) Flush(ctx context.Context) error {
	if c.broken != nil {
		return c.broken
	}
	defer c.arm(ctx)()
	return c.flush(ctx)
}

// flush is Flush under an armed context.
func (c *Conn) flush(ctx context.Context) error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		return c.fail(ctx, fmt.Errorf("send: %w", bare(err)))
	}
	return nil
}

// SendFrame writes payload as one frame, unchanged behind its transport
// header. Nothing is remembered of it; ReceiveFrame reads what comes back.
func (c *Conn) SendFrame(ctx context.Context, payload []byte) error {
	if c.broken != nil {
		return c.broken
	}
	start := len(c.out)
	c.out = append(smb2.AppendFrameHeader(c.out), payload...)
	if err := smb2.PutFrameLength(c.out[start:]); err != nil {
		c.out = c.out[:start]
		return err
	}
	return c.Flush(ctx)
}
