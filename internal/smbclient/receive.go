package smbclient

import (
	"context"
	"fmt"

	"dfsd/internal/smb2"
)

// Receive writes what is queued and returns the next answer, verified: its
// header, whose MessageID tells which request it answers, and the whole message
// from the header on. Its status may be an error. The message is good until the
// next call of the connection. Interim answers are not returned.
func (c *Conn) Receive(ctx context.Context) (smb2.Header, []byte, error) {
	if c.broken != nil {
		return smb2.Header{}, nil, c.broken
	}
	if len(c.due) == 0 {
		return smb2.Header{}, nil, ErrNothingDue
	}
	defer c.arm(ctx)()
	if err := c.flush(ctx); err != nil {
		return smb2.Header{}, nil, err
	}
	for {
		h, msg, err := c.readAnswer()
		if err != nil {
			return smb2.Header{}, nil, c.fail(ctx, err)
		}
		if msg != nil {
			return h, msg, nil
		}
	}
}

// Due is how many answers are due.
func (c *Conn) Due() int { return len(c.due) }

// Credits is how many credits may be spent now.
func (c *Conn) Credits() int { return c.credits }

// readAnswer reads one answer and settles its request. msg is nil for an
// interim answer.
func (c *Conn) readAnswer() (h smb2.Header, msg []byte, err error) {
	msg, sealed, err := c.readMessage()
	if err != nil {
		return h, nil, err
	}
	if h, err = smb2.ParseHeader(msg); err != nil {
		return h, nil, breaks("%v", err)
	}
	r, due := c.due[h.MessageID]
	if err := c.match(h, r, due); err != nil {
		return h, nil, err
	}
	interim := h.Status == smb2.StatusPending && h.Flags.Has(smb2.FlagAsync)
	if err := c.authenticate(h, msg, r, sealed, interim); err != nil {
		return h, nil, err
	}
	if c.credits += int(h.Credits); c.credits > maxCredits {
		c.credits = maxCredits
	}
	if !interim {
		delete(c.due, h.MessageID)
		return h, msg, nil
	}
	if r.asyncID != 0 || h.AsyncID == 0 {
		return h, nil, breaks("%v has a second interim answer, or one without an id", h.Command)
	}
	r.asyncID = h.AsyncID
	c.due[h.MessageID] = r
	return h, nil, nil
}

// readMessage returns the next answer: of the last frame, or of a new one.
func (c *Conn) readMessage() (msg []byte, sealed bool, err error) {
	if !c.more {
		if msg, c.opened, err = c.readFrame(); err != nil {
			return nil, false, err
		}
		c.answers = smb2.SplitCompound(msg)
	}
	if !c.answers.Next() {
		return nil, false, breaks("%v", c.answers.Err())
	}
	c.more = !c.answers.Last()
	return c.answers.Message(), c.opened, nil
}

// readFrame reads one frame and decrypts it where it is encrypted.
func (c *Conn) readFrame() (msg []byte, sealed bool, err error) {
	limit := c.o.MaxFrame
	if c.session == nil {
		limit = min(limit, maxLogonFrame)
	}
	frame, err := smb2.ReadFrame(c.in, &c.header, c.frame, limit)
	if err != nil {
		return nil, false, fmt.Errorf("receive: %w", bare(err))
	}
	c.frame = frame
	switch smb2.FrameKindOf(frame) {
	case smb2.FramePlain:
		return frame, false, nil
	case smb2.FrameEncrypted:
		msg, err := c.open(frame)
		return msg, true, err
	}
	return nil, false, breaks("frame that begins with %.4X", frame)
}

func (c *Conn) open(frame []byte) ([]byte, error) {
	if c.session == nil || c.session.opener == nil {
		return nil, breaks("encrypted frame in a session without keys")
	}
	t, err := smb2.ParseTransformHeader(frame)
	if err != nil {
		return nil, breaks("%v", err)
	}
	if t.SessionID != c.session.id {
		return nil, breaks("encrypted frame of session %#x, ours is %#x", t.SessionID, c.session.id)
	}
	if c.plain, err = c.session.opener.Open(c.plain[:0], frame); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return c.plain, nil
}

// match checks that h answers the request r, which is due.
func (c *Conn) match(h smb2.Header, r request, due bool) error {
	switch {
	case !h.IsResponse() || h.NextCommand != 0 && !r.linked:
		return breaks("%v is a request or a compound", h.Command)
	case !due:
		return breaks("answer to %v with message id %d, which is not due", h.Command, h.MessageID)
	case h.Command != r.command:
		return breaks("answer to %v for a request of %v", h.Command, r.command)
	case c.session != nil && h.SessionID != c.session.id:
		return breaks("answer for session %#x, ours is %#x", h.SessionID, c.session.id)
	case h.Flags.Has(smb2.FlagAsync) && r.asyncID != 0 && h.AsyncID != r.asyncID:
		return breaks("answer with async id %#x, the interim one had %#x", h.AsyncID, r.asyncID)
	}
	return nil
}

// authenticate checks that an answer is protected as its request was
// (3.2.5.1.3). Interim answers may come unsigned. A server that has lost the
// session has no key to say so with; believing it costs no more than a closed
// connection would.
func (c *Conn) authenticate(h smb2.Header, msg []byte, r request, sealed, interim bool) error {
	if sealed || c.session == nil {
		return nil
	}
	switch signed := h.Flags.Has(smb2.FlagSigned) && c.session.signer != nil; {
	case h.Status == smb2.StatusUserSessionDeleted && !signed:
		return nil
	case r.sealed:
		return fmt.Errorf("%w: %v comes in clear", ErrSignature, h.Command)
	case signed && !c.session.signer.Verify(msg):
		return fmt.Errorf("%w: signature of %v", ErrSignature, h.Command)
	case !signed && r.signed && !interim:
		return fmt.Errorf("%w: %v with status %#x is not signed", ErrSignature, h.Command, uint32(h.Status))
	}
	return nil
}

// ReceiveFrame reads one frame as it comes, whatever it holds. The slice is
// good until the next call of the connection.
func (c *Conn) ReceiveFrame(ctx context.Context) ([]byte, error) {
	if c.broken != nil {
		return nil, c.broken
	}
	defer c.arm(ctx)()
	c.more = false // what is left of the last frame is overwritten
	frame, err := smb2.ReadFrame(c.in, &c.header, c.frame, c.o.MaxFrame)
	if err != nil {
		return nil, c.fail(ctx, fmt.Errorf("receive: %w", bare(err)))
	}
	c.frame = frame
	return frame, nil
}

// RoundTrip sends one request and returns its answer, as Send and Receive
// would. No other answer may be due.
func (c *Conn) RoundTrip(ctx context.Context, h smb2.Header, body smb2.Body) (smb2.Header, []byte, error) {
	return c.roundTrip(ctx, h, body, nil)
}

// roundTrip is RoundTrip, which also takes the request into a
// pre-authentication hash.
func (c *Conn) roundTrip(ctx context.Context, h smb2.Header, body smb2.Body, preauth *smb2.PreauthHash) (smb2.Header, []byte, error) {
	if c.broken != nil {
		return smb2.Header{}, nil, c.broken
	}
	if len(c.due) > 0 {
		return smb2.Header{}, nil, ErrOutstanding
	}
	if _, err := c.send(ctx, h, body, preauth); err != nil {
		return smb2.Header{}, nil, err
	}
	return c.Receive(ctx)
}

// call is RoundTrip for callers that want nothing but success.
func (c *Conn) call(ctx context.Context, h smb2.Header, body smb2.Body) (smb2.Header, []byte, error) {
	h, msg, err := c.roundTrip(ctx, h, body, nil)
	if err != nil {
		return h, nil, err
	}
	if h.Status.IsError() {
		return h, nil, c.statusError(ctx, h, msg)
	}
	if h.Status != smb2.StatusSuccess {
		return h, msg, &StatusError{Command: h.Command, Status: h.Status}
	}
	return h, msg, nil
}

// statusError makes the error of an answer that failed, whose body must be an
// error body.
func (c *Conn) statusError(ctx context.Context, h smb2.Header, msg []byte) error {
	if _, err := smb2.ParseErrorResponse(msg); err != nil {
		return c.fail(ctx, breaks("%v", err))
	}
	return &StatusError{Command: h.Command, Status: h.Status}
}
