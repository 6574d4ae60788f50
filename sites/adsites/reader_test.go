package adsites

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"dfsd/internal/lab/standin"
)

const testConfig = "CN=Configuration,DC=corp,DC=test"

// controller answers like a domain controller with two sites and a link.
type controller struct {
	usn      int
	restless bool // a site changes at each look
	changed  bool
	root     []string
	cutAt    string // the connection breaks within the answer for this base
}

func (c *controller) answer(s search) reply {
	switch {
	case s.base == "":
		attributes := append([]string{"configurationNamingContext", testConfig, "highestCommittedUSN", fmt.Sprint(c.usn), "dnsHostName", "dc1"}, c.root...)
		return found(object("", attributes...))
	case c.cutAt != "" && strings.HasPrefix(s.base, c.cutAt):
		return reply{entries: []*ldap.Entry{object(siteDN("HQ"), "name", "HQ")}, cut: true}
	case strings.Contains(s.filter, "uSNChanged"):
		if c.restless || c.changed {
			return found(object(siteDN("HQ")))
		}
		return found()
	case strings.Contains(s.filter, "interSiteTransport"):
		return found(object(siteDN("HQ")), object(siteDN("NY")))
	case s.filter == "(objectClass=site)":
		return found(object(siteDN("HQ"), "name", "HQ"), object(siteDN("NY"), "name", "NY"))
	case s.filter == "(objectClass=siteLink)":
		return found(object(linkDN("l"), "siteList;range=0-0", siteDN("HQ"), "cost", "7"))
	case len(s.attributes) == 1 && s.attributes[0] == "siteList;range=1-*":
		return found(object(linkDN("l"), "siteList;range=1-*", siteDN("NY")))
	case s.filter == "(objectClass=subnet)", s.filter == "(objectClass=siteLinkBridge)", strings.HasPrefix(s.base, "CN=IP,"):
		return found()
	}
	return reply{code: ldap.LDAPResultNoSuchObject}
}

func (c *controller) listen(t *testing.T) (*fakeServer, string) {
	f := &fakeServer{answer: c.answer}
	return f, "ldap://" + f.listen(t, nil)
}

func plainReader(t *testing.T, urls ...string) *Reader {
	r := NewReader(Config{URLs: urls, TLS: TLSConfig{Mode: Off}, Refresh: time.Minute}, Options{})
	r.headStart = time.Minute // who is alive has no rival, however busy the machine is
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestReadRanges(t *testing.T) {
	_, url := (&controller{usn: 5}).listen(t)
	got, err := plainReader(t, url).Read(t.Context())
	if want := "HQ NY l(HQ+NY:7) all"; err != nil || text(got.Config) != want || len(got.Warnings) != 0 {
		t.Errorf("Read() = %s, %v, %v, want %s", text(got.Config), got.Warnings, err, want)
	}
}

func TestReadGivesAWholeTopologyOrNone(t *testing.T) {
	for name, tt := range map[string]struct {
		c    controller
		want string
	}{
		"restless":         {controller{usn: 5, restless: true}, ""},
		"cut in sites":     {controller{cutAt: "CN=Sites,"}, "search"},
		"cut in subnets":   {controller{cutAt: "CN=Subnets,"}, "search"},
		"cut in links":     {controller{cutAt: "CN=IP,"}, "search"},
		"not synchronized": {controller{root: []string{"isSynchronized", "FALSE"}}, "not synchronized"},
	} {
		t.Run(name, func(t *testing.T) {
			moving := tt.c
			f := &fakeServer{}
			f.answer = func(s search) reply {
				if s.base == "" && moving.restless {
					moving.usn++
				}
				return moving.answer(s)
			}
			got, err := plainReader(t, "ldap://"+f.listen(t, nil)).Read(t.Context())
			if err == nil || len(got.Config.Sites) > 0 || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Read() = %v, %v, want an error with %q", got, err, tt.want)
			}
			if n := f.count("siteLinkBridge)"); name == "restless" && (!errors.Is(err, ErrRestless) || f.count("CN=Subnets,") < attempts) {
				t.Errorf("%v after %d searches", err, n)
			}
		})
	}
}

func TestServersTakeTurns(t *testing.T) {
	bad, badURL := (&controller{root: []string{"isSynchronized", "FALSE"}}).listen(t)
	good, goodURL := (&controller{usn: 9}).listen(t)
	now := time.Now()
	r := NewReader(Config{URLs: URLs{badURL, goodURL}, TLS: TLSConfig{Mode: Off}}, Options{Now: func() time.Time { return now }})
	r.headStart = time.Minute
	t.Cleanup(func() { _ = r.Close() })
	first, err := r.Read(t.Context())
	if err != nil || "ldap://"+first.Server != goodURL {
		t.Fatalf("Read() = %v, %v", first, err)
	}
	before := bad.count("")
	if _, err := r.Read(t.Context()); err != nil || bad.count("") != before {
		t.Errorf("the server that failed was asked again at once, %v", err)
	}
	if changed, err := r.Changed(t.Context(), first); err != nil || changed {
		t.Errorf("Changed() = %v, %v", changed, err)
	}
	now = now.Add(demoted)
	if _, err := r.Read(t.Context()); err != nil || bad.count("") == before {
		t.Errorf("the server that failed was not asked after a minute, %v", err)
	}
	if good.count("CN=Subnets,") != 3 {
		t.Errorf("%d readings", good.count("CN=Subnets,"))
	}
}

func TestChanged(t *testing.T) {
	c := &controller{usn: 5}
	f, url := c.listen(t)
	r := plainReader(t, url)
	if changed, err := r.Changed(t.Context(), Reading{}); err != nil || !changed {
		t.Errorf("Changed(nothing) = %v, %v", changed, err)
	}
	prev, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := prev
	other.mark.origin = "another life of the database"
	if changed, err := r.Changed(t.Context(), other); err != nil || !changed {
		t.Errorf("Changed(another server's) = %v, %v", changed, err)
	}
	set := func(do func()) { f.mu.Lock(); defer f.mu.Unlock(); do() }
	set(func() { c.usn = 6 })
	for range 3 {
		if changed, err := r.Changed(t.Context(), prev); err != nil || changed {
			t.Errorf("Changed(after something else) = %v, %v", changed, err)
		}
	}
	if n := f.count("uSNChanged>=6"); n != 1 {
		t.Errorf("%d searches where nothing moved after the first, want 1", n)
	}
	set(func() { c.usn, c.changed = 7, true })
	if changed, err := r.Changed(t.Context(), prev); err != nil || !changed {
		t.Errorf("Changed(after a change) = %v, %v", changed, err)
	}
}

func TestTLSFaults(t *testing.T) {
	ours, other := standin.NewAuthority("Our CA"), standin.NewAuthority("Other CA")
	tomorrow := time.Now().Add(12 * time.Hour)
	f := &fakeServer{answer: (&controller{}).answer}
	for name, tt := range map[string]struct {
		server *tls.Config
		want   string
	}{
		"good":       {ours.Server(tomorrow, "127.0.0.1"), ""},
		"unknown CA": {other.Server(tomorrow, "127.0.0.1"), `signed by "CN=Other CA", which ` + `%s does not hold: put that CA's certificate into sites.ldap.tls.ca_file`},
		"wrong name": {ours.Server(tomorrow, "dc2.corp.test", "10.1.1.1"), "is for dc2.corp.test, 10.1.1.1, not for 127.0.0.1: name the server in sites.ldap.url"},
		"no name":    {ours.Server(tomorrow), "is for no host"},
		"expired":    {ours.Server(time.Now().Add(-time.Minute), "127.0.0.1"), "renew it, or set this host's clock"},
		"no TLS":     {nil, "start TLS with"},
	} {
		t.Run(name, func(t *testing.T) {
			ca := ours.File(t)
			var ends time.Time
			r := NewReader(Config{URLs: URLs{"ldaps://" + f.listen(t, tt.server)}, TLS: TLSConfig{CAFile: ca}}, Options{
				Secured: func(_ string, until time.Time) { ends = until },
			})
			defer r.Close()
			_, err := r.Read(t.Context())
			want := strings.Replace(tt.want, "%s", ca, 1)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("Read() = %v\nwant %s", err, want)
			}
			if secured := tomorrow.Truncate(time.Second); err == nil && !ends.Equal(secured) || err != nil && !ends.IsZero() {
				t.Errorf("told of a certificate that ends at %v; the good one ends at %v", ends, secured)
			}
		})
	}
}

func TestPasswordStaysSecret(t *testing.T) {
	_, url := (&controller{}).listen(t)
	r := plainReader(t, url)
	for content, want := range map[string]string{"s3cret-echo\n": `bind as "me": wrong name or password`, "\n": "is empty", strings.Repeat("s3cret-echo", 1000): "more than 4096 bytes"} {
		r.config.Bind = &BindConfig{DN: "me", PasswordFile: writeFile(t, "pw", []byte(content))}
		_, err := r.Read(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("Read() = %v, want %s", err, want)
		}
	}
	if isLoopback(&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}) || !isLoopback(&net.TCPAddr{IP: net.IPv6loopback}) {
		t.Error("isLoopback")
	}
}

func TestReadEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // it accepts nothing and says nothing
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := plainReader(t, "ldap://"+l.Addr().String()).Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Read() = %v", err)
	}
}

// TestSearchOnClosedConnection: the library ends such a search without a word.
func TestSearchOnClosedConnection(t *testing.T) {
	_, url := (&controller{usn: 5}).listen(t)
	r := plainReader(t, url)
	if _, err := r.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.kept.close()
	q := query{base: "CN=Subnets," + testSites, scope: ldap.ScopeSingleLevel, filter: "(objectClass=subnet)"}
	if err := r.kept.search(t.Context(), &budget{}, q, func(*ldap.Entry) error { return nil }); err == nil {
		t.Error("a search on a closed connection found nothing, and that was all")
	}
}
