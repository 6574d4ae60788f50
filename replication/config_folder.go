package replication

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"dfsd/internal/fault"
	"dfsd/internal/quantity"
)

// FolderConfig is a folder that all members of a group keep equal.
type FolderConfig struct {
	Name string `yaml:"name"`
	// Path is where the folder lies on every member, unless Members says
	// otherwise.
	Path string `yaml:"path"`
	// Primary is the member whose content wins at the initial sync.
	Primary string `yaml:"primary"`
	// Members holds what differs on single members, by host name.
	Members map[string]FolderMemberConfig `yaml:"members"`
	Filters FilterConfig                  `yaml:"filters"`
	// Settle is how long a closed file rests before it travels.
	Settle time.Duration `yaml:"settle"`
	// Canary is how often each member rewrites a small file of its own, whose
	// arrival at the others measures how old what they hold may be; 0: never.
	Canary time.Duration `yaml:"canary"`
	// StagingQuota bounds the files in flight, on each member.
	StagingQuota quantity.Size `yaml:"staging_quota"`
	// PreservedQuota bounds the conflict losers and deleted files that are
	// kept for recovery, on each member.
	PreservedQuota quantity.Size `yaml:"preserved_quota"`
}

// FolderMemberConfig is what differs on one member.
type FolderMemberConfig struct {
	Path     string `yaml:"path"` // empty: that of the folder
	ReadOnly bool   `yaml:"read_only"`
}

// FilterConfig names what stays where it is: patterns over single names, with
// `*`, `?` and `[…]`.
type FilterConfig struct {
	Files   []string `yaml:"files"`
	Folders []string `yaml:"folders"`
}

// SetDefaults gives every field its value for a file that does not name it.
func (f *FolderConfig) SetDefaults() {
	f.Settle = 200 * time.Millisecond
	f.StagingQuota = 4 * quantity.GiB
	f.PreservedQuota = 4 * quantity.GiB
}

// SetDefaults leaves out the temporary and backup files that DFSR leaves out.
func (f *FilterConfig) SetDefaults() { f.Files = []string{"~*", "*.bak", "*.tmp"} }

const (
	minCanary = 10 * time.Second
	maxSettle = time.Hour
	minQuota  = quantity.MiB
)

// On returns the path of the folder on host, and the key where it is written,
// relative to f.
func (f FolderConfig) On(host string) (path, at string) {
	for name, m := range f.Members {
		if SameHost(name, host) && m.Path != "" {
			return m.Path, memberKey(name) + ".path"
		}
	}
	return f.Path, "path"
}

func memberKey(host string) string { return "members." + host }

func (f FolderConfig) validate(g GroupConfig) fault.List {
	var faults fault.List
	faults.Nest("name", checkName(f.Name))
	if f.Path != "" {
		faults.Nest("path", checkPath(f.Path))
	} else {
		faults = append(faults, f.validateOwnPaths(g)...)
	}
	if f.Primary == "" {
		faults.Addf("primary", "no primary; name the member whose content wins at the initial sync")
	} else {
		faults.Nest("primary", g.checkMember(f.Primary))
	}
	faults = append(faults, f.validateMembers(g)...)
	faults.Nest("filters.files", checkPatterns(f.Filters.Files))
	faults.Nest("filters.folders", checkPatterns(f.Filters.Folders))
	if f.Settle < 0 || f.Settle > maxSettle {
		faults.Addf("settle", "%s is not within 0s to %s", f.Settle, "1h")
	}
	if f.Canary != 0 && f.Canary < minCanary {
		faults.Addf("canary", "%s is no pause between two canaries: at least %s, or 0s for none", f.Canary, minCanary)
	}
	if f.StagingQuota < minQuota {
		faults.Addf("staging_quota", "%s is less than %s", f.StagingQuota, minQuota)
	}
	if f.PreservedQuota < minQuota {
		faults.Addf("preserved_quota", "%s is less than %s", f.PreservedQuota, minQuota)
	}
	return faults
}

// validateOwnPaths serves a folder without a path for all: each member must
// have one of its own.
func (f FolderConfig) validateOwnPaths(g GroupConfig) fault.List {
	var faults fault.List
	var without []string
	for _, m := range g.Members {
		if own, _ := f.On(m.Host); own == "" && m.Host != "" {
			without = append(without, m.Host)
		}
	}
	if len(without) > 0 {
		faults.Addf("path", "no path, neither for all members nor for %s", strings.Join(without, ", "))
	}
	return faults
}

func (f FolderConfig) validateMembers(g GroupConfig) fault.List {
	var faults fault.List
	hosts := seen{}
	for _, host := range slices.Sorted(maps.Keys(f.Members)) {
		at, m := memberKey(host), f.Members[host]
		faults.Nest(at, g.checkMember(host))
		hosts.once(&faults, at, FoldHost(host), "%q is named already", host)
		if m.Path != "" {
			faults.Nest(at+".path", checkPath(m.Path))
		}
		if m.ReadOnly && SameHost(host, f.Primary) {
			faults.Addf(at+".read_only", "the primary member cannot be read-only")
		}
	}
	return faults
}

func checkPatterns(patterns []string) fault.List {
	var faults fault.List
	for i, p := range patterns {
		_, err := path.Match(p, "")
		if p == "" || err != nil || strings.ContainsAny(p, `/\`) {
			faults.Addf(fmt.Sprintf("[%d]", i), "%q is no pattern for one name: want for example '*.tmp', without slashes", p)
		}
	}
	return faults
}
