//go:build integration && linux

package adsites

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"dfsd/internal/lab/servers"
	"dfsd/internal/lab/standin"
	"dfsd/sites"
)

const (
	sambaAddress  = "127.0.0.79"
	sambaHost     = "dc1.ads.example.test"
	adminPassword = "Passw0rd-Long1"
	plainPassword = "Pl4in-Passw0rd"
	configDN      = "CN=Configuration,DC=ads,DC=example,DC=test"
)

// domain is a Samba domain controller of one test, on a loopback address.
type domain struct {
	t  *testing.T
	at string
	ca *standin.Authority
	dc *servers.Domain
}

func newDomain(t *testing.T) *domain {
	for _, program := range []string{"samba", "samba-tool", "ldbmodify"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("a domain controller needs root")
	}
	d := &domain{t: t, at: t.TempDir(), ca: standin.NewAuthority("Lab CA")}
	setup := servers.DomainSetup{
		Addr: netip.MustParseAddr(sambaAddress), Dir: d.at, Host: "dc1", DNSDomain: "ads.example.test", NetBIOSName: "ADS", AdminPassword: adminPassword,
		Services: []string{"ldap", "kdc", "drepl"}, Global: []string{"ldap server require strong auth = allow_sasl_over_tls"}, TLS: d.certificate(),
	}
	if err := servers.Provision(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
	d.dc = servers.StartDomain(t, setup)
	d.tool("user", "create", "plain", plainPassword)
	d.tool("user", "create", "svc", plainPassword)
	d.tool("spn", "add", "ldap/"+sambaHost, "DC1$")
	d.tool("domain", "exportkeytab", filepath.Join(d.at, "svc.keytab"), "--principal=svc@ADS.EXAMPLE.TEST")
	return d
}

func (d *domain) certificate() *servers.TLSFiles {
	files, err := d.ca.Write(d.t.TempDir(), time.Now().Add(12*time.Hour), sambaHost)
	if err != nil {
		d.t.Fatal(err)
	}
	return (*servers.TLSFiles)(&files)
}

func (d *domain) tool(args ...string) {
	d.t.Helper()
	if err := d.dc.Tool(d.t.Context(), args...); err != nil {
		d.t.Fatal(err)
	}
}

// modify changes the database as `ldbmodify` does.
func (d *domain) modify(ldif string) {
	d.t.Helper()
	if err := d.dc.Modify(d.t.Context(), strings.ReplaceAll(ldif, "$C", configDN)); err != nil {
		d.t.Fatal(err)
	}
}

// reader reads from the domain as a user, and what bend says.
func (d *domain) reader(user, password string, bend func(*Config)) *Reader {
	c := Config{Domain: "ads.example.test", TLS: TLSConfig{CAFile: d.ca.File(d.t)}, Refresh: time.Minute}
	if user != "" {
		c.Bind = &BindConfig{DN: user + "@ads.example.test", PasswordFile: writeFile(d.t, "pw", []byte(password+"\n"))}
	}
	bend(&c)
	r := NewReader(c, Options{Locate: func(context.Context) ([]Server, error) {
		return []Server{{Host: sambaHost, Port: 389, Addrs: []netip.Addr{netip.MustParseAddr(sambaAddress)}}}, nil
	}})
	d.t.Cleanup(func() { _ = r.Close() })
	return r
}

const linksLDIF = `dn: CN=hq-ny,CN=IP,CN=Inter-Site Transports,CN=Sites,$C
changetype: add
objectClass: siteLink
siteList: CN=HQ,CN=Sites,$C
siteList: CN=NewYork,CN=Sites,$C
cost: 250
replInterval: 15

dn: CN=hq-lon,CN=IP,CN=Inter-Site Transports,CN=Sites,$C
changetype: add
objectClass: siteLink
siteList: CN=HQ,CN=Sites,$C
siteList: CN=London,CN=Sites,$C
replInterval: 15

dn: CN=all,CN=IP,CN=Inter-Site Transports,CN=Sites,$C
changetype: add
objectClass: siteLinkBridge
siteLinkList: CN=hq-ny,CN=IP,CN=Inter-Site Transports,CN=Sites,$C
siteLinkList: CN=hq-lon,CN=IP,CN=Inter-Site Transports,CN=Sites,$C

dn: CN=IP,CN=Inter-Site Transports,CN=Sites,$C
changetype: modify
replace: options
options: 2

`

func TestSamba(t *testing.T) {
	d := newDomain(t)
	for _, s := range []string{"HQ", "NewYork", "London"} {
		d.tool("sites", "create", s)
	}
	d.tool("sites", "subnet", "create", "10.1.0.0/16", "NewYork")
	d.tool("sites", "subnet", "create", "2001:db8:2::/48", "London")
	d.modify(linksLDIF)
	want := sites.Config{
		Sites: []string{"Default-First-Site-Name", "HQ", "London", "NewYork"},
		Subnets: []sites.SubnetConfig{
			{Prefix: netip.MustParsePrefix("10.1.0.0/16"), Site: "NewYork"}, {Prefix: netip.MustParsePrefix("2001:db8:2::/48"), Site: "London"},
		},
		Links: []sites.LinkConfig{
			{Name: "hq-lon", Sites: []string{"HQ", "London"}, Cost: 100}, {Name: "hq-ny", Sites: []string{"HQ", "NewYork"}, Cost: 250},
		},
		Bridges: []sites.BridgeConfig{{Name: "all", Links: []string{"hq-lon", "hq-ny"}}},
	}
	t.Run("read", func(t *testing.T) { d.ways(t, want) })
	t.Run("refused", d.refusals)
	t.Run("changed", d.changes)
	t.Run("pages", d.pages)
}

// ways reads the same topology in every way of asking.
func (d *domain) ways(t *testing.T, want sites.Config) {
	for name, bend := range map[string]func(*Config){
		"ldaps":    func(*Config) {},
		"starttls": func(c *Config) { c.TLS.Mode = StartTLS },
		"insecure": func(c *Config) { c.TLS = TLSConfig{InsecureSkipVerify: true} },
		"gssapi":   func(c *Config) { c.Bind = &BindConfig{Method: GSSAPI, Keytab: filepath.Join(d.at, "svc.keytab")} },
		"gssapi starttls": func(c *Config) {
			c.TLS.Mode, c.Bind = StartTLS, &BindConfig{Method: GSSAPI, Keytab: filepath.Join(d.at, "svc.keytab")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := d.reader("plain", plainPassword, bend).Read(t.Context())
			if err != nil {
				if strings.Contains(err.Error(), "has no Kerberos") {
					t.Skip(err)
				}
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Config, want) {
				t.Errorf("Read() = %+v\nwant %+v", got.Config, want)
			}
			if len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0].String(), "CN=DEFAULTIPSITELINK") {
				t.Errorf("warnings %v, want one about DEFAULTIPSITELINK, which holds one site", got.Warnings)
			}
		})
	}
}

func (d *domain) refusals(t *testing.T) {
	stranger := standin.NewAuthority("Other CA")
	for _, tt := range []struct {
		name, user, password string
		bend                 func(*Config)
		want                 string
	}{
		{"unknown CA", "plain", plainPassword, func(c *Config) { c.TLS.CAFile = stranger.File(t) }, `signed by "CN=Lab CA"`},
		{"wrong name", "plain", plainPassword, func(c *Config) { c.URLs = URLs{"ldaps://" + sambaAddress} }, "is for dc1.ads.example.test, not for " + sambaAddress},
		{"wrong password", "plain", "Wr0ng-Passw0rd", func(*Config) {}, `bind as "plain@ads.example.test": wrong name or password`},
		{"in the clear", "plain", plainPassword, func(c *Config) { c.TLS = TLSConfig{Mode: Off} }, "the server wants a protected connection: set sites.ldap.tls.mode"},
		{"anonymous", "", "", func(*Config) {}, "may this account read it? see sites.ldap.bind"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := d.reader(tt.user, tt.password, tt.bend).Read(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.password != "" && strings.Contains(err.Error(), tt.password) {
				t.Errorf("Read() = %v\nwant %s", err, tt.want)
			}
		})
	}
}

// changes lets each kind of change be seen, by an administrator, who sees
// tombstones, and by an account that does not.
func (d *domain) changes(t *testing.T) {
	for user, password := range map[string]string{"administrator": adminPassword, "plain": plainPassword} {
		r := d.reader(user, password, func(*Config) {})
		for _, step := range []struct {
			name string
			do   func()
			want bool
		}{
			{"nothing", func() {}, false},
			{"a user", func() { d.tool("user", "create", "u-"+user, plainPassword) }, false},
			{"a new site", func() { d.tool("sites", "create", "Paris") }, true},
			{"a cost", func() {
				d.modify("dn: CN=hq-ny,CN=IP,CN=Inter-Site Transports,CN=Sites,$C\nchangetype: modify\nreplace: cost\ncost: " + fmt.Sprint(300+len(user)) + "\n\n")
			}, true},
			{"a new subnet", func() { d.tool("sites", "subnet", "create", "10.9.0.0/16", "Paris") }, true},
			{"a subnet less", func() { d.tool("sites", "subnet", "remove", "10.9.0.0/16") }, true},
			{"a site less", func() { d.tool("sites", "remove", "Paris") }, true},
			{"an option", func() {
				d.modify("dn: CN=IP,CN=Inter-Site Transports,CN=Sites,$C\nchangetype: modify\nreplace: options\noptions: " + fmt.Sprint(len(user)) + "\n\n")
			}, true},
		} {
			t.Run(user+" "+step.name, func(t *testing.T) {
				before, err := r.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				// Samba shows tombstones to everybody; Windows does not.
				r.kept.deletedHidden = user == "plain"
				step.do()
				for range 2 {
					if got, err := r.Changed(t.Context(), before); err != nil || got != step.want {
						t.Errorf("Changed() = %v, %v, want %v", got, err, step.want)
					}
				}
			})
		}
	}
}

// pages reads more than one page.
func (d *domain) pages(t *testing.T) {
	const subnets, members = 1050, 40
	var b strings.Builder
	for i := range subnets {
		fmt.Fprintf(&b, "dn: CN=172.%d.%d.0/24,CN=Subnets,CN=Sites,$C\nchangetype: add\nobjectClass: subnet\nsiteObject: CN=HQ,CN=Sites,$C\n\n", 16+i/250, i%250)
	}
	for i := range members {
		fmt.Fprintf(&b, "dn: CN=S%04d,CN=Sites,$C\nchangetype: add\nobjectClass: site\n\n", i)
	}
	b.WriteString("dn: CN=wide,CN=IP,CN=Inter-Site Transports,CN=Sites,$C\nchangetype: add\nobjectClass: siteLink\ncost: 7\n")
	for i := range members {
		fmt.Fprintf(&b, "siteList: CN=S%04d,CN=Sites,$C\n", i)
	}
	b.WriteString("\n")
	d.modify(b.String())
	got, err := d.reader("plain", plainPassword, func(*Config) {}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wide := got.Config.Links[len(got.Config.Links)-1]
	if len(got.Config.Subnets) != subnets+2 || wide.Name != "wide" || len(wide.Sites) != members {
		t.Errorf("%d subnets, %d sites in %s", len(got.Config.Subnets), len(wide.Sites), wide.Name)
	}
}
