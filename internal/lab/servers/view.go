//go:build integration

package servers

import (
	"errors"
	"fmt"
	"path/filepath"
)

// writeView writes what shows a program the names of the domain: krb5.conf, and
// a script that covers the resolver's files in a mount namespace of the
// program's own, then becomes the program.
func (d *Domain) writeView() error {
	_, failed := writeFile(d.dir, "krb5.conf", fmt.Sprintf(`[libdefaults]
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
	resolv, err := writeFile(d.dir, "view/resolv.conf", fmt.Sprintf("nameserver %s\nsearch %s\n", d.Addr, d.DNSDomain))
	failed = errors.Join(failed, err)
	nsswitch, err := writeFile(d.dir, "view/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
	failed = errors.Join(failed, err)
	// Where resolv.conf is a link into the machine's /run, the private one lacks what it names.
	_, err = writeFile(d.dir, "view/enter", fmt.Sprintf(`set -e
resolv=$(realpath -m /etc/resolv.conf)
case $resolv in /run/*) mkdir -p "${resolv%%/*}"; touch "$resolv" ;; esac
mount --bind %s "$resolv"
mount --bind %s /etc/nsswitch.conf
mount -t tmpfs -o mode=0755 lab /run/samba
exec "$@"
`, resolv, nsswitch))
	return errors.Join(failed, err)
}

// Env is the environment by which a program finds the domain's KDC.
func (d *Domain) Env() []string { return []string{"KRB5_CONFIG=" + filepath.Join(d.dir, "krb5.conf")} }

// Wrap is the command line that runs a program where names resolve by the
// domain's DNS, and not by the machine's.
func (d *Domain) Wrap(name string, args ...string) []string {
	return append([]string{"unshare", "--mount", "--", "sh", filepath.Join(d.dir, "view", "enter"), name}, args...)
}
