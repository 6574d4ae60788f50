//go:build integration

package lab_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dfsd/internal/lab"
	"dfsd/internal/smbclient"
	"dfsd/referral/dfsc"
	"dfsd/sites"
	"dfsd/sites/adsites"
)

// authorities writes a file with the certificates of several files.
func authorities(t *testing.T, l *lab.Lab, files ...string) string {
	t.Helper()
	var all []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return l.WriteFile(l.Dir("authorities"), "ca.pem", string(all))
}

// order is the hosts of the targets of `\\dfsd\public\f` for a client, best
// first.
func order(d *lab.Dfsd, client string) string {
	var hosts []string
	for _, target := range d.Explain(`\\dfsd\public\f`, netip.MustParseAddr(client)).Targets {
		name, _, _ := strings.Cut(strings.Trim(target.Path, `\`), `\`)
		hosts = append(hosts, name)
	}
	return strings.Join(hosts, " ")
}

// ordered says what is wrong with the order of the targets.
func ordered(d *lab.Dfsd, client, want string) func() error {
	return func() error {
		if got := order(d, client); got != want {
			return fmt.Errorf("for %s the order is %q, want %q", client, got, want)
		}
		return nil
	}
}

// longWait is for what takes the time-outs of a network, on a machine that has
// much else to do.
const longWait = 3 * time.Minute

// frozenAtMost is for how long a connection may be silent before the daemon gives
// it up.
const frozenAtMost = 20 * time.Second

// pairLab is a domain of two controllers and a dfsd that finds them by the SRV
// records of the second one's DNS server, the first controller preferred.
type pairLab struct {
	*lab.Lab
	first, second *lab.Domain
	dfsd          *lab.Dfsd
}

// parisian is a client in Paris.
const parisian = "10.99.11.5"

func newPairLab(t *testing.T) *pairLab {
	t.Helper()
	l := lab.New(t)
	first := l.Domain(lab.DomainSetup{})
	for i, site := range []string{"Paris", "Lyon", "Nice"} {
		first.AddSite(site)
		first.AddSubnet(fmt.Sprintf("10.99.%d.0/24", 11+i), site)
	}
	first.AddLink("paris-lyon", 10, "Paris", "Lyon")
	first.AddLink("paris-nice", 20, "Paris", "Nice")
	first.AddHost("near", netip.MustParseAddr("10.99.11.200"))
	first.AddHost("far", netip.MustParseAddr("10.99.13.200"))
	second := first.Second()
	p := &pairLab{Lab: l, first: first, second: second}
	p.dfsd = p.preferring(t)
	return p
}

// preferring starts a dfsd that reads the first controller. On a busy machine that
// one may be silent for so long that the second is asked, but not every time.
func (p *pairLab) preferring(t *testing.T) *lab.Dfsd {
	t.Helper()
	for range 10 {
		d := p.Dfsd(lab.DfsdSetup{Rest: p.rest(t, "")})
		d.AwaitLog(0, "topology read", `"server":"`)
		if strings.Contains(d.Log(), `"server":"`+p.first.Host+`:636"`) {
			return d
		}
		d.Stop()
	}
	t.Fatal("the first controller is never the one that is read")
	return nil
}

// rest is the configuration, with more folders.
func (p *pairLab) rest(t *testing.T, more string) string {
	t.Helper()
	return fmt.Sprintf(`
sites:
  ldap:
    domain: %[1]s
    dns: %[2]s
    bind: {dn: 'Administrator@%[1]s', password_file: %[3]s}
    tls: {ca_file: %[4]s}
namespaces:
  - name: public
    folders:
      - path: f
        targets:
          - {path: '\\nice\a', site: Nice}
          - {path: '\\lyon\a', site: Lyon}
      - path: names
        targets: [{path: '\\far.%[1]s\a'}, {path: '\\near.%[1]s\a'}]
%[5]s`, p.first.DNSDomain, netip.AddrPortFrom(p.second.Addr, 53), secretFile(t, p.Lab, p.first.AdminPassword),
		authorities(t, p.Lab, p.first.CAFile, p.second.CAFile), more)
}

// TestControllersFail: with two real controllers of one domain, each with a
// database of its own, the second takes over when the first stops; answers stay
// right while a controller is frozen, and no referral waits for DNS.
func TestControllersFail(t *testing.T) {
	t.Parallel()
	p := newPairLab(t)
	awaitWithin(t, p.dfsd, "the first reading", longWait, ordered(p.dfsd, parisian, "lyon nice"))
	for _, part := range []struct {
		name string
		test func(*testing.T)
	}{
		{"a frozen controller", p.freezes},
		{"a frozen DNS server", p.asksNoDNS},
		{"the first controller stops", p.takesOver}, // the two differ from then on
		{"a controller fails during a reading", p.failsMidway},
	} {
		t.Run(part.name, part.test)
	}
}

// freezes: a controller that stops in its tracks takes nothing away, and what
// has changed counts once it goes on.
func (p *pairLab) freezes(t *testing.T) {
	mark := len(p.dfsd.Log())
	p.first.SetCost("paris-lyon", 50)
	p.first.Pause()
	began := time.Now()
	for range 20 {
		if got := order(p.dfsd, parisian); got != "lyon nice" && got != "nice lyon" {
			t.Errorf("with the controller frozen, the order is %q", got)
		}
	}
	t.Logf("20 answers in %v with the controller frozen", time.Since(began).Round(time.Millisecond))
	p.first.Resume()
	frozen := time.Since(began)
	awaitWithin(t, p.dfsd, "the controller goes on", longWait, ordered(p.dfsd, parisian, "nice lyon"))
	if frozen < frozenAtMost && strings.Contains(p.dfsd.Log()[mark:], p.second.Host) {
		t.Error("the second controller was asked")
	}
}

// asksNoDNS: while the only resolver is frozen, with a lookup under way for a
// name that was never looked up before, referrals come at once, over SMB and in
// the order that the DNS gave before.
func (p *pairLab) asksNoDNS(t *testing.T) {
	client := p.AddressIn(netip.MustParsePrefix("10.99.11.0/24"))
	near := []string{`\near.` + p.first.DNSDomain + `\a`, `\far.` + p.first.DNSDomain + `\a`}
	conn, err := smbclient.Dial(t.Context(), p.dfsd.Addr.String(), smbclient.Options{
		Credentials: smbclient.Credentials{User: lab.Alice.User, Password: lab.Alice.Password}, SourceAddr: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tree, err := conn.TreeConnect(t.Context(), lab.UNC(p.dfsd.Addr, "IPC$"))
	if err != nil {
		t.Fatal(err)
	}
	targets := func(folder string) []string {
		b, err := conn.Referral(t.Context(), tree, `\dfsd\public\`+folder, 4, 8192)
		if err != nil {
			t.Fatal(err)
		}
		r, err := dfsc.ParseResponse(b)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, e := range r.Entries {
			all = append(all, e.Target)
		}
		return all
	}
	awaitWithin(t, p.dfsd, "the sites of the targets", longWait, func() error {
		if got := targets("names"); !slices.Equal(got, near) {
			return fmt.Errorf("targets %q, want %q", got, near)
		}
		return nil
	})
	mark := len(p.dfsd.Log())
	p.second.Pause()
	defer p.second.Resume()
	p.dfsd.Configure(p.rest(t, fmt.Sprintf("      - path: new\n        targets: [{path: '\\\\unheard.%s\\a'}]\n", p.first.DNSDomain)))
	p.dfsd.Reload()
	p.dfsd.AwaitLog(mark, "configuration read")
	const lookup = 2 * time.Second // one that nobody answers takes no less
	var slowest time.Duration
	for range 200 {
		for folder, want := range map[string][]string{"names": near, "new": {`\unheard.` + p.first.DNSDomain + `\a`}} {
			began := time.Now()
			if got := targets(folder); !slices.Equal(got, want) {
				t.Fatalf("targets %q, want %q", got, want)
			}
			slowest = max(slowest, time.Since(began))
		}
	}
	t.Logf("400 referrals with the DNS server frozen, the slowest after %v", slowest)
	if slowest >= lookup {
		t.Errorf("a referral took %v, as long as a lookup that nobody answers", slowest)
	}
	p.dfsd.AwaitLog(mark, "DNS server does not answer") // it was asked all the while
}

// takesOver: the first controller is killed; a change made on the second one
// counts, and nothing was lost between.
func (p *pairLab) takesOver(t *testing.T) {
	p.second.SetCost("paris-lyon", 50) // as on the first: whichever answers, the order is one
	mark := len(p.dfsd.Log())
	p.first.Stop()
	if got := order(p.dfsd, parisian); got != "nice lyon" {
		t.Errorf("with the controller stopped, the order is %q", got)
	}
	p.second.SetCost("paris-nice", 500)
	p.second.SetCost("paris-lyon", 5)
	awaitWithin(t, p.dfsd, "the second controller takes over", longWait, ordered(p.dfsd, parisian, "lyon nice"))
	p.dfsd.AwaitLog(mark, "topology read", `"server":"`+p.second.Host+`:636"`)
}

// TestDirectoryAwayAtStart: a daemon whose directory is away uses the topology
// that it kept, and says how old that is.
func TestDirectoryAwayAtStart(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	setup := lab.DfsdSetup{Addr: l.Address(), Rest: fmt.Sprintf(`
sites:
  ldap: {url: 'ldaps://%s'}
namespaces:
  - name: public
    folders:
      - path: f
        targets:
          - {path: '\\nice\a', site: Nice}
          - {path: '\\lyon\a', site: Lyon}
`, l.Address())}
	err := adsites.SaveSnapshot(l.Dir("dfsd-"+setup.Addr.String()+"/data"), adsites.Reading{
		Config: sites.Config{
			Sites:   []string{"Paris", "Lyon", "Nice"},
			Subnets: []sites.SubnetConfig{{Prefix: netip.MustParsePrefix("10.99.11.0/24"), Site: "Paris"}},
			Links: []sites.LinkConfig{
				{Name: "a", Sites: []string{"Paris", "Nice"}, Cost: 20},
				{Name: "b", Sites: []string{"Paris", "Lyon"}, Cost: 10},
			},
			BridgeAll: true,
		},
		Server: "dc.corp.example.test:636", At: time.Now().Add(-time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	d := l.Dfsd(setup)
	if got := order(d, parisian); got != "lyon nice" {
		t.Errorf("the order is %q, want that of the topology on disk", got)
	}
	d.AwaitLog(0, "last topology read from disk", "directory not read, the last topology stays in force", "connection refused")
	if age := metric(t, d, "dfsd_directory_age_seconds"); age < 3600 || age > 3600+longWait.Seconds() {
		t.Errorf("dfsd_directory_age_seconds %v, want an hour", age)
	}
	if failures := metric(t, d, "dfsd_directory_failures_total"); failures < 1 {
		t.Errorf("dfsd_directory_failures_total %v", failures)
	}
}

// metric is the value of a metric without labels.
func metric(t *testing.T, d *lab.Dfsd, name string) float64 {
	t.Helper()
	for line := range strings.Lines(d.Metrics()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// TestDirectoryFailsMidway: a server that freezes, or is killed, while a great
// topology is being read gives no part of it; the whole counts by itself once
// the server is there again.
func TestDirectoryFailsMidway(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	o := l.OpenLDAP(lab.OpenLDAPSetup{Sites: 5_000, Subnets: 40_000, Links: 10_000})
	g := newGate(t, l, o.Addr, 4<<20) // of some 9 MiB
	rest := strings.NewReplacer("ldaps://"+o.Addr.String(), "ldaps://"+g.addr.String(), "ca_file: "+o.CAFile, "insecure_skip_verify: true").
		Replace(mappedYAML(o, secretFile(t, l, o.Reader.Password), 6, 4000))
	client := lab.OpenLDAPSubnet(5).Addr().Next()
	whole := func(d *lab.Dfsd) func() error {
		return func() error {
			e := d.Explain(`\\dfsd\public\f`, client)
			if e.Client.Site == "" {
				return errors.New("no topology is there")
			}
			if c := e.Targets[0].Cost; e.Client.Site != "site-00005" || e.Targets[0].Path != `\\a\share` || c == nil || *c != 6 {
				t.Fatalf("half a topology: %+v", e)
			}
			return nil
		}
	}
	d := l.Dfsd(lab.DfsdSetup{Rest: rest})
	g.midway(t)
	o.Pause()
	for range 10 {
		if whole(d)() == nil {
			t.Fatal("a topology of which some is missing is in force")
		}
	}
	if _, err := os.Stat(filepath.Join(d.Data(), adsites.SnapshotName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a topology was kept: %v", err)
	}
	o.Resume()
	close(g.release)
	awaitWithin(t, d, "the frozen server goes on", longWait, whole(d))

	o.SetCost(5, 3000) // a change that is told while the server is about to die
	o.Stop()
	for range 10 {
		e := d.Explain(`\\dfsd\public\f`, client)
		if e.Client.Site != "site-00005" || len(e.Targets) != 2 || e.Targets[0].Cost == nil || e.Targets[1].Cost == nil {
			t.Errorf("with the server killed: %+v", e)
		}
	}
	d.AwaitLog(0, "directory not read, the last topology stays in force")
	o.Start()
	o.SetCost(5, 1)
	awaitWithin(t, d, "the killed server is back", longWait, func() error {
		if c := d.Explain(`\\dfsd\public\f`, client).Targets[0].Cost; c == nil || *c != 1 {
			return fmt.Errorf("cost %v", c)
		}
		return nil
	})
}
