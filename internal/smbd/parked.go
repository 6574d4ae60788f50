package smbd

import (
	"slices"
	"time"

	"dfsd/internal/smb2"
)

// parked is a request that waits: for an event, or for its answer to be due.
type parked struct {
	header  smb2.Header
	asyncID uint64 // 0: the client has had no interim answer
	// session and open are whose request it is; open is nil for a log-on.
	session *session
	open    *open
	// signer signs the answer, sealed encrypts it; neither: it goes as it is.
	signer *smb2.Signer
	sealed bool
	// read is the READ of a pipe that waits for data.
	read *smb2.ReadRequest
	// due answers a failed log-on.
	due *time.Timer
}

// park keeps r waiting for an event of o, and returns errParked; or it refuses
// since too many wait already. A request in the middle of a chain cannot wait,
// since those after it want its outcome.
func (c *conn) park(r *request, o *open, read *smb2.ReadRequest) error {
	if !r.last {
		return smb2.StatusInternalError
	}
	if len(c.parked) >= c.server.limits.Parked {
		return c.reject(rejectParked, smb2.StatusInsufficientResources)
	}
	c.lastAsync++
	c.addParked(&parked{
		header: r.header, asyncID: c.lastAsync, session: r.session, open: o,
		signer: c.signerOf(r), sealed: r.sealed, read: read,
	})
	return errParked
}

func (c *conn) addParked(p *parked) {
	c.parked = append(c.parked, p)
	c.server.metrics.parked.Inc()
	c.countParked(p, 1)
}

func (c *conn) countParked(p *parked, n int) {
	switch {
	case p.read != nil:
		c.parkedReads += n
	case p.open != nil:
		c.watches.Add(int32(n))
	}
}

// unpark takes p off the list and reports whether it was there.
func (c *conn) unpark(p *parked) bool {
	i := slices.Index(c.parked, p)
	if i < 0 {
		return false
	}
	if c.parked = slices.Delete(c.parked, i, i+1); len(c.parked) == 0 {
		c.parked = nil
	}
	c.server.metrics.parked.Dec()
	c.countParked(p, -1)
	return true
}

// complete answers p, which is on the list, with status and body (3.3.4.4). The
// credits were granted with the interim answer. Where writing fails, the
// connection's goroutine sees it closed.
func (c *conn) complete(p *parked, status smb2.Status, body smb2.Body) {
	if !c.unpark(p) {
		return
	}
	h := p.header.Response(status, 0)
	if p.asyncID != 0 {
		h.Flags |= smb2.FlagAsync
		h.AsyncID = p.asyncID
	} else {
		h.Credits = c.window.grant(p.header.Credits, c.server.limits.CreditsMin)
	}
	h.Flags &^= smb2.FlagRelated
	s := c.server.scratches.get()
	reply := &s.chain.reply
	reply.begin()
	reply.out = body.AppendBody(reply.out)
	if p.signer != nil {
		h.Flags |= smb2.FlagSigned
		reply.signer = p.signer
	}
	reply.head(h)
	if p.sealed {
		s.chain.sealedBy = p.session
	}
	c.server.metrics.countRequest(p.header.Command, status)
	if err := c.send(s); err != nil {
		c.logEnd(err)
		c.nc.Close() //nolint:errcheck // it is given up
	}
	c.server.scratches.put(s)
}

// fits reports whether a CANCEL of session s means p (3.3.5.16).
func (p *parked) fits(s *session, h *smb2.Header) bool {
	if p.session != s || p.asyncID == 0 {
		return false
	}
	if h.Flags.Has(smb2.FlagAsync) {
		return p.asyncID == h.AsyncID
	}
	return p.header.MessageID == h.MessageID
}

// cancel ends a parked request early (3.3.5.16). It has no answer of its own,
// not even when it is wrong.
func (c *conn) cancel(r *request) {
	rule := &commandRules[smb2.CommandCancel]
	if len(r.msg) < smb2.HeaderSize+rule.fixed || c.findSession(r, rule) != nil || r.session == nil {
		return
	}
	for _, p := range c.parked {
		if p.fits(r.session, &r.header) {
			c.complete(p, smb2.StatusCancelled, smb2.ErrorResponse{})
			return
		}
	}
}

// settleOpen answers what waits for o, which is about to close.
func (c *conn) settleOpen(o *open) {
	for _, p := range slices.Clone(c.parked) {
		switch {
		case p.open != o:
		case p.read != nil:
			c.complete(p, smb2.StatusPipeBroken, smb2.ErrorResponse{})
		default:
			c.complete(p, smb2.StatusNotifyCleanup, smb2.ErrorResponse{})
		}
	}
}

// delay keeps the answer to r, a failed log-on, back for d.
func (c *conn) delay(r *request, status smb2.Status, d time.Duration) {
	p := &parked{header: r.header, session: r.session, signer: c.signerOf(r), sealed: r.sealed}
	c.addParked(p)
	c.clients.Add(1)
	p.due = time.AfterFunc(d, func() {
		defer c.clients.Done()
		c.guarded(func() { c.answerLogon(p, status) })
	})
}

func (c *conn) answerLogon(p *parked, status smb2.Status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.parked, p) {
		c.endSession(p.session)
		c.complete(p, status, smb2.ErrorResponse{})
	}
}

// dropParked forgets all that waits, since the client is gone.
func (c *conn) dropParked() {
	for len(c.parked) > 0 {
		p := c.parked[0]
		if p.due != nil && p.due.Stop() {
			c.clients.Done()
		}
		c.unpark(p)
	}
}
