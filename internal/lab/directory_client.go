//go:build integration

package lab

import (
	"fmt"
	"path/filepath"
	"strconv"
)

// writeView writes what shows a program the names of the domain: krb5.conf,
// smb.conf of its clients, and a script that covers the resolver's files in a mount namespace of the
// program's own, then becomes the program.
func (d *Domain) writeView() {
	d.lab.t.Helper()
	d.krb5 = d.lab.WriteFile(d.dir, "krb5.conf", fmt.Sprintf(`[libdefaults]
default_realm = %[1]s
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
[realms]
%[1]s = {
  kdc = %[2]s
  kpasswd_server = %[2]s
}
[domain_realm]
%[3]s = %[1]s
.%[3]s = %[1]s
`, d.Realm, d.Addr, d.DNSDomain))
	resolv := d.lab.WriteFile(d.dir, "view/resolv.conf", fmt.Sprintf("nameserver %s\nsearch %s\n", d.Addr, d.DNSDomain))
	// Samba's programs remember the addresses of names: not those of another test's domain.
	state := d.lab.Dir(filepath.Base(d.dir) + "/client")
	d.client = d.lab.WriteFile(d.dir, "view/client.conf", fmt.Sprintf(`[global]
workgroup = %[1]s
realm = %[2]s
netbios name = CLIENT
disable netbios = yes
name resolve order = host
private dir = %[3]s
lock directory = %[3]s
state directory = %[3]s
cache directory = %[3]s
`, d.NetBIOSName, d.Realm, state))
	nsswitch := d.lab.WriteFile(d.dir, "view/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
	// Where resolv.conf is a link into the machine's /run, the private one lacks what it names.
	d.view = d.lab.WriteFile(d.dir, "view/enter", fmt.Sprintf(`set -e
resolv=$(realpath -m /etc/resolv.conf)
case $resolv in /run/*) mkdir -p "${resolv%%/*}"; touch "$resolv" ;; esac
mount --bind %s "$resolv"
mount --bind %s /etc/nsswitch.conf
mount -t tmpfs -o mode=0755 lab /run/samba
exec "$@"
`, resolv, nsswitch))
}

// Env is the environment by which a program finds the domain's KDC.
func (d *Domain) Env() []string { return []string{"KRB5_CONFIG=" + d.krb5} }

// Wrap is the command line that runs a program where names resolve by the
// domain's DNS, and not by the machine's.
func (d *Domain) Wrap(name string, args ...string) []string {
	return append([]string{"unshare", "--mount", "--", "sh", d.view, name}, args...)
}

// Kinit gets a user's first ticket and returns the path of the credential
// cache, a new one each time.
func (d *Domain) Kinit(user, password string) string {
	d.lab.t.Helper()
	d.caches++
	cache := filepath.Join(d.dir, fmt.Sprintf("ccache-%d", d.caches))
	args := []string{"env", "KRB5_CONFIG=" + d.krb5, "kinit", "-c", cache, user + "@" + d.Realm}
	out := execute(d.lab.t.Context(), password+"\n", args[0], args[1:]...)
	if !out.OK() {
		d.lab.t.Fatal(out)
	}
	return cache
}

// DomainClient is a client machine that resolves names by a domain's DNS and
// shows the tickets of one credential cache.
type DomainClient struct {
	domain  *Domain
	station *Station
	cache   string
}

// Client lets a station use a domain with the tickets that Kinit got; ccache
// may be empty.
func (d *Domain) Client(s *Station, ccache string) *DomainClient {
	return &DomainClient{domain: d, station: s, cache: ccache}
}

// Run runs a program to its end.
func (c *DomainClient) Run(name string, args ...string) Output {
	c.domain.lab.t.Helper()
	line := append([]string{"KRB5CCNAME=FILE:" + c.cache}, c.domain.Env()...)
	line = append(line, c.domain.Wrap(name, args...)...)
	return c.station.Run("env", line...)
}

// Smbclient runs commands of smbclient, separated by semicolons, on a share
// written as `\\host\share`, with Kerberos or not at all.
func (c *DomainClient) Smbclient(unc, commands string, options ...string) Output {
	c.domain.lab.t.Helper()
	args := []string{"--configfile=" + c.domain.client, "--use-kerberos=required", "--use-krb5-ccache=" + c.cache, unc, "-c", commands}
	return c.Run("smbclient", append(args, options...)...)
}

// noPAC is the bit of userAccountControl by which the KDC leaves the PAC out of
// an account's tickets ([MS-ADTS] 2.2.16, NA).
const noPAC = 0x2000000

// FileServer starts a Samba server that the domain's users reach with tickets
// of the domain, by its name in the domain's DNS. It is no member: it has the
// keytab of an account, and takes whoever has a ticket for Alice.
func (d *Domain) FileServer(name string, shares ...Share) *Samba {
	d.lab.t.Helper()
	addr := d.lab.Address()
	spn := "cifs/" + name + "." + d.DNSDomain
	d.AddHost(name, addr)
	d.AddService(name, spn, "cifs/"+name)
	// A standalone server refuses a ticket with a PAC.
	control := strconv.Itoa(workstationAccount | passwordStays | noPAC)
	d.edit(replaced("CN="+name+",CN=Computers,"+d.BaseDN, attributes{"userAccountControl": {control}}))
	dir := d.lab.Dir(filepath.Base(d.dir) + "/" + name)
	keytab := filepath.Join(dir, "keytab")
	d.Keytab(keytab, spn)
	users := d.lab.WriteFile(dir, "users.map", Alice.User+" = *\n")
	return d.lab.Samba(SambaSetup{Addr: addr, Shares: shares, Global: []string{
		"realm = " + d.Realm,
		"netbios name = " + name,
		"kerberos method = dedicated keytab",
		"dedicated keytab file = FILE:" + keytab,
		"username map = " + users,
	}})
}
