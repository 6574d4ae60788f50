package smbclient

import (
	"context"
	"fmt"
	"io"
	"slices"

	"dfsd/internal/smb2"
)

// Negotiated is what client and server agreed on.
type Negotiated struct {
	Dialect      smb2.Dialect
	SecurityMode smb2.SecurityMode // the server's
	Capabilities smb2.Capabilities // the server's
	ServerGUID   [16]byte
	Signing      smb2.SigningAlgorithm
	Cipher       smb2.Cipher // CipherNone: no encryption
	// MaxTransact, MaxRead and MaxWrite bound payloads, in bytes.
	MaxTransact, MaxRead, MaxWrite uint32
	SystemTime                     smb2.Filetime
	token                          []byte
}

// Negotiated returns what was agreed on.
func (c *Conn) Negotiated() Negotiated { return c.negotiated }

const saltSize = 32

func (c *Conn) negotiate(ctx context.Context) error {
	q, err := c.makeOffer()
	if err != nil {
		return err
	}
	c.offer = q
	h, msg, err := c.roundTrip(ctx, smb2.Header{Command: smb2.CommandNegotiate}, q, &c.preauth)
	if err != nil {
		return err
	}
	if h.Status != smb2.StatusSuccess {
		return c.statusError(ctx, h, msg)
	}
	p, err := smb2.ParseNegotiateResponse(msg)
	if err != nil {
		return c.fail(ctx, breaks("%v", err))
	}
	c.preauth.Update(msg)
	if err := c.agree(p); err != nil {
		return c.fail(ctx, err)
	}
	return nil
}

func (c *Conn) makeOffer() (smb2.NegotiateRequest, error) {
	q := smb2.NegotiateRequest{SecurityMode: smb2.SigningEnabled, ClientGUID: c.o.ClientGUID, Dialects: c.o.Dialects}
	if c.o.SigningRequired {
		q.SecurityMode |= smb2.SigningRequired
	}
	if q.ClientGUID == [16]byte{} {
		if _, err := io.ReadFull(c.o.Rand, q.ClientGUID[:]); err != nil {
			return q, fmt.Errorf("draw a client GUID: %w", err)
		}
	}
	if c.o.offers3x() {
		q.Capabilities = smb2.CapDFS | smb2.CapLargeMTU
		if len(c.o.Ciphers) > 0 { // Samba wants to see it under 3.1.1 too
			q.Capabilities |= smb2.CapEncryption
		}
	}
	if !slices.Contains(q.Dialects, smb2.Dialect311) {
		return q, nil
	}
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(c.o.Rand, salt); err != nil {
		return q, fmt.Errorf("draw a salt: %w", err)
	}
	q.Contexts.Preauth = &smb2.PreauthContext{Hashes: []smb2.HashAlgorithm{smb2.HashSHA512}, Salt: salt}
	if len(c.o.Ciphers) > 0 {
		q.Contexts.Encryption = &smb2.EncryptionContext{Ciphers: c.o.Ciphers}
	}
	if len(c.o.Signing) > 0 {
		q.Contexts.Signing = &smb2.SigningContext{Algorithms: c.o.Signing}
	}
	return q, nil
}

// agree checks the server's choices against the offer.
func (c *Conn) agree(p smb2.NegotiateResponse) error {
	n := Negotiated{
		Dialect: p.Dialect, SecurityMode: p.SecurityMode, Capabilities: p.Capabilities, ServerGUID: p.ServerGUID,
		MaxTransact: p.MaxTransact, MaxRead: p.MaxRead, MaxWrite: p.MaxWrite, SystemTime: p.SystemTime,
		Signing: smb2.DefaultSigning(p.Dialect), token: slices.Clone(p.Token),
	}
	if !slices.Contains(c.o.Dialects, p.Dialect) {
		return breaks("dialect %v was not offered", p.Dialect)
	}
	var err error
	switch {
	case p.Dialect == smb2.Dialect311:
		err = c.agreeContexts(p.Contexts, &n)
	case p.Dialect.Is3x() && p.Capabilities.Has(smb2.CapEncryption):
		if !c.offer.Capabilities.Has(smb2.CapEncryption) {
			err = breaks("encryption was not offered")
		}
		if slices.Contains(c.o.Ciphers, smb2.CipherAES128CCM) {
			n.Cipher = smb2.CipherAES128CCM
		}
	}
	switch {
	case err != nil:
		return err
	case c.o.Encrypt && n.Cipher == smb2.CipherNone:
		return fmt.Errorf("%w: no encryption with dialect %v", ErrUnprotected, n.Dialect)
	}
	c.negotiated = n
	return nil
}

// agreeContexts checks the choices of 3.1.1 (3.2.5.2).
func (c *Conn) agreeContexts(x smb2.NegotiateContexts, n *Negotiated) error {
	if len(x.Preauth.Hashes) != 1 || x.Preauth.Hashes[0] != smb2.HashSHA512 {
		return breaks("pre-authentication hashes %v, want SHA-512", x.Preauth.Hashes)
	}
	if e := x.Encryption; e != nil {
		if len(e.Ciphers) != 1 || e.Ciphers[0] != smb2.CipherNone && !slices.Contains(c.o.Ciphers, e.Ciphers[0]) {
			return breaks("ciphers %v, want one of those offered", e.Ciphers)
		}
		n.Cipher = e.Ciphers[0]
	}
	if s := x.Signing; s != nil {
		if len(s.Algorithms) != 1 || !slices.Contains(c.o.Signing, s.Algorithms[0]) {
			return breaks("signing algorithms %v, want one of those offered", s.Algorithms)
		}
		n.Signing = s.Algorithms[0]
	}
	return nil
}
