package smbd

import (
	"time"

	"go.uber.org/zap"

	"dfsd/internal/smb2"
	"dfsd/internal/smbauth"
)

// sessionSetup takes one leg of a log-on, or of the renewal of one (3.3.5.5).
func (c *conn) sessionSetup(r *request) error {
	q, err := smb2.ParseSessionSetupRequest(r.msg)
	switch {
	case err != nil:
		return err
	case r.inChain():
		return smb2.StatusInvalidParameter
	case q.Flags&smb2.SessionSetupBinding != 0:
		return smb2.StatusRequestNotAccepted // one channel a session
	case r.header.SessionID != 0 && r.session == nil:
		return smb2.StatusUserSessionDeleted
	}
	now := c.server.now()
	if r.session == nil {
		if r.session, err = c.newSession(now); err != nil {
			return err
		}
		r.header.SessionID = r.session.id
	}
	return c.stepLogon(r, &q, now)
}

// stepLogon gives the exchange of r's session the client's token.
func (c *conn) stepLogon(r *request, q *smb2.SessionSetupRequest, now time.Time) error {
	s := r.session
	if s.exchange == nil {
		s.exchange = c.server.auth.Begin()
		if s.state == settingUp && c.terms.preauth != nil {
			h := *c.terms.preauth
			s.preauth = &h
		}
	}
	if s.preauth != nil {
		s.preauth.Update(r.msg)
	}
	token, identity, err := s.exchange.Step(q.Token, now)
	if err == nil && identity == nil {
		r.status, r.hash = smb2.StatusMoreProcessingRequired, s.preauth
		answer(r, smb2.SessionSetupResponse{Token: token})
		return nil
	}
	s.exchange = nil
	if err == nil {
		err = c.acceptUser(r, q, identity)
	}
	if err != nil {
		c.countFailure(err, identity)
		return c.refuseLogon(r, err)
	}
	c.server.metrics.countLogon(identity.Mechanism, logonOK)
	c.server.log.Debug("logged on", zap.Stringer("client", c.client), zap.String("user", identity.User),
		zap.String("domain", identity.Domain), zap.String("mechanism", identity.Mechanism))
	r.prove = s.proven()
	answer(r, smb2.SessionSetupResponse{Flags: s.flags(), Token: token})
	return nil
}

// acceptUser makes r's session the user's, or says why not.
func (c *conn) acceptUser(r *request, q *smb2.SessionSetupRequest, identity *smbauth.Identity) error {
	if err := c.admitUser(r, identity); err != nil {
		return err
	}
	if r.session.state == valid {
		return r.session.renew(identity)
	}
	return c.establish(r.session, q, identity)
}

// admitUser applies the server's policy to a user who is known now.
func (c *conn) admitUser(r *request, identity *smbauth.Identity) error {
	config := &c.server.config
	encrypts := identity.Kind == smbauth.User && c.terms.cipher != smb2.CipherNone
	switch {
	case identity.Kind == smbauth.Guest && !config.Guest:
		return c.reject(rejectGuest, smb2.StatusLogonFailure)
	case config.Encryption == EncryptionRequired && !encrypts:
		return c.reject(rejectUnencrypted, smb2.StatusAccessDenied)
	case r.session.state == settingUp && !c.meetMachine():
		return c.reject(rejectDialect, smb2.StatusUserSessionDeleted)
	}
	return nil
}

// meetMachine enters the client's GUID into the registry, once for a connection,
// and reports whether it may speak the dialect that it does.
func (c *conn) meetMachine() bool {
	if c.knownMachine || c.terms.clientGUID == [16]byte{} || c.terms.dialect == smb2.Dialect202 {
		return true
	}
	c.knownMachine = c.server.registry.enter(c.machine(), c.terms.dialect)
	return c.knownMachine
}

func (c *conn) machine() machineID { return machineID{c.terms.clientGUID, c.client} }

// establish makes s valid: keys, policy, and the end of the session that it
// takes the place of (3.3.5.5.3).
func (c *conn) establish(s *session, q *smb2.SessionSetupRequest, identity *smbauth.Identity) error {
	config := &c.server.config
	s.identity, s.state = identity, valid
	c.server.metrics.sessions.Inc()
	if s.proven() {
		s.keys = smb2.DeriveKeys(c.terms.dialect, c.terms.cipher, identity.SessionKey, s.preauth)
		asked := q.SecurityMode&smb2.SigningRequired != 0
		s.signs = asked || config.Signing == SigningRequired
		s.encrypts = config.Encryption == EncryptionRequired
	}
	s.preauth, identity.SessionKey = nil, nil
	if _, err := s.signWith(); err != nil {
		return err
	}
	if !c.authenticated {
		c.authenticated = true
		c.server.admission.authenticated(c.client)
	}
	c.logonBy = time.Time{}
	if old := c.server.registry.establish(s, identity, q.PreviousSessionID); old != nil {
		c.replace(old)
	}
	return nil
}

// replace cleans up after old, which the same user has given up for a new one,
// on its own connection and not waiting for it.
func (c *conn) replace(old *session) {
	if old.conn == c {
		c.endSession(old)
		return
	}
	c.server.spawn(old.conn, func() {
		old.conn.mu.Lock()
		defer old.conn.mu.Unlock()
		old.conn.session(old.id)
	})
}

// renew keeps a valid session for the user who has proven himself again. Its
// keys stay (3.3.5.5.3).
func (s *session) renew(identity *smbauth.Identity) error {
	if !s.identity.SameUser(identity) {
		return smb2.StatusAccessDenied
	}
	s.identity.Expires = identity.Expires
	return nil
}

// refuseLogon ends r's session, and answers with the status of err: at once, or
// after the delay that makes guessing passwords slow, while other requests of
// the connection go on.
func (c *conn) refuseLogon(r *request, err error) error {
	s := r.session
	c.stripSession(s)
	status := statusOf(err)
	delay := c.server.limits.LogonDelay
	if status != smb2.StatusLogonFailure || delay == 0 || len(c.parked) >= c.server.limits.Parked {
		c.endSession(s)
		return err
	}
	c.delay(r, status, delay)
	return errDelayed
}

// logoff ends the session (3.3.5.6).
func (c *conn) logoff(r *request) error {
	if _, err := smb2.ParseLogoffRequest(r.msg); err != nil {
		return err
	}
	c.endSession(r.session)
	answer(r, smb2.LogoffResponse{})
	return nil
}
