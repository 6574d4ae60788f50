package smbclient

import (
	"context"

	"dfsd/internal/smb2"
	"dfsd/referral/dfsc"
)

// Referral asks for the referral of path, `\host\namespace\…`, with entries of
// version level at most, in no more than room bytes. The answer is a copy, for
// dfsc.ParseResponse. t is any tree, by custom that of IPC$.
func (c *Conn) Referral(ctx context.Context, t *Tree, path string, level uint16, room uint32) ([]byte, error) {
	return t.Ioctl(ctx, ReferralRequest(dfsc.Request{MaxLevel: level, Path: path}, room))
}

// ReferralEx is Referral as a client that knows its site asks.
func (c *Conn) ReferralEx(ctx context.Context, t *Tree, path, site string, level uint16, room uint32) ([]byte, error) {
	return t.Ioctl(ctx, ReferralRequest(dfsc.Request{MaxLevel: level, Path: path, Site: site, HasSite: true}, room))
}

// ReferralRequest is the body of a referral request, in the EX form where q has
// a site.
func ReferralRequest(q dfsc.Request, room uint32) smb2.IoctlRequest {
	r := smb2.IoctlRequest{CtlCode: dfsc.FSCTLGetReferrals, FileID: smb2.AnyFileID, Flags: smb2.IoctlIsFSCTL, MaxOutputResponse: room}
	if q.HasSite {
		r.CtlCode = dfsc.FSCTLGetReferralsEx
		r.Input = q.AppendEx(nil)
	} else {
		r.Input = q.Append(nil)
	}
	return r
}
