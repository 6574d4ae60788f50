//go:build integration

package dfsc

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dfsd/referral"
)

// Samba's decoder has to read every golden, what we write and every cut of it,
// and see the same strings as we do. Version 1 is left out: Samba takes its
// string for an offset, which [MS-DFSC] 2.2.5.1 does not have.
func TestNdrdumpDecodes(t *testing.T) {
	ndrdump, err := exec.LookPath("ndrdump")
	if err != nil {
		t.Skip("needs ndrdump of the package samba-testsuite")
	}
	messages := map[string][]byte{
		"trace": unhex(t, traceResponse), "capture": unhex(t, captureResponse),
		"domains": unhex(t, domainResponse), "controllers": unhex(t, controllerResponse),
	}
	referrals := map[string]*referral.Referral{"root": traceReferral, "link": linkReferral(), "interlink": linkReferral()}
	referrals["interlink"].Interlink = true
	for name, r := range referrals {
		for level := uint16(2); level <= 4; level++ {
			for cut := range r.Targets {
				part := *r
				part.Targets = r.Targets[:len(r.Targets)-cut]
				whole, err := AppendResponse(nil, &part, level, MaxResponse)
				if err != nil {
					t.Fatal(err)
				}
				b, err := AppendResponse(nil, r, level, len(whole))
				if err != nil {
					t.Fatal(err)
				}
				messages[fmt.Sprintf("%s version %d without %d", name, level, cut)] = b
			}
		}
	}
	for name, b := range messages {
		t.Run(name, func(t *testing.T) {
			out := dump(t, ndrdump, b)
			parsed, err := ParseResponse(b)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range parsed.Entries {
				for _, s := range append([]string{e.Path, e.Target, e.SpecialName}, e.Names...) {
					if s != "" && !strings.Contains(out, s) {
						t.Errorf("ndrdump does not show %q:\n%s", s, out)
					}
				}
			}
		})
	}
}

func dump(t *testing.T, ndrdump string, b []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "referral.bin")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), ndrdump, "dfsblobs", "dfs_referral_resp", "struct", file).CombinedOutput()
	text := strings.ReplaceAll(string(out), `\\`, `\`)
	if err != nil || !strings.Contains(text, "pull returned Success") || strings.Contains(text, "unread") {
		t.Fatalf("ndrdump: %v\n%s", err, text)
	}
	return text
}
