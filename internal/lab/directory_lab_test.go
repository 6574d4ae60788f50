//go:build integration

package lab_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dfsd/internal/lab"
)

// ldapsearch returns what OpenLDAP's client finds in a domain over LDAPS, as
// LDIF.
func ldapsearch(t *testing.T, c *lab.DomainClient, d *lab.Domain, base, filter string, attributes ...string) string {
	t.Helper()
	args := []string{
		"LDAPTLS_CACERT=" + d.CAFile, "LDAPTLS_REQCERT=demand", "ldapsearch", "-LLL", "-o", "ldif-wrap=no",
		"-H", "ldaps://" + d.Host, "-D", "Administrator@" + d.DNSDomain, "-w", d.AdminPassword, "-b", base, filter,
	}
	out := c.Run("env", append(args, attributes...)...)
	if !out.OK() {
		t.Fatal(out)
	}
	return out.Stdout
}

// TestDomainSites: what the harness writes about sites, OpenLDAP's client reads.
func TestDomainSites(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d := l.Domain(lab.DomainSetup{})
	c := d.Client(l.Station("10.99.1.5"), "")
	sites := "CN=Sites,CN=Configuration," + d.BaseDN
	for _, s := range []string{"Berlin", "Paris"} {
		d.AddSite(s)
	}
	d.AddSubnet("10.99.1.0/24", "Berlin")
	d.AddSubnet("fd99:0:0:1::/64", "Paris")
	d.AddLink("Berlin-Paris", 50, "Berlin", "Paris")
	berlin, paris := "siteObject: CN=Berlin,"+sites+"\n", "siteObject: CN=Paris,"+sites+"\n"

	found := ldapsearch(t, c, d, sites, "(objectClass=site)", "cn")
	if missing := lacks(found, "cn: Berlin\n", "cn: Paris\n", "cn: "+lab.DefaultSite+"\n"); missing != nil {
		t.Errorf("missing sites %q:\n%s", missing, found)
	}
	found = ldapsearch(t, c, d, sites, "(cn=fd99:0:0:1::/64)", "siteObject")
	if missing := lacks(found, paris); missing != nil {
		t.Errorf("missing %q:\n%s", missing, found)
	}
	subnet := func() string { return ldapsearch(t, c, d, sites, "(cn=10.99.1.0/24)", "siteObject") }
	if missing := lacks(subnet(), berlin); missing != nil {
		t.Errorf("missing %q:\n%s", missing, subnet())
	}
	d.MoveSubnet("10.99.1.0/24", "Paris")
	if missing := lacks(subnet(), paris); missing != nil || len(lacks(subnet(), berlin)) == 0 {
		t.Errorf("after the subnet has moved to Paris:\n%s", subnet())
	}
	d.RemoveSubnet("10.99.1.0/24")
	if subnet() != "" {
		t.Errorf("after the subnet was removed:\n%s", subnet())
	}
	link := func() string { return ldapsearch(t, c, d, sites, "(cn=Berlin-Paris)", "cost", "siteList") }
	if missing := lacks(link(), "cost: 50\n", "siteList: CN=Berlin,"+sites, "siteList: CN=Paris,"+sites); missing != nil {
		t.Errorf("missing %q:\n%s", missing, link())
	}
	d.SetCost("Berlin-Paris", 75)
	if missing := lacks(link(), "cost: 75\n"); missing != nil {
		t.Errorf("missing %q:\n%s", missing, link())
	}
}

// TestDomainNames: the domain's DNS knows its controller at its address, and
// the hosts that a test adds, and so does a client's resolver.
func TestDomainNames(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d := l.Domain(lab.DomainSetup{})
	d.AddHost("files", netip.MustParseAddr("10.99.0.200"))
	d.AddHost("six."+d.DNSDomain, netip.MustParseAddr("fd99::200"))
	found, err := d.Lookup("_ldap._tcp.dc._msdcs."+d.DNSDomain, dns.TypeSRV)
	if err != nil || len(found) != 1 || found[0].(*dns.SRV).Target != d.Host+"." || found[0].(*dns.SRV).Port != 389 {
		t.Errorf("controllers = %v, %v, want port 389 of %s", found, err, d.Host)
	}
	c := d.Client(l.Station("10.99.1.5"), "")
	for _, tt := range []struct {
		name string
		want string
	}{
		{d.Host, d.Addr.String()},
		{d.DNSDomain, d.Addr.String()},
		{"gc._msdcs." + d.DNSDomain, d.Addr.String()},
		{"files." + d.DNSDomain, "10.99.0.200"},
		{"six." + d.DNSDomain, "fd99::200"},
	} {
		if got := addresses(t, d, tt.name); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("addresses of %s = %q, want %s", tt.name, got, tt.want)
		}
		if out := c.Run("getent", "hosts", tt.name); !strings.HasPrefix(out.Stdout, tt.want+" ") {
			t.Errorf("want %s:\n%s", tt.want, out)
		}
	}
	if out := l.Station("10.99.1.5").Run("getent", "hosts", d.Host); out.OK() {
		t.Errorf("who is not the domain's client resolves its names:\n%s", out)
	}
}

// addresses are all that a domain's DNS server tells for a name.
func addresses(t *testing.T, d *lab.Domain, name string) []string {
	t.Helper()
	var all []string
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		found, err := d.Lookup(name, kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range found {
			switch r := r.(type) {
			case *dns.A:
				all = append(all, r.A.String())
			case *dns.AAAA:
				all = append(all, r.AAAA.String())
			}
		}
	}
	return all
}

// TestDomainKerberos: the programs of MIT and of Samba get tickets and use
// them, and a service's keytab holds the keys of its tickets.
func TestDomainKerberos(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d := l.Domain(lab.DomainSetup{})
	d.AddUser("bob", "Wonder-Land2")
	const spn = "cifs/files.corp.example.test"
	files := d.AddService("files", spn, "cifs/files")
	station := l.Station("10.99.1.5")
	c := d.Client(station, d.Kinit("bob", "Wonder-Land2"))

	t.Run("netlogon", func(t *testing.T) {
		out := c.Smbclient(lab.UNC(host(d.Host), "netlogon"), "ls")
		if missing := lacks(out.Stdout, "blocks available"); !out.OK() || missing != nil {
			t.Error(out)
		}
		tickets := c.Run("klist")
		if missing := lacks(tickets.Stdout, "Default principal: bob@"+d.Realm, "krbtgt/"+d.Realm, "cifs/"+d.Host); missing != nil {
			t.Errorf("missing %q:\n%s", missing, tickets)
		}
	})
	t.Run("no ticket", func(t *testing.T) {
		none := d.Client(station, filepath.Join(l.Dir("none"), "ccache"))
		if out := none.Smbclient(lab.UNC(host(d.Host), "netlogon"), "ls"); out.OK() {
			t.Errorf("smbclient needs no ticket:\n%s", out)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		if out := c.Run("sh", "-c", "echo wrong | kinit -c MEMORY: bob"); out.OK() {
			t.Errorf("a wrong password is good:\n%s", out)
		}
	})
	t.Run("keytab", func(t *testing.T) {
		keytab := filepath.Join(l.Dir("keytab"), "files.keytab")
		d.Keytab(keytab, files.User, spn)
		keys := c.Run("klist", "-kte", keytab)
		if missing := lacks(keys.Stdout, spn+"@"+d.Realm+" (aes256-cts-hmac-sha1-96)", files.User+"@"+d.Realm+" (aes256-cts-hmac-sha1-96)"); missing != nil {
			t.Errorf("missing %q:\n%s", missing, keys)
		}
		// MIT decrypts a service ticket of the KDC with the keytab.
		if out := c.Run("kvno", "-k", keytab, spn); !out.OK() {
			t.Error(out)
		}
		if out := c.Run("kinit", "-c", "MEMORY:", "-k", "-t", keytab, files.User); !out.OK() {
			t.Error(out)
		}
		d.SetPassword(lab.Account{User: files.User, Password: "Machine-files-2"})
		if out := c.Run("kinit", "-c", "MEMORY:", "-k", "-t", keytab, files.User); out.OK() {
			t.Errorf("the keys of the old password are good:\n%s", out)
		}
	})
}

// host is the name of a server in a UNC path.
type host string

// String returns the name.
func (h host) String() string { return string(h) }

// TestDomainStops: a stopped controller refuses; one that is back is at the
// same address and has all that it had. Another test's domain has none of it.
func TestDomainStops(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d, other := l.Domain(lab.DomainSetup{}), l.Domain(lab.DomainSetup{})
	c := d.Client(l.Station("10.99.1.5"), "")
	sites := "CN=Sites,CN=Configuration," + d.BaseDN
	d.AddSite("Berlin")
	d.Stop()
	for _, port := range []uint16{53, 88, 389, 445, 636} {
		_, err := net.DialTimeout("tcp", netip.AddrPortFrom(d.Addr, port).String(), 5*time.Second)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial port %d of a stopped controller: %v, want a refusal", port, err)
		}
	}
	d.Start()
	if found := ldapsearch(t, c, d, sites, "(cn=Berlin)", "cn"); found == "" {
		t.Error("the site is gone")
	}
	if found := ldapsearch(t, other.Client(l.Station("10.99.1.5"), ""), other, sites, "(cn=Berlin)", "cn"); found != "" {
		t.Errorf("the other domain has it too:\n%s", found)
	}
}

// TestDomainSelfSigned: Go accepts nothing that Samba certifies by itself. Its
// certificate has the controller's name in the subject alone, and its serial
// number is negative in one half of all seconds.
func TestDomainSelfSigned(t *testing.T) {
	t.Parallel()
	d := lab.New(t).Domain(lab.DomainSetup{SelfSigned: true})
	text, err := os.ReadFile(d.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	readable := roots.AppendCertsFromPEM(text)
	conn, err := tls.Dial("tcp", netip.AddrPortFrom(d.Addr, 636).String(), &tls.Config{RootCAs: roots, ServerName: d.Host})
	if err == nil {
		t.Fatalf("TLS works; closing: %v", conn.Close())
	}
	var name x509.HostnameError
	if errors.As(err, &name) != readable || !readable && !strings.Contains(err.Error(), "negative serial number") {
		t.Errorf("TLS = %v, want a refusal of the name, or of the serial number", err)
	}
}

// TestDomainFileServer: a user of the domain reads from a file server with a
// ticket and goes through a link of one server to another.
func TestDomainFileServer(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d := l.Domain(lab.DomainSetup{})
	d.AddUser("bob", "Wonder-Land2")
	d.FileServer("files", lab.Share{Name: "data", Files: map[string]string{"hello.txt": "hello from the target\n"}})
	d.FileServer("names", lab.Share{Name: "public", Folders: []lab.Folder{{Path: "projects", Targets: []string{lab.UNC(host("files."+d.DNSDomain), "data")}}}})
	c := d.Client(l.Station("10.99.1.5"), d.Kinit("bob", "Wonder-Land2"))
	out := c.Smbclient(lab.UNC(host("names."+d.DNSDomain), "public"), "cd projects; get hello.txt -")
	if missing := lacks(out.Stdout, "hello from the target"); !out.OK() || missing != nil {
		t.Errorf("missing %q:\n%s", missing, out)
	}
	if tickets := c.Run("klist"); len(lacks(tickets.Stdout, "cifs/names."+d.DNSDomain, "cifs/files."+d.DNSDomain)) > 0 {
		t.Error(tickets)
	}
}
