package smbauth

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// recordedRequest is an AP-REQ of somebody else's making.
type recordedRequest struct {
	name     string
	at       time.Time
	keytab   []byte
	token    []byte
	service  string // host part
	user     string
	realm    string
	key      []byte // of the security context
	sequence uint32
	mic      []byte // of "a list of mechanisms"; nil: none
}

// recordedRequests reads the requests that gokrb5 v8.4.4 made, ticket and all,
// and those that MIT's library and Samba's client made with tickets of a Samba
// 4.17 domain controller, PAC and all. They name their keys, which two ends
// agreed upon.
func recordedRequests(t testing.TB) []recordedRequest {
	t.Helper()
	text, err := os.ReadFile("testdata/kerberos/requests.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []recordedRequest
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if key == "case" {
			all = append(all, recordedRequest{name: value})
		} else if key != "#" {
			all[len(all)-1].set(t, key, value)
		}
	}
	return all
}

func (r *recordedRequest) set(t testing.TB, key, value string) {
	t.Helper()
	number := func() int64 {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	switch key {
	case "at":
		r.at = time.Unix(number(), 0).UTC()
	case "keytab":
		r.keytab = unhex(t, value)
	case "token":
		r.token = unhex(t, value)
	case "service":
		r.service = value
	case "user":
		r.user, r.realm, _ = strings.Cut(value, " ")
	case "key":
		r.key = unhex(t, value)
	case "sequence":
		r.sequence = uint32(number())
	case "mic":
		r.mic = unhex(t, value)
	default:
		t.Fatalf("unknown key %q", key)
	}
}

func TestRecordedRequests(t *testing.T) {
	requests := recordedRequests(t)
	if len(requests) != 6 {
		t.Fatalf("%d requests", len(requests))
	}
	for _, r := range requests {
		t.Run(r.name, func(t *testing.T) {
			kt, err := ParseKeytab(r.keytab)
			if err != nil {
				t.Fatal(err)
			}
			a := testAuthenticator(t, func(c *Config) {
				c.Kerberos, c.AllowRC4 = func() *Keytab { return kt }, true
				c.ServiceNames = []string{strings.ToUpper(r.service)}
			})
			reply, id, err := a.Begin().Step(r.token, r.at)
			if err != nil {
				t.Fatal(err)
			}
			if id.User != r.user || id.Domain != r.realm || !bytes.Equal(id.SessionKey, r.key) || len(reply) == 0 {
				t.Errorf("identity = %+v, key %x, want %s of %s, key %x", id, id.SessionKey, r.user, r.realm, r.key)
			}
			if left := id.Expires.Sub(r.at); left < 9*time.Hour || left > 10*time.Hour {
				t.Errorf("session of %v, want the ticket's 10 hours", left)
			}
			key := kerberosKey{kt.entries[0].key.etype, r.key}
			if r.mic != nil && !key.verifyMIC(r.sequence, []byte("a list of mechanisms"), r.mic) {
				t.Errorf("mic = %x, want %x", key.mic(byInitiator, r.sequence, []byte("a list of mechanisms")), r.mic)
			}
		})
	}
}

// TestRecordedMICs holds codes over "the list" by gss_get_mic of MIT 1.20.1,
// and ours that its gss_verify_mic let through.
func TestRecordedMICs(t *testing.T) {
	for _, tt := range []struct {
		etype    etype
		key      string
		sequence uint32
		want     [2]string // by sender
	}{
		{
			etypeAES256SHA1, "b57955cd0efa6c5b710dfc709b0fafff4f8892090f83fbb37a278aa1c1cfa19f", 342067519,
			[2]string{"040400ffffffffff000000001463893f2973244f2820c913e8c366ce", "040401ffffffffff000000001463893fc4ec147e97062e40bdd2f01b"},
		},
		{
			etypeAES128SHA1, "7f7e3e1977cafe348864db27b1ba0fca", 671441894,
			[2]string{"040400ffffffffff00000000280563e66d8304c78783ab036ab436df", "040401ffffffffff00000000280563e68509e34ba698713d985b8b90"},
		},
		{
			etypeRC4, "445c637cca55b97269aa88cd149a9cf7", 736051951,
			[2]string{
				"602306092a864886f71201020201011100ffffffffe87aa2e86987a8ebebf4b210cc98e129",
				"602306092a864886f71201020201011100ffffffffe87aa2e896785714ebf4b210cc98e129",
			},
		},
	} {
		key := kerberosKey{tt.etype, unhex(t, tt.key)}
		for by, want := range tt.want {
			if got := key.mic(sender(by), tt.sequence, []byte("the list")); !bytes.Equal(got, unhex(t, want)) {
				t.Errorf("%v, sender %d: %x, want %s", tt.etype, by, got, want)
			}
		}
	}
}

func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]Reason{}
	for r := UnknownUser; r <= WeakEncryption; r++ {
		name := r.String()
		if have, twice := seen[name]; twice || strings.HasPrefix(name, "reason ") {
			t.Errorf("reason %d is %q, and so is %d", r, name, have)
		}
		seen[name] = r
	}
}
