package smbclient

import (
	"bytes"
	"context"
	"fmt"

	"dfsd/internal/smb2"
)

// Tree is a share that the session is connected to.
type Tree struct {
	c    *Conn
	id   uint32
	info smb2.TreeConnectResponse
}

// TreeConnect connects to the share unc, `\\host\share`. Under 3.1.1 the
// request is signed whatever was agreed on; before it, where a dialect from 3.0
// on was on offer, the first one is followed by VALIDATE_NEGOTIATE_INFO.
func (c *Conn) TreeConnect(ctx context.Context, unc string) (*Tree, error) {
	h := smb2.Header{Command: smb2.CommandTreeConnect}
	if c.negotiated.Dialect == smb2.Dialect311 {
		h.Flags = smb2.FlagSigned
	}
	h, msg, err := c.call(ctx, h, smb2.TreeConnectRequest{Path: unc})
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", unc, err)
	}
	p, err := smb2.ParseTreeConnectResponse(msg)
	if err != nil {
		return nil, c.fail(ctx, breaks("%v", err))
	}
	t := &Tree{c: c, id: h.TreeID, info: p}
	if err := c.sealTree(t); err != nil {
		return nil, c.fail(ctx, err)
	}
	if err := c.validateNegotiate(ctx, t); err != nil {
		return nil, err
	}
	return t, nil
}

// sealTree encrypts what a share demands to have encrypted.
func (c *Conn) sealTree(t *Tree) error {
	delete(c.sealed, t.id)
	if t.info.Flags&smb2.ShareFlagEncryptData == 0 {
		return nil
	}
	if c.session == nil || c.session.sealer == nil {
		return fmt.Errorf("%w: the share demands encryption, and no cipher was agreed on", ErrUnprotected)
	}
	c.sealed[t.id] = true
	return nil
}

// ID returns the tree's id.
func (t *Tree) ID() uint32 { return t.id }

// Info returns what the server says about the share.
func (t *Tree) Info() smb2.TreeConnectResponse { return t.info }

// Disconnect gives the tree back.
func (t *Tree) Disconnect(ctx context.Context) error {
	_, msg, err := t.call(ctx, smb2.CommandTreeDisconnect, 0, smb2.TreeDisconnectRequest{})
	if err != nil {
		return err
	}
	delete(t.c.sealed, t.id)
	if _, err := smb2.ParseTreeDisconnectResponse(msg); err != nil {
		return t.c.fail(ctx, breaks("%v", err))
	}
	return nil
}

// Create opens a file, folder or pipe. flags go into the header: FlagDFS for a
// name that begins with host and share. The answer's contexts are good until
// the connection's next call.
func (t *Tree) Create(ctx context.Context, flags smb2.Flags, q smb2.CreateRequest) (smb2.CreateResponse, error) {
	_, msg, err := t.call(ctx, smb2.CommandCreate, flags, q)
	if err != nil {
		return smb2.CreateResponse{}, err
	}
	p, err := smb2.ParseCreateResponse(msg)
	if err != nil {
		return p, t.c.fail(ctx, breaks("%v", err))
	}
	return p, nil
}

// Close gives an open back.
func (t *Tree) Close(ctx context.Context, id smb2.FileID) error {
	_, msg, err := t.call(ctx, smb2.CommandClose, 0, smb2.CloseRequest{FileID: id})
	if err != nil {
		return err
	}
	if _, err := smb2.ParseCloseResponse(msg); err != nil {
		return t.c.fail(ctx, breaks("%v", err))
	}
	return nil
}

// QueryDirectory lists a folder; the bytes are entries of the class asked for,
// a copy. At the end of the folder the error is smb2.StatusNoMoreFiles.
func (t *Tree) QueryDirectory(ctx context.Context, q smb2.QueryDirectoryRequest) ([]byte, error) {
	q.OutputLength = t.c.room(q.OutputLength)
	_, msg, err := t.call(ctx, smb2.CommandQueryDirectory, 0, q)
	return t.c.output(ctx, msg, err, q.OutputLength, func(msg []byte) ([]byte, error) {
		p, err := smb2.ParseQueryDirectoryResponse(msg)
		return p.Output, err
	})
}

// QueryInfo asks about an open; the bytes are of the class asked for, a copy.
// With smb2.StatusBufferOverflow they are its beginning.
func (t *Tree) QueryInfo(ctx context.Context, q smb2.QueryInfoRequest) ([]byte, error) {
	q.OutputLength = t.c.room(q.OutputLength)
	_, msg, err := t.call(ctx, smb2.CommandQueryInfo, 0, q)
	return t.c.output(ctx, msg, err, q.OutputLength, func(msg []byte) ([]byte, error) {
		p, err := smb2.ParseQueryInfoResponse(msg)
		return p.Output, err
	})
}

// Ioctl asks for a control operation and returns a copy of its output.
func (t *Tree) Ioctl(ctx context.Context, q smb2.IoctlRequest) ([]byte, error) {
	return t.ioctl(ctx, 0, q)
}

func (t *Tree) ioctl(ctx context.Context, flags smb2.Flags, q smb2.IoctlRequest) ([]byte, error) {
	q.MaxOutputResponse = t.c.room(q.MaxOutputResponse)
	_, msg, err := t.call(ctx, smb2.CommandIoctl, flags, q)
	if msg != nil && err != nil && isErrorBody(msg) {
		msg = nil // a warning without output, such as a referral that does not fit
	}
	return t.c.output(ctx, msg, err, q.MaxOutputResponse, func(msg []byte) ([]byte, error) {
		p, err := smb2.ParseIoctlResponse(msg)
		if err == nil && p.CtlCode != q.CtlCode {
			err = fmt.Errorf("control code %#x, want %#x", p.CtlCode, q.CtlCode)
		}
		return p.Output, err
	})
}

func (t *Tree) call(ctx context.Context, command smb2.Command, flags smb2.Flags, body smb2.Body) (smb2.Header, []byte, error) {
	return t.c.call(ctx, smb2.Header{Command: command, Flags: flags, TreeID: t.id}, body)
}

// room is how much output may be asked for, so that neither the server's bound
// nor our own is broken.
func (c *Conn) room(asked uint32) uint32 {
	const overhead = 256 // headers of an answer, at most
	return min(asked, max(c.negotiated.MaxTransact, creditUnit), uint32(c.o.MaxFrame-overhead))
}

// output copies the output of an answer, which is there beside a warning too.
func (c *Conn) output(ctx context.Context, msg []byte, failed error, most uint32, parse func([]byte) ([]byte, error)) ([]byte, error) {
	if msg == nil {
		return nil, failed
	}
	out, err := parse(msg)
	if err == nil && uint64(len(out)) > uint64(most) {
		err = fmt.Errorf("output of %d bytes, most is %d", len(out), most)
	}
	if err != nil {
		return nil, c.fail(ctx, breaks("%v", err))
	}
	return bytes.Clone(out), failed
}

func isErrorBody(msg []byte) bool {
	_, err := smb2.ParseErrorResponse(msg)
	return err == nil
}
