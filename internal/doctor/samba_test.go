//go:build integration && linux

package doctor

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dfsd/internal/lab/servers"
	"dfsd/internal/lab/standin"
	"dfsd/sites/adsites"
)

const (
	sambaAddress  = "127.0.0.83"
	sambaDomain   = "ads.example.test"
	sambaHost     = "dc1." + sambaDomain
	fileServer    = "fs1." + sambaDomain
	adminPassword = "Passw0rd-Long1"
)

// domain is a Samba domain controller of one test, on a loopback address.
type domain struct {
	t  *testing.T
	at string
	ca *standin.Authority
	dc *servers.Domain
	// dns is our own server: the controller has none.
	dns *zone
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
	d := &domain{t: t, at: t.TempDir(), ca: standin.NewAuthority("Lab CA"), dns: serveZone(t,
		sambaDomain+". 60 SOA "+sambaHost+". h. 1 1 1 1 1", sambaHost+". 60 A "+sambaAddress, "_ldap._tcp.dc._msdcs."+sambaDomain+". 60 SRV 0 100 389 "+sambaHost+".")}
	setup := servers.DomainSetup{
		Addr: netip.MustParseAddr(sambaAddress), Dir: d.at, Host: "dc1", DNSDomain: sambaDomain, NetBIOSName: "ADS", AdminPassword: adminPassword,
		Services: []string{"ldap", "kdc", "drepl"}, TLS: d.certificate(),
	}
	if err := servers.Provision(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
	d.dc = servers.StartDomain(t, setup)
	return d
}

func (d *domain) certificate() *servers.TLSFiles {
	files, err := d.ca.Write(d.t.TempDir(), time.Now().Add(60*24*time.Hour), sambaHost)
	if err != nil {
		d.t.Fatal(err)
	}
	return (*servers.TLSFiles)(&files)
}

// tool runs samba-tool on the controller's own files.
func (d *domain) tool(args ...string) {
	d.t.Helper()
	if err := d.dc.Tool(d.t.Context(), args...); err != nil {
		d.t.Fatal(err)
	}
}

// mend does what the first finding of a summary says: a samba-tool command,
// whose words in capitals are replaced.
func (d *domain) mend(found []Finding, summary string, replace ...string) {
	d.t.Helper()
	for _, f := range found {
		if !strings.Contains(f.Summary, summary) {
			continue
		}
		command, _, _ := strings.Cut(f.Mend, " (Windows")
		command, _, _ = strings.Cut(command, ", or ")
		args := strings.Fields(strings.NewReplacer(replace...).Replace(command))
		if len(args) < 2 || args[0] != "samba-tool" {
			d.t.Fatalf("no command of Samba: %q", f.Mend)
		}
		d.tool(args[1:]...)
		return
	}
	d.t.Fatalf("no finding %q in %+v", summary, found)
}

func (d *domain) modify(ldif string) {
	d.t.Helper()
	if err := d.dc.Modify(d.t.Context(), ldif); err != nil {
		d.t.Fatal(err)
	}
}

// options are those of a file server in the domain.
func (d *domain) options() Options {
	w := lab()
	w.addrs = func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr(sambaAddress), here}, nil }
	return Options{
		Host: fileServer, FreshDNS: []string{d.dns.address}, Keytab: filepath.Join(d.at, "cifs.keytab"), world: w,
		Directory: &adsites.Config{
			Domain: sambaDomain, Refresh: time.Minute, TLS: adsites.TLSConfig{CAFile: d.ca.File(d.t)},
			Bind: &adsites.BindConfig{DN: "svc-dfsd@" + sambaDomain, PasswordFile: writeFile(d.t, "pw", []byte(secret+"\n"))},
		},
	}
}

func TestSamba(t *testing.T) {
	d := newDomain(t)
	d.tool("user", "create", "svc-dfsd", secret)
	d.modify("dn: CN=svc-dfsd,CN=Users,DC=ads,DC=example,DC=test\nchangetype: modify\nreplace: msDS-SupportedEncryptionTypes\nmsDS-SupportedEncryptionTypes: 24\n\n")
	d.tool("user", "setpassword", "svc-dfsd", "--newpassword="+secret)
	d.tool("domain", "exportkeytab", filepath.Join(d.at, "cifs.keytab"), "--principal=svc-dfsd")
	o := d.options()
	t.Run("found", func(t *testing.T) { d.t = t; d.found(o) })
	t.Run("service name", func(t *testing.T) { d.t = t; d.serviceFaults(o) })
	t.Run("log-on", func(t *testing.T) { d.t = t; d.logonFaults(o) })
	t.Run("objects", func(t *testing.T) { d.t = t; d.objectFaults(o) })
}

// found looks at what is well.
func (d *domain) found(o Options) {
	wants(d.t, examine(d.t, o, DNS), expect{OK, "_ldap._tcp.dc._msdcs." + sambaDomain, "1 domain controller", ""})
	wants(d.t, examine(d.t, o, Clock), expect{OK, sambaHost + ":636", "agrees", ""})
}

// serviceFaults mends a missing service name and a keytab that is behind. Samba
// itself refuses a service name that another account has.
func (d *domain) serviceFaults(o Options) {
	found := examine(d.t, o, Kerberos)
	wants(d.t, found, expect{Failed, "cifs/" + fileServer, "no account of the directory", "samba-tool spn add cifs/" + fileServer + " svc-dfsd"})
	d.mend(found, "no account of the directory")
	wants(d.t, examine(d.t, o, Kerberos), expect{OK, "svc-dfsd", "present key", ""}, expect{OK, "cifs/" + fileServer, "svc-dfsd", ""})

	d.tool("user", "setpassword", "svc-dfsd", "--newpassword="+secret)
	found = examine(d.t, o, Kerberos)
	wants(d.t, found, expect{Failed, "svc-dfsd", "the password was changed since", "exportkeytab"})
	d.mend(found, "the password was changed since")
	wants(d.t, examine(d.t, o, Kerberos), expect{OK, "svc-dfsd", "present key", ""})
}

// logonFaults asks in ways that a controller refuses.
func (d *domain) logonFaults(o Options) {
	t := d.t
	look := func(bend func(*adsites.Config), want ...expect) {
		t.Helper()
		config, bind := *o.Directory, *o.Directory.Bind
		config.Bind = &bind
		bend(&config)
		with := o
		with.Directory = &config
		wants(t, inspect(t, with), want...)
	}
	look(func(*adsites.Config) {}, expect{OK, sambaHost + ":636", "takes the bind of svc-dfsd@" + sambaDomain, ""})
	look(func(c *adsites.Config) { c.TLS.Mode = adsites.StartTLS }, expect{OK, sambaHost + ":389", "takes the bind", ""})
	look(func(c *adsites.Config) { c.TLS = adsites.TLSConfig{Mode: adsites.Off} },
		expect{Failed, sambaHost + ":389", "refuses what is asked without TLS", "set sites.ldap.tls.mode to ldaps"})
	look(func(c *adsites.Config) { c.TLS.CAFile = standin.NewAuthority("Other CA").File(t) }, expect{Failed, sambaHost, `unknown authority "CN=Lab CA"`, "ca_file"})
	look(func(c *adsites.Config) { c.URLs = adsites.URLs{"ldaps://" + sambaAddress} }, expect{Failed, sambaAddress, "is for " + sambaHost, "sites.ldap.url"})
	look(func(c *adsites.Config) { c.Bind.PasswordFile = writeFile(t, "other", []byte("wrong")) }, expect{Failed, sambaHost, "wrong name or password", "password_file"})
	d.tool("user", "disable", "svc-dfsd")
	look(func(*adsites.Config) {}, expect{Failed, sambaHost, "the account is disabled", "samba-tool user enable svc-dfsd"})
	d.tool("user", "enable", "svc-dfsd")
}

// objectFaults reads the topology and mends a subnet without a site.
func (d *domain) objectFaults(o Options) {
	d.modify("dn: CN=10.7.0.0/16,CN=Subnets,CN=Sites,CN=Configuration,DC=ads,DC=example,DC=test\nchangetype: add\nobjectClass: subnet\n\n")
	found := examine(d.t, o, LDAP)
	wants(d.t, found, expect{OK, "topology", "1 site, 0 subnets, 0 links read from " + sambaHost, ""}, expect{Warning, "CN=10.7.0.0/16,CN=Subnets", "odd object", "samba-tool sites subnet set-site 10.7.0.0/16 SITE"})
	d.mend(found, "odd object", "SITE", "Default-First-Site-Name")
	wants(d.t, examine(d.t, o, LDAP), expect{OK, "topology", "1 site, 1 subnet", ""})
	d.tool("sites", "create", "London")
	wants(d.t, examine(d.t, o, LDAP), expect{Notice, "CN=DEFAULTIPSITELINK", "odd object", "Set-ADReplicationSiteLink DEFAULTIPSITELINK"})
}
