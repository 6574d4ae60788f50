//go:build integration

package lab_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"dfsd/internal/lab"
)

// tortured are the suites of smbtorture 4.17 that a read-only share can pass,
// and those of the RPC interfaces that clients browse with.
var tortured = []string{
	"smb2.bench.echo",
	"smb2.bench.path-contention-shared",
	"smb2.compound.invalid1",
	"smb2.compound.related5",
	"smb2.create.leading-slash",
	"smb2.create.quota-fake-file",
	"smb2.credits.session_setup_credits_granted",
	"smb2.getinfo.fsinfo",
	"smb2.getinfo.qsec_buffercheck",
	"smb2.ioctl.network_interface_info",
	"smb2.scan.find",
	"smb2.secleak",
	"rpc.srvsvc",
	"rpc.wkssvc",
}

// scan sends every command number there is. Samba takes 20 seconds for it, so
// that only dfsd is asked.
const scan = "smb2.scan.scan"

// TestTorture: whatever Samba passes, dfsd passes too, but for the tests that
// testdata/knownfail lists with the reason.
func TestTorture(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	folders := []lab.Folder{{Path: `dept\projects`, Targets: []string{lab.UNC(l.Address(), "data")}}}
	samba := l.Samba(lab.SambaSetup{Shares: []lab.Share{{
		// An ordinary user may not ask for quotas there.
		Name: "public", Folders: folders, Options: []string{"admin users = " + lab.Alice.User},
	}}})
	client := l.Station("10.99.1.5")
	want, wantLog := client.Torture(samba.Addr, "public", lab.Alice, tortured...)
	if passed := with(want, "success"); len(passed) < 15 {
		t.Fatalf("Samba passes only %d tests, so it is no measure:\n%s", len(passed), wantLog)
	}

	// Samba demands no signatures unless told to, and some of the tests send none.
	dfsd := l.Dfsd(lab.DfsdSetup{SMB: []string{"signing: enabled"}, Rest: namespaceYAML(folders)})
	want[scan+" scan"] = "success"
	got, gotLog := client.Torture(dfsd.Addr, "public", lab.Alice, slices.Concat(tortured, []string{scan})...)
	known := knownFailures(t)
	failed := false
	for name := range with(want, "success") {
		switch {
		case got[name] == "success" && known[name]:
			t.Errorf("%s passes now: take it out of testdata/knownfail", name)
		case got[name] != "success" && !known[name]:
			t.Errorf("%s: %q, and Samba passes", name, got[name])
			failed = true
		}
	}
	for name := range known {
		if want[name] == "" { // whether Samba passes depends on the machine, for quotas and interfaces
			t.Errorf("testdata/knownfail lists %s, which is no test:\n%s", name, wantLog)
		}
	}
	if failed {
		t.Log(gotLog)
	}
	if err := dfsd.Alive(); err != nil {
		t.Error(err)
	}
}

// with selects the tests that have a verdict.
func with(verdicts map[string]string, verdict string) map[string]bool {
	selected := map[string]bool{}
	for name, v := range verdicts {
		if v == verdict {
			selected[name] = true
		}
	}
	return selected
}

// knownFailures reads testdata/knownfail: one test a line, then " # " and the
// reason.
func knownFailures(t *testing.T) map[string]bool {
	t.Helper()
	b, err := os.ReadFile("testdata/knownfail")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, " # ")
		if !ok || reason == "" {
			t.Errorf("testdata/knownfail: no reason in %q", line)
		}
		known[strings.TrimSpace(name)] = true
	}
	return known
}
