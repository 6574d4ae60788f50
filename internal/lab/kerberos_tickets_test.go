//go:build integration

package lab_test

import (
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"dfsd/internal/lab"
	"dfsd/internal/smb2"
	"dfsd/internal/smbclient"
	"dfsd/referral/dfsc"
)

// ticket is a service ticket with its session key.
type ticket struct {
	messages.Ticket
	key types.EncryptionKey
}

// fromKDC gets a ticket for a service from the domain's KDC, with the first
// ticket that kinit left in a credential cache.
func (k *kerberosLab) fromKDC(t *testing.T, cache, service string) ticket {
	t.Helper()
	conf, err := config.NewFromString(fmt.Sprintf("[libdefaults]\n default_realm = %[1]s\n dns_lookup_kdc = false\n udp_preference_limit = 1\n"+
		"[realms]\n %[1]s = {\n  kdc = %[2]s:88\n }\n[domain_realm]\n .%[3]s = %[1]s\n", k.domain.Realm, k.domain.Addr, k.domain.DNSDomain))
	if err != nil {
		t.Fatal(err)
	}
	cc, err := credentials.LoadCCache(cache)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.NewFromCCache(cc, conf, client.DisablePAFXFAST(true))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Destroy()
	got, key, err := c.GetServiceTicket(service)
	if err != nil {
		t.Fatal(err)
	}
	return ticket{got, key}
}

// sealed makes a ticket as the KDC would, with the service's key of the keytab
// that dfsd has; the KDC itself gives none that is over for minutes, or not
// valid for minutes yet.
func (k *kerberosLab) sealed(t *testing.T, start, end time.Time) ticket {
	t.Helper()
	keys, err := keytab.Load(k.keytab)
	if err != nil {
		t.Fatal(err)
	}
	const aes256 = 18
	name := types.NewPrincipalName(1, bob.User)
	service := types.NewPrincipalName(2, principals[0])
	version := 0
	for _, e := range keys.Entries {
		if e.Key.KeyType == aes256 && strings.Join(e.Principal.Components, "/") == principals[0] {
			version = int(e.KVNO)
		}
	}
	got, key, err := messages.NewTicket(name, k.domain.Realm, service, k.domain.Realm, types.NewKrbFlags(), keys, aes256,
		version, start, start, end, end)
	if err != nil {
		t.Fatal(err)
	}
	return ticket{got, key}
}

// token is the security token of a log-on with a ticket, by a client whose clock
// is off: an AP-REQ in GSS-API (RFC 4121 4.1), without mutual authentication.
func (k *kerberosLab) token(t *testing.T, with ticket, off time.Duration) []byte {
	t.Helper()
	auth, err := types.NewAuthenticator(k.domain.Realm, types.NewPrincipalName(1, bob.User))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Add(off)
	auth.CTime, auth.Cusec = now.Truncate(time.Second), now.Nanosecond()/1000
	checksum := binary.LittleEndian.AppendUint32(nil, 16)
	auth.Cksum = types.Checksum{CksumType: 0x8003, Checksum: append(checksum, make([]byte, 20)...)}
	req, err := messages.NewAPReq(with.Ticket, with.key, auth)
	if err != nil {
		t.Fatal(err)
	}
	body, err := req.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	oid, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2})
	if err != nil {
		t.Fatal(err)
	}
	framed, err := asn1.Marshal(asn1.RawValue{
		Class: asn1.ClassApplication, Tag: 0, IsCompound: true, Bytes: slices.Concat(oid, []byte{1, 0}, body),
	})
	if err != nil {
		t.Fatal(err)
	}
	return framed
}

// logon sends a token in a SESSION_SETUP of its own connection and returns the
// NTSTATUS of the answer.
func (k *kerberosLab) logon(t *testing.T, token []byte) smb2.Status {
	t.Helper()
	conn, err := smbclient.Connect(t.Context(), k.dfsd.Addr.String(), smbclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h, _, err := conn.RoundTrip(t.Context(), smb2.Header{Command: smb2.CommandSessionSetup},
		smb2.SessionSetupRequest{SecurityMode: smb2.SigningEnabled, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return h.Status
}

// flipped is a ticket of which one bit is another.
func flipped(of ticket, at int) ticket {
	of.EncPart.Cipher = slices.Clone(of.EncPart.Cipher)
	of.EncPart.Cipher[at] ^= 1
	return of
}

// TestKerberosTickets: only a ticket of the KDC for this service, from a clock
// that agrees, now and once, lets anybody in. All others get the status that
// says no more than it must, and the log says what was wrong.
func TestKerberosTickets(t *testing.T) {
	t.Parallel()
	k := newKerberosLab(t)
	good := k.fromKDC(t, k.ticket, principals[0])
	other := k.fromKDC(t, k.ticket, "cifs/other."+k.domain.DNSDomain)
	// Each is made when its turn comes: the clock goes on.
	of := func(with ticket, off time.Duration) func() []byte {
		return func() []byte { return k.token(t, with, off) }
	}
	valid := func(from, to time.Duration) func() []byte {
		return func() []byte { now := time.Now().UTC(); return k.token(t, k.sealed(t, now.Add(from), now.Add(to)), 0) }
	}
	used := k.token(t, good, 0)
	again := func() []byte { return used }
	relabelled := other
	relabelled.SName = good.SName
	stolen := good
	stolen.key = other.key
	for _, tt := range []struct {
		name  string
		token func() []byte
		want  smb2.Status
		says  string // empty: the user gets in
	}{
		{"good", again, smb2.StatusSuccess, ""},
		{"the same again", again, smb2.StatusLogonFailure, "Kerberos authenticator was seen before"},
		{"the same ticket with another authenticator", of(good, 0), smb2.StatusSuccess, ""},
		{"sealed with the keytab's key", valid(-time.Hour, time.Hour), smb2.StatusSuccess, ""},
		{"expired", valid(-time.Hour, -6*time.Minute), smb2.StatusLogonFailure, "Kerberos ticket has expired"},
		{"not yet valid", valid(6*time.Minute, time.Hour), smb2.StatusLogonFailure, "Kerberos ticket is not yet valid"},
		{"first byte changed", of(flipped(good, 0), 0), smb2.StatusLogonFailure, "Kerberos ticket or authenticator does not decrypt"},
		{
			"last byte changed", of(flipped(good, len(good.EncPart.Cipher)-1), 0),
			smb2.StatusLogonFailure, "Kerberos ticket or authenticator does not decrypt",
		},
		{"another service", of(other, 0), smb2.StatusLogonFailure, "Kerberos ticket is for another service"},
		{
			"another service under our name", of(relabelled, 0),
			smb2.StatusLogonFailure, "Kerberos ticket or authenticator does not decrypt",
		},
		{"without its session key", of(stolen, 0), smb2.StatusLogonFailure, "Kerberos ticket or authenticator does not decrypt"},
		{"clock behind", of(good, -6*time.Minute), smb2.StatusTimeDifferenceAtDC, "clocks of client and server are too far apart"},
		{"clock ahead", of(good, 6*time.Minute), smb2.StatusTimeDifferenceAtDC, "clocks of client and server are too far apart"},
		{"clock behind a little", of(good, -4*time.Minute), smb2.StatusSuccess, ""},
		{"clock ahead a little", of(good, 4*time.Minute), smb2.StatusSuccess, ""},
		{"a good one at last", of(good, 0), smb2.StatusSuccess, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mark := len(k.dfsd.Log())
			if got := k.logon(t, tt.token()); got != tt.want {
				t.Errorf("SESSION_SETUP = %v, want %v", got, tt.want)
			}
			if tt.says == "" {
				k.dfsd.AwaitLog(mark, "logged on", `"user":"bob"`, `"mechanism":"kerberos"`)
			} else {
				k.dfsd.AwaitLog(mark, "log-on failed", tt.says)
			}
		})
	}
	if err := wellRead(k.read(k.ticket, "names")); err != nil {
		t.Errorf("smbclient after all of these: %v", err)
	}
	t.Run("session", k.endsWithTicket)
}

// ticketSession is a session of SMB 2.1, whose requests it signs itself: it goes
// on where a client would end it.
type ticketSession struct {
	t      *testing.T
	conn   *smbclient.Conn
	signer *smb2.Signer
	id     uint64
	tree   uint32
	next   uint64 // message id
}

// open logs on with a ticket, and tells what that ends with.
func (k *kerberosLab) open(t *testing.T, with ticket) (*ticketSession, smb2.Status) {
	t.Helper()
	conn, err := smbclient.Connect(t.Context(), k.dfsd.Addr.String(), smbclient.Options{Dialects: []smb2.Dialect{smb2.Dialect210}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // dfsd may have been the first
	keys := smb2.DeriveKeys(smb2.Dialect210, smb2.CipherNone, with.key.KeyValue, nil)
	signer, err := smb2.NewSigner(smb2.DefaultSigning(smb2.Dialect210), keys.Signing)
	if err != nil {
		t.Fatal(err)
	}
	s := &ticketSession{t: t, conn: conn, signer: signer, next: 1} // NEGOTIATE was 0
	h := s.ask(0, smb2.CommandSessionSetup, smb2.SessionSetupRequest{SecurityMode: smb2.SigningEnabled, Token: k.token(t, with, 0)})
	if h.Status != smb2.StatusSuccess {
		return s, h.Status
	}
	s.id = h.SessionID
	h = s.ask(smb2.FlagSigned, smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: lab.UNC(k.dfsd.Addr, "IPC$")})
	s.tree = h.TreeID
	return s, h.Status
}

// ask sends one request and returns the header of its answer.
func (s *ticketSession) ask(flags smb2.Flags, c smb2.Command, body smb2.Body) smb2.Header {
	s.t.Helper()
	h := smb2.Header{CreditCharge: 1, Credits: 8, Command: c, Flags: flags, MessageID: s.next, SessionID: s.id, TreeID: s.tree}
	s.next++
	msg := smb2.AppendMessage(nil, h, body)
	if flags.Has(smb2.FlagSigned) {
		s.signer.Sign(msg)
	}
	if err := s.conn.SendFrame(s.t.Context(), msg); err != nil {
		s.t.Fatal(err)
	}
	frame, err := s.conn.ReceiveFrame(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	h, err = smb2.ParseHeader(frame)
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

// referral asks for one and returns the status.
func (s *ticketSession) referral() smb2.Status {
	s.t.Helper()
	q := dfsc.Request{MaxLevel: 4, Path: `\names\public\projects`}
	return s.ask(smb2.FlagSigned, smb2.CommandIoctl, smbclient.ReferralRequest(q, 8192)).Status
}

// short gets a ticket for dfsd that the KDC gives for some seconds only, and
// says when it ends. It is the first that kinit asks for: with a first ticket so
// short, Samba's KDC gives no second.
func (k *kerberosLab) short(t *testing.T, seconds int) (ticket, time.Time) {
	t.Helper()
	cache := filepath.Join(k.Dir("short"), "ccache")
	got := k.domain.Client(k.station, cache).Run("sh", "-c", fmt.Sprintf("echo '%s' | kinit -l %ds -S %s -c %s %s@%s",
		bob.Password, seconds, principals[0], cache, bob.User, k.domain.Realm))
	if !got.OK() {
		t.Fatal(got)
	}
	cc, err := credentials.LoadCCache(cache)
	if err != nil {
		t.Fatal(err)
	}
	entries := cc.GetEntries() // without the cache's own settings
	if len(entries) != 1 {
		t.Fatalf("%d tickets in the cache, want one", len(entries))
	}
	made := ticket{key: entries[0].Key}
	if err := made.Unmarshal(entries[0].Ticket); err != nil {
		t.Fatal(err)
	}
	return made, entries[0].EndTime
}

// opened logs on with a ticket that the KDC gives for a few seconds, for more of
// them where a busy machine let the first ones pass, and says when it ends.
func (k *kerberosLab) opened(t *testing.T) (s *ticketSession, end time.Time) {
	t.Helper()
	for seconds := 3; ; seconds *= 3 {
		short, end := k.short(t, seconds)
		s, status := k.open(t, short)
		late := !time.Now().Before(end)
		switch {
		case status == smb2.StatusSuccess && !late:
			return s, end
		case !late || seconds > 60:
			t.Fatalf("a log-on with a ticket of %d seconds, which ends at %v: %v", seconds, end, status)
		}
	}
}

// endsWithTicket: a session lasts as long as the ticket that opened it, to the
// second, and goes on with a new one.
func (k *kerberosLab) endsWithTicket(t *testing.T) {
	s, end := k.opened(t)
	awaitWithin(t, k.dfsd, "the session's end", longWait, func() error {
		asked := time.Now()
		status := s.referral()
		switch status {
		case smb2.StatusNetworkSessionExpired:
			if early := time.Until(end); early > 0 {
				t.Errorf("the session ended %v before its ticket", early)
			}
			return nil
		case smb2.StatusSuccess:
			if late := asked.Sub(end); late > time.Second {
				t.Fatalf("a referral that was asked for %v after the ticket's end = %v", late, status)
			}
		}
		return fmt.Errorf("a referral = %w, want %s", status, smb2.StatusNetworkSessionExpired.Error())
	})
	good := k.fromKDC(t, k.ticket, principals[0])
	h := s.ask(smb2.FlagSigned, smb2.CommandSessionSetup, smb2.SessionSetupRequest{SecurityMode: smb2.SigningEnabled, Token: k.token(t, good, 0)})
	if h.Status != smb2.StatusSuccess {
		t.Errorf("SESSION_SETUP with another ticket = %v", h.Status)
	}
	if status := s.referral(); status != smb2.StatusSuccess {
		t.Errorf("a referral after that = %v", status)
	}
}
