package configs

import (
	"strings"
	"testing"
)

// TestUnserved: everything that a file may ask for and this version does not
// do is named with its place; on other hosts than the members, replication is
// nobody's business.
func TestUnserved(t *testing.T) {
	f, err := Load("testdata/good-interface.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const schedule = `testdata/good-interface.yaml:71:17: this version replicates at all times and without a limit; leave schedule out`
	const readOnly = `testdata/good-interface.yaml:76:20: this version undoes no local changes yet; leave read_only of "fs2.lon.corp.example.com" out, and keep users from writing there by the share's permissions`
	for host, want := range map[string][]string{
		"fs1.nyc.corp.example.com":  {schedule},
		"FS1.NYC.corp.example.com.": {schedule},
		"fs2.lon.corp.example.com":  {schedule, readOnly},
		"fs1":                       nil,
	} {
		if got := (&Error{f.Unserved(host)}).Error(); got != strings.Join(want, "\n") {
			t.Errorf("Unserved(%q) =\n%s\nwant\n%s", host, got, strings.Join(want, "\n"))
		}
	}
}

func TestUnservedDomain(t *testing.T) {
	f := mustParse(t, "version: 1\nnamespaces:\n  - {name: a}\n  - name: b\n    type: domain\n")
	faults := f.Unserved("fs1")
	const want = "dfsd.yaml:5:11: this version serves no domain-based namespaces yet; write type: standalone, and clients open it under this server's name"
	if len(faults) != 1 || faults[0].String() != want || faults[0].Path != "namespaces[1].type" {
		t.Errorf("Unserved = %v, want %s", faults, want)
	}
}

// TestUnservedOfNothing: a file that asks for nothing new has no faults, on
// whatever host.
func TestUnservedOfNothing(t *testing.T) {
	f := mustParse(t, "version: 1\nsmb: {}\nsites: {static: {sites: [a]}}\nnamespaces: [{name: a, folders: [{path: b, targets: [{path: //fs1/b, site: a}]}]}]\n")
	for _, host := range []string{"", "fs1"} {
		if faults := f.Unserved(host); len(faults) > 0 {
			t.Errorf("Unserved(%q) = %v", host, faults)
		}
	}
}
