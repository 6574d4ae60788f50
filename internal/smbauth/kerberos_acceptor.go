package smbauth

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// kerberosAcceptor is the server's side of Kerberos 5 within GSS-API (RFC 4120
// 3.2, RFC 4121, MS-KILE 3.4.5). It is over after one token.
type kerberosAcceptor struct {
	a        *Authenticator
	keytab   *Keytab     // as it was when the exchange began
	key      kerberosKey // of the security context, once step has returned an identity
	sequence uint32      // the first number of both ends
}

// kerberosLogon is what is known of one logon, for its refusal.
type kerberosLogon struct {
	service principal
	client  principal // empty until the ticket is open
}

func (l kerberosLogon) refuse(why Reason, detail string) error {
	return &LogonError{
		User: l.client.unqualified(), Domain: l.client.realm, Service: l.service.String(),
		Mechanism: MechanismKerberos, Reason: why, Detail: detail,
	}
}

func (k *kerberosAcceptor) step(token []byte, now time.Time) ([]byte, *Identity, error) {
	gss, ok := parseGSSToken(token)
	if !ok || gss.id != tokenAPReq {
		return nil, nil, malformed("not a Kerberos AP-REQ in a GSS-API token")
	}
	req, err := parseAPReq(gss.body)
	if err != nil {
		return nil, nil, err
	}
	who := kerberosLogon{service: req.service}
	ticket, err := k.openTicket(&who, req)
	if err != nil {
		return nil, nil, err
	}
	auth, err := k.openAuthenticator(who, ticket, req.authenticator)
	if err != nil {
		return nil, nil, err
	}
	if err := k.checkTimes(who, ticket, auth, now); err != nil {
		return nil, nil, err
	}
	mutual, err := wantsReply(req, auth)
	if err != nil {
		return nil, nil, err
	}
	// The cache comes last, so that nothing but a good logon takes up room.
	if k.a.replays.crowds(ticket.client, now) {
		return nil, nil, who.refuse(ReplayCacheFull, "this client alone has filled his share")
	}
	if why := k.a.replays.add(req.authenticator.cipher, now); why != 0 {
		return nil, nil, who.refuse(why, "")
	}
	k.a.replays.count(ticket.client)
	return k.accept(gss.oid, ticket, auth, mutual)
}

// accept makes the identity, and the AP-REP where one is wanted. It adds no key
// of the acceptor's, which RFC 4120 3.2.4 leaves to him: some clients, cifs.ko
// among them, take the key of the session from their own AP-REQ.
func (k *kerberosAcceptor) accept(oid []byte, t ticketPart, a authenticator, mutual bool) ([]byte, *Identity, error) {
	var reply []byte
	if mutual {
		sealed, err := t.key.encrypt(k.a.rand, a.replyPart(), usageReply)
		if err != nil {
			return nil, nil, fmt.Errorf("draw a Kerberos confounder: %w", err)
		}
		rep := appendAPRep(sealedPart{etype: t.key.etype, cipher: sealed})
		reply = gssToken{oid: oid, id: tokenAPRep, body: rep}.append()
	}
	k.sequence, k.key = a.sequence, t.key
	if a.subkey != nil {
		k.key = *a.subkey
	}
	k.key.value = bytes.Clone(k.key.value)
	return reply, &Identity{
		User: t.client.unqualified(), Domain: t.client.realm, Kind: User, Mechanism: MechanismKerberos,
		SessionKey: bytes.Clone(k.key.value), Expires: t.end,
	}, nil
}

// openTicket returns what the KDC sealed, once it is known to be for us and by
// a KDC that knows our key.
func (k *kerberosAcceptor) openTicket(who *kerberosLogon, req apReq) (ticketPart, error) {
	sealed, cfg := req.ticket, k.a.cfg
	if req.userToUser {
		return ticketPart{}, who.refuse(UnknownKey, "user-to-user ticket")
	}
	if !cfg.serves(k.keytab, req.service) {
		return ticketPart{}, who.refuse(UnknownService, "")
	}
	if !cfg.allows(sealed.etype) {
		return ticketPart{}, who.refuse(WeakEncryption, "ticket of "+sealed.etype.String())
	}
	version := fmt.Sprintf("%v, key version %d", sealed.etype, sealed.kvno)
	keys := k.keytab.keysFor(req.service, sealed)
	if len(keys) == 0 {
		return ticketPart{}, who.refuse(UnknownKey, version+"; "+k.keytab.lack(req.service, sealed))
	}
	plain, ok := openWithAny(keys, sealed.cipher)
	if !ok {
		return ticketPart{}, who.refuse(BadTicket, "ticket of "+version)
	}
	t, err := parseTicketPart(plain)
	if err != nil {
		return ticketPart{}, err
	}
	who.client = t.client
	switch {
	case !cfg.allows(t.key.etype):
		return ticketPart{}, who.refuse(WeakEncryption, "session key of "+t.key.etype.String())
	case !t.key.wellFormed():
		return ticketPart{}, malformed("Kerberos session key of %d bytes", len(t.key.value))
	case t.client.anonymous():
		return ticketPart{}, who.refuse(AnonymousRefused, "")
	}
	return t, nil
}

func openWithAny(keys []kerberosKey, ciphertext []byte) (plain []byte, ok bool) {
	for _, key := range keys {
		if plain, err := key.decrypt(ciphertext, usageTicket); err == nil {
			return plain, true
		}
	}
	return nil, false
}

// openAuthenticator proves that the client knows the ticket's key and is the
// one that the ticket was made for.
func (k *kerberosAcceptor) openAuthenticator(who kerberosLogon, t ticketPart, sealed sealedPart) (authenticator, error) {
	plain, err := t.key.decrypt(sealed.cipher, usageAuthenticator)
	if err != nil || sealed.etype != t.key.etype {
		return authenticator{}, who.refuse(BadTicket, "authenticator")
	}
	a, err := parseAuthenticator(plain)
	switch {
	case err != nil:
		return authenticator{}, err
	case !a.client.equal(t.client):
		return authenticator{}, who.refuse(ClientMismatch, fmt.Sprintf("authenticator names %q", a.client))
	case a.subkey != nil && !k.a.cfg.allows(a.subkey.etype):
		return authenticator{}, who.refuse(WeakEncryption, "subkey of "+a.subkey.etype.String())
	case a.subkey != nil && !a.subkey.wellFormed():
		return authenticator{}, malformed("Kerberos subkey of %d bytes", len(a.subkey.value))
	}
	return a, nil
}

// checkTimes looks at the clocks first: where they are apart, all that a ticket
// says of time is in doubt (RFC 4120 3.2.3).
func (k *kerberosAcceptor) checkTimes(who kerberosLogon, t ticketPart, a authenticator, now time.Time) error {
	skew := k.a.cfg.ClockSkew
	off := a.at().Sub(now)
	switch {
	case off.Abs() > skew:
		return who.refuse(ClockSkew, fmt.Sprintf("client is at %v of us, %v allowed", off.Round(time.Second), skew))
	case t.invalid:
		return who.refuse(TicketNotYetValid, "marked invalid")
	case t.start.After(now.Add(skew)):
		return who.refuse(TicketNotYetValid, "valid from "+t.start.UTC().Format(time.RFC3339))
	case !now.Before(t.end.Add(skew)):
		return who.refuse(TicketExpired, "valid until "+t.end.UTC().Format(time.RFC3339))
	}
	return nil
}

// wantsReply reports whether the client asks for mutual authentication, by
// Kerberos or by GSS-API. An authenticator without GSS-API's checksum has no
// flags.
func wantsReply(req apReq, a authenticator) (bool, error) {
	if a.checksum == nil {
		return req.mutual, nil
	}
	flags, err := parseGSSChecksum(a.checksum)
	return req.mutual || flags&gssMutual != 0, err
}

func (k *kerberosAcceptor) listMIC(list []byte) []byte {
	return k.key.mic(byAcceptor, k.sequence, list)
}

func (k *kerberosAcceptor) verifyListMIC(list, mic []byte) bool {
	return k.key.verifyMIC(k.sequence, list, mic)
}

// allows reports whether e is spoken, and strong enough.
func (c Config) allows(e etype) bool {
	_, spoken := e.profile()
	return spoken && (e != etypeRC4 || c.AllowRC4)
}

// serves reports whether tickets for service are for us.
func (c Config) serves(kt *Keytab, service principal) bool {
	if len(c.ServiceNames) == 0 {
		return kt.names(service)
	}
	if len(service.name) != 2 || !strings.EqualFold(service.name[0], "cifs") && !strings.EqualFold(service.name[0], "host") {
		return false
	}
	for _, host := range c.ServiceNames {
		if strings.EqualFold(service.name[1], host) {
			return true
		}
	}
	return false
}
