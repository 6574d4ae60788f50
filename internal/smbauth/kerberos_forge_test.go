package smbauth

import (
	"crypto/rand"
	encasn1 "encoding/asn1"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	testRealm   = "CORP.EXAMPLE.COM"
	testService = "cifs/files.corp.example.com"
)

// forgery is a client, and the KDC that gave him his ticket: each field may be
// made to lie.
type forgery struct {
	oid        []byte
	serviceKey kerberosKey
	kvno       uint32 // 0: not said
	sealedAs   etype  // what the ticket claims its type to be
	service    principal

	client     principal
	invalid    bool
	start, end time.Time
	noStart    bool // an authtime alone
	sessionKey kerberosKey

	claimed    principal // in the authenticator
	at         time.Time
	authKey    kerberosKey // that seals the authenticator
	authAs     etype       // what it claims its type to be
	subkey     *kerberosKey
	sequence   int64
	checksum   []byte // nil: none
	sumType    int64
	userToUser bool
	mutual     bool
}

func gssChecksum(flags uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 16)
	return binary.LittleEndian.AppendUint32(append(b, make([]byte, 16)...), flags)
}

// newForgery is an honest client, who asks for mutual authentication.
func newForgery(e etype) *forgery {
	subkey := testKey(e, 3)
	alice := principal{[]string{"alice"}, testRealm}
	return &forgery{
		oid: oidKerberos, serviceKey: testKey(e, 1), kvno: 3, sealedAs: e,
		service: principal{strings.Split(testService, "/"), testRealm},
		client:  alice, claimed: alice,
		start: testNow.Add(-time.Hour), end: testNow.Add(9 * time.Hour),
		sessionKey: testKey(e, 2), authKey: testKey(e, 2), authAs: e, subkey: &subkey,
		at: testNow.Add(1234 * time.Millisecond), sequence: 0x12345678,
		checksum: gssChecksum(gssMutual | 0x20), sumType: checksumGSS, mutual: true,
	}
}

// keytab holds the honest key of the service, and one of another name's.
func (f *forgery) keytab() *Keytab {
	return &Keytab{entries: []keytabEntry{
		testEntry("cifs/other", testRealm, 3, testKey(f.serviceKey.etype, 9)),
		testEntry(testService, testRealm, 3, testKey(f.serviceKey.etype, 1)),
	}}
}

func mustSeal(k kerberosKey, plain []byte, usage uint32) []byte {
	b, err := k.encrypt(rand.Reader, plain, usage)
	if err != nil {
		panic(err)
	}
	return b
}

func addText(b *cryptobyte.Builder, n uint8, s string) {
	addField(b, n, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.GeneralString, func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) })
	})
}

func addName(b *cryptobyte.Builder, n uint8, name []string) {
	addSequence(b, n, func(b *cryptobyte.Builder) {
		addInteger(b, 0, 1)
		addSequence(b, 1, func(b *cryptobyte.Builder) {
			for _, part := range name {
				b.AddASN1(asn1.GeneralString, func(b *cryptobyte.Builder) { b.AddBytes([]byte(part)) })
			}
		})
	})
}

func addSequence(b *cryptobyte.Builder, n uint8, fields func(*cryptobyte.Builder)) {
	addField(b, n, func(b *cryptobyte.Builder) { b.AddASN1(asn1.SEQUENCE, fields) })
}

func addKey(b *cryptobyte.Builder, n uint8, k kerberosKey) {
	addSequence(b, n, func(b *cryptobyte.Builder) {
		addInteger(b, 0, int64(k.etype))
		addOctets(b, fieldTag(1), k.value)
	})
}

func addFlags(b *cryptobyte.Builder, n uint8, bits ...int) {
	var word uint32
	for _, bit := range bits {
		word |= 1 << (31 - bit)
	}
	addField(b, n, func(b *cryptobyte.Builder) { b.AddASN1BitString(binary.BigEndian.AppendUint32(nil, word)) })
}

func when(bit int, set bool) int {
	if set {
		return bit
	}
	return 31 // which means nothing
}

func (f *forgery) ticketPart() []byte {
	return kerberosMessage(tagTicketPart, func(b *cryptobyte.Builder) {
		addFlags(b, 0, 10, when(7, f.invalid))
		addKey(b, 1, f.sessionKey)
		addText(b, 2, f.client.realm)
		addName(b, 3, f.client.name)
		addSequence(b, 4, func(b *cryptobyte.Builder) {
			addInteger(b, 0, 1)
			addOctets(b, fieldTag(1), []byte{})
		})
		if f.noStart {
			addTime(b, 5, f.start)
		} else {
			addTime(b, 5, f.start.Add(-time.Hour))
			addTime(b, 6, f.start)
		}
		addTime(b, 7, f.end)
		addTime(b, 8, f.end.Add(time.Hour))
		addSequence(b, 10, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addInteger(b, 0, 1)
				addOctets(b, fieldTag(1), []byte("no PAC"))
			})
		})
	})
}

func (f *forgery) authenticator() []byte {
	return kerberosMessage(tagAuthenticator, func(b *cryptobyte.Builder) {
		addInteger(b, 0, kerberosVersion)
		addText(b, 1, f.claimed.realm)
		addName(b, 2, f.claimed.name)
		if f.checksum != nil {
			addSequence(b, 3, func(b *cryptobyte.Builder) {
				addInteger(b, 0, f.sumType)
				addOctets(b, fieldTag(1), f.checksum)
			})
		}
		addInteger(b, 4, int64(f.at.Nanosecond()/1000))
		addTime(b, 5, f.at.Truncate(time.Second))
		if f.subkey != nil {
			addKey(b, 6, *f.subkey)
		}
		addInteger(b, 7, f.sequence)
	})
}

// request is the AP-REQ. Two are never alike: each authenticator is sealed
// behind a new confounder.
func (f *forgery) request() []byte {
	return kerberosMessage(tagAPReq, func(b *cryptobyte.Builder) {
		addInteger(b, 0, kerberosVersion)
		addInteger(b, 1, tagAPReq)
		addFlags(b, 2, when(1, f.userToUser), when(2, f.mutual))
		addField(b, 3, func(b *cryptobyte.Builder) {
			b.AddBytes(kerberosMessage(tagTicket, func(b *cryptobyte.Builder) {
				addInteger(b, 0, kerberosVersion)
				addText(b, 1, f.service.realm)
				addName(b, 2, f.service.name)
				addSealed(b, 3, sealedPart{f.sealedAs, f.kvno, mustSeal(f.serviceKey, f.ticketPart(), usageTicket)})
			}))
		})
		addSealed(b, 4, sealedPart{f.authAs, 0, mustSeal(f.authKey, f.authenticator(), usageAuthenticator)})
	})
}

func (f *forgery) token() []byte {
	return gssToken{oid: f.oid, id: tokenAPReq, body: f.request()}.append()
}

// contextKey is what both ends share after the exchange.
func (f *forgery) contextKey() kerberosKey {
	if f.subkey != nil {
		return *f.subkey
	}
	return f.sessionKey
}

// verifyReply checks an AP-REP as a client does.
func (f *forgery) verifyReply(t testing.TB, reply []byte) {
	t.Helper()
	gss, ok := parseGSSToken(reply)
	if !ok || gss.id != tokenAPRep || string(gss.oid) != string(f.oid) {
		t.Fatalf("reply = %x, want an AP-REP under OID %x", reply, f.oid)
	}
	r := readKerberos(gss.body, tagAPRep, "AP-REP")
	r.integer(0, 5, 5, "version")
	r.integer(1, 15, 15, "type")
	sealed := r.sealed(2, "enc-part")
	if err := r.err("AP-REP"); err != nil || sealed.etype != f.sessionKey.etype {
		t.Fatalf("AP-REP of %v: %v", sealed.etype, err)
	}
	plain, err := f.sessionKey.decrypt(sealed.cipher, usageReply)
	if err != nil {
		t.Fatal(err)
	}
	// Not our own writer's twin: encoding/asn1 reads it.
	var part struct {
		CTime time.Time `asn1:"generalized,explicit,tag:0"`
		CUSec int       `asn1:"explicit,tag:1"`
		Seq   int64     `asn1:"explicit,tag:3"`
	}
	rest, err := encasn1.UnmarshalWithParams(plain, &part, "application,explicit,tag:27")
	if err != nil || len(rest) > 0 {
		t.Fatalf("EncAPRepPart %x: %v", plain, err)
	}
	if at := part.CTime.Add(time.Duration(part.CUSec) * time.Microsecond); !at.Equal(f.at) || part.Seq != f.sequence {
		t.Errorf("AP-REP proves %v, sequence %d, want %v, %d", at, part.Seq, f.at, f.sequence)
	}
}
