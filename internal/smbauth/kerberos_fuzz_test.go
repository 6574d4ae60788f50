package smbauth

import (
	"errors"
	"reflect"
	"runtime"
	"slices"
	"testing"
)

func FuzzKeytab(f *testing.F) {
	addPrefixes(f, unhex(f, keytabMIT))
	addPrefixes(f, unhex(f, keytabSamba))
	f.Add([]byte{5, 2, 0x80, 0, 0, 0})
	f.Add([]byte{5, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		kt, err := ParseKeytab(slices.Clip(b))
		if err != nil {
			if kt != nil {
				t.Fatalf("ParseKeytab = %v beside %v", kt, err)
			}
			return
		}
		again, err := ParseKeytab(keytabFile(kt.entries...))
		if err != nil || !reflect.DeepEqual(again, kt) {
			t.Errorf("%v came back as %v, %v", kt.Entries(), again.Entries(), err)
		}
	})
}

// FuzzKerberosToken gives one token to an acceptor without SPNEGO, and its
// bytes to the parsers that in earnest see only what a key has opened.
func FuzzKerberosToken(f *testing.F) {
	honest := newForgery(etypeAES128SHA1)
	addPrefixes(f, honest.token())
	addPrefixes(f, honest.request())
	addPrefixes(f, honest.ticketPart())
	addPrefixes(f, honest.authenticator())
	for _, r := range recordedRequests(f) {
		f.Add(r.token)
	}
	f.Add(appendNegTokenInit(nil, kerberosOIDs, honest.token()))
	kt := honest.keytab()
	f.Fuzz(func(t *testing.T, b []byte) {
		b = slices.Clip(b)
		_, err := parseAPReq(b)
		orMalformed(t, err)
		_, err = parseTicketPart(b)
		orMalformed(t, err)
		_, err = parseAuthenticator(b)
		orMalformed(t, err)
		_, err = parseGSSChecksum(b)
		orMalformed(t, err)
		if g, ok := parseGSSToken(b); ok && string(g.append()) != string(b) {
			t.Errorf("%x came back as %x", b, g.append())
		}
		a := NewAuthenticator(Config{Kerberos: func() *Keytab { return kt }}, nil, zeroReader{})
		reply, id, err := a.Begin().Step(b, testNow)
		if err != nil && (reply != nil || id != nil) {
			t.Fatalf("Step = %x, %v beside %v", reply, id, err)
		}
		if id != nil && (id.User != "alice" || id.Domain != testRealm) {
			t.Fatalf("Step gives %+v", id)
		}
		if err != nil && !errors.Is(err, ErrMalformedToken) && !errors.Is(err, ErrLogonFailure) && !errors.Is(err, ErrNoMechanism) {
			t.Fatalf("Step = %v", err)
		}
	})
}

// TestHostileLengths demands that memory follows the bytes that came, not the
// lengths that they announce.
func TestHostileLengths(t *testing.T) {
	deep := slices.Repeat([]byte{0x30, 0x80}, 30_000)
	for name, b := range map[string][]byte{
		"most length": {0x60, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 6, 9},
		"deep":        append([]byte{0x6E, 0x82, 0xEA, 0x60}, deep...),
		"many names":  newForgery(etypeAES128SHA1).request()[:20],
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 100 {
			if _, err := parseAPReq(b); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
		runtime.ReadMemStats(&after)
		if grown := (after.TotalAlloc - before.TotalAlloc) / 100; grown > 1<<17 {
			t.Errorf("%s: %d bytes for each of %d bytes", name, grown, len(b))
		}
	}
}
