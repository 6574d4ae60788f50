//go:build integration

package lab_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dfsd/internal/lab"
)

// TestSitesOfActiveDirectory: the order of targets follows the sites, subnets
// and costs of a real domain controller, and their changes; with the controller
// away, also at the start, the last topology stays in force.
func TestSitesOfActiveDirectory(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	dc := l.Domain(lab.DomainSetup{})
	for _, site := range []string{"Paris", "Lyon", "Nice"} {
		dc.AddSite(site)
	}
	dc.AddSubnet("10.99.11.0/24", "Paris")
	dc.AddSubnet("10.99.12.0/24", "Lyon")
	dc.AddSubnet("10.99.13.0/24", "Nice")
	dc.AddSubnet("fd99:11::/64", "Nice")
	dc.AddLink("paris-lyon", 10, "Paris", "Lyon")
	dc.AddLink("paris-nice", 20, "Paris", "Nice")
	password := filepath.Join(l.Dir("secrets"), "ldap.pw")
	if err := os.WriteFile(password, []byte(dc.AdminPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	setup := lab.DfsdSetup{Addr: l.Address(), Rest: fmt.Sprintf(`
sites:
  static:
    sites: [Lab]
    subnets: [{prefix: 10.99.15.0/24, site: Lab}]
    links: [{name: lab-nice, sites: [Lab, Nice], cost: 1}]
  ldap:
    domain: %s
    dns: %s
    bind: {dn: 'Administrator@%s', password_file: %s}
    tls: {ca_file: %s}
namespaces:
  - name: public
    folders:
      - path: f
        targets:
          - {path: '\\nice\a', site: Nice}
          - {path: '\\lyon\a', site: Lyon}
          - {path: '\\10.99.11.200\a'}
`, dc.DNSDomain, netip.AddrPortFrom(dc.Addr, 53), dc.DNSDomain, password, dc.CAFile)}
	d := l.Dfsd(setup)
	order := func(client string) string {
		var paths []string
		for _, target := range d.Explain(`\\dfsd\public\f`, netip.MustParseAddr(client)).Targets {
			paths = append(paths, strings.Trim(target.Path, `\`))
		}
		return strings.Join(paths, " ")
	}
	await := func(what, client, want string) {
		t.Helper()
		began, got, inRow := time.Now(), "", 0
		for time.Since(began) < longWait {
			if inRow++; order(client) != want {
				inRow = 0
			}
			if got = order(client); inRow == 4 { // equals come in any order
				t.Logf("%s: after %v", what, time.Since(began).Round(time.Millisecond))
				return
			}
			<-time.After(50 * time.Millisecond)
		}
		t.Fatalf("%s: after %v %q, want %q\n%s", what, longWait, got, want, d.Log())
	}
	const paris, near, far = "10.99.11.5", `10.99.11.200\a lyon\a nice\a`, `10.99.11.200\a nice\a lyon\a`
	await("the first reading", paris, near)
	if got := order("fd99:11::5"); !strings.HasPrefix(got, `nice\a`) {
		t.Errorf("for an IPv6 client in Nice: %s", got)
	}
	if got := order("10.99.15.5"); !strings.HasPrefix(got, `nice\a`) {
		t.Errorf("for a client in a site of the file's: %s", got)
	}
	dc.SetCost("paris-lyon", 50)
	await("a changed cost", paris, far)
	dc.MoveSubnet("10.99.12.0/24", "Nice")
	await("a moved subnet", "10.99.12.5", `nice\a 10.99.11.200\a lyon\a`)
	dc.AddSite("Oslo")
	dc.AddSubnet("10.99.16.0/24", "Oslo")
	dc.AddLink("oslo-nice", 1, "Oslo", "Nice")
	await("a new site", "10.99.16.5", `nice\a 10.99.11.200\a lyon\a`)

	dc.Stop()
	if got := order("10.99.16.5"); !strings.HasPrefix(got, `nice\a`) {
		t.Errorf("with the controller stopped: %s", got)
	}
	d.Stop()
	d = l.Dfsd(setup)
	if got := order("10.99.16.5"); !strings.HasPrefix(got, `nice\a`) {
		t.Errorf("started with the controller away: %s", got)
	}
	dc.Start()
	dc.SetCost("oslo-nice", 500)
	dc.AddLink("oslo-lyon", 1, "Oslo", "Lyon")
	await("the controller is back", "10.99.16.5", `lyon\a 10.99.11.200\a nice\a`)
	if slices.ContainsFunc(strings.Split(d.Log(), "\n"), func(line string) bool { return strings.Contains(line, dc.AdminPassword) }) {
		t.Error("the password is in the log")
	}
}
