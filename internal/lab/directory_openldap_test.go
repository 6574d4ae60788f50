//go:build integration

package lab_test

import (
	"strings"
	"testing"

	"dfsd/internal/lab"
)

// TestOpenLDAP: OpenLDAP's own client reads, over LDAPS, what the harness has
// filled in and what it changes, and a reader needs pages for much.
func TestOpenLDAP(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	o := l.OpenLDAP(lab.OpenLDAPSetup{Sites: 10_000, Subnets: 100_000, Links: 20_000})
	station := l.Station("10.99.1.5")
	search := func(as lab.Account, filter string, options ...string) lab.Output {
		args := []string{
			"LDAPTLS_CACERT=" + o.CAFile, "LDAPTLS_REQCERT=demand", "ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no",
			"-H", "ldaps://" + o.Addr.String(), "-D", as.User, "-w", as.Password, "-b", o.SitesDN,
		}
		return station.Run("env", append(append(args, options...), filter)...)
	}
	for filter, want := range map[string]int{
		"(objectClass=labSite)": 10_000, "(objectClass=labSubnet)": 100_000, "(objectClass=labLink)": 20_000,
	} {
		out := search(o.Reader, filter, "-E", "pr=500/noprompt")
		if got := strings.Count(out.Stdout, "dn: "); !out.OK() || got != want {
			t.Errorf("the reader finds %d of %s, want %d\n%s", got, filter, want, out.Stderr)
		}
	}
	if out := search(o.Reader, "(objectClass=labSite)"); out.Code != 4 { // sizeLimitExceeded
		t.Errorf("without pages: exit code %d, want 4", out.Code)
	}
	if out := search(lab.Account{User: o.Reader.User, Password: "wrong"}, "(cn=link-00000)"); out.Code != 49 { // invalidCredentials
		t.Errorf("with a wrong password: exit code %d, want 49", out.Code)
	}

	o.MoveSubnet(99_999, 3)
	o.SetCost(19_999, 77)
	o.Stop()
	o.Start()
	found := search(o.Reader, "(|(cn=subnet-099999)(cn=link-19999))").Stdout
	want := []string{"labPrefix: " + lab.OpenLDAPSubnet(99_999).String(), "labSiteName: " + o.SiteDN(3), "labCost: 77\n"}
	if missing := lacks(found, want...); missing != nil {
		t.Errorf("missing %q:\n%s", missing, found)
	}
}
