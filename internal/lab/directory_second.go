//go:build integration

package lab

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// secondHost is the first label of a domain's second controller.
const secondHost = "dc2"

// Second joins a second controller to the domain, a real Samba with a database
// of its own, and starts it. From then on the SRV records of both name the
// first before the second. The two do not replicate to each other any more:
// what the test changes on one, the other never hears of.
func (d *Domain) Second() *Domain {
	d.lab.t.Helper()
	addr := d.lab.Address()
	dir := d.lab.Dir("dc-" + addr.String())
	d.AddHost(secondHost, addr)
	d.announce(d.Host, secondHost+"."+d.DNSDomain)
	line := d.Wrap("samba-tool", "domain", "join", d.DNSDomain, "DC", "--server="+d.Host, "--realm="+d.Realm,
		"--configfile=/dev/null", "--option=netbios name="+strings.ToUpper(secondHost), "--option=interfaces="+addr.String(),
		"--option=bind interfaces only=yes", "--dns-backend=SAMBA_INTERNAL", "--targetdir="+dir, "-U"+domainAdmin.Login())
	if err := must(d.lab.t.Context(), "env", append(d.Env(), line...)...); err != nil {
		d.lab.t.Fatal(err)
	}
	return d.lab.controller(secondHost, dir, DomainSetup{Addr: addr})
}

// typeSRV is the type of a DNS record (RFC 2782).
const typeSRV = 33

// announce makes hosts the domain's controllers in DNS, the first of them
// preferred.
func (d *Domain) announce(hosts ...string) {
	d.lab.t.Helper()
	var records []string
	for i, h := range hosts {
		records = append(records, serviceRecord(uint16(10*i), 389, h))
	}
	dn := "DC=_ldap._tcp.dc,DC=_msdcs." + d.DNSDomain + ",CN=MicrosoftDNS,DC=ForestDnsZones," + d.BaseDN
	d.edit(func(conn *ldap.Conn) error {
		if err := replaced(dn, attributes{"dnsRecord": records})(conn); err != nil {
			return fmt.Errorf("announce %q: %w", hosts, err)
		}
		return nil
	})
}

// serviceRecord is a value of dnsRecord that names a host and its port
// ([MS-DNSP] 2.2.2.2.4.18).
func serviceRecord(priority, port uint16, host string) string {
	labels := strings.Split(host, ".")
	var data []byte
	for _, n := range []uint16{priority, 100, port} {
		data = binary.BigEndian.AppendUint16(data, n)
	}
	data = append(data, byte(len(host)+2), byte(len(labels)))
	for _, l := range labels {
		data = append(append(data, byte(len(l))), l...)
	}
	return dnsRecord(typeSRV, append(data, 0))
}

// dnsRecord is a value of dnsRecord, of a zone's own rank and for 900 seconds
// ([MS-DNSP] 2.3.2.2).
func dnsRecord(kind uint16, data []byte) string {
	b := binary.LittleEndian.AppendUint16(nil, uint16(len(data)))
	b = binary.LittleEndian.AppendUint16(b, kind)
	b = append(b, 5, 0xf0, 0, 0) // version, rank, flags
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint32(b, 900)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0) // reserved, time stamp: static
	return string(append(b, data...))
}
