package smbclient

import (
	"context"
	"fmt"

	"dfsd/internal/smb2"
	"dfsd/internal/smbauth"
)

// session is who the server takes us for, and the keys. The keys are nil for
// guests and anonymous callers.
type session struct {
	id       uint64
	flags    smb2.SessionFlags
	signer   *smb2.Signer
	sealer   *smb2.Sealer
	opener   *smb2.Opener
	mustSign bool
	mustSeal bool
}

// SessionID returns the id of the session, 0 where there is none.
func (c *Conn) SessionID() uint64 {
	if c.session == nil {
		return 0
	}
	return c.session.id
}

// SessionFlags returns what the server says about the session.
func (c *Conn) SessionFlags() smb2.SessionFlags {
	if c.session == nil {
		return 0
	}
	return c.session.flags
}

// logon is a log-on under way.
type logon struct {
	exchange *smbauth.ClientExchange
	preauth  smb2.PreauthHash
	id       uint64
}

// Logon sets up the session with the credentials of Options. It is called once,
// by Dial, or by who used Connect.
func (c *Conn) Logon(ctx context.Context) error {
	if c.session != nil {
		return fmt.Errorf("log on: the connection has session %#x", c.session.id)
	}
	l := &logon{preauth: c.preauth, exchange: smbauth.NewClient(smbauth.ClientOptions{
		User: c.o.Credentials.User, Domain: c.o.Credentials.Domain, Password: c.o.Credentials.Password,
		Workstation: c.o.Workstation, Target: c.target, Raw: c.o.RawNTLM, Rand: c.o.Rand,
	})}
	h, msg, p, err := c.logonLeg(ctx, l, c.negotiated.token)
	if err == nil && h.Status == smb2.StatusMoreProcessingRequired {
		l.id = h.SessionID
		l.preauth.Update(msg)
		h, msg, p, err = c.logonLeg(ctx, l, p.Token)
	}
	switch {
	case err != nil:
		return err
	case h.Status != smb2.StatusSuccess || l.id == 0 || h.SessionID != l.id:
		return c.fail(ctx, breaks("log-on ends with %v for session %#x, which began as %#x", h.Status, h.SessionID, l.id))
	}
	if err := c.admit(l, h, msg, p); err != nil {
		return c.fail(ctx, err)
	}
	return nil
}

// logonLeg sends one token. The answer is success or
// STATUS_MORE_PROCESSING_REQUIRED; every other status is a StatusError.
func (c *Conn) logonLeg(ctx context.Context, l *logon, token []byte) (smb2.Header, []byte, smb2.SessionSetupResponse, error) {
	var p smb2.SessionSetupResponse
	token, done, err := l.exchange.Next(token, c.o.Now())
	if err != nil || done {
		return smb2.Header{}, nil, p, c.fail(ctx, fmt.Errorf("log on: %w", err))
	}
	q := smb2.SessionSetupRequest{SecurityMode: c.offer.SecurityMode, Capabilities: c.offer.Capabilities & smb2.CapDFS, Token: token}
	h, msg, err := c.roundTrip(ctx, smb2.Header{Command: smb2.CommandSessionSetup, SessionID: l.id}, q, &l.preauth)
	if err != nil {
		return h, nil, p, err
	}
	if h.Status != smb2.StatusSuccess && h.Status != smb2.StatusMoreProcessingRequired {
		return h, nil, p, c.statusError(ctx, h, msg)
	}
	if p, err = smb2.ParseSessionSetupResponse(msg); err != nil {
		return h, nil, p, c.fail(ctx, breaks("%v", err))
	}
	return h, msg, p, nil
}

// admit verifies the last answer of a log-on and takes its keys into use.
func (c *Conn) admit(l *logon, h smb2.Header, msg []byte, p smb2.SessionSetupResponse) error {
	if _, done, err := l.exchange.Next(p.Token, c.o.Now()); err != nil || !done {
		return fmt.Errorf("log on: %w", err)
	}
	s := &session{id: l.id, flags: p.Flags}
	if p.Flags&(smb2.SessionGuest|smb2.SessionNull) != 0 || c.o.Credentials.User == "" {
		c.session = s
		return c.acceptKeyless()
	}
	keys := smb2.DeriveKeys(c.negotiated.Dialect, c.negotiated.Cipher, l.exchange.SessionKey(), &l.preauth)
	if err := s.useKeys(c.negotiated, keys); err != nil {
		return err
	}
	s.mustSign = c.o.SigningRequired || c.negotiated.SecurityMode&smb2.SigningRequired != 0
	s.mustSeal = c.o.Encrypt || p.Flags&smb2.SessionEncryptData != 0
	switch signed := h.Flags.Has(smb2.FlagSigned); {
	case signed && !s.signer.Verify(msg):
		return fmt.Errorf("%w: last SESSION_SETUP", ErrSignature)
	case !signed && (s.mustSign || c.negotiated.Dialect.Is3x()):
		return fmt.Errorf("%w: last SESSION_SETUP is not signed", ErrSignature)
	case s.mustSeal && s.sealer == nil:
		return breaks("session must be encrypted, but no cipher was agreed on")
	}
	c.session = s
	return nil
}

// acceptKeyless decides about a session without keys.
func (c *Conn) acceptKeyless() error {
	switch {
	case c.o.SigningRequired || c.o.Encrypt:
		return fmt.Errorf("%w: a guest or anonymous session has no keys", ErrUnprotected)
	case c.o.Credentials.User != "" && !c.o.AllowGuest:
		return ErrGuest
	}
	return nil
}

func (s *session) useKeys(n Negotiated, keys smb2.Keys) (err error) {
	if s.signer, err = smb2.NewSigner(n.Signing, keys.Signing); err != nil || n.Cipher == smb2.CipherNone {
		return err
	}
	if s.sealer, err = smb2.NewSealer(n.Cipher, keys.ClientToServer); err != nil {
		return err
	}
	s.opener, err = smb2.NewOpener(n.Cipher, keys.ServerToClient)
	return err
}

// Logoff ends the session. The connection is of no more use afterwards.
func (c *Conn) Logoff(ctx context.Context) error {
	_, msg, err := c.call(ctx, smb2.Header{Command: smb2.CommandLogoff}, smb2.LogoffRequest{})
	if err != nil {
		return err
	}
	if _, err := smb2.ParseLogoffResponse(msg); err != nil {
		return c.fail(ctx, breaks("%v", err))
	}
	c.broken = ErrClosed
	return c.Close()
}

// Echo asks the server whether it is there.
func (c *Conn) Echo(ctx context.Context) error {
	_, msg, err := c.call(ctx, smb2.Header{Command: smb2.CommandEcho}, smb2.EchoRequest{})
	if err != nil {
		return err
	}
	if _, err := smb2.ParseEchoResponse(msg); err != nil {
		return c.fail(ctx, breaks("%v", err))
	}
	return nil
}
