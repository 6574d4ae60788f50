//go:build integration

package lab_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"dfsd/internal/lab"
)

// A servant starts a server with the namespace "public" and returns its
// address. The scenarios that both can serve run against Samba, the oracle that
// proves the scenario, and against dfsd.
type servant func(l *lab.Lab, folders []lab.Folder) netip.Addr

var servants = map[string]servant{
	"samba": func(l *lab.Lab, folders []lab.Folder) netip.Addr {
		return l.Samba(lab.SambaSetup{Shares: []lab.Share{{Name: "public", Folders: folders}}}).Addr
	},
	"dfsd": func(l *lab.Lab, folders []lab.Folder) netip.Addr {
		return l.Dfsd(lab.DfsdSetup{SMB: []string{hasty}, Rest: namespaceYAML(folders)}).Addr
	},
}

// hasty answers a wrong password at once; by default that takes two seconds.
const hasty = "limits: {logon_delay: 10ms}"

// onEach runs a scenario against every servant, side by side.
func onEach(t *testing.T, scenario func(t *testing.T, l *lab.Lab, serve servant)) {
	t.Helper()
	for name, serve := range servants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, lab.New(t), serve)
		})
	}
}

// namespaceYAML writes the section `namespaces` with one namespace "public".
// Ranks hold the targets in their order, as Samba does without any.
func namespaceYAML(folders []lab.Folder) string {
	var b strings.Builder
	b.WriteString("namespaces:\n  - name: public\n    comment: Company shares\n    folders:\n")
	for _, f := range folders {
		fmt.Fprintf(&b, "      - path: '%s'\n        targets:\n", f.Path)
		for i, target := range f.Targets {
			fmt.Fprintf(&b, "          - {path: '%s', rank: %d}\n", target, i)
		}
	}
	return b.String()
}

// fileServer starts a Samba server with one share "data" that holds a few
// files and a file "where.txt" with the server's address.
func fileServer(l *lab.Lab) netip.Addr { return fileServerAt(l, l.Address()) }

func fileServerAt(l *lab.Lab, a netip.Addr) netip.Addr {
	return l.Samba(lab.SambaSetup{Addr: a, Shares: []lab.Share{{Name: "data", Files: map[string]string{
		"hello.txt":    "hello from the target\n",
		"where.txt":    a.String() + "\n",
		"sub/deep.txt": "deep below\n",
	}}}}).Addr
}

// lacks lists the words that a text does not hold.
func lacks(text string, words ...string) []string {
	var missing []string
	for _, w := range words {
		if !strings.Contains(text, w) {
			missing = append(missing, w)
		}
	}
	return missing
}
