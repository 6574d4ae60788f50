package smbd

import (
	"slices"

	"dfsd/internal/smb2"
	"dfsd/referral/dfsc"
)

// ioctl serves control codes (3.3.5.15): those of the connection here, the
// others by the open that they name.
func (c *conn) ioctl(s *scratch, r *request) error {
	q, err := smb2.ParseIoctlRequest(r.msg)
	if err != nil {
		return err
	}
	if q.Flags != smb2.IoctlIsFSCTL {
		return smb2.StatusNotSupported
	}
	if err := c.checkIoctlSize(r, &q); err != nil {
		return err
	}
	switch q.CtlCode {
	case dfsc.FSCTLGetReferrals, dfsc.FSCTLGetReferralsEx:
		return c.giveReferral(s, r, &q)
	case smb2.FSCTLValidateNegotiateInfo:
		return c.validateNegotiate(r, &q)
	case smb2.FSCTLQueryNetworkInterfaceInfo, smb2.FSCTLPipeWait:
		return smb2.StatusNotSupported
	}
	return c.ioctlOnOpen(r, &q)
}

// checkIoctlSize is checkSize for what goes either way: input and output count
// together.
func (c *conn) checkIoctlSize(r *request, q *smb2.IoctlRequest) error {
	most := c.terms.maxTransact
	input := uint32(len(q.Input))
	if input > most || q.OutputCount > most || q.MaxInputResponse > most || q.MaxOutputResponse > most {
		return smb2.StatusInvalidParameter
	}
	if !c.terms.largeMTU() {
		return nil
	}
	longest := max(input+q.OutputCount, q.MaxInputResponse+q.MaxOutputResponse)
	if longest > 0 && (longest-1)/65536+1 > uint32(max(r.header.CreditCharge, 1)) {
		return smb2.StatusInvalidParameter
	}
	return nil
}

func (c *conn) ioctlOnOpen(r *request, q *smb2.IoctlRequest) error {
	o, err := c.openOf(r, q.FileID)
	if err != nil {
		return err
	}
	out, err := o.file.Ioctl(q.CtlCode, q.Input, q.MaxOutputResponse)
	switch {
	case partial(err, out):
		r.warn(err)
	case err != nil:
		return err
	}
	answer(r, smb2.IoctlResponse{CtlCode: q.CtlCode, FileID: o.id, Output: out})
	return nil
}

// validateNegotiate tells the client, under a signature, what NEGOTIATE said
// (3.3.5.15.12). Where the two disagree, somebody between them has changed the
// one or the other, and the connection ends.
func (c *conn) validateNegotiate(r *request, q *smb2.IoctlRequest) error {
	t := &c.terms
	v, err := smb2.ParseValidateNegotiateRequest(q.Input)
	same := err == nil && t.dialect != smb2.Dialect311 && v.GUID == t.clientGUID &&
		v.Capabilities == t.clientCaps && v.SecurityMode == t.clientMode && slices.Equal(v.Dialects, t.offered)
	if !same || q.MaxOutputResponse < smb2.ValidateNegotiateResponseSize {
		c.server.metrics.rejected[rejectValidateNegotiate].Inc()
		return hangUp("negotiate is not what the client sent")
	}
	p := smb2.ValidateNegotiateResponse{
		Capabilities: t.serverCaps, GUID: c.server.guid, SecurityMode: c.securityMode(), Dialect: t.dialect,
	}
	r.prove = true
	answer(r, smb2.IoctlResponse{CtlCode: q.CtlCode, FileID: q.FileID, Output: p.Append(nil)})
	return nil
}
