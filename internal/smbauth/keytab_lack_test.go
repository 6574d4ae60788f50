package smbauth

import (
	"errors"
	"strings"
	"testing"
)

// TestLackIsExplained: a refusal for want of a key says what the keytab holds.
func TestLackIsExplained(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries []keytabEntry
		want    string
	}{
		{
			"old key",
			[]keytabEntry{
				testEntry(testService, testRealm, 1, testKey(etypeAES256SHA1, 1)), testEntry(testService, testRealm, 2, testKey(etypeAES256SHA1, 1)),
				testEntry(testService, testRealm, 2, testKey(etypeAES256SHA1, 2)),
			},
			"the keytab holds version 1, 2: export it anew",
		},
		{
			"another type",
			[]keytabEntry{testEntry(testService, testRealm, 3, testKey(etypeAES128SHA1, 1))},
			"the keytab holds aes128-cts-hmac-sha1-96 alone: give the account this type in the keytab too",
		},
		{
			"realm in lower case",
			[]keytabEntry{testEntry(testService, "files.test", 3, testKey(etypeAES256SHA1, 1))},
			`the keytab holds a key of realm "files.test", which is another`,
		},
		{
			"another name",
			[]keytabEntry{testEntry("cifs/other", "OTHER.TEST", 3, testKey(etypeAES256SHA1, 1))},
			"the keytab holds no key of that name",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newForgery(etypeAES256SHA1)
			a := testAuthenticator(t, func(c *Config) {
				c.Kerberos = func() *Keytab { return &Keytab{entries: tt.entries} }
				c.ServiceNames = []string{f.service.name[1]}
			})
			_, _, err := a.Begin().Step(f.token(), testNow)
			var refused *LogonError
			want := "aes256-cts-hmac-sha1-96, key version 3; " + tt.want
			if !errors.As(err, &refused) || refused.Reason != UnknownKey || refused.Detail != want {
				t.Errorf("Step = %v\nwant %v: %s", err, UnknownKey, want)
			}
		})
	}
}

// TestNewestKeyIsTried: of a keytab that has gathered many keys, where a ticket
// does not say which.
func TestNewestKeyIsTried(t *testing.T) {
	f := newForgery(etypeAES256SHA1)
	f.kvno = 0
	kt := &Keytab{}
	for i := range 2 * maxTries {
		kt.entries = append(kt.entries, testEntry(testService, testRealm, uint32(i+1), testKey(etypeAES256SHA1, byte(100+i))))
	}
	kt.entries[2*maxTries-1].key = f.serviceKey
	a := testAuthenticator(t, func(c *Config) { c.Kerberos = func() *Keytab { return kt } })
	reply, id, err := a.Begin().Step(f.token(), testNow)
	checkRefusal(t, f, reply, id, err, 0)
	if got := len(kt.keysFor(f.service, sealedPart{etype: etypeAES256SHA1})); reply == nil || got != maxTries {
		t.Errorf("%d keys are tried", got)
	}
	if got := kt.lack(f.service, sealedPart{etype: etypeAES256SHA1, kvno: 99}); strings.Count(got, ",") != maxTries-1 {
		t.Errorf("lack() = %q, want %d versions", got, maxTries)
	}
}
