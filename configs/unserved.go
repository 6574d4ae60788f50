package configs

import (
	"fmt"

	"gopkg.in/yaml.v3"

	"dfsd/namespace"
	"dfsd/replication"
)

// unserved is one thing that a file asks for and this version does not do.
type unserved struct {
	path    string
	host    string // the only one that is asked for it; "": all
	message string
}

// Unserved returns what the file asks of host and this version cannot serve
// yet, each with its place and with what to do about it. Such a file is valid,
// and every command but `serve` works on it.
func (f *File) Unserved(host string) []Fault {
	var faults []Fault
	for _, u := range f.unserved() {
		if u.host == "" || replication.SameHost(u.host, host) {
			at := f.places[u.path]
			faults = append(faults, Fault{f.name, at.line, at.column, u.path, u.message})
		}
	}
	return sorted(faults)
}

// keepPlaces notes where in the tree at root the unserved parts of f stand, so
// that the tree itself can go.
func (f *File) keepPlaces(root *yaml.Node) {
	f.places = map[string]place{}
	for _, u := range f.unserved() {
		n, _ := find(root, u.path)
		f.places[u.path] = place{n.Line, n.Column}
	}
}

func (f *File) unserved() []unserved {
	var all []unserved
	for i, ns := range f.Namespaces {
		all = append(all, unservedInNamespace(fmt.Sprintf("namespaces[%d]", i), ns)...)
	}
	if f.Replication != nil {
		all = append(all, unservedInReplication(f.Replication)...)
	}
	return all
}

func unservedInNamespace(at string, ns namespace.Config) []unserved {
	var all []unserved
	if ns.Type == namespace.Domain {
		all = append(all, unserved{
			at + ".type", "",
			"this version serves no domain-based namespaces yet; write type: standalone, and clients open it under this server's name",
		})
	}
	return all
}

func unservedInReplication(c *replication.Config) []unserved {
	var all []unserved
	for i, g := range c.Groups {
		at := fmt.Sprintf("replication.groups[%d]", i)
		for _, m := range g.Members {
			if g.Schedule == nil {
				break
			}
			all = append(all, unserved{
				at + ".schedule", m.Host,
				"this version replicates at all times and without a limit; leave schedule out",
			})
		}
		for j, f := range g.Folders {
			for host, m := range f.Members {
				if m.ReadOnly {
					all = append(all, unserved{
						fmt.Sprintf("%s.folders[%d].members", at, j), host,
						fmt.Sprintf("this version undoes no local changes yet; leave read_only of %q out, and keep users from writing there by the share's permissions", host),
					})
				}
			}
		}
	}
	return all
}
