package smbauth

import (
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Kerberos messages, DER (RFC 4120 5.3, 5.5), each an [APPLICATION n] SEQUENCE
// of fields under explicit tags:
//
//	Ticket 1         tkt-vno 0, realm 1, sname 2, enc-part 3
//	Authenticator 2  vno 0, crealm 1, cname 2, [cksum 3], cusec 4, ctime 5, [subkey 6], [seq 7], [authz 8]
//	EncTicketPart 3  flags 0, key 1, crealm 2, cname 3, transited 4, authtime 5, [starttime 6], endtime 7,
//	                 [renew-till 8], [caddr 9], [authz 10]
//	AP-REQ 14        pvno 0, msg-type 1, ap-options 2, ticket 3, authenticator 4
//	AP-REP 15        pvno 0, msg-type 1, enc-part 2
//	EncAPRepPart 27  ctime 0, cusec 1, [subkey 2], [seq 3]
//
// The authorization data, with the PAC in it, is passed over: nobody decides by
// it. So is the list of transited realms: MS-KILE has servers ignore it.
const (
	tagTicket        = 1
	tagAuthenticator = 2
	tagTicketPart    = 3
	tagAPReq         = 14
	tagAPRep         = 15
	tagAPRepPart     = 27
)

const kerberosVersion = 5

// sealedPart is an EncryptedData. The key version is 0 where it is not said.
type sealedPart struct {
	etype  etype
	kvno   uint32
	cipher []byte
}

type apReq struct {
	userToUser    bool
	mutual        bool
	service       principal // what the ticket says it is for; the key proves it
	ticket        sealedPart
	authenticator sealedPart
}

func parseAPReq(b []byte) (apReq, error) {
	r := readKerberos(b, tagAPReq, "AP-REQ")
	r.integer(0, kerberosVersion, kerberosVersion, "AP-REQ version")
	r.integer(1, tagAPReq, tagAPReq, "AP-REQ type")
	options := r.flags(2, "AP-REQ options")
	m := apReq{userToUser: options.At(1) == 1, mutual: options.At(2) == 1}
	field := r.open(fieldTag(3), "ticket")
	t := field.open(applicationTag(tagTicket), "ticket").whole(field, "ticket")
	seq := t.open(asn1.SEQUENCE, "ticket").whole(t, "ticket")
	seq.integer(0, kerberosVersion, kerberosVersion, "ticket version")
	m.service.realm = seq.text(1, "ticket realm")
	m.service.name = seq.name(2, "ticket service")
	m.ticket = seq.sealed(3, "ticket")
	seq.end("ticket")
	m.authenticator = r.sealed(4, "authenticator")
	return m, r.err("AP-REQ")
}

// ticketPart is what the KDC sealed for us.
type ticketPart struct {
	invalid    bool
	key        kerberosKey
	client     principal
	start, end time.Time
}

func parseTicketPart(b []byte) (ticketPart, error) {
	r := readKerberos(b, tagTicketPart, "EncTicketPart")
	t := ticketPart{invalid: r.flags(0, "ticket flags").At(7) == 1}
	t.key = r.key(1, "session key")
	t.client.realm = r.text(2, "client realm")
	t.client.name = r.name(3, "client name")
	r.value(4, asn1.SEQUENCE, "transited realms")
	t.start = r.time(5, "authentication time")
	if r.has(6) {
		t.start = r.time(6, "start time")
	}
	t.end = r.time(7, "end time")
	r.skip(8, "renewal time")
	r.skip(9, "addresses")
	r.skip(10, "authorization data")
	return t, r.err("EncTicketPart")
}

// authenticator is what the client sealed with the ticket's key.
type authenticator struct {
	client   principal
	checksum []byte       // of type 0x8003; nil: none
	micros   int64        // of time
	time     time.Time    // as it stands there, without micros
	subkey   *kerberosKey // nil: none
	sequence uint32
}

// checksumGSS is the checksum type that carries the flags of GSS_Init_sec_context
// (RFC 4121 4.1.1).
const checksumGSS = 0x8003

func parseAuthenticator(b []byte) (authenticator, error) {
	r := readKerberos(b, tagAuthenticator, "authenticator")
	r.integer(0, kerberosVersion, kerberosVersion, "authenticator version")
	var a authenticator
	a.client.realm = r.text(1, "client realm")
	a.client.name = r.name(2, "client name")
	if r.has(3) {
		seq := r.value(3, asn1.SEQUENCE, "checksum")
		seq.integer(0, checksumGSS, checksumGSS, "checksum type, want GSS-API's")
		a.checksum = seq.octets(1, "checksum")
		seq.end("checksum")
	}
	a.micros = r.integer(4, 0, 999_999, "client microseconds")
	a.time = r.time(5, "client time")
	if r.has(6) {
		key := r.key(6, "subkey")
		a.subkey = &key
	}
	if r.has(7) {
		a.sequence = r.unsigned(7, "sequence number")
	}
	r.skip(8, "authorization data")
	return a, r.err("authenticator")
}

// at is the client's time to the microsecond.
func (a authenticator) at() time.Time { return a.time.Add(time.Duration(a.micros) * time.Microsecond) }

// replyPart makes the part of an AP-REP that is to be sealed: the
// client's time proves that the ticket could be read, and the sequence number
// is the client's too.
func (a authenticator) replyPart() []byte {
	return kerberosMessage(tagAPRepPart, func(b *cryptobyte.Builder) {
		addTime(b, 0, a.time)
		addInteger(b, 1, a.micros)
		addInteger(b, 3, int64(a.sequence))
	})
}

func appendAPRep(part sealedPart) []byte {
	return kerberosMessage(tagAPRep, func(b *cryptobyte.Builder) {
		addInteger(b, 0, kerberosVersion)
		addInteger(b, 1, tagAPRep)
		addSealed(b, 2, part)
	})
}
