package smbauth

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"
)

var testNow = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

func testUsers(t testing.TB) *Users {
	t.Helper()
	u, err := NewUsers(map[string]Hash{"Alice": NTHash("correct horse"), "jürgen": NTHash("pässwörd")})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func testAuthenticator(t testing.TB, change func(*Config)) *Authenticator {
	t.Helper()
	cfg := Config{NetBIOSName: "FILES", NetBIOSDomain: "CORP", DNSName: "files.corp.example.com", DNSDomain: "corp.example.com"}
	if change != nil {
		change(&cfg)
	}
	u := testUsers(t)
	return NewAuthenticator(cfg, func() *Users { return u }, rand.Reader)
}

// conversation is one logon between the two ends of this package.
type conversation struct {
	client *ClientExchange
	server *Exchange
	// change, where set, is the man in the middle: it sees each token that the
	// client sends (0 first), and returns the one that the server gets.
	change func(leg int, token []byte) []byte
	sent   [][]byte // by the client, after change
	got    [][]byte // by the client
}

// run goes on until the server knows the client and the client has verified
// the server.
func (c *conversation) run() (*Identity, error) {
	reply := c.server.a.InitToken()
	for leg := 0; ; leg++ {
		token, _, err := c.client.Next(reply, testNow)
		if err != nil {
			return nil, fmt.Errorf("client: %w", err)
		}
		if c.change != nil {
			token = c.change(leg, bytes.Clone(token))
		}
		var id *Identity
		c.sent = append(c.sent, token)
		reply, id, err = c.server.Step(token, testNow)
		c.got = append(c.got, reply)
		switch {
		case err != nil:
			return nil, err
		case id == nil:
			continue
		}
		_, done, err := c.client.Next(reply, testNow)
		if err == nil && !done {
			err = errors.New("client is not done")
		}
		return id, err
	}
}

func newConversation(a *Authenticator, o ClientOptions) *conversation {
	return &conversation{client: NewClient(o), server: a.Begin()}
}

// TestLogon runs whole exchanges over every combination of the client's ways.
func TestLogon(t *testing.T) {
	users := []struct{ sent, password, want string }{
		{sent: "Alice", password: "correct horse", want: "Alice"},
		{sent: "aLICE", password: "correct horse", want: "Alice"},
		{sent: "JÜRGEN", password: "pässwörd", want: "jürgen"},
	}
	for _, raw := range []bool{false, true} {
		for _, drop := range []ntlmFlags{0, flagKeyExchange, flag128, flag128 | flag56, flagSign, flagVersion} {
			for _, domain := range []string{"", "CORP", "elsewhere"} {
				for _, u := range users {
					t.Run(fmt.Sprintf("raw=%v/without=%#x/%s@%s", raw, uint32(drop), u.sent, domain), func(t *testing.T) {
						c := newConversation(testAuthenticator(t, nil), ClientOptions{
							User: u.sent, Password: u.password, Domain: domain,
							Workstation: "WS", Target: "cifs/files", Raw: raw,
						})
						c.client.mech.offer &^= drop
						id, err := c.run()
						if err != nil {
							t.Fatal(err)
						}
						if id.User != u.want || id.Domain != domain || id.Kind != User || id.Mechanism != MechanismNTLMv2 || !id.Expires.IsZero() {
							t.Errorf("identity = %v in %q, want %q in %q", id, id.Domain, u.want, domain)
						}
						if len(id.SessionKey) != 16 || !bytes.Equal(id.SessionKey, c.client.SessionKey()) {
							t.Errorf("session keys %x and %x", id.SessionKey, c.client.SessionKey())
						}
					})
				}
			}
		}
	}
}

// TestReplies pins the shape of the answers, leg by leg.
func TestReplies(t *testing.T) {
	o := ClientOptions{User: "Alice", Password: "correct horse"}
	c := newConversation(testAuthenticator(t, nil), o)
	if _, err := c.run(); err != nil {
		t.Fatal(err)
	}
	first, err := parseNegTokenResp(c.got[0])
	if err != nil || first.state != stateAcceptIncomplete || !bytes.Equal(first.mech, oidNTLMSSP) || first.mechListMIC != nil {
		t.Errorf("first reply = %+v, %v, want accept-incomplete with NTLMSSP", first, err)
	}
	ch, err := parseChallenge(first.token)
	if err != nil || ch.flags != 0xE28A8215 || ch.target != "FILES" {
		t.Errorf("challenge = %+v, %v, want flags 0xE28A8215 and target FILES", ch, err)
	}
	wantInfo := Config{NetBIOSName: "FILES", NetBIOSDomain: "CORP", DNSName: "files.corp.example.com", DNSDomain: "corp.example.com"}.targetInfo(testNow)
	if !bytes.Equal(ch.targetInfo, wantInfo) {
		t.Errorf("target info = %x, want %x", ch.targetInfo, wantInfo)
	}
	last, err := parseNegTokenResp(c.got[1])
	if err != nil || last.state != stateAcceptCompleted || last.mech != nil || last.token != nil || len(last.mechListMIC) != 16 {
		t.Errorf("last reply = %+v, %v, want accept-completed and a mechListMIC", last, err)
	}
	if !bytes.HasPrefix(c.got[1][4:], unhex(t, `a0030a0100`)) {
		t.Errorf("last reply %x leaves negState 0 out", c.got[1])
	}

	o.Raw = true
	c = newConversation(testAuthenticator(t, nil), o)
	if _, err := c.run(); err != nil {
		t.Fatal(err)
	}
	if !isNTLMSSP(c.got[0]) || len(c.got[1]) != 0 {
		t.Errorf("raw replies = %.8q, %x, want a bare challenge and nothing", c.got[0], c.got[1])
	}
}

// TestGrantedFlags asks for more and for less than Windows does.
func TestGrantedFlags(t *testing.T) {
	tests := []struct{ asked, want ntlmFlags }{
		{asked: 0xE2088297, want: 0xE28A8215}, // the recorded client
		{asked: 0x628882B7, want: 0x628A8235}, // smbclient --client-protection=encrypt
		{asked: 0xFFFFFFFF, want: 0xE28A8235},
		{asked: flagUnicode | flagExtended, want: 0x028A8205},
	}
	for _, tt := range tests {
		x := testAuthenticator(t, nil).Begin()
		reply, _, err := x.Step(ntlmNegotiate{flags: tt.asked}.append(), testNow)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := parseChallenge(reply); err != nil || m.flags != tt.want {
			t.Errorf("challenge to flags %#x has %#x, %v, want %#x", uint32(tt.asked), uint32(m.flags), err, uint32(tt.want))
		}
	}
}

func TestStandaloneNames(t *testing.T) {
	_, recorded, _ := recordedNTLM(t)
	want, err := parseChallenge(recorded)
	if err != nil {
		t.Fatal(err)
	}
	got := Config{NetBIOSName: "SUT311"}.withDefaults().targetInfo(testNow)
	copy(got[len(got)-12:], want.targetInfo.find(avTimestamp))
	if !bytes.Equal(got, want.targetInfo) {
		t.Errorf("targetInfo = %x, want that of a Windows host on its own %x", got, want.targetInfo)
	}
}

func TestLogonRefused(t *testing.T) {
	tests := []struct {
		name   string
		o      ClientOptions
		reason Reason
	}{
		{name: "wrong password", o: ClientOptions{User: "alice", Password: "wrong", Domain: "D", Workstation: "W"}, reason: WrongPassword},
		{name: "password in another case", o: ClientOptions{User: "alice", Password: "Correct horse"}, reason: WrongPassword},
		{name: "empty password", o: ClientOptions{User: "alice"}, reason: WrongPassword},
		{name: "unknown user", o: ClientOptions{User: "mallory", Password: "correct horse"}, reason: UnknownUser},
		{name: "the decoy's password", o: ClientOptions{User: "mallory", Password: "no user has this one"}, reason: UnknownUser},
		{name: "anonymous", o: ClientOptions{}, reason: AnonymousRefused},
	}
	for _, tt := range tests {
		for _, raw := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/raw=%v", tt.name, raw), func(t *testing.T) {
				tt.o.Raw = raw
				id, err := newConversation(testAuthenticator(t, nil), tt.o).run()
				var refused *LogonError
				if id != nil || !errors.Is(err, ErrLogonFailure) || !errors.As(err, &refused) || refused.Reason != tt.reason {
					t.Fatalf("logon = %v, %v, want %v", id, err, tt.reason)
				}
				if refused.User != tt.o.User || refused.Domain != tt.o.Domain || refused.Workstation != tt.o.Workstation {
					t.Errorf("error names %q, %q, %q, want what the client sent", refused.User, refused.Domain, refused.Workstation)
				}
			})
		}
	}
}

func TestGuest(t *testing.T) {
	a := testAuthenticator(t, func(c *Config) { c.Guest = true })
	for _, raw := range []bool{false, true} {
		c := newConversation(a, ClientOptions{User: "mallory", Password: "any", Domain: "D", Raw: raw})
		id, err := c.run()
		if err != nil {
			t.Fatal(err)
		}
		if id.Kind != Guest || id.User != "Guest" || id.Domain != "" || !bytes.Equal(id.SessionKey, make([]byte, 16)) {
			t.Errorf("raw=%v: identity = %+v, want Guest with a zero key", raw, id)
		}
	}
	if id, err := newConversation(a, ClientOptions{User: "alice", Password: "wrong"}).run(); !errors.Is(err, ErrLogonFailure) {
		t.Errorf("known user with a wrong password = %v, %v, want ErrLogonFailure", id, err)
	}
	if id, err := newConversation(a, ClientOptions{}).run(); !errors.Is(err, ErrLogonFailure) {
		t.Errorf("anonymous where only guests may = %v, %v, want ErrLogonFailure", id, err)
	}
}

func TestAnonymous(t *testing.T) {
	a := testAuthenticator(t, func(c *Config) { c.Anonymous = true })
	for _, raw := range []bool{false, true} {
		for _, drop := range []ntlmFlags{0, flagKeyExchange} {
			c := newConversation(a, ClientOptions{Raw: raw})
			c.client.mech.offer &^= drop
			id, err := c.run()
			if err != nil {
				t.Fatal(err)
			}
			if id.Kind != Anonymous || id.User != "" || !bytes.Equal(id.SessionKey, c.client.SessionKey()) {
				t.Errorf("raw=%v: identity = %+v, want anonymous", raw, id)
			}
			if drop != 0 && !bytes.Equal(id.SessionKey, make([]byte, 16)) {
				t.Errorf("key without key exchange = %x, want zeros", id.SessionKey)
			}
		}
	}
	if id, err := newConversation(a, ClientOptions{User: "mallory"}).run(); !errors.Is(err, ErrLogonFailure) {
		t.Errorf("unknown user where anonymous may = %v, %v, want ErrLogonFailure", id, err)
	}
}

func TestSameUser(t *testing.T) {
	alice := &Identity{User: "Alice", Kind: User, Mechanism: MechanismNTLMv2}
	tests := []struct {
		name string
		o    *Identity
		want bool
	}{
		{name: "itself", o: alice, want: true},
		{name: "other case and domain", o: &Identity{User: "ALICE", Domain: "D", Kind: User, Mechanism: MechanismNTLMv2}, want: true},
		{name: "guest of that name", o: &Identity{User: "Alice", Kind: Guest, Mechanism: MechanismNTLMv2}},
		{name: "other mechanism", o: &Identity{User: "Alice", Kind: User, Mechanism: "kerberos"}},
		{name: "nobody", o: nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := alice.SameUser(tt.o); got != tt.want {
				t.Errorf("SameUser(%v) = %v, want %v", tt.o, got, tt.want)
			}
		})
	}
	guest := &Identity{User: "Guest", Kind: Guest, Mechanism: MechanismNTLMv2}
	if guest.SameUser(guest) {
		t.Error("a guest is the same as a guest")
	}
}

func TestIdentityPrintsNoKey(t *testing.T) {
	id := &Identity{User: "alice", Kind: User, Mechanism: MechanismNTLMv2, SessionKey: []byte("0123456789abcdef")}
	for _, verb := range []string{"%v", "%+v", "%s"} {
		if got, want := fmt.Sprintf(verb, id), `user "alice" (ntlmv2)`; got != want {
			t.Errorf("Sprintf(%q) = %q, want %q", verb, got, want)
		}
	}
}

// TestUsersAreReadPerLogon shows that a reload counts at once.
func TestUsersAreReadPerLogon(t *testing.T) {
	var table *Users
	a := NewAuthenticator(Config{NetBIOSName: "FILES"}, func() *Users { return table }, rand.Reader)
	o := ClientOptions{User: "alice", Password: "correct horse"}
	if _, err := newConversation(a, o).run(); !errors.Is(err, ErrLogonFailure) {
		t.Errorf("logon without a table: %v, want ErrLogonFailure", err)
	}
	table = testUsers(t)
	if _, err := newConversation(a, o).run(); err != nil {
		t.Errorf("logon with a table: %v", err)
	}
}

// TestUnknownUserCostsTheSame counts what the two refusals do, as far as that
// shows in allocations.
func TestUnknownUserCostsTheSame(t *testing.T) {
	a := testAuthenticator(t, nil)
	cost := func(user string) float64 {
		return testing.AllocsPerRun(50, func() {
			if _, err := newConversation(a, ClientOptions{User: user, Password: "wrong"}).run(); !errors.Is(err, ErrLogonFailure) {
				t.Fatal(err)
			}
		})
	}
	if known, unknown := cost("alice"), cost("mallo"); known != unknown {
		t.Errorf("a known name costs %v allocations, an unknown one %v", known, unknown)
	}
}

func BenchmarkLogon(b *testing.B) {
	a := testAuthenticator(b, nil)
	for _, user := range []string{"alice", "mallo"} {
		b.Run(user, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = newConversation(a, ClientOptions{User: user, Password: "wrong"}).run()
			}
		})
	}
}

// TestMeantDomain is a client that proves itself under another domain than the
// one that it names.
func TestMeantDomain(t *testing.T) {
	tests := []struct {
		proven, sent string
		want         error
	}{
		{proven: "", sent: "ANY"},
		{proven: "FILES", sent: ""},
		{proven: "CORP", sent: ""},
		{proven: "files.corp.example.com", sent: "CORP"},
		{proven: "corp.example.com", sent: "CORP"},
		{proven: "corp", sent: "", want: ErrLogonFailure},
		{proven: "ELSEWHERE", sent: "", want: ErrLogonFailure},
	}
	for _, tt := range tests {
		t.Run(tt.proven+" as "+tt.sent, func(t *testing.T) {
			x := testAuthenticator(t, nil).Begin()
			c := ntlmInitiator{o: ClientOptions{User: "alice", Password: "correct horse", Domain: tt.proven, Rand: rand.Reader}, offer: initiatorOffer}
			negotiate, err := c.open()
			if err != nil {
				t.Fatal(err)
			}
			challenge, _, err := x.Step(negotiate, testNow)
			if err != nil {
				t.Fatal(err)
			}
			msg, err := c.prove(challenge, testNow)
			if err != nil {
				t.Fatal(err)
			}
			m, err := parseAuthenticate(msg)
			if err != nil {
				t.Fatal(err)
			}
			m.domain = tt.sent
			msg = m.append()
			mic := messageMIC(c.exported(), negotiate, challenge, msg)
			copy(msg[micOffset:], mic[:])
			if _, id, err := x.Step(msg, testNow); !errors.Is(err, tt.want) || (id != nil) != (tt.want == nil) {
				t.Errorf("Step = %v, %v, want %v", id, err, tt.want)
			}
		})
	}
}
