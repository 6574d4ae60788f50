//go:build integration

package servers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
	"github.com/miekg/dns"
)

// DomainSetup says how a domain controller is set up.
type DomainSetup struct {
	Addr          netip.Addr
	Dir           string   // of all that it writes
	Host          string   // the first label of the controller's name
	DNSDomain     string   // "corp.example.test"; the realm is the same in capitals
	NetBIOSName   string   // of the domain
	AdminPassword string   // of Administrator
	Services      []string // by Samba's names; ldap and kdc are among them
	Global        []string // further lines of [global]

	// TLS is nil where Samba makes its own certificate, as in an installation that
	// nobody cared about. That has no subject alternative name and, in one half of
	// all seconds, a negative serial number; Go refuses either. Making it takes
	// seconds.
	TLS *TLSFiles
}

// TLSFiles are the paths of PEM files: a server's certificate, its key, and the
// authority that vouches for it.
type TLSFiles struct {
	CA, Certificate, Key string
}

// Services of a domain controller, by the names that Samba has for them, of which
// each one is waited for in a way of its own.
const (
	fileService = "s3fs"
	dnsService  = "dns"
)

// Domain is an Active Directory domain as one of its controllers, a real Samba,
// serves it: LDAP, Kerberos, and what else it was told.
type Domain struct {
	*Process
	Addr          netip.Addr
	Host          string // the controller's whole name in DNS
	Realm         string // of Kerberos
	DNSDomain     string
	NetBIOSName   string // of the domain
	BaseDN        string
	CAFile        string // path of a PEM file; its certificate vouches for LDAPS and StartTLS
	AdminPassword string // of Administrator

	dir        string
	config     string // path of smb.conf
	services   []string
	selfSigned bool
	starts     int // how often it was started
}

// Provision makes the directory of a new domain, whose first controller this is
// to be, in the folder of the setup.
func Provision(ctx context.Context, s DomainSetup) error {
	return sambaTool(ctx, "/dev/null", "domain", "provision", "--realm="+strings.ToUpper(s.DNSDomain), "--domain="+s.NetBIOSName,
		"--host-name="+s.Host, "--host-ip="+s.Addr.String(), "--server-role=dc", "--dns-backend=SAMBA_INTERNAL",
		"--adminpass="+s.AdminPassword, "--targetdir="+s.Dir)
}

// sambaTool runs samba-tool on the files that a configuration names.
func sambaTool(ctx context.Context, config string, args ...string) error {
	// What it writes is to outlive itself, and not this machine.
	return Run(ctx, Command{Program: "samba-tool", Args: append(args, "--configfile="+config), Env: []string{"TDB_NO_FSYNC=1"}}).Err()
}

// StartDomain starts the controller whose directory is in the folder of the
// setup, and waits until it answers. It lasts until the test ends, or Stop.
func StartDomain(t TB, s DomainSetup) *Domain {
	t.Helper()
	d := &Domain{
		Addr: s.Addr, Host: s.Host + "." + s.DNSDomain, Realm: strings.ToUpper(s.DNSDomain), DNSDomain: s.DNSDomain,
		NetBIOSName: s.NetBIOSName, BaseDN: "DC=" + strings.ReplaceAll(s.DNSDomain, ".", ",DC="), AdminPassword: s.AdminPassword,
		CAFile: filepath.Join(s.Dir, "private", "tls", "ca.pem"), dir: s.Dir, services: s.Services, selfSigned: s.TLS == nil,
	}
	if s.TLS != nil {
		d.CAFile = s.TLS.CA
	}
	var err error
	if d.config, err = writeFile(s.Dir, "smb.conf", d.smbConf(s)); err == nil {
		err = d.writeView()
	}
	if err != nil {
		t.Fatalf("set up %s: %v", d.Host, err)
	}
	d.Start(t)
	return d
}

func (d *Domain) smbConf(s DomainSetup) string {
	lines := []string{
		"[global]",
		"workgroup = " + d.NetBIOSName,
		"realm = " + d.Realm,
		"netbios name = " + strings.ToUpper(s.Host),
		"server role = active directory domain controller",
		"server services = " + strings.Join(s.Services, ", "),
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
		"host msdfs = yes",
	}
	lines = append(lines, listening(s.Addr)...)
	if s.TLS != nil {
		lines = append(lines, "tls cafile = "+s.TLS.CA, "tls certfile = "+s.TLS.Certificate, "tls keyfile = "+s.TLS.Key)
	}
	lines = append(lines, s.Global...)
	scripts := filepath.Join(d.dir, "state", "sysvol")
	lines = append(lines,
		"[sysvol]", "path = "+scripts, "read only = no",
		"[netlogon]", "path = "+filepath.Join(scripts, d.DNSDomain, "scripts"), "read only = no")
	return strings.Join(lines, "\n") + "\n"
}

// Start brings a stopped controller back, at its address and with all that it
// held, and waits until it answers. It lasts until this test ends, or Stop.
func (d *Domain) Start(t TB) {
	t.Helper()
	d.starts++
	line := []string{"samba", "-s", d.config, "--foreground", "--no-process-group", "--debug-stdout"}
	if d.serves(dnsService) {
		line = d.Wrap(line[0], line[1:]...)
	}
	d.Process = Start(t, fmt.Sprintf("%s-%d", filepath.Base(d.dir), d.starts), Command{
		Program: line[0], Args: line[1:], Dir: d.dir, Env: d.Env(),
	})
	d.Await("the domain controller", d.answers)
}

// Stop ends the controller as a power cut does: from now on its address
// refuses.
func (d *Domain) Stop() { d.Kill() }

func (d *Domain) serves(service string) bool { return slices.Contains(d.services, service) }

// answers returns an error unless each service of the controller does its work.
// smbd comes last, and only when the others are there: asked again and again
// while they are not, it falls so far behind that it serves nobody.
func (d *Domain) answers() error {
	conn, err := d.Dial()
	if err != nil {
		return err
	}
	if err := conn.Close(); err != nil {
		return err
	}
	if d.serves(dnsService) {
		if found, err := d.Lookup("_ldap._tcp.dc._msdcs."+d.DNSDomain, dns.TypeSRV); err != nil || len(found) == 0 {
			return fmt.Errorf("the DNS server finds %d controllers: %w", len(found), err)
		}
	}
	ports := []uint16{88, 389, 636}
	if d.serves(fileService) {
		ports = append(ports, 445)
	}
	for _, port := range ports {
		if err := Listens(netip.AddrPortFrom(d.Addr, port)); err != nil {
			return err
		}
	}
	return nil
}

// Dial connects to the controller over LDAPS, as its administrator. Where
// Samba made its own certificate Go may be unable to read even that, and Dial
// takes the local socket, on which root is the directory itself.
func (d *Domain) Dial() (*ldap.Conn, error) {
	if d.selfSigned {
		return ldap.DialURL("ldapi://" + filepath.Join(d.dir, "private", "ldap_priv", "ldapi"))
	}
	return DialLDAPS(d.Addr, d.Host, d.CAFile, Account{User: "Administrator@" + d.DNSDomain, Password: d.AdminPassword})
}

// DialLDAPS connects to a directory server that an authority vouches for, and
// logs on.
func DialLDAPS(a netip.Addr, host, caFile string, as Account) (*ldap.Conn, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", caFile)
	}
	conn, err := ldap.DialURL("ldaps://"+netip.AddrPortFrom(a, 636).String(),
		ldap.DialWithTLSConfig(&tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12}))
	if err != nil {
		return nil, err
	}
	conn.SetTimeout(Patience / 3) // several times within one wait
	if err := conn.Bind(as.User, as.Password); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// Lookup asks the DNS server of the domain for the records of a type, such as
// dns.TypeSRV, that a name has. A name without any is no error.
func (d *Domain) Lookup(name string, kind uint16) ([]dns.RR, error) {
	question := new(dns.Msg)
	question.SetQuestion(dns.Fqdn(name), kind)
	client := dns.Client{Timeout: Patience / 3}
	answer, _, err := client.Exchange(question, netip.AddrPortFrom(d.Addr, 53).String())
	if err != nil {
		return nil, err
	}
	if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("the DNS server answers %s", dns.RcodeToString[answer.Rcode])
	}
	return answer.Answer, nil
}

// Tool runs samba-tool on the controller's own files.
func (d *Domain) Tool(ctx context.Context, args ...string) error {
	return sambaTool(ctx, d.config, args...)
}

// Modify changes the controller's database by LDIF.
func (d *Domain) Modify(ctx context.Context, ldif string) error {
	return Run(ctx, Command{Program: "ldbmodify", Args: []string{"-H", filepath.Join(d.dir, "private", "sam.ldb")}, Stdin: ldif}).Err()
}

// Keytab writes the keys of some principals, such as an account's name or
// "cifs/files.corp.example.test", to a keytab.
func (d *Domain) Keytab(ctx context.Context, path string, principals ...string) error {
	for _, p := range principals {
		if err := d.Tool(ctx, "domain", "exportkeytab", path, "--principal="+p); err != nil {
			return err
		}
	}
	return os.Chmod(path, 0o600)
}
