package smbauth

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// kerberosAuthenticator takes tickets that f's keytab opens.
func kerberosAuthenticator(t testing.TB, f *forgery, change func(*Config)) *Authenticator {
	kt := f.keytab()
	return testAuthenticator(t, func(c *Config) {
		c.Kerberos = func() *Keytab { return kt }
		c.AllowRC4 = f.serviceKey.etype == etypeRC4
		if change != nil {
			change(c)
		}
	})
}

// TestKerberosLogon goes through every type, framing and way to ask for a
// reply.
func TestKerberosLogon(t *testing.T) {
	for _, e := range allEtypes {
		for _, tt := range []struct {
			name   string
			change func(*forgery)
			silent bool // no AP-REP is wanted
		}{
			{name: "usual", change: func(*forgery) {}},
			{name: "Microsoft's OID", change: func(f *forgery) { f.oid = oidKerberosMS }},
			{name: "no subkey", change: func(f *forgery) { f.subkey = nil }},
			{name: "no start time", change: func(f *forgery) { f.noStart = true }},
			{name: "no key version", change: func(f *forgery) { f.kvno = 0 }},
			{name: "least sequence number", change: func(f *forgery) { f.sequence = 0 }},
			{name: "most sequence number", change: func(f *forgery) { f.sequence = 1<<32 - 1 }},
			{name: "delegation", change: func(f *forgery) { f.checksum = append(gssChecksum(3), 1, 0, 1, 0, 9) }},
			{name: "mutual by GSS-API alone", change: func(f *forgery) { f.mutual = false }},
			{name: "mutual by Kerberos alone", change: func(f *forgery) { f.checksum = nil }},
			{name: "mutual by Kerberos, not by GSS-API", change: func(f *forgery) { f.checksum = gssChecksum(0x20) }},
			{name: "not mutual", change: func(f *forgery) { f.mutual, f.checksum = false, gssChecksum(0x20) }, silent: true},
			{name: "service in capitals", change: func(f *forgery) { f.service.name = []string{"CIFS", "FILES.Corp.Example.com"} }},
			{name: "foreign realm", change: func(f *forgery) { f.client.realm = "OTHER"; f.claimed = f.client }},
			{name: "service as client", change: func(f *forgery) { f.client.name = []string{"host", "pc"}; f.claimed = f.client }},
		} {
			t.Run(fmt.Sprintf("%v/%s", e, tt.name), func(t *testing.T) {
				f := newForgery(e)
				tt.change(f)
				reply, id, err := kerberosAuthenticator(t, f, nil).Begin().Step(f.token(), testNow)
				if err != nil {
					t.Fatal(err)
				}
				if tt.silent != (reply == nil) {
					t.Errorf("reply = %x", reply)
				} else if !tt.silent {
					f.verifyReply(t, reply)
				}
				want := Identity{
					User: strings.Join(f.client.name, "/"), Domain: f.client.realm, Kind: User, Mechanism: MechanismKerberos,
					SessionKey: f.contextKey().value, Expires: f.end.Truncate(time.Second),
				}
				if got := fmt.Sprintf("%+v %x %v", *id, id.SessionKey, id.Domain); got != fmt.Sprintf("%+v %x %v", want, want.SessionKey, want.Domain) || !id.Expires.Equal(want.Expires) {
					t.Errorf("identity = %s until %v, want %+v", got, id.Expires, want)
				}
			})
		}
	}
}

// TestKerberosRefusals is one lie each. All are refused for their own reason,
// which an administrator finds in the LogonError.
func TestKerberosRefusals(t *testing.T) {
	const skew = 5 * time.Minute
	for _, tt := range []struct {
		name   string
		change func(*forgery)
		config func(*Config)
		want   Reason // 0: let in
	}{
		{name: "ends within the skew", change: func(f *forgery) { f.end = testNow.Add(-skew + time.Second) }},
		{name: "expired", change: func(f *forgery) { f.end = testNow.Add(-skew) }, want: TicketExpired},
		{name: "starts within the skew", change: func(f *forgery) { f.start = testNow.Add(skew) }},
		{name: "not yet valid", change: func(f *forgery) { f.start = testNow.Add(skew + time.Second) }, want: TicketNotYetValid},
		{name: "not yet authenticated", change: func(f *forgery) { f.start, f.noStart = testNow.Add(skew+time.Second), true }, want: TicketNotYetValid},
		{name: "invalid", change: func(f *forgery) { f.invalid = true }, want: TicketNotYetValid},
		{name: "clock ahead within the skew", change: func(f *forgery) { f.at = testNow.Add(skew) }},
		{name: "clock ahead", change: func(f *forgery) { f.at = testNow.Add(skew + time.Microsecond) }, want: ClockSkew},
		{name: "clock behind", change: func(f *forgery) { f.at = testNow.Add(-skew - time.Microsecond) }, want: ClockSkew},
		{name: "a narrow skew", change: func(f *forgery) { f.at = testNow.Add(2 * time.Second) }, config: func(c *Config) { c.ClockSkew = time.Second }, want: ClockSkew},
		{name: "year 9999", change: func(f *forgery) { f.at = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }, want: ClockSkew},

		{name: "another service", change: func(f *forgery) { f.service.name = []string{"http", "files.corp.example.com"} }, want: UnknownService},
		{name: "another host", change: func(f *forgery) { f.service.name[1] = "elsewhere" }, want: UnknownService},
		{name: "a host of the same key", change: func(f *forgery) { f.service.name[1] = "alias" }, config: func(c *Config) { c.ServiceNames = []string{"other", "ALIAS"} }},
		{name: "a HOST name", change: func(f *forgery) { f.service.name = []string{"HOST", "alias"} }, config: func(c *Config) { c.ServiceNames = []string{"alias"} }},
		{name: "a host that is not listed", config: func(c *Config) { c.ServiceNames = []string{"alias"} }, want: UnknownService},
		{name: "another service of a listed host", change: func(f *forgery) { f.service.name[0] = "http" }, config: func(c *Config) { c.ServiceNames = []string{"files.corp.example.com"} }, want: UnknownService},
		{name: "three components", change: func(f *forgery) { f.service.name = append(f.service.name, "x") }, config: func(c *Config) { c.ServiceNames = []string{"files.corp.example.com"} }, want: UnknownService},
		{name: "another realm's service", change: func(f *forgery) { f.service.realm = "OTHER" }, want: UnknownService},
		{name: "another realm's service of a listed host", change: func(f *forgery) { f.service.realm = "OTHER" }, config: func(c *Config) { c.ServiceNames = []string{"files.corp.example.com"} }, want: UnknownKey},
		{name: "unknown key version", change: func(f *forgery) { f.kvno = 4 }, want: UnknownKey},
		{name: "type that the keytab lacks", change: func(f *forgery) { f.sealedAs = etypeAES128SHA1 }, want: UnknownKey},
		{name: "user to user", change: func(f *forgery) { f.userToUser = true }, want: UnknownKey},
		{name: "forged ticket", change: func(f *forgery) { f.serviceKey = testKey(etypeAES256SHA1, 7) }, want: BadTicket},
		{name: "key of another service", change: func(f *forgery) { f.service.name[1] = "other" }, want: 0},

		{name: "forged authenticator", change: func(f *forgery) { f.authKey = testKey(etypeAES256SHA1, 7) }, want: BadTicket},
		{name: "authenticator of another type", change: func(f *forgery) { f.authKey, f.authAs = testKey(etypeAES128SHA1, 2), etypeAES128SHA1 }, want: BadTicket},
		{name: "authenticator that lies about its type", change: func(f *forgery) { f.authAs = etypeAES128SHA1 }, want: BadTicket},
		{name: "another client", change: func(f *forgery) { f.claimed.name = []string{"administrator"} }, want: ClientMismatch},
		{name: "another realm", change: func(f *forgery) { f.claimed.realm = "OTHER" }, want: ClientMismatch},
		{name: "another case", change: func(f *forgery) { f.claimed.name = []string{"Alice"} }, want: ClientMismatch},
		{name: "split name", change: func(f *forgery) { f.client.name = []string{"a/b"}; f.claimed.name = []string{"a", "b"} }, want: ClientMismatch},
		{name: "anonymous", change: func(f *forgery) { f.client.name = []string{"WELLKNOWN", "ANONYMOUS"}; f.claimed = f.client }, want: AnonymousRefused},
		{name: "anonymous realm", change: func(f *forgery) { f.client.realm = "WELLKNOWN:ANONYMOUS"; f.claimed = f.client }, want: AnonymousRefused},

		{name: "ticket of single DES", change: func(f *forgery) { f.sealedAs = 3 }, want: WeakEncryption},
		{name: "session key of RC4", change: func(f *forgery) { f.sessionKey = testKey(etypeRC4, 2); f.authKey, f.authAs = f.sessionKey, etypeRC4 }, want: WeakEncryption},
		{name: "subkey of RC4", change: func(f *forgery) { k := testKey(etypeRC4, 2); f.subkey = &k }, want: WeakEncryption},
		{name: "session key of RC4, allowed", change: func(f *forgery) { f.sessionKey = testKey(etypeRC4, 2); f.authKey, f.authAs = f.sessionKey, etypeRC4 }, config: func(c *Config) { c.AllowRC4 = true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newForgery(etypeAES256SHA1)
			a := kerberosAuthenticator(t, f, tt.config)
			if tt.change != nil {
				tt.change(f)
			}
			if tt.name == "key of another service" { // whose key is known here too
				f.serviceKey = testKey(etypeAES256SHA1, 9)
			}
			reply, id, err := a.Begin().Step(f.token(), testNow)
			checkRefusal(t, f, reply, id, err, tt.want)
		})
	}
}

func checkRefusal(t *testing.T, f *forgery, reply []byte, id *Identity, err error, want Reason) {
	t.Helper()
	if want == 0 {
		if err != nil || id == nil {
			t.Fatalf("Step = %v, %v", id, err)
		}
		return
	}
	var refused *LogonError
	if !errors.As(err, &refused) || refused.Reason != want || !errors.Is(err, ErrLogonFailure) {
		t.Fatalf("Step = %v, %v, want %v", id, err, want)
	}
	if reply != nil || id != nil || refused.Mechanism != MechanismKerberos || refused.Service != f.service.String() {
		t.Errorf("Step = %x, %v, %#v", reply, id, refused)
	}
	if !strings.Contains(err.Error(), want.String()) || !strings.Contains(err.Error(), f.service.String()) {
		t.Errorf("error %q names neither %q nor the service", err, want)
	}
}

// TestRC4 demands that arcfour-hmac is refused unless it is allowed.
func TestRC4(t *testing.T) {
	for _, allow := range []bool{false, true} {
		f := newForgery(etypeRC4)
		a := kerberosAuthenticator(t, f, func(c *Config) { c.AllowRC4 = allow })
		reply, id, err := a.Begin().Step(f.token(), testNow)
		want := WeakEncryption
		if allow {
			want = 0
		}
		checkRefusal(t, f, reply, id, err, want)
	}
}

// TestHostKeyServesCIFS is a keytab of a machine account: HOST/x answers for
// cifs/x and for no other service.
func TestHostKeyServesCIFS(t *testing.T) {
	for service, want := range map[string]Reason{"cifs": 0, "host": 0, "http": UnknownService} {
		f := newForgery(etypeAES128SHA1)
		f.service.name = []string{service, "files"}
		kt := &Keytab{entries: []keytabEntry{testEntry("HOST/FILES", testRealm, 3, f.serviceKey)}}
		a := testAuthenticator(t, func(c *Config) { c.Kerberos = func() *Keytab { return kt } })
		reply, id, err := a.Begin().Step(f.token(), testNow)
		checkRefusal(t, f, reply, id, err, want)
	}
}

// TestReplay sends one token twice, and the same ticket with a new
// authenticator.
func TestReplay(t *testing.T) {
	f := newForgery(etypeAES256SHA1)
	a := kerberosAuthenticator(t, f, nil)
	token := f.token()
	for i, want := range []Reason{0, Replayed, Replayed} {
		reply, id, err := a.Begin().Step(token, testNow.Add(time.Duration(i)*time.Second))
		checkRefusal(t, f, reply, id, err, want)
	}
	wrapped := appendNegTokenInit(nil, [][]byte{oidKerberosMS}, token)
	reply, id, err := a.Begin().Step(wrapped, testNow)
	checkRefusal(t, f, reply, id, err, Replayed)
	reply, id, err = a.Begin().Step(f.token(), testNow)
	checkRefusal(t, f, reply, id, err, 0)
}

// TestRefusedLogonsAreNotRemembered keeps those without a good ticket from
// filling the replay cache.
func TestRefusedLogonsAreNotRemembered(t *testing.T) {
	f := newForgery(etypeAES256SHA1)
	a := kerberosAuthenticator(t, f, nil)
	for _, change := range []func(*forgery){
		func(f *forgery) { f.at = testNow.Add(time.Hour) },
		func(f *forgery) { f.end = testNow.Add(-time.Hour) },
		func(f *forgery) { f.claimed.realm = "OTHER" },
		func(f *forgery) { f.checksum = []byte("short") },
	} {
		f := newForgery(etypeAES256SHA1)
		change(f)
		if _, _, err := a.Begin().Step(f.token(), testNow); err == nil {
			t.Error("let in")
		}
	}
	if n := len(a.replays.young); n != 0 {
		t.Errorf("%d authenticators remembered", n)
	}
}

// TestTamperedKerberosToken changes each byte of a good token: no change may
// let in anybody else or be let in as somebody else.
func TestTamperedKerberosToken(t *testing.T) {
	f := newForgery(etypeAES128SHA1)
	token := f.token()
	for i := range token {
		for _, bit := range []byte{1, 0x80} {
			changed := bytes.Clone(token)
			changed[i] ^= bit
			_, id, err := kerberosAuthenticator(t, f, nil).Begin().Step(changed, testNow)
			if err != nil && !errors.Is(err, ErrMalformedToken) && !errors.Is(err, ErrLogonFailure) {
				t.Fatalf("byte %d: %v", i, err)
			}
			if id != nil && (id.User != "alice" || id.Domain != testRealm || !bytes.Equal(id.SessionKey, f.subkey.value)) {
				t.Fatalf("byte %d gives %+v", i, id)
			}
		}
	}
	for n := range token {
		if _, id, err := kerberosAuthenticator(t, f, nil).Begin().Step(token[:n:n], testNow); !errors.Is(err, ErrMalformedToken) {
			t.Fatalf("prefix of %d bytes: %v, %v", n, id, err)
		}
	}
}

// TestMalformedInside is what a holder of a good ticket may still get wrong.
func TestMalformedInside(t *testing.T) {
	for name, change := range map[string]func(*forgery){
		"short checksum":        func(f *forgery) { f.checksum = gssChecksum(2)[:23] },
		"bindings of 17 bytes":  func(f *forgery) { f.checksum = gssChecksum(2); f.checksum[0] = 17 },
		"checksum of no GSS":    func(f *forgery) { f.sumType = 7 },
		"short subkey":          func(f *forgery) { f.subkey.value = f.subkey.value[1:] },
		"short session key":     func(f *forgery) { f.sessionKey.value = f.sessionKey.value[1:] },
		"empty client name":     func(f *forgery) { f.claimed.name = nil },
		"many components":       func(f *forgery) { f.claimed.name = slices.Repeat([]string{"a"}, 9) },
		"control in the name":   func(f *forgery) { f.client.name[0] = "a\x00b" },
		"name that is not UTF8": func(f *forgery) { f.claimed.name = []string{"\xFF"} },
		"long sequence number":  func(f *forgery) { f.sequence = 1 << 32 },
	} {
		f := newForgery(etypeAES256SHA1)
		a := kerberosAuthenticator(t, f, nil)
		change(f)
		if _, id, err := a.Begin().Step(f.token(), testNow); !errors.Is(err, ErrMalformedToken) {
			t.Errorf("%s: %v, %v, want ErrMalformedToken", name, id, err)
		}
	}
}

// TestKeytabIsReadAnew demands that the keytab of the moment counts.
func TestKeytabIsReadAnew(t *testing.T) {
	f := newForgery(etypeAES256SHA1)
	var kt *Keytab
	calls := 0
	a := testAuthenticator(t, func(c *Config) { c.Kerberos = func() *Keytab { calls++; return kt } })
	if _, _, err := a.Begin().Step(f.token(), testNow); !errors.Is(err, ErrMalformedToken) {
		t.Errorf("without a keytab: %v", err)
	}
	plain := bytes.Clone(a.InitToken())
	kt = f.keytab()
	calls = 0
	if _, id, err := a.Begin().Step(f.token(), testNow); err != nil || id == nil || calls != 1 {
		t.Errorf("with a keytab: %v, %v, asked for it %d times", id, err, calls)
	}
	init, err := parseNegTokenInit(a.InitToken())
	if want := [][]byte{oidKerberosMS, oidKerberos, oidNTLMSSP}; err != nil || !slices.EqualFunc(init.mechs, want, bytes.Equal) {
		t.Errorf("offer = %x, %v, want %x", init.mechs, err, want)
	}
	if kt = nil; !bytes.Equal(a.InitToken(), plain) {
		t.Error("Kerberos is offered without a keytab")
	}
}
