//go:build integration

package lab_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dfsd/internal/lab"
)

// A great estate, and what dfsd may take for it.
const (
	manySites, manySubnets, manyLinks = 10_000, 100_000, 20_000

	loadWithin   = 3 * time.Minute
	changeWithin = time.Minute
	mostMemory   = 300 << 20
)

// secretFile writes a password where only its owner may read it.
func secretFile(t *testing.T, l *lab.Lab, password string) string {
	t.Helper()
	path := filepath.Join(l.Dir("secrets"), "ldap.pw")
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// mappedYAML is a configuration that reads sites from an OpenLDAP server, with
// a target in each of two sites.
func mappedYAML(o *lab.OpenLDAP, password string, a, b int) string {
	return fmt.Sprintf(`
sites:
  ldap:
    url: ldaps://%s
    bind: {dn: '%s', password_file: %s}
    tls: {ca_file: %s}
    mapping:
      base: %s
      sites: {filter: (objectClass=labSite), name: cn}
      subnets: {filter: (objectClass=labSubnet), prefix: labPrefix, site: labSiteName}
      links: {filter: (objectClass=labLink), name: cn, sites: labSiteName, cost: labCost}
namespaces:
  - name: public
    folders:
      - path: f
        targets:
          - {path: '\\a\share', site: site-%05d}
          - {path: '\\b\share', site: site-%05d}
`, o.Addr, o.Reader.User, password, o.CAFile, o.SitesDN, a, b)
}

// awaitWithin polls until done reports nil, logs how long that took, and fails
// the test when it takes longer than most.
func awaitWithin(t *testing.T, d *lab.Dfsd, what string, most time.Duration, done func() error) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		err := done()
		took := time.Since(began)
		switch {
		case err == nil:
			t.Logf("%s: after %v", what, took.Round(time.Millisecond))
			return took
		case took > most:
			t.Fatalf("%s: after %v %v\n%s", what, most, err, d.Log())
		}
		<-time.After(50 * time.Millisecond)
	}
}

// TestManySitesOfOpenLDAP: an estate of 10,000 sites, 100,000 subnets and
// 20,000 links in OpenLDAP is read in bounded memory, and one object that changes
// counts soon. How soon is printed; the bounds hold on a busy machine, too.
func TestManySitesOfOpenLDAP(t *testing.T) {
	l := lab.New(t)
	o := l.OpenLDAP(lab.OpenLDAPSetup{Sites: manySites, Subnets: manySubnets, Links: manyLinks})
	began := time.Now()
	d := l.Dfsd(lab.DfsdSetup{Rest: mappedYAML(o, secretFile(t, l, o.Reader.Password), 6, 5000)})
	client := lab.OpenLDAPSubnet(5).Addr().Next()
	siteOf := func(client netip.Addr, want string) func() error {
		return func() error {
			if got := d.Explain(`\\dfsd\public\f`, client).Client.Site; got != want {
				return fmt.Errorf("%s is in site %q, want %q", client, got, want)
			}
			return nil
		}
	}
	cost := func(want uint32) func() error {
		return func() error {
			first := d.Explain(`\\dfsd\public\f`, client).Targets[0]
			if first.Path != `\\a\share` || first.Cost == nil || *first.Cost != want {
				return fmt.Errorf("the first target is %+v, want one of cost %d", first, want)
			}
			return nil
		}
	}
	awaitWithin(t, d, "the whole estate", loadWithin, siteOf(client, "site-00005"))
	t.Logf("%d sites, %d subnets and %d links count %v after the start; resident at most: %d MiB",
		manySites, manySubnets, manyLinks, time.Since(began).Round(time.Millisecond), d.Peak()>>20)
	if err := cost(6)(); err != nil { // of link 5, from site 5 to site 6
		t.Error(err)
	}
	last := lab.OpenLDAPSubnet(manySubnets - 1).Addr().Next()
	if err := siteOf(last, "site-09999")(); err != nil {
		t.Error(err)
	}

	ldapmodify(t, l, o, "dn: cn=link-00005,"+o.SitesDN+"\nchangetype: modify\nreplace: labCost\nlabCost: 2\n")
	awaitWithin(t, d, "a changed cost", changeWithin, cost(2))
	ldapmodify(t, l, o, "dn: cn=subnet-099999,"+o.SitesDN+"\nchangetype: modify\nreplace: labSiteName\nlabSiteName: "+o.SiteDN(17)+"\n")
	awaitWithin(t, d, "a moved subnet", changeWithin, siteOf(last, "site-00017"))
	ldapmodify(t, l, o, "dn: cn=subnet-099999,"+o.SitesDN+"\nchangetype: delete\n")
	awaitWithin(t, d, "a deleted subnet", changeWithin, siteOf(last, ""))

	peak := d.Peak()
	t.Logf("resident at most: %d MiB", peak>>20)
	if peak > mostMemory {
		t.Errorf("dfsd had %d MiB resident, want %d at most", peak>>20, mostMemory>>20)
	}
}

// ldapmodify changes a directory as its manager, with OpenLDAP's own client.
func ldapmodify(t *testing.T, l *lab.Lab, o *lab.OpenLDAP, ldif string) {
	t.Helper()
	script := `printf '%s' "$1" | LDAPTLS_CACERT="$2" ldapmodify -x -H "$3" -D "$4" -w "$5"`
	out := l.Station("10.99.1.5").Run("sh", "-c", script, "sh", ldif, o.CAFile, "ldaps://"+o.Addr.String(), o.Manager.User, o.Manager.Password)
	if !out.OK() {
		t.Fatal(out)
	}
}
