package smbd

import (
	"sync/atomic"
	"time"

	"dfsd/internal/smb2"
	"dfsd/internal/smbauth"
	"dfsd/internal/smbtree"
)

// sessionState says how far a session has come.
type sessionState uint8

const (
	settingUp sessionState = iota // the log-on has not ended
	valid
	refused // the log-on failed, and the client does not know yet
)

// session is one user on one connection (3.3.1.8). All but revoked belongs to
// the connection's lock.
type session struct {
	id   uint64
	conn *conn
	// revoked is set by another connection of the same user that took this
	// session's place.
	revoked atomic.Bool

	state sessionState
	since time.Time // when the client asked for it
	// exchange is the log-on under way: the first, or a renewal of a valid
	// session.
	exchange *smbauth.Exchange
	// preauth is the integrity value of this log-on; nil below 3.1.1 and once
	// the keys are made.
	preauth  *smb2.PreauthHash
	identity *smbauth.Identity

	// signs: requests must be signed or encrypted. encrypts: encrypted.
	signs, encrypts bool
	keys            smb2.Keys
	signer          *smb2.Signer
	sealer          *smb2.Sealer
	opener          *smb2.Opener

	trees []*tree
	opens int
}

// proven reports whether the user holds a key, so that messages can be signed.
func (s *session) proven() bool {
	return s.identity != nil && s.identity.Kind == smbauth.User
}

// expired reports whether the user has to prove himself again.
func (s *session) expired() bool {
	end := s.identity.Expires
	return !end.IsZero() && !s.conn.server.now().Before(end)
}

// client is what trees must know of s.
func (s *session) client() smbtree.Client {
	return smbtree.Client{
		Anonymous: s.identity.Kind == smbauth.Anonymous,
		Guest:     s.identity.Kind == smbauth.Guest,
		Dialect:   s.conn.terms.dialect,
	}
}

// flags tell the client what became of it.
func (s *session) flags() smb2.SessionFlags {
	var f smb2.SessionFlags
	switch s.identity.Kind {
	case smbauth.Guest:
		f = smb2.SessionGuest
	case smbauth.Anonymous:
		f = smb2.SessionNull
	}
	if s.encrypts {
		f |= smb2.SessionEncryptData
	}
	return f
}

// signWith returns what signs and verifies the messages of s, nil while it has
// no key or where it never gets one.
func (s *session) signWith() (*smb2.Signer, error) {
	if s.signer == nil && s.proven() {
		signer, err := smb2.NewSigner(s.conn.terms.signing, s.keys.Signing)
		if err != nil {
			return nil, err
		}
		s.signer = signer
	}
	return s.signer, nil
}

// canSeal reports whether messages of s can be encrypted.
func (s *session) canSeal() bool {
	return s.state == valid && s.proven() && s.conn.terms.cipher != 0
}

func (s *session) openWith() (*smb2.Opener, error) {
	if s.opener == nil {
		opener, err := smb2.NewOpener(s.conn.terms.cipher, s.keys.ClientToServer)
		if err != nil {
			return nil, err
		}
		s.opener = opener
	}
	return s.opener, nil
}

func (s *session) sealWith() (*smb2.Sealer, error) {
	if s.sealer == nil {
		sealer, err := smb2.NewSealer(s.conn.terms.cipher, s.keys.ServerToClient)
		if err != nil {
			return nil, err
		}
		s.sealer = sealer
	}
	return s.sealer, nil
}

// session returns the session of c that id names, nil if there is none. One
// that another connection has taken over ends here.
func (c *conn) session(id uint64) *session {
	for _, s := range c.sessions {
		if s.id != id {
			continue
		}
		if s.revoked.Load() {
			c.endSession(s)
			return nil
		}
		return s
	}
	return nil
}

// newSession makes a session in state settingUp, or returns why there may be no
// more.
func (c *conn) newSession(now time.Time) (*session, error) {
	c.dropStale(now)
	limits := &c.server.limits
	switch {
	case len(c.sessions) >= limits.Sessions:
		return nil, c.reject(rejectSessions, smb2.StatusRequestNotAccepted)
	case c.countSessions(valid, false) >= limits.SessionsInProgress:
		return nil, c.reject(rejectSessionsInProgress, smb2.StatusRequestNotAccepted)
	}
	s := &session{conn: c, since: now}
	if err := c.server.registry.add(s); err != nil {
		return nil, err
	}
	c.sessions = append(c.sessions, s)
	return s, nil
}

// countSessions counts the sessions that are in state, or all others.
func (c *conn) countSessions(state sessionState, in bool) int {
	n := 0
	for _, s := range c.sessions {
		if (s.state == state) == in {
			n++
		}
	}
	return n
}

// dropStale forgets log-ons that the client has not gone on with.
func (c *conn) dropStale(now time.Time) {
	for i := len(c.sessions) - 1; i >= 0; i-- {
		if s := c.sessions[i]; s.state == settingUp && now.Sub(s.since) > c.server.limits.AuthenticateWithin {
			c.endSession(s)
		}
	}
}

// endSession closes all that s holds and forgets it (3.3.7.1 for one session).
func (c *conn) endSession(s *session) {
	c.stripSession(s)
	for i, have := range c.sessions {
		if have == s {
			c.sessions = append(c.sessions[:i], c.sessions[i+1:]...)
			break
		}
	}
	if len(c.sessions) == 0 {
		c.sessions = nil
	}
}

// stripSession takes from s all that it holds: trees, opens, its place among
// the sessions of the server. s itself stays in c.
func (c *conn) stripSession(s *session) {
	for len(s.trees) > 0 {
		c.endTree(s, s.trees[len(s.trees)-1])
	}
	if s.state == valid {
		c.server.metrics.sessions.Dec()
		if c.countSessions(valid, true) == 1 {
			c.awaitLogon()
		}
	}
	s.state, s.exchange, s.preauth = refused, nil, nil
	c.server.registry.remove(s)
}
