//go:build integration

package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// What every domain of the laboratory is called. Domains of tests that run at
// the same time share these names: only who is told a domain's address meets it.
const (
	domainRealm   = "CORP.EXAMPLE.TEST"
	domainDNS     = "corp.example.test"
	domainBase    = "DC=corp,DC=example,DC=test"
	domainNetBIOS = "CORP"
	domainHost    = "dc"

	// DefaultSite is the site that a new domain has.
	DefaultSite = "Default-First-Site-Name"
)

// domainAdmin is the administrator of every domain.
var domainAdmin = Account{User: "Administrator", Password: "Wonder-Land1"}

// DomainSetup says how a domain controller is set up.
type DomainSetup struct {
	Addr   netip.Addr // zero: a fresh one
	Global []string   // further lines of [global]

	// SelfSigned leaves the certificate to Samba, as an installation that nobody
	// cared about has it. It has no subject alternative name and, in one half of
	// all seconds, a negative serial number; Go refuses either. Making it takes
	// seconds. Left false, an authority of the laboratory signs for the
	// controller's names and its address.
	SelfSigned bool
}

// Domain is an Active Directory domain of one controller, a real Samba: LDAP,
// Kerberos, DNS and the shares sysvol and netlogon.
type Domain struct {
	Addr          netip.Addr
	Host          string // the controller's whole name in DNS
	Realm         string // of Kerberos
	DNSDomain     string
	NetBIOSName   string // of the domain
	BaseDN        string
	CAFile        string // path of a PEM file; its certificate vouches for LDAPS and StartTLS
	AdminPassword string // of Administrator

	lab        *Lab
	dir        string
	config     string // path of smb.conf
	krb5       string // path of krb5.conf
	client     string // path of the smb.conf of clients
	view       string // path of the script that shows a program the domain's names
	selfSigned bool
	starts     int // how often it was started
	caches     int // credential caches made
	proc       *process
}

// Domain makes a domain, starts its controller and waits until that answers.
// Every call makes a domain of its own.
func (l *Lab) Domain(s DomainSetup) *Domain {
	l.t.Helper()
	if !s.Addr.IsValid() {
		s.Addr = l.Address()
	}
	template, err := domainTemplate()
	if err != nil {
		l.t.Fatal(err)
	}
	name := "dc-" + s.Addr.String()
	dir := l.Dir(name)
	d := &Domain{
		Addr: s.Addr, Host: domainHost + "." + domainDNS, Realm: domainRealm, DNSDomain: domainDNS,
		NetBIOSName: domainNetBIOS, BaseDN: domainBase, AdminPassword: domainAdmin.Password,
		CAFile: filepath.Join(dir, "private", "tls", "ca.pem"), lab: l, dir: dir, selfSigned: s.SelfSigned,
	}
	if err := must(l.t.Context(), "cp", "-a", template+"/.", dir); err != nil {
		l.t.Fatal(err)
	}
	d.config = l.WriteFile(dir, "smb.conf", d.smbConf(s))
	d.writeView()
	if !s.SelfSigned {
		if err := writeCertificates(filepath.Dir(d.CAFile), d.Host, d.DNSDomain, d.Addr); err != nil {
			l.t.Fatal(err)
		}
	}
	d.Start()
	d.settleAddress()
	return d
}

// domainTemplate provisions the directory that every domain of this process
// starts from, the first time that one is wanted.
var domainTemplate = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(labDir, "domain")
	err := must(context.Background(), "samba-tool", "domain", "provision", "--configfile=/dev/null",
		"--realm="+domainRealm, "--domain="+domainNetBIOS, "--host-name="+domainHost, "--host-ip="+templateAddr.String(),
		"--server-role=dc", "--dns-backend=SAMBA_INTERNAL", "--adminpass="+domainAdmin.Password, "--targetdir="+dir)
	return dir, err
})

// templateAddr is what the provisioned directory gives as the controller's
// address, until a domain has one of its own.
var templateAddr = netip.MustParseAddr("10.99.0.1")

func (d *Domain) smbConf(s DomainSetup) string {
	lines := []string{
		"[global]",
		"workgroup = " + d.NetBIOSName,
		"realm = " + d.Realm,
		"netbios name = " + strings.ToUpper(domainHost),
		"server role = active directory domain controller",
		// Without those that only a second controller, or a wider network, needs.
		"server services = s3fs, rpc, ldap, cldap, kdc, winbindd, dns",
		"prefork children = 2", // of each service; the default is four
		"dns forwarder = none",
		"private dir = " + filepath.Join(d.dir, "private"),
		"lock directory = " + d.dir,
		"state directory = " + filepath.Join(d.dir, "state"),
		"cache directory = " + filepath.Join(d.dir, "cache"),
		"pid directory = " + filepath.Join(d.dir, "pid"),
		"ncalrpc dir = " + filepath.Join(d.dir, "ncalrpc"),
		"binddns dir = " + filepath.Join(d.dir, "bind-dns"),
		"ntp signd socket directory = " + filepath.Join(d.dir, "ntp"),
		"log level = 1",
		"interfaces = " + s.Addr.String() + "/" + strconv.Itoa(s.Addr.BitLen()),
		"bind interfaces only = yes",
		"disable netbios = yes",
		"smb ports = 445",
		"load printers = no",
		"disable spoolss = yes",
		"host msdfs = yes",
	}
	lines = append(lines, s.Global...)
	scripts := filepath.Join(d.dir, "state", "sysvol")
	lines = append(lines,
		"[sysvol]", "path = "+scripts, "read only = no",
		"[netlogon]", "path = "+filepath.Join(scripts, d.DNSDomain, "scripts"), "read only = no")
	return strings.Join(lines, "\n") + "\n"
}

// Start brings a stopped controller back, at its address and with all that it
// held, and waits until it answers.
func (d *Domain) Start() {
	d.lab.t.Helper()
	d.starts++
	name := fmt.Sprintf("%s-%d", filepath.Base(d.dir), d.starts)
	d.proc = d.lab.start(name, []string{"KRB5_CONFIG=" + d.krb5}, "unshare",
		"--mount", "--", "sh", d.view, "samba", "-s", d.config, "--foreground", "--no-process-group", "--debug-stdout")
	d.proc.await("the domain controller", d.answers)
}

// Stop ends the controller as a power cut does: from now on its address
// refuses.
func (d *Domain) Stop() { d.proc.kill() }

// answers returns an error unless each service of the controller does its work.
// smbd comes last, and only when the others are there: asked again and again
// while they are not, it falls so far behind that it serves nobody.
func (d *Domain) answers() error {
	conn, err := d.dial()
	if err != nil {
		return err
	}
	if err := conn.Close(); err != nil {
		return err
	}
	if found, err := d.Lookup("_ldap._tcp.dc._msdcs."+d.DNSDomain, dns.TypeSRV); err != nil || len(found) == 0 {
		return fmt.Errorf("the DNS server finds %d controllers: %w", len(found), err)
	}
	for _, port := range []uint16{88, 389, 636, 445} {
		c, err := net.DialTimeout("tcp", netip.AddrPortFrom(d.Addr, port).String(), time.Second)
		if err != nil {
			return err
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Lookup asks the DNS server of the domain for the records of a type, such as
// dns.TypeSRV, that a name has. A name without any is no error.
func (d *Domain) Lookup(name string, kind uint16) ([]dns.RR, error) {
	question := new(dns.Msg)
	question.SetQuestion(dns.Fqdn(name), kind)
	client := dns.Client{Timeout: time.Second}
	answer, _, err := client.Exchange(question, netip.AddrPortFrom(d.Addr, 53).String())
	if err != nil {
		return nil, err
	}
	if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("the DNS server answers %s", dns.RcodeToString[answer.Rcode])
	}
	return answer.Answer, nil
}

// Log is what the controller has written since it was started last.
func (d *Domain) Log() string { return d.proc.output() }

// tool runs samba-tool on the controller's own files.
func (d *Domain) tool(args ...string) {
	d.lab.t.Helper()
	if err := must(d.lab.t.Context(), "samba-tool", append(args, "--configfile="+d.config)...); err != nil {
		d.lab.t.Fatal(err)
	}
}

// Keytab writes the keys of some principals, such as an account's name or
// "cifs/files.corp.example.test", to a keytab.
func (d *Domain) Keytab(path string, principals ...string) {
	d.lab.t.Helper()
	for _, p := range principals {
		d.tool("domain", "exportkeytab", path, "--principal="+p)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		d.lab.t.Fatal(err)
	}
}
