//go:build integration

package lab

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// Estate is a deployment: file servers whose share "projects" dfsd keeps equal,
// and a namespace server that is no member and asks them how they are.
type Estate struct {
	Namespace *Dfsd
	Members   []*EstateMember

	lab    *Lab
	keys   []string // of the members, and of the two namespace servers
	second *Dfsd    // prepared, not started
	spaces string   // the section namespaces
}

// EstateMember is one file server: Samba, and the dfsd that replicates what it
// shares.
type EstateMember struct {
	Samba  *Samba
	Dfsd   *Dfsd
	Host   string // of the replication member
	Folder string // path of what is replicated and shared

	estate *Estate
	number int
	files  netip.Addr // of Samba
	addr   netip.Addr // of dfsd
}

// Target is the UNC path of the member's share.
func (m *EstateMember) Target() string { return UNC(m.files, "projects") }

// Estate starts n file servers, and the namespace "public" with what folders
// writes about them, in YAML below `folders:`; namespace are further lines of
// the namespace, such as its probe.
func (l *Lab) Estate(n int, namespace []string, folders func(e *Estate) string) *Estate {
	l.t.Helper()
	e := &Estate{lab: l}
	for i := range n {
		e.Members = append(e.Members, &EstateMember{
			Host: fmt.Sprintf("fs%d.lab.example", i+1), Folder: l.Dir(fmt.Sprintf("estate-%d", i+1)),
			estate: e, number: i, files: l.Address(), addr: l.Address(),
		})
	}
	server := l.prepareDfsd(DfsdSetup{Host: "ns.lab.example"})
	e.second = l.prepareDfsd(DfsdSetup{Host: "ns2.lab.example"})
	for _, m := range e.Members {
		e.keys = append(e.keys, l.identity(m.addr))
	}
	e.keys = append(e.keys, l.identity(server.Addr), l.identity(e.second.Addr))
	for _, m := range e.Members {
		if err := own(m.Folder); err != nil {
			l.t.Fatal(err)
		}
		m.StartSamba()
		m.StartDfsd()
	}
	var b strings.Builder
	b.WriteString("namespaces:\n  - name: public\n")
	for _, line := range namespace {
		b.WriteString("    " + line + "\n")
	}
	b.WriteString("    folders:\n" + folders(e))
	e.spaces = b.String()
	e.Namespace = l.Dfsd(DfsdSetup{Addr: server.Addr, Host: "ns.lab.example", Rest: e.spaces + e.replication(server.Addr)})
	return e
}

// Second starts another namespace server of the same namespace.
func (e *Estate) Second() *Dfsd {
	e.lab.t.Helper()
	return e.lab.Dfsd(DfsdSetup{Addr: e.second.Addr, Host: "ns2.lab.example", Rest: e.spaces + e.replication(e.second.Addr)})
}

// own gives a folder to the user that clients are on the file servers.
func own(folder string) error {
	u, err := user.Lookup(Alice.User)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	return os.Chown(folder, uid, gid)
}

// identity makes the key of the daemon at an address and returns its fingerprint.
func (l *Lab) identity(a netip.Addr) string {
	l.t.Helper()
	dir := l.Dir("dfsd-" + a.String() + "/data")
	out := execute(l.t.Context(), "", os.Getenv(insideEnv), "identity", "--data-dir", dir)
	if !out.OK() {
		l.t.Fatalf("%s", out)
	}
	return strings.TrimSpace(out.Stdout)
}

// replication is the section that all hosts share, for the one at an address.
func (e *Estate) replication(a netip.Addr) string {
	var b strings.Builder
	n := len(e.Members)
	fmt.Fprintf(&b, "replication:\n  listen: %s:5722\n  observers: [{host: ns.lab.example, key: '%s'}, {host: ns2.lab.example, key: '%s'}]\n", a, e.keys[n], e.keys[n+1])
	b.WriteString("  groups:\n    - name: branch\n      members:\n")
	for i, m := range e.Members {
		fmt.Fprintf(&b, "        - {host: %s, address: \"%s:5722\", key: '%s'}\n", m.Host, m.addr, e.keys[i])
	}
	fmt.Fprintf(&b, "      folders:\n        - {name: projects, path: /elsewhere, primary: %s, settle: 50ms, members: {", e.Members[0].Host)
	for i, m := range e.Members {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: {path: %s}", m.Host, m.Folder)
	}
	b.WriteString("}}\n")
	return b.String()
}

// AwaitInStep waits until all members hold all that any of them does, nobody is at
// an initial sync, and the namespace server has heard so.
func (e *Estate) AwaitInStep() {
	e.lab.t.Helper()
	for _, m := range e.Members {
		if out := m.Dfsd.Command("replication", "sync", "branch/projects", "--wait", "--timeout", "60s"); !out.OK() {
			e.lab.t.Fatal(out)
		}
	}
	e.lab.Await("the namespace server to hear that all are in step", e.heardInStep)
}

// heardInStep returns an error unless the namespace server knows each member as
// one that replicates with its partners.
func (e *Estate) heardInStep() error {
	out := e.Namespace.Command("report", "health", "-o", "json") // its exit code says how all else is
	var said struct {
		Facts struct {
			Members []struct {
				Host    string
				Folders []struct {
					State       string
					Connections []struct{ State string }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(out.Stdout), &said); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	for _, m := range said.Facts.Members {
		if len(m.Folders) != 1 || m.Folders[0].State != "normal" || len(m.Folders[0].Connections) == 0 {
			return fmt.Errorf("of %s it knows %+v", m.Host, m.Folders)
		}
		for _, c := range m.Folders[0].Connections {
			if c.State != "connected" {
				return fmt.Errorf("of %s it knows %+v", m.Host, m.Folders)
			}
		}
	}
	return nil
}

// StartSamba starts the file server, again after Samba.Stop too.
func (m *EstateMember) StartSamba() {
	m.estate.lab.t.Helper()
	m.Samba = m.estate.lab.Samba(SambaSetup{Addr: m.files, Shares: []Share{{
		Name: "projects", Path: m.Folder, Options: []string{"read only = no"},
	}}})
}

// StartDfsd starts the member's replication, again after Dfsd.Stop too.
func (m *EstateMember) StartDfsd() {
	m.estate.lab.t.Helper()
	m.Dfsd = m.estate.lab.Dfsd(DfsdSetup{Addr: m.addr, Host: m.Host, Rest: m.estate.replication(m.addr)})
}

// Targets writes the targets of a folder, in YAML, each in a site of its own:
// Site1, Site2 and so on.
func (e *Estate) Targets() string {
	var b strings.Builder
	for i, m := range e.Members {
		fmt.Fprintf(&b, "          - {path: '%s', member: %s, rank: %d}\n", m.Target(), m.Host, i)
	}
	return b.String()
}

// Read returns a file of a member's folder as it is on disk, "" where there is
// none.
func (m *EstateMember) Read(name string) string {
	b, err := os.ReadFile(filepath.Join(m.Folder, name))
	if err != nil {
		return ""
	}
	return string(b)
}
