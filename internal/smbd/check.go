package smbd

import (
	"errors"

	"dfsd/internal/smb2"
)

// admitChain applies the receive checks that end a connection (3.3.5.2) to every
// operation of frame, and takes their message ids off the window.
func (c *conn) admitChain(ch *chain, frame []byte) error {
	m := c.server.metrics
	ops := smb2.SplitCompound(frame)
	for n := 0; ops.Next(); n++ {
		if n == c.server.limits.Compound {
			m.rejected[rejectCompound].Inc()
			return hangUp("too many operations in one frame")
		}
		h := ops.Header()
		if err := c.admitRequest(&h); err != nil {
			return err
		}
		if ch.sealedBy != nil && !keepsSession(ch.sealedBy, &h, n) {
			m.malformed[stageTransform].Inc()
			return hangUp("encrypted request of another session")
		}
	}
	err := ops.Err()
	switch {
	case errors.Is(err, smb2.ErrMisaligned):
		m.malformed[stageCompound].Inc()
	case err != nil:
		m.malformed[stageHeader].Inc()
	}
	return err
}

func (c *conn) admitRequest(h *smb2.Header) error {
	m := c.server.metrics
	switch {
	case h.IsResponse() || h.Command > smb2.MaxCommand:
		m.malformed[stageHeader].Inc()
		return hangUp("not a request of a known command")
	case h.Command == smb2.CommandNegotiate && c.terms.dialect != 0:
		return hangUp("second negotiate")
	case h.Command != smb2.CommandNegotiate && c.terms.dialect == 0:
		return hangUp("request before negotiate")
	case h.Command == smb2.CommandCancel:
		return nil
	}
	charge := 1
	if c.terms.largeMTU() {
		charge = int(h.CreditCharge)
	}
	if !c.window.take(h.MessageID, charge) {
		m.rejected[rejectWindow].Inc()
		return hangUp("message id outside the window")
	}
	return nil
}

// keepsSession reports whether an encrypted operation, the nth of its frame,
// belongs to the session s whose key it was encrypted with.
func keepsSession(s *session, h *smb2.Header, n int) bool {
	if h.Flags.Has(smb2.FlagRelated) {
		return n > 0
	}
	return h.SessionID == s.id
}

// check applies the receive checks that have an answer (3.3.5.2.4 to 3.3.5.2.11),
// in their order, and finds the session and tree of r.
func (c *conn) check(r *request, rule *commandRule) error {
	ch := r.chain
	badFirst := ch.relate(r)
	if len(r.msg) < smb2.HeaderSize+rule.fixed {
		c.server.metrics.malformed[stageBody].Inc()
		return smb2.StatusInvalidParameter
	}
	if r.header.Command == smb2.CommandNegotiate {
		return checkUnsigned(r)
	}
	if r.related && rule.session && !ch.hasSession {
		return ch.missing(rule)
	}
	err := c.findSession(r, rule) // first of all, since it also finds what signs the answer
	switch {
	case badFirst != nil:
		return badFirst
	case err != nil:
		return err
	}
	if r.related {
		if err := ch.missing(rule); err != nil {
			return err
		}
	}
	if len(ch.reply.out) > int(c.terms.maxTransact)+frameOverhead {
		return smb2.StatusInsufficientResources // what the chain has answered so far fills a frame
	}
	if !rule.tree {
		return nil
	}
	if r.tree = r.session.tree(r.header.TreeID); r.tree == nil {
		return smb2.StatusNetworkNameDeleted
	}
	return nil
}

// checkUnsigned refuses a NEGOTIATE that says it is signed, before there is a
// key (3.3.5.2.4).
func checkUnsigned(r *request) error {
	if r.header.Flags.Has(smb2.FlagSigned) {
		return smb2.StatusInvalidParameter
	}
	return nil
}

// findSession sets the session of r and checks that r may act for it. Commands
// that belong to no session are held to it all the same where they name one.
func (c *conn) findSession(r *request, rule *commandRule) error {
	s := c.session(r.header.SessionID)
	if s == nil || s.state == refused {
		if rule.session {
			return smb2.StatusUserSessionDeleted
		}
		return nil
	}
	r.session = s
	if err := c.verify(r); err != nil {
		return err
	}
	switch {
	case r.header.Command == smb2.CommandSessionSetup:
		return nil
	case s.state == settingUp && !rule.closing:
		return smb2.StatusSecUnsupportedFunction
	case s.state == valid && !rule.closing && s.expired():
		return smb2.StatusNetworkSessionExpired
	case s.encrypts && !r.sealed:
		return c.reject(rejectUnencrypted, smb2.StatusAccessDenied)
	}
	return nil
}

// verify checks the signature of r (3.3.5.2.4). What came encrypted is proven
// already, whatever its signature field holds.
func (c *conn) verify(r *request) error {
	if r.sealed {
		return nil
	}
	if !r.header.Flags.Has(smb2.FlagSigned) {
		if r.session.signs {
			return c.reject(rejectUnsigned, smb2.StatusAccessDenied)
		}
		return nil
	}
	signer, err := r.session.signWith()
	switch {
	case err != nil:
		return err
	case signer == nil:
		return smb2.StatusNotSupported
	case !signer.Verify(r.msg):
		return c.reject(rejectSignature, smb2.StatusAccessDenied)
	}
	r.signed = true
	return nil
}

// unseal decrypts frame and notes the session whose key it was (3.3.5.2.1.1).
func (c *conn) unseal(s *scratch, frame []byte) ([]byte, error) {
	plain, err := c.decrypt(s, frame)
	if err != nil {
		c.server.metrics.malformed[stageTransform].Inc()
	}
	return plain, err
}

func (c *conn) decrypt(s *scratch, frame []byte) ([]byte, error) {
	h, err := smb2.ParseTransformHeader(frame)
	if err != nil {
		return nil, err
	}
	owner := c.session(h.SessionID)
	if owner == nil || !owner.canSeal() {
		return nil, hangUp("encrypted frame without a session that encrypts")
	}
	opener, err := owner.openWith()
	if err != nil {
		return nil, err
	}
	if s.plain, err = opener.Open(s.plain[:0], frame); err != nil {
		return nil, err
	}
	if smb2.FrameKindOf(s.plain) != smb2.FramePlain {
		return nil, hangUp("encrypted frame holds no SMB2 message")
	}
	s.chain.sealedBy = owner
	return s.plain, nil
}

// seal encrypts the frame out, which has room for its transport header, into
// dst (3.1.4.3).
func (s *session) seal(dst, out []byte) ([]byte, error) {
	sealer, err := s.sealWith()
	if err != nil {
		return nil, err
	}
	return sealer.Seal(smb2.AppendFrameHeader(dst[:0]), out[smb2.FrameHeaderSize:], s.id)
}

// grant gives the client the credits that its request asked for, as far as it
// may have them.
func (c *conn) grant(r *request) uint16 {
	most := c.server.limits.CreditsMax
	if !c.logonBy.IsZero() {
		most = c.server.limits.CreditsMin
	}
	return c.window.grant(r.header.Credits, most)
}

// checkSize refuses a payload, in either direction, that is longer than agreed
// or than what the request paid for (3.3.5.2.5).
func (c *conn) checkSize(r *request, sizes ...uint32) error {
	longest := uint32(0)
	for _, n := range sizes {
		longest = max(longest, n)
	}
	if longest > c.terms.maxTransact {
		return smb2.StatusInvalidParameter
	}
	if c.terms.largeMTU() && longest > 0 && (longest-1)/65536+1 > uint32(max(r.header.CreditCharge, 1)) {
		return smb2.StatusInvalidParameter
	}
	return nil
}
