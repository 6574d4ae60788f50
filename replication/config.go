// Package replication holds the nouns of multi-master replication: groups of
// members that keep folders equal, who sends to whom, when and how fast.
package replication

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"dfsd/internal/fault"
)

// Config is the `replication` section of the configuration file.
type Config struct {
	// Listen is the host:port where this host's partners reach it.
	Listen string `yaml:"listen"`
	// Groups are the sets of members that replicate among each other.
	Groups []GroupConfig `yaml:"groups"`
	// Observers are hosts that are members of no group, such as namespace
	// servers, and may ask the members how replication is.
	Observers []ObserverConfig `yaml:"observers"`
}

// ObserverConfig is a host that may know the state of replication, and the key
// that proves it.
type ObserverConfig struct {
	Host string      `yaml:"host"`
	Key  Fingerprint `yaml:"key"`
}

// GroupConfig is a set of members, and the folders that all of them hold.
type GroupConfig struct {
	Name     string          `yaml:"name"`
	Members  []MemberConfig  `yaml:"members"`
	Topology TopologyConfig  `yaml:"topology"`
	Schedule *ScheduleConfig `yaml:"schedule"` // nil: always, unlimited
	Folders  []FolderConfig  `yaml:"folders"`
}

// MemberConfig is one host of a group: where it is reached, and the key that
// proves it.
type MemberConfig struct {
	Host    string      `yaml:"host"`
	Address string      `yaml:"address"`
	Key     Fingerprint `yaml:"key"`
}

// SetDefaults gives every field its value for a file that does not name it.
func (c *Config) SetDefaults() { c.Listen = ":5722" }

// Member returns the member of g that is named host; host names compare
// without case and without a final dot.
func (g GroupConfig) Member(host string) (MemberConfig, bool) {
	for _, m := range g.Members {
		if SameHost(m.Host, host) {
			return m, true
		}
	}
	return MemberConfig{}, false
}

// SameHost tells whether two spellings name one host: DNS names compare
// without case and without a final dot.
func SameHost(a, b string) bool { return FoldHost(a) == FoldHost(b) }

// FoldHost brings the spellings of one host's name to one form.
func FoldHost(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// Validate returns every fault of c.
func (c Config) Validate() fault.List {
	var faults fault.List
	faults.Nest("listen", checkAddress(c.Listen, 0))
	if len(c.Groups) == 0 {
		faults.Addf("groups", "no group; leave replication out on a deployment that replicates nothing")
	}
	names := seen{}
	for i, g := range c.Groups {
		at := fmt.Sprintf("groups[%d]", i)
		faults.Nest(at, g.validate())
		names.once(&faults, at+".name", strings.ToLower(g.Name), "a group is named %q already", g.Name)
	}
	c.validateObservers(&faults)
	faults = append(faults, c.validateIdentities()...)
	return append(faults, c.validatePaths()...)
}

func (c Config) validateObservers(faults *fault.List) {
	hosts := seen{}
	for i, o := range c.Observers {
		at := fmt.Sprintf("observers[%d]", i)
		faults.Nest(at+".host", checkHost(o.Host))
		if o.Key.IsZero() {
			faults.Addf(at+".key", "no key; `dfsd identity` on that host prints it")
		}
		hosts.once(faults, at+".host", FoldHost(o.Host), "the observer %q stands here already", o.Host)
	}
}

func (g GroupConfig) validate() fault.List {
	var faults fault.List
	faults.Nest("name", checkName(g.Name))
	if len(g.Members) == 0 {
		faults.Addf("members", "no member")
	}
	hosts := seen{}
	for i, m := range g.Members {
		at := fmt.Sprintf("members[%d]", i)
		faults.Nest(at, m.validate())
		hosts.once(&faults, at+".host", FoldHost(m.Host), "this group has the member %q already", m.Host)
	}
	faults.Nest("topology", g.Topology.validate(g))
	if g.Schedule != nil {
		faults.Nest("schedule", g.Schedule.validate())
	}
	if len(g.Folders) == 0 {
		faults.Addf("folders", "no folder")
	}
	names := seen{}
	for i, f := range g.Folders {
		at := fmt.Sprintf("folders[%d]", i)
		faults.Nest(at, f.validate(g))
		names.once(&faults, at+".name", strings.ToLower(f.Name), "this group has a folder %q already", f.Name)
	}
	return faults
}

func (m MemberConfig) validate() fault.List {
	var faults fault.List
	faults.Nest("host", checkHost(m.Host))
	faults.Nest("address", checkAddress(m.Address, 1))
	if m.Key.IsZero() {
		faults.Addf("key", "no key; `dfsd identity` on that host prints it")
	}
	return faults
}

// validateIdentities holds hosts and keys against each other over all groups:
// one host, one key.
func (c Config) validateIdentities() fault.List {
	var faults fault.List
	type identity struct {
		at, host string
		key      Fingerprint
	}
	byHost, byKey := map[string]identity{}, map[Fingerprint]identity{}
	check := func(at, host string, key Fingerprint) {
		if host == "" || key.IsZero() {
			return
		}
		own := identity{at, FoldHost(host), key}
		if first, ok := byHost[own.host]; ok && first.key != own.key {
			faults.AddOtherf(own.at+".key", first.at+".key", "%q has another key in a group above", host)
		}
		if first, ok := byKey[own.key]; ok && first.host != own.host {
			faults.AddOtherf(own.at+".key", first.at+".key", "%q has the same key as %q", host, first.host)
		}
		keepFirst(byHost, own.host, own)
		keepFirst(byKey, own.key, own)
	}
	for i, g := range c.Groups {
		for j, m := range g.Members {
			check(fmt.Sprintf("groups[%d].members[%d]", i, j), m.Host, m.Key)
		}
	}
	for i, o := range c.Observers {
		check(fmt.Sprintf("observers[%d]", i), o.Host, o.Key)
	}
	return faults
}

func keepFirst[K comparable, V any](m map[K]V, key K, v V) {
	if _, ok := m[key]; !ok {
		m[key] = v
	}
}

// seen maps what must be unique to the path where it stands first.
type seen map[string]string

// once adds a fault at path when key was seen before; the empty key, which is
// a fault of its own, is let pass.
func (s seen) once(faults *fault.List, path, key, format string, args ...any) {
	if key == "" {
		return
	}
	if first, ok := s[key]; ok {
		faults.AddOtherf(path, first, format, args...)
		return
	}
	s[key] = path
}

// checkName accepts what can stand on either side of the slash in a
// namespace's `replicates: group/folder`.
func checkName(name string) fault.List {
	var faults fault.List
	switch {
	case name == "":
		faults.Addf("", "no name")
	case len(name) > 255:
		faults.Addf("", "the name is longer than 255 bytes")
	case strings.ContainsAny(name, `/\`) || name != strings.TrimSpace(name):
		faults.Addf("", "%q is no name: it must not hold slashes or begin or end with a space", name)
	}
	return faults
}

func checkHost(host string) fault.List {
	var faults fault.List
	switch {
	case host == "":
		faults.Addf("", "no host name")
	case len(host) > 253 || strings.ContainsAny(host, `\/:@ `):
		faults.Addf("", "%q is no host name", host)
	}
	return faults
}

func checkAddress(address string, leastPort int) fault.List {
	var faults fault.List
	if address == "" {
		faults.Addf("", "no address; want host:port, for example fs1.example.com:5722")
		return faults
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.ContainsAny(host, `\/@ `) {
		faults.Addf("", "%q is no host:port, for example fs1.example.com:5722 or [2001:db8::1]:5722", address)
		return faults
	}
	if n, err := strconv.Atoi(port); err != nil || n < leastPort || n > 65535 {
		faults.Addf("", "port %q is no number from %d to 65535", port, leastPort)
	}
	if host == "" && leastPort > 0 {
		faults.Addf("", "%q names no host to call", address)
	}
	return faults
}
