//go:build integration

package lab_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dfsd/internal/lab"
)

// finding is one of `dfsd doctor -o json`.
type finding struct{ Area, Subject, Level, Summary, Mend string }

// diagnosis runs doctor and returns its findings and its exit code.
func diagnosis(t *testing.T, d *lab.Dfsd) (findings []finding, code int) {
	t.Helper()
	out := d.Command("doctor", "-o", "json")
	var said struct{ Findings []finding }
	if err := json.Unmarshal([]byte(out.Stdout), &said); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return said.Findings, out.Code
}

// worst is the first finding of an area at a level whose text has a word.
func found(all []finding, area, level, word string) (finding, bool) {
	for _, f := range all {
		if f.Area == area && f.Level == level && strings.Contains(f.Subject+" "+f.Summary+" "+f.Mend, word) {
			return f, true
		}
	}
	return finding{}, false
}

// TestDoctor: with a real domain doctor finds what is well and what is not, and
// what it says to do helps.
func TestDoctor(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	dc := l.Domain(lab.DomainSetup{})
	dc.AddSite("Paris")
	dc.AddSubnet("10.99.0.0/24", "Paris")
	secrets := l.Dir("secrets")
	password, keytab := filepath.Join(secrets, "ldap.pw"), filepath.Join(secrets, "cifs.keytab")
	if err := os.WriteFile(password, []byte(dc.AdminPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dc.AddService("svc-dfsd", "cifs/files."+dc.DNSDomain)
	dc.Keytab(keytab, "cifs/files."+dc.DNSDomain)
	files := fileServer(l)
	d := l.Dfsd(lab.DfsdSetup{Host: "files." + dc.DNSDomain, SMB: []string{"keytab: " + keytab, "names: [other." + dc.DNSDomain + "]"}, Rest: fmt.Sprintf(`
sites:
  ldap:
    domain: %s
    dns: %s
    bind: {dn: 'Administrator@%s', password_file: %s}
    tls: {ca_file: %s}
namespaces:
  - name: public
    probe: {interval: 1s, timeout: 1s}
    folders:
      - {path: good, targets: [{path: '%s'}]}
      - {path: gone, targets: [{path: '%s'}]}
`, dc.DNSDomain, netip.AddrPortFrom(dc.Addr, 53), dc.DNSDomain, password, dc.CAFile, lab.UNC(files, "data"), lab.UNC(l.Address(), "data"))})
	if out := l.Station("10.99.88.5").Smbclient(lab.UNC(d.Addr, "public"), lab.Alice, "cd good; ls"); !out.OK() {
		t.Error(out)
	}
	all, code := diagnosis(t, d)
	if code != 8 {
		t.Errorf("exit code %d, want 8", code)
	}
	for _, want := range []struct{ area, level, word string }{
		{"dns", "ok", "_ldap._tcp"},
		{"ldap", "ok", "certificate"},
		{"ldap", "ok", "sites"},
		{"clock", "ok", ""},
		{"kerberos", "ok", "cifs/files." + dc.DNSDomain},
		{"kerberos", "failed", "other." + dc.DNSDomain},
		{"targets", "ok", files.String()},
		{"targets", "failed", "dfsd target offline"},
		{"sites", "warning", "10.99.88.0/24"}, // where a client without a site came from
		{"disk", "ok", "can be written"},
		{"ports", "ok", d.Addr.String()},
	} {
		if _, ok := found(all, want.area, want.level, want.word); !ok {
			t.Errorf("no finding %v in:\n%+v", want, all)
		}
	}
	for _, f := range all {
		if strings.Contains(fmt.Sprint(f), dc.AdminPassword) {
			t.Errorf("the password stands in %+v", f)
		}
		if f.Level == "failed" && f.Mend == "" {
			t.Errorf("nothing mends %+v", f)
		}
	}

	dc.Stop()
	all, code = diagnosis(t, d)
	if _, ok := found(all, "ldap", "failed", ""); !ok || code != 8 {
		t.Errorf("with the controller stopped, exit code %d:\n%+v", code, all)
	}
}
