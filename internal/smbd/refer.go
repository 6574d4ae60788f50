package smbd

import (
	"encoding/binary"
	"errors"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/smb2"
	"dfsd/referral"
	"dfsd/referral/dfsc"
)

// inquiry is one referral request, from its bytes to its log line.
type inquiry struct {
	began time.Time
	ask   dfsc.Request
	ref   *referral.Referral
	given int // entries in the answer
	err   error
}

// giveReferral answers FSCTL_DFS_GET_REFERRALS and its extended form
// (3.3.5.15.2), on any tree. The answer is built where it is sent from.
func (c *conn) giveReferral(s *scratch, r *request, q *smb2.IoctlRequest) error {
	switch {
	case q.FileID != smb2.AnyFileID:
		return smb2.StatusInvalidParameter
	case c.server.refer == nil:
		return smb2.StatusFSDriverRequired
	}
	in := inquiry{began: time.Now(), ref: &s.ref}
	if q.CtlCode == dfsc.FSCTLGetReferralsEx {
		in.ask, in.err = dfsc.ParseRequestEx(q.Input)
	} else {
		in.ask, in.err = dfsc.ParseRequest(q.Input)
	}
	if in.err != nil {
		c.server.metrics.malformed[stageReferral].Inc()
	} else {
		ask := referral.Request{Path: in.ask.Path, Client: c.client, Site: in.ask.Site}
		in.err = c.server.refer(ask, in.ref)
	}
	if in.err == nil {
		in.err = in.encode(&r.chain.reply, q)
	}
	c.report(&in)
	return in.err
}

// encode appends the body of the answer: the referral in the level asked for,
// cut to what the client takes.
func (in *inquiry) encode(out *reply, q *smb2.IoctlRequest) error {
	out.out = smb2.AppendIoctlHead(out.out, q.CtlCode, q.FileID)
	start := len(out.out)
	b, err := dfsc.AppendResponse(out.out, in.ref, in.ask.MaxLevel, int(q.MaxOutputResponse))
	if err != nil {
		return err
	}
	out.out = b
	smb2.PutIoctlOutput(out.message(), len(b)-start)
	in.given = int(binary.LittleEndian.Uint16(b[start+2:]))
	return nil
}

// report counts the inquiry and writes its log line.
func (c *conn) report(in *inquiry) {
	took := time.Since(in.began)
	m := c.server.metrics
	m.referrals[in.kind()][min(in.ask.MaxLevel, levelCount-1)][in.outcome()].Inc()
	m.referralDuration.Observe(took.Seconds())
	if in.err == nil && !in.ref.IsRoot {
		m.siteMatches[in.siteMatch()].Inc()
	}
	if in.err == nil && in.given < len(in.ref.Targets) {
		m.referralsCut.Inc()
	}
	if line := c.server.log.Check(zap.DebugLevel, "referral"); line != nil {
		line.Write(in.fields(c, took)...)
	}
}

func (in *inquiry) kind() kind {
	switch {
	case errors.Is(in.err, referral.ErrDomainReferral):
		return kindDomain
	case errors.Is(in.err, referral.ErrDCReferral):
		return kindDC
	case in.err != nil && !errors.Is(in.err, dfsc.ErrBufferOverflow):
		return kindUnknown
	case in.ref.IsRoot:
		return kindRoot
	case in.ref.Interlink:
		return kindInterlink
	}
	return kindLink
}

func (in *inquiry) outcome() outcome {
	switch statusOf(in.err) {
	case smb2.StatusSuccess:
		if len(in.ref.Targets) == 0 {
			return outcomeEmpty
		}
		return outcomeOK
	case smb2.StatusNotFound:
		return outcomeNotFound
	case smb2.StatusInvalidParameter, smb2.StatusIllegalCharacter:
		return outcomeInvalid
	case smb2.StatusDFSUnavailable:
		return outcomeUnavailable
	case smb2.StatusBufferOverflow:
		return outcomeOverflow
	}
	return outcomeError
}

// siteMatch says how the site of the client counted in the order.
func (in *inquiry) siteMatch() siteMatch {
	ref := in.ref
	switch {
	case ref.Client.By == referral.ByNothing:
		return siteUnmapped
	case ref.Client.By == referral.ByDefault:
		return siteDefault
	case len(ref.Targets) > 0 && ref.Targets[0].Reason == referral.SameSite:
		return siteSame
	}
	return siteCosted
}

// fields are those of the log line. What came before an error is left out.
func (in *inquiry) fields(c *conn, took time.Duration) []zap.Field {
	fields := []zap.Field{
		zap.Stringer("client", c.client),
		zap.String("path", in.ask.Path),
		zap.Uint16("level", in.ask.MaxLevel),
		zap.Stringer("status", statusOf(in.err)),
		zap.Duration("duration", took),
	}
	if in.err != nil {
		return append(fields, zap.String("site", in.ask.Site), zap.Error(in.err))
	}
	ref := in.ref
	first := ""
	if len(ref.Targets) > 0 {
		first = ref.Targets[0].Path()
	}
	folder := ""
	if !ref.IsRoot {
		folder = ref.Link.Path()
	}
	return append(fields,
		zap.String("site", ref.SiteName(ref.Client.Site)),
		zap.String("namespace", ref.Root.Name()),
		zap.String("folder", folder),
		zap.Int("targets", in.given),
		zap.String("first_target", first))
}
