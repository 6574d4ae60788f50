package smbclient

import (
	"context"
	"fmt"

	"dfsd/internal/smb2"
)

// SendTreeConnect queues a TREE_CONNECT to unc, `\\host\share`, and returns its
// message id; Receive brings the answer, for AcceptTree. Unlike TreeConnect it
// is never followed by VALIDATE_NEGOTIATE_INFO: below 3.1.1 a session's first
// tree should come from TreeConnect.
func (c *Conn) SendTreeConnect(ctx context.Context, unc string) (messageID uint64, err error) {
	h := smb2.Header{Command: smb2.CommandTreeConnect}
	if c.negotiated.Dialect == smb2.Dialect311 {
		h.Flags = smb2.FlagSigned
	}
	return c.Send(ctx, h, smb2.TreeConnectRequest{Path: unc})
}

// AcceptTree makes the tree of an answer to SendTreeConnect. The error is a
// *StatusError where the server refuses, and the connection goes on.
func (c *Conn) AcceptTree(ctx context.Context, h smb2.Header, msg []byte) (*Tree, error) {
	if h.Status != smb2.StatusSuccess {
		return nil, c.statusError(ctx, h, msg)
	}
	p, err := smb2.ParseTreeConnectResponse(msg)
	if err != nil {
		return nil, c.fail(ctx, breaks("%v", err))
	}
	t := &Tree{c: c, id: h.TreeID, info: p}
	if err := c.sealTree(t); err != nil {
		return nil, c.fail(ctx, err)
	}
	return t, nil
}

// SendTouch queues a CREATE and the CLOSE of what it opens, in one compound
// (3.2.4.1.4), and returns the message id of the CREATE; that of the CLOSE is
// the next. Receive brings both answers, which go to AcceptTouch. It costs two
// credits; ErrNoCredits means that nothing was queued.
func (t *Tree) SendTouch(ctx context.Context, q smb2.CreateRequest) (messageID uint64, err error) {
	c := t.c
	if c.broken != nil {
		return 0, c.broken
	}
	if c.credits < 2 {
		return 0, fmt.Errorf("%w: needs 2, has %d", ErrNoCredits, c.credits)
	}
	var h [2]smb2.Header
	for i, command := range []smb2.Command{smb2.CommandCreate, smb2.CommandClose} {
		h[i] = smb2.Header{Command: command, TreeID: t.id, ProcessID: processID, MessageID: c.nextID, SessionID: c.SessionID()}
		c.spend(&h[i], 1)
	}
	h[1].Flags = smb2.FlagRelated
	r := c.protection(h[0])
	if err := c.enqueuePair(h, q, smb2.CloseRequest{FileID: smb2.AnyFileID}, r); err != nil {
		return 0, c.fail(ctx, err)
	}
	for i, linked := range []bool{true, false} {
		r.command, r.linked = h[i].Command, linked
		c.due[h[i].MessageID] = r
	}
	if len(c.out) >= flushAt {
		return h[0].MessageID, c.Flush(ctx)
	}
	return h[0].MessageID, nil
}

// enqueuePair appends the frame of two linked requests to the queue. Each is
// signed by itself; both are encrypted as one.
func (c *Conn) enqueuePair(h [2]smb2.Header, create smb2.CreateRequest, closing smb2.CloseRequest, r request) (err error) {
	if c.out == nil {
		c.out = make([]byte, 0, frameRoom)
	}
	start := len(c.out)
	c.out = smb2.AppendFrameHeader(c.out)
	if r.sealed {
		c.out = append(c.out, make([]byte, smb2.TransformHeaderSize)...)
	}
	first := len(c.out)
	c.out = smb2.LinkNext(smb2.AppendMessage(c.out, h[0], create), first)
	second := len(c.out)
	c.out = smb2.AppendMessage(c.out, h[1], closing)
	switch {
	case r.sealed:
		c.out, err = c.session.sealer.Seal(c.out[:start+smb2.FrameHeaderSize], c.out[start+afterHeader:], c.session.id)
		if err != nil {
			return err
		}
	case r.signed:
		c.session.signer.Sign(c.out[first:second])
		c.session.signer.Sign(c.out[second:])
	}
	return smb2.PutFrameLength(c.out[start:])
}

// AcceptTouch judges an answer to one half of a SendTouch: nil, a *StatusError,
// or what ended the connection.
func (c *Conn) AcceptTouch(ctx context.Context, h smb2.Header, msg []byte) error {
	if h.Status.IsError() {
		return c.statusError(ctx, h, msg)
	}
	if h.Status != smb2.StatusSuccess {
		return &StatusError{Command: h.Command, Status: h.Status}
	}
	var err error
	if h.Command == smb2.CommandCreate {
		_, err = smb2.ParseCreateResponse(msg)
	} else {
		_, err = smb2.ParseCloseResponse(msg)
	}
	if err != nil {
		return c.fail(ctx, breaks("%v", err))
	}
	return nil
}
