//go:build integration

package lab

import (
	"context"
	"net/netip"
	"path/filepath"
	"sync"

	"dfsd/internal/lab/servers"
)

// What every domain of the laboratory is called. Domains of tests that run at
// the same time share these names: only who is told a domain's address meets it.
const (
	domainDNS     = "corp.example.test"
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

	// SelfSigned leaves the certificate to Samba; see [servers.DomainSetup]. Left
	// false, an authority of the laboratory signs for the controller's names and its
	// address.
	SelfSigned bool
}

// Domain is an Active Directory domain of one controller, a real Samba: LDAP,
// Kerberos, DNS and the shares sysvol and netlogon.
type Domain struct {
	*servers.Domain

	lab    *Lab
	dir    string
	client string // path of the smb.conf of clients
	caches int    // credential caches made
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
	dir := l.Dir("dc-" + s.Addr.String())
	if err := must(l.t.Context(), "cp", "-a", template+"/.", dir); err != nil {
		l.t.Fatal(err)
	}
	d := l.controller(domainHost, dir, s)
	d.settleAddress()
	return d
}

// controller starts the one whose directory is in a folder already.
func (l *Lab) controller(host, dir string, s DomainSetup) *Domain {
	l.t.Helper()
	setup := domainSetup(host, dir, s.Addr)
	setup.Global = s.Global
	if !s.SelfSigned {
		tls := filepath.Join(dir, "private", "tls")
		if err := writeCertificates(tls, host+"."+domainDNS, domainDNS, s.Addr); err != nil {
			l.t.Fatal(err)
		}
		setup.TLS = certificateFiles(tls)
	}
	d := &Domain{Domain: servers.StartDomain(l.t, setup), lab: l, dir: dir}
	d.writeClientConfig()
	return d
}

func domainSetup(host, dir string, a netip.Addr) servers.DomainSetup {
	return servers.DomainSetup{
		Addr: a, Dir: dir, Host: host, DNSDomain: domainDNS, NetBIOSName: domainNetBIOS, AdminPassword: domainAdmin.Password,
		// Without those that only a second controller, or a wider network, needs.
		Services: []string{"s3fs", "rpc", "ldap", "cldap", "kdc", "winbindd", "dns"},
	}
}

// domainTemplate provisions the directory that every domain of this process
// starts from, the first time that one is wanted.
var domainTemplate = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(labDir, "domain")
	return dir, servers.Provision(context.Background(), domainSetup(domainHost, dir, templateAddr))
})

// templateAddr is what the provisioned directory gives as the controller's
// address, until a domain has one of its own.
var templateAddr = netip.MustParseAddr("10.99.0.1")

// Start brings a stopped controller back, at its address and with all that it
// held, and waits until it answers.
func (d *Domain) Start() {
	d.lab.t.Helper()
	d.Domain.Start(d.lab.t)
}

// Log is what the controller has written since it was started last.
func (d *Domain) Log() string { return d.Output() }

// Keytab writes the keys of some principals, such as an account's name or
// "cifs/files.corp.example.test", to a keytab.
func (d *Domain) Keytab(path string, principals ...string) {
	d.lab.t.Helper()
	if err := d.Domain.Keytab(d.lab.t.Context(), path, principals...); err != nil {
		d.lab.t.Fatal(err)
	}
}
