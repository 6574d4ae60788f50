//go:build integration

package lab

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"dfsd/internal/lab/servers"
)

// OpenLDAPSetup says what a directory without Active Directory holds: sites,
// subnets and site links that are computed, in these numbers.
type OpenLDAPSetup struct {
	Addr netip.Addr // zero: a fresh one

	// Sites are site-00000 and on. Subnet number i is the i-th /26 of 10.0.0.0/8
	// and belongs to site i modulo the sites. The first links, as many as there
	// are sites, make a ring; further ones cross it.
	Sites, Subnets, Links int
}

// OpenLDAP is a running slapd. Below SitesDN, objects of class labSite have a
// cn; of labSubnet a labPrefix and a labSiteName, which is a DN; of labLink a cn,
// a labCost and a labSiteName for each end. Who is not its manager sees at most 500 objects
// in one answer and needs pages for more, and who is nobody sees nothing.
type OpenLDAP struct {
	Addr    netip.Addr
	Host    string // the name in its certificate, which has its address too
	BaseDN  string
	SitesDN string
	CAFile  string  // path of a PEM file; its certificate vouches for LDAPS and StartTLS
	Manager Account // DN and password of who may do everything
	Reader  Account // DN and password of who may read

	lab    *Lab
	dir    string
	config string // path of slapd.conf
	starts int
	proc   *servers.Process
}

// openLDAPSchema has identifiers below 1.3.6.1.4.1.32473, which is for
// examples (RFC 5612).
const openLDAPSchema = `
attributetype ( 1.3.6.1.4.1.32473.1.1 NAME 'labPrefix' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.32473.1.2 NAME 'labSiteName' EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
attributetype ( 1.3.6.1.4.1.32473.1.3 NAME 'labCost' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.32473.2.1 NAME 'labSite' STRUCTURAL MUST cn )
objectclass ( 1.3.6.1.4.1.32473.2.2 NAME 'labSubnet' STRUCTURAL MUST ( cn $ labPrefix $ labSiteName ) )
objectclass ( 1.3.6.1.4.1.32473.2.3 NAME 'labLink' STRUCTURAL MUST ( cn $ labSiteName ) MAY labCost )
`

// OpenLDAP fills a directory, starts its server and waits until that answers.
func (l *Lab) OpenLDAP(s OpenLDAPSetup) *OpenLDAP {
	l.t.Helper()
	if !s.Addr.IsValid() {
		s.Addr = l.Address()
	}
	dir := l.Dir("slapd-" + s.Addr.String())
	o := &OpenLDAP{
		Addr: s.Addr, Host: "ldap.corp.example.test", BaseDN: "dc=corp,dc=example,dc=test", SitesDN: "ou=sites,dc=corp,dc=example,dc=test",
		CAFile:  filepath.Join(dir, "ca.pem"),
		Manager: Account{User: "cn=manager,dc=corp,dc=example,dc=test", Password: "Wonder-Land1"},
		Reader:  Account{User: "cn=reader,dc=corp,dc=example,dc=test", Password: "Wonder-Land2"},
		lab:     l, dir: dir,
	}
	if err := writeCertificates(dir, o.Host, o.Host, o.Addr); err != nil {
		l.t.Fatal(err)
	}
	o.config = l.WriteFile(dir, "slapd.conf", o.slapdConf(l.Dir(filepath.Base(dir)+"/data")))
	entries := filepath.Join(dir, "entries.ldif")
	if err := o.writeEntries(entries, s); err != nil {
		l.t.Fatal(err)
	}
	if err := must(l.t.Context(), "slapadd", "-q", "-f", o.config, "-l", entries); err != nil {
		l.t.Fatal(err)
	}
	o.Start()
	return o
}

func (o *OpenLDAP) slapdConf(data string) string {
	return fmt.Sprintf(`include /etc/ldap/schema/core.schema
%[1]s
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
pidfile %[2]s/slapd.pid
TLSCACertificateFile %[2]s/ca.pem
TLSCertificateFile %[2]s/cert.pem
TLSCertificateKeyFile %[2]s/key.pem
database mdb
maxsize 1073741824
dbnosync
directory %[3]s
suffix %[4]s
rootdn %[5]s
rootpw %[6]s
index objectClass,entryCSN,entryUUID eq
sizelimit size.soft=500 size.hard=500 size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact=%[7]s read by anonymous auth by * none
overlay syncprov
`, openLDAPSchema, o.dir, data, o.BaseDN, o.Manager.User, o.Manager.Password, o.Reader.User)
}

// writeEntries writes the LDIF that the directory begins with.
func (o *OpenLDAP) writeEntries(path string, s OpenLDAPSetup) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f) // keeps its first error for Flush
	fmt.Fprintf(w, "dn: %s\nobjectClass: organization\nobjectClass: dcObject\no: Corp\ndc: corp\n\n", o.BaseDN)
	fmt.Fprintf(w, "dn: %s\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: %s\n\n", o.Reader.User, o.Reader.Password)
	fmt.Fprintf(w, "dn: %s\nobjectClass: organizationalUnit\nou: sites\n\n", o.SitesDN)
	for i := range s.Sites {
		fmt.Fprintf(w, "dn: %s\nobjectClass: labSite\ncn: %s\n\n", o.SiteDN(i), siteName(i))
	}
	for i := range s.Subnets {
		fmt.Fprintf(w, "dn: %s\nobjectClass: labSubnet\ncn: subnet-%06d\nlabPrefix: %s\nlabSiteName: %s\n\n",
			o.subnetDN(i), i, OpenLDAPSubnet(i), o.SiteDN(i%s.Sites))
	}
	for i := range s.Links {
		a, b := linkEnds(i, s.Sites)
		fmt.Fprintf(w, "dn: %s\nobjectClass: labLink\ncn: link-%05d\nlabCost: %d\nlabSiteName: %s\nlabSiteName: %s\n\n",
			o.linkDN(i), i, 1+i%1000, o.SiteDN(a), o.SiteDN(b))
	}
	return w.Flush()
}

func siteName(i int) string { return fmt.Sprintf("site-%05d", i) }

// SiteDN is the name of site number i.
func (o *OpenLDAP) SiteDN(i int) string { return "cn=" + siteName(i) + "," + o.SitesDN }

func (o *OpenLDAP) subnetDN(i int) string { return fmt.Sprintf("cn=subnet-%06d,%s", i, o.SitesDN) }
func (o *OpenLDAP) linkDN(i int) string   { return fmt.Sprintf("cn=link-%05d,%s", i, o.SitesDN) }

// OpenLDAPSubnet is the prefix of subnet number i.
func OpenLDAPSubnet(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 10), byte(i >> 2), byte(i << 6)}), 26)
}

// linkEnds are the two sites of link number i, which differ where there are
// two.
func linkEnds(i, sites int) (a, b int) {
	a = i % sites
	return a, (a + 1 + i/sites*7919) % sites
}

// Start brings a stopped server back, at its address and with all that it held.
func (o *OpenLDAP) Start() {
	o.lab.t.Helper()
	o.starts++
	urls := fmt.Sprintf("ldap://%[1]s:389 ldaps://%[1]s:636", o.Addr)
	o.proc = o.lab.start(fmt.Sprintf("%s-%d", filepath.Base(o.dir), o.starts), nil, "slapd", "-f", o.config, "-h", urls, "-d", "0")
	o.proc.Await("the directory", func() error {
		conn, err := o.dial()
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// Stop ends the server as a power cut does: from now on its address refuses.
func (o *OpenLDAP) Stop() { o.proc.Kill() }

// Directory connects to the server as its manager, until the test ends.
func (o *OpenLDAP) Directory() *ldap.Conn {
	o.lab.t.Helper()
	conn, err := o.dial()
	if err != nil {
		o.lab.t.Fatal(err)
	}
	o.lab.t.Cleanup(func() { _ = conn.Close() }) // the server may be gone first
	return conn
}

func (o *OpenLDAP) dial() (*ldap.Conn, error) {
	return servers.DialLDAPS(o.Addr, o.Host, o.CAFile, o.Manager)
}

// MoveSubnet gives subnet number i to another site.
func (o *OpenLDAP) MoveSubnet(i, site int) {
	o.lab.t.Helper()
	o.edit(replaced(o.subnetDN(i), attributes{"labSiteName": {o.SiteDN(site)}}))
}

// SetCost changes the cost of link number i.
func (o *OpenLDAP) SetCost(i, cost int) {
	o.lab.t.Helper()
	o.edit(replaced(o.linkDN(i), attributes{"labCost": {fmt.Sprint(cost)}}))
}

func (o *OpenLDAP) edit(change func(*ldap.Conn) error) {
	o.lab.t.Helper()
	conn, err := o.dial()
	if err != nil {
		o.lab.t.Fatal(err)
	}
	defer conn.Close()
	if err := change(conn); err != nil {
		o.lab.t.Fatal(err)
	}
}

// Log is what the server has written since it was started last.
func (o *OpenLDAP) Log() string { return strings.TrimSpace(o.proc.Output()) }
