package smbclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"

	"dfsd/internal/smb2"
)

// notKnown are the answers of a server that knows no dialect from 3.0 on, and so
// no VALIDATE_NEGOTIATE_INFO. It signs them; a status that is believed without
// a signature must not be among them.
var notKnown = []smb2.Status{
	smb2.StatusNotSupported, smb2.StatusInvalidDeviceRequest, smb2.StatusFileClosed, smb2.StatusFSDriverRequired,
}

// validateNegotiate asks the server over a signed request what it remembers of
// the NEGOTIATE, so that nobody can have talked the two down (3.2.5.5). 3.1.1
// has its pre-authentication hash instead; a session without keys cannot ask.
func (c *Conn) validateNegotiate(ctx context.Context, t *Tree) error {
	s := c.session
	if c.validated || c.negotiated.Dialect == smb2.Dialect311 || !c.o.offers3x() || s == nil || s.signer == nil {
		return nil
	}
	out, err := t.ioctl(ctx, smb2.FlagSigned, smb2.IoctlRequest{
		CtlCode: smb2.FSCTLValidateNegotiateInfo, FileID: smb2.AnyFileID, Flags: smb2.IoctlIsFSCTL,
		MaxOutputResponse: smb2.ValidateNegotiateResponseSize,
		Input: smb2.ValidateNegotiateRequest{
			Capabilities: c.offer.Capabilities, GUID: c.offer.ClientGUID,
			SecurityMode: c.offer.SecurityMode, Dialects: c.offer.Dialects,
		}.Append(nil),
	})
	var status *StatusError
	switch {
	case errors.As(err, &status) && !c.negotiated.Dialect.Is3x() && slices.Contains(notKnown, status.Status):
		c.validated = true
		return nil
	case errors.As(err, &status):
		return c.fail(ctx, errors.Join(ErrDowngrade, err))
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
		// So servers answer a question about a NEGOTIATE that they have not
		// seen (3.3.5.15.12).
		c.broken = fmt.Errorf("%w: server hangs up at VALIDATE_NEGOTIATE_INFO: %w", ErrDowngrade, err)
		return c.broken
	case err != nil:
		return err
	}
	p, err := smb2.ParseValidateNegotiateResponse(out)
	if err != nil {
		return c.fail(ctx, breaks("%v", err))
	}
	n := c.negotiated
	if p != (smb2.ValidateNegotiateResponse{Capabilities: n.Capabilities, GUID: n.ServerGUID, SecurityMode: n.SecurityMode, Dialect: n.Dialect}) {
		return c.fail(ctx, ErrDowngrade)
	}
	c.validated = true
	return nil
}
