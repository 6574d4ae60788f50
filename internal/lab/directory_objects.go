//go:build integration

package lab

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/go-ldap/ldap/v3"
)

// Directory connects to the controller as its administrator, until the test
// ends.
func (d *Domain) Directory() *ldap.Conn {
	d.lab.t.Helper()
	conn, err := d.Dial()
	if err != nil {
		d.lab.t.Fatal(err)
	}
	d.lab.t.Cleanup(func() { _ = conn.Close() }) // the controller may be gone first
	return conn
}

// edit makes some changes to the directory.
func (d *Domain) edit(changes ...func(*ldap.Conn) error) {
	d.lab.t.Helper()
	conn, err := d.Dial()
	if err != nil {
		d.lab.t.Fatal(err)
	}
	defer conn.Close()
	for _, change := range changes {
		if err := change(conn); err != nil {
			d.lab.t.Fatal(err)
		}
	}
}

// attributes of a new object, or of one that changes.
type attributes map[string][]string

// added is the change that makes an object.
func added(dn string, a attributes) func(*ldap.Conn) error {
	return func(conn *ldap.Conn) error {
		r := ldap.NewAddRequest(dn, nil)
		for name, values := range a {
			r.Attribute(name, values)
		}
		if err := conn.Add(r); err != nil {
			return fmt.Errorf("add %s: %w", dn, err)
		}
		return nil
	}
}

// replaced is the change that gives some attributes of an object new values.
func replaced(dn string, a attributes) func(*ldap.Conn) error {
	return func(conn *ldap.Conn) error {
		r := ldap.NewModifyRequest(dn, nil)
		for name, values := range a {
			r.Replace(name, values)
		}
		if err := conn.Modify(r); err != nil {
			return fmt.Errorf("modify %s: %w", dn, err)
		}
		return nil
	}
}

func (d *Domain) sitesDN() string             { return "CN=Sites,CN=Configuration," + d.BaseDN }
func (d *Domain) siteDN(name string) string   { return "CN=" + ldap.EscapeDN(name) + "," + d.sitesDN() }
func (d *Domain) subnetDN(name string) string { return "CN=" + name + ",CN=Subnets," + d.sitesDN() }
func (d *Domain) linkDN(name string) string {
	return "CN=" + ldap.EscapeDN(name) + ",CN=IP,CN=Inter-Site Transports," + d.sitesDN()
}

// AddSite makes a site with what the consoles make below it.
func (d *Domain) AddSite(name string) {
	d.lab.t.Helper()
	dn := d.siteDN(name)
	d.edit(
		added(dn, attributes{"objectClass": {"site"}}),
		added("CN=NTDS Site Settings,"+dn, attributes{"objectClass": {"nTDSSiteSettings"}}),
		added("CN=Servers,"+dn, attributes{"objectClass": {"serversContainer"}}),
	)
}

// AddSubnet gives a prefix, such as "10.99.1.0/24", to a site.
func (d *Domain) AddSubnet(prefix, site string) {
	d.lab.t.Helper()
	d.edit(added(d.subnetDN(prefix), attributes{"objectClass": {"subnet"}, "siteObject": {d.siteDN(site)}}))
}

// MoveSubnet gives the prefix of a subnet to another site.
func (d *Domain) MoveSubnet(prefix, site string) {
	d.lab.t.Helper()
	d.edit(replaced(d.subnetDN(prefix), attributes{"siteObject": {d.siteDN(site)}}))
}

// RemoveSubnet deletes a subnet.
func (d *Domain) RemoveSubnet(prefix string) {
	d.lab.t.Helper()
	d.edit(func(conn *ldap.Conn) error { return conn.Del(ldap.NewDelRequest(d.subnetDN(prefix), nil)) })
}

// AddLink makes a site link between two sites or more.
func (d *Domain) AddLink(name string, cost int, sites ...string) {
	d.lab.t.Helper()
	var list []string
	for _, s := range sites {
		list = append(list, d.siteDN(s))
	}
	d.edit(added(d.linkDN(name), attributes{
		"objectClass": {"siteLink"}, "cost": {strconv.Itoa(cost)}, "replInterval": {"180"}, "siteList": list,
	}))
}

// SetCost changes the cost of a site link.
func (d *Domain) SetCost(link string, cost int) {
	d.lab.t.Helper()
	d.edit(replaced(d.linkDN(link), attributes{"cost": {strconv.Itoa(cost)}}))
}

// Bits of userAccountControl ([MS-ADTS] 2.2.16).
const (
	normalAccount      = 0x200
	workstationAccount = 0x1000
	passwordStays      = 0x10000
)

// Values of msDS-SupportedEncryptionTypes ([MS-KILE] 2.2.7): of an account whose
// tickets are sealed by AES-128 or AES-256, and of one whose by RC4.
const (
	aesOnly = 0x08 | 0x10
	rc4Only = 0x04
)

// AddUser makes a user.
func (d *Domain) AddUser(name, password string) {
	d.lab.t.Helper()
	d.edit(added("CN="+ldap.EscapeDN(name)+",CN=Users,"+d.BaseDN, attributes{
		"objectClass":        {"user"},
		"sAMAccountName":     {name},
		"userPrincipalName":  {name + "@" + d.DNSDomain},
		"userAccountControl": {strconv.Itoa(normalAccount | passwordStays)},
		"unicodePwd":         {unicodePassword(password)},
	}))
}

// AddService makes the computer account of a server, with its service
// principal names, such as "cifs/files.corp.example.test", and AES keys only.
// The account that it returns has the dollar that names of computers end in.
func (d *Domain) AddService(account string, spns ...string) Account {
	d.lab.t.Helper()
	made := Account{User: account + "$", Password: "Machine-" + account + "-1"}
	a := attributes{
		"objectClass":                   {"computer"},
		"sAMAccountName":                {made.User},
		"dNSHostName":                   {strings.ToLower(account) + "." + d.DNSDomain},
		"userAccountControl":            {strconv.Itoa(workstationAccount | passwordStays)},
		"unicodePwd":                    {unicodePassword(made.Password)},
		"msDS-SupportedEncryptionTypes": {strconv.Itoa(aesOnly)},
	}
	if len(spns) > 0 {
		a["servicePrincipalName"] = spns
	}
	d.edit(added("CN="+ldap.EscapeDN(account)+",CN=Computers,"+d.BaseDN, a))
	return made
}

// SetPassword gives an account another password, and with it keys of the next
// version.
func (d *Domain) SetPassword(a Account) {
	d.lab.t.Helper()
	d.change(a, attributes{"unicodePwd": {unicodePassword(a.Password)}})
}

// RC4Only has the domain give tickets of RC4 for the services of an account.
func (d *Domain) RC4Only(a Account) {
	d.lab.t.Helper()
	d.change(a, attributes{"msDS-SupportedEncryptionTypes": {strconv.Itoa(rc4Only)}})
}

// change replaces attributes of an account.
func (d *Domain) change(a Account, to attributes) {
	d.lab.t.Helper()
	d.edit(func(conn *ldap.Conn) error {
		found, err := conn.Search(ldap.NewSearchRequest(d.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
			"(sAMAccountName="+ldap.EscapeFilter(a.User)+")", []string{"1.1"}, nil))
		if err != nil {
			return err
		}
		if len(found.Entries) != 1 {
			return fmt.Errorf("%d accounts are called %s", len(found.Entries), a.User)
		}
		return replaced(found.Entries[0].DN, to)(conn)
	})
}

// unicodePassword is a value of unicodePwd ([MS-ADTS] 3.1.1.3.1.5.1).
func unicodePassword(password string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(`"` + password + `"`)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// zoneDN is the DNS zone of the domain.
func (d *Domain) zoneDN() string {
	return "DC=" + d.DNSDomain + ",CN=MicrosoftDNS,DC=DomainDnsZones," + d.BaseDN
}

// AddHost gives an address a name in the domain's DNS. The name is one label,
// or ends in the domain's.
func (d *Domain) AddHost(name string, a netip.Addr) {
	d.lab.t.Helper()
	name = strings.TrimSuffix(name, "."+d.DNSDomain)
	d.edit(added("DC="+name+","+d.zoneDN(), attributes{"objectClass": {"dnsNode"}, "dnsRecord": {addressRecord(a)}}))
}

// Types of DNS records.
const (
	typeA    = 1
	typeAAAA = 28
)

// addressRecord is a value of dnsRecord that holds an address.
func addressRecord(a netip.Addr) string {
	if a.Is6() {
		return dnsRecord(typeAAAA, a.AsSlice())
	}
	return dnsRecord(typeA, a.AsSlice())
}

// settleAddress gives the controller's names its own address, where the
// template has what the machine's interfaces had when it was provisioned.
func (d *Domain) settleAddress() {
	d.lab.t.Helper()
	old, fresh := string(templateAddr.AsSlice()), addressRecord(d.Addr)
	d.edit(func(conn *ldap.Conn) error {
		for _, zone := range []string{"DC=DomainDnsZones,", "DC=ForestDnsZones,"} {
			found, err := conn.Search(ldap.NewSearchRequest("CN=MicrosoftDNS,"+zone+d.BaseDN, ldap.ScopeWholeSubtree,
				ldap.NeverDerefAliases, 0, 0, false, "(objectClass=dnsNode)", []string{"dnsRecord"}, nil))
			if err != nil {
				return err
			}
			for _, node := range found.Entries {
				records := node.GetAttributeValues("dnsRecord")
				if !slices.ContainsFunc(records, func(r string) bool { return isAddress(r) && strings.HasSuffix(r, old) }) {
					continue
				}
				records = append(slices.DeleteFunc(records, isAddress), fresh)
				if err := replaced(node.DN, attributes{"dnsRecord": records})(conn); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// isAddress tells whether a value of dnsRecord holds an address.
func isAddress(record string) bool {
	return len(record) > 24 && (record[2] == typeA || record[2] == typeAAAA) && record[3] == 0
}
