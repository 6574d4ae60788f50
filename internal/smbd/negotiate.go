package smbd

import (
	"errors"
	"slices"

	"dfsd/internal/smb2"
)

// terms are what NEGOTIATE settled for a connection (3.3.1.7).
type terms struct {
	dialect smb2.Dialect // 0: nothing is settled yet
	signing smb2.SigningAlgorithm
	cipher  smb2.Cipher
	// maxTransact bounds every payload, in bytes.
	maxTransact uint32

	clientGUID [16]byte
	clientMode smb2.SecurityMode
	// offered, below 3.1.1 alone, waits for FSCTL_VALIDATE_NEGOTIATE_INFO.
	offered                []smb2.Dialect
	clientCaps, serverCaps smb2.Capabilities

	// steppedUp: an SMB1 NEGOTIATE has been answered.
	steppedUp bool
	// preauth is the integrity value of 3.1.1 that log-ons begin with.
	preauth *smb2.PreauthHash
}

// largeMTU reports whether requests pay by the size of their payload.
func (t *terms) largeMTU() bool { return t.serverCaps.Has(smb2.CapLargeMTU) }

// Preferences, best first. The ciphers are in the order of Windows.
var (
	dialects = []smb2.Dialect{
		smb2.Dialect311, smb2.Dialect302, smb2.Dialect300, smb2.Dialect210, smb2.Dialect202,
	}
	ciphers = []smb2.Cipher{
		smb2.CipherAES128GCM, smb2.CipherAES256GCM, smb2.CipherAES128CCM, smb2.CipherAES256CCM,
	}
	signings = []smb2.SigningAlgorithm{
		smb2.SigningAESGMAC, smb2.SigningAESCMAC, smb2.SigningHMACSHA256,
	}
)

// firstCommon returns the first of preferred that is offered.
func firstCommon[T comparable](preferred, offered []T) (choice T, ok bool) {
	for _, p := range preferred {
		if slices.Contains(offered, p) {
			return p, true
		}
	}
	return choice, false
}

// maxTransact202 is what 2.0.2, which has no large payloads, can carry.
const maxTransact202 = 64 << 10

// saltSize is the length of the salt in the preauth context (3.3.5.4).
const saltSize = 32

// negotiate settles the dialect (3.3.5.4).
func (c *conn) negotiate(r *request) error {
	if r.inChain() {
		return smb2.StatusInvalidParameter
	}
	q, err := smb2.ParseNegotiateRequest(r.msg)
	if err != nil {
		return err
	}
	t, err := c.settle(&q)
	if err != nil {
		return err
	}
	p := c.describe(&t)
	if t.dialect == smb2.Dialect311 {
		if p.Contexts, err = c.chooseContexts(&t, &q.Contexts); err != nil {
			return err
		}
		t.preauth = new(smb2.PreauthHash)
		t.preauth.Update(r.msg)
		r.hash = t.preauth
	}
	c.terms = t
	answer(r, p)
	return nil
}

// settle chooses everything but what 3.1.1 has contexts for.
func (c *conn) settle(q *smb2.NegotiateRequest) (terms, error) {
	d, ok := firstCommon(dialects, q.Dialects)
	encryption := c.server.config.Encryption
	if !ok || encryption == EncryptionRequired && !d.Is3x() {
		return terms{}, c.reject(rejectDialect, smb2.StatusNotSupported)
	}
	t := terms{
		dialect: d, signing: smb2.DefaultSigning(d), maxTransact: maxTransact202,
		clientGUID: q.ClientGUID, clientMode: q.SecurityMode, clientCaps: q.Capabilities,
		serverCaps: smb2.CapDFS,
	}
	if d != smb2.Dialect202 {
		t.serverCaps |= smb2.CapLargeMTU
		t.maxTransact = uint32(c.server.limits.Transact)
	}
	if d != smb2.Dialect311 {
		t.offered = slices.Clone(q.Dialects)
	}
	if (d == smb2.Dialect300 || d == smb2.Dialect302) && q.Capabilities.Has(smb2.CapEncryption) && encryption != EncryptionOff {
		t.serverCaps |= smb2.CapEncryption
		t.cipher = smb2.CipherAES128CCM
	}
	return t, nil
}

// describe returns the answer to a NEGOTIATE without its contexts.
func (c *conn) describe(t *terms) smb2.NegotiateResponse {
	return smb2.NegotiateResponse{
		SecurityMode: c.securityMode(),
		Dialect:      t.dialect,
		ServerGUID:   c.server.guid,
		Capabilities: t.serverCaps,
		MaxTransact:  t.maxTransact, MaxRead: t.maxTransact, MaxWrite: t.maxTransact,
		SystemTime: smb2.FiletimeOf(c.server.now()),
		Token:      c.server.auth.InitToken(),
	}
}

func (c *conn) securityMode() smb2.SecurityMode {
	if c.server.config.Signing == SigningRequired {
		return smb2.SigningEnabled | smb2.SigningRequired
	}
	return smb2.SigningEnabled
}

// chooseContexts settles what 3.1.1 has contexts for, and returns the choices.
func (c *conn) chooseContexts(t *terms, q *smb2.NegotiateContexts) (smb2.NegotiateContexts, error) {
	if !slices.Contains(q.Preauth.Hashes, smb2.HashSHA512) {
		return smb2.NegotiateContexts{}, smb2.StatusNoPreauthHashOverlap
	}
	salt := make([]byte, saltSize)
	if err := c.server.registry.random(salt); err != nil {
		return smb2.NegotiateContexts{}, err
	}
	p := smb2.NegotiateContexts{
		Preauth: &smb2.PreauthContext{Hashes: []smb2.HashAlgorithm{smb2.HashSHA512}, Salt: salt},
	}
	if q.Encryption != nil {
		if c.server.config.Encryption != EncryptionOff {
			t.cipher, _ = firstCommon(ciphers, q.Encryption.Ciphers)
		}
		p.Encryption = &smb2.EncryptionContext{Ciphers: []smb2.Cipher{t.cipher}}
	}
	if q.Signing != nil {
		if a, ok := firstCommon(signings, q.Signing.Algorithms); ok {
			t.signing = a
		}
		p.Signing = &smb2.SigningContext{Algorithms: []smb2.SigningAlgorithm{t.signing}}
	}
	return p, nil
}

// stepUp answers an SMB1 NEGOTIATE that leads to SMB2 (3.3.5.3). Nothing else of
// SMB1 is spoken.
func (c *conn) stepUp(ch *chain, frame []byte) error {
	if c.terms.dialect != 0 || c.terms.steppedUp {
		return hangUp("SMB1 message after negotiate")
	}
	offered, err := smb2.ParseSMB1Negotiate(frame)
	if err != nil {
		c.server.metrics.malformed[stageHeader].Inc()
		return err
	}
	var t terms
	switch {
	case slices.Contains(offered, smb2.SMB1DialectWildcard):
		t = terms{dialect: smb2.DialectWildcard, maxTransact: maxTransact202, serverCaps: smb2.CapDFS}
	case slices.Contains(offered, smb2.SMB1Dialect202):
		t, err = c.settle(&smb2.NegotiateRequest{Dialects: []smb2.Dialect{smb2.Dialect202}})
		t.offered = nil
	default:
		err = c.reject(rejectDialect, smb2.StatusNotSupported)
	}
	if err != nil {
		return errors.Join(hangUp("no SMB2 dialect in an SMB1 negotiate"), err)
	}
	r := &ch.current
	*r = request{chain: ch, last: true}
	ch.reply.begin()
	answer(r, c.describe(&t))
	if t.dialect == smb2.DialectWildcard {
		t = terms{}
	}
	t.steppedUp = true
	c.terms = t
	c.window = newWindow(1, c.server.limits.CreditsMax)
	ch.reply.head(smb2.Header{Command: smb2.CommandNegotiate, Credits: 1, Flags: smb2.FlagServerToRedir})
	c.server.metrics.countRequest(smb2.CommandNegotiate, smb2.StatusSuccess)
	return nil
}
