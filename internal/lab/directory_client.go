//go:build integration

package lab

import (
	"fmt"
	"path/filepath"
	"strconv"
)

// writeClientConfig writes the smb.conf of the domain's clients.
func (d *Domain) writeClientConfig() {
	d.lab.t.Helper()
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
}

// Kinit gets a user's first ticket and returns the path of the credential
// cache, a new one each time.
func (d *Domain) Kinit(user, password string) string {
	d.lab.t.Helper()
	d.caches++
	cache := filepath.Join(d.dir, fmt.Sprintf("ccache-%d", d.caches))
	out := execute(d.lab.t.Context(), password+"\n", "env", append(d.Env(), "kinit", "-c", cache, user+"@"+d.Realm)...)
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
