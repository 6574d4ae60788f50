package configs

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"dfsd/internal/fault"
	"dfsd/namespace"
	"dfsd/replication"
)

// validateReferences returns what names another part of the file and finds
// nothing there.
func (f *File) validateReferences() fault.List {
	var faults fault.List
	sites := f.siteNames()
	if f.Sites != nil && f.Sites.Default != "" {
		faults.Nest("sites.default", sites.check(f.Sites.Default))
	}
	groups := f.groups()
	for i, ns := range f.Namespaces {
		for j, folder := range ns.Folders {
			var inner fault.List
			for k, t := range folder.Targets {
				if t.Site != "" {
					inner.Nest(fmt.Sprintf("targets[%d].site", k), sites.check(t.Site))
				}
			}
			inner = append(inner, groups.check(folder)...)
			if len(inner) > 0 {
				faults.Nest(fmt.Sprintf("namespaces[%d].folders[%d]", i, j), inner)
			}
		}
	}
	return faults
}

// siteNames holds the sites that a file may refer to, by folded name.
type siteNames struct {
	open  bool // the directory may know others
	names []string
	known map[string]bool
}

func (f *File) siteNames() siteNames {
	s := siteNames{known: map[string]bool{}}
	if f.Sites == nil {
		return s
	}
	s.open = f.Sites.LDAP != nil
	if f.Sites.Static != nil {
		s.names = f.Sites.Static.Sites
	}
	for _, name := range s.names {
		s.known[strings.ToLower(name)] = true
	}
	return s
}

// check returns a fault where no site is called name.
func (s siteNames) check(name string) fault.List {
	if s.open || s.known[strings.ToLower(name)] {
		return nil
	}
	var faults fault.List
	faults.Addf("", "no site %q in sites.static.sites%s", name, didYouMean(name, s.names))
	return faults
}

// groups holds the replication groups that a file may refer to, by name.
type groups map[string]replication.GroupConfig

func (f *File) groups() groups {
	all := groups{}
	if f.Replication != nil {
		for _, g := range f.Replication.Groups {
			all[g.Name] = g
		}
	}
	return all
}

// check returns a fault where a folder of a namespace refers to a replicated
// folder that is not there, or to a host that does not replicate it.
func (gs groups) check(folder namespace.FolderConfig) fault.List {
	var faults fault.List
	group, name, ok := strings.Cut(folder.Replicates, "/")
	if !ok || group == "" || name == "" {
		return nil // not given, or not even well-formed: the room's own fault
	}
	g, ok := gs[group]
	if !ok {
		faults.Addf("replicates", "no replication group %q%s", group, didYouMean(group, keysOf(gs)))
		return faults
	}
	names := make([]string, len(g.Folders))
	for i, f := range g.Folders {
		names[i] = f.Name
	}
	if !slices.Contains(names, name) {
		faults.Addf("replicates", "group %q has no folder %q%s", group, name, didYouMean(name, names))
	}
	for i, t := range folder.Targets {
		faults.Nest(fmt.Sprintf("targets[%d]", i), checkMember(g, t))
	}
	return faults
}

// checkMember returns a fault where the member behind t is not one of g.
func checkMember(g replication.GroupConfig, t namespace.TargetConfig) fault.List {
	var faults fault.List
	hosts := make([]string, len(g.Members))
	for i, m := range g.Members {
		hosts[i] = m.Host
	}
	host := t.Path.Host()
	if t.Member != "" {
		if _, ok := g.Member(t.Member); !ok {
			faults.Addf("member", "%q is no member of group %q%s", t.Member, g.Name, didYouMean(t.Member, hosts))
		}
	} else if _, ok := g.Member(host); !ok && host != "" {
		faults.Addf("path", "host %q is no member of group %q; name the member behind it with member: HOST%s",
			host, g.Name, didYouMean(host, hosts))
	}
	return faults
}

func keysOf(gs groups) []string { return slices.Sorted(maps.Keys(gs)) }
