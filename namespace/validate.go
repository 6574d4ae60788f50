package namespace

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"dfsd/internal/fault"
)

// maxRank is the last place within a priority class ([MS-DFSC] 3.2.5.5).
const maxRank = 31

// maxTargets is more than the 56 KiB of the largest referral hold of usual paths.
const maxTargets = 1024

// maxTTL is the longest that the wire can say.
const maxTTL = math.MaxUint32 * time.Second

// Validate returns every fault of the namespace.
func (c Config) Validate() fault.List {
	_, faults := c.check()
	return faults
}

// ValidateAll returns every fault of the namespaces and among them. Paths in it
// are relative to the list: [1].folders[0].path.
func ValidateAll(cfgs []Config) fault.List {
	_, faults := checkAll(cfgs)
	return faults
}

// checkAll validates cfgs, and returns their folders sorted.
func checkAll(cfgs []Config) ([]listing, fault.List) {
	var faults fault.List
	listings := make([]listing, len(cfgs))
	first := make(map[string]int, len(cfgs))
	for i := range cfgs {
		var inner fault.List
		listings[i], inner = cfgs[i].check()
		faults.Nest(fmt.Sprintf("[%d]", i), inner)
		name := FoldString(cfgs[i].Name)
		if other, ok := first[name]; !ok {
			first[name] = i
		} else if name != "" {
			faults.AddOtherf(fmt.Sprintf("[%d].name", i), fmt.Sprintf("[%d].name", other),
				"the name %#q is taken by the namespace %#q", cfgs[i].Name, cfgs[other].Name)
		}
	}
	return listings, faults
}

// check validates one namespace, and returns its folders sorted. Folders whose
// path is at fault are not among them.
func (c *Config) check() (listing, fault.List) {
	faults := c.checkOwn()
	folders := newListing(len(c.Folders))
	for i := range c.Folders {
		f := &c.Folders[i]
		inner := f.check()
		if path, err := cleanPath(f.Path); err != nil {
			inner.Addf("path", "%v", err)
		} else {
			folders.add(path, i)
		}
		if len(inner) > 0 {
			faults.Nest(fmt.Sprintf("folders[%d]", i), inner)
		}
	}
	folders.sort()
	c.checkOverlaps(&folders, &faults)
	return folders, faults
}

// checkOwn validates the namespace without its folders.
func (c *Config) checkOwn() fault.List {
	var faults fault.List
	if c.Name == "" {
		faults.Addf("name", "missing; it is the share that clients open")
	} else if err := checkShare(c.Name); err != nil {
		faults.Addf("name", "%v", err)
	}
	checkComment(&faults, c.Comment)
	checkTTL(&faults, c.TTL)
	if c.DegradedTTL < 0 || c.DegradedTTL > maxTTL || c.DegradedTTL%time.Second != 0 {
		faults.Addf("degraded_ttl", "%v is not a number of whole seconds up to %v, or 0s to keep ttl", c.DegradedTTL, maxTTL)
	}
	checkEnum(&faults, "type", typeNames, c.Type)
	checkEnum(&faults, "ordering", orderingNames, c.Ordering)
	checkEnum(&faults, "state", stateNames, c.State)
	if c.Probe != nil {
		faults.Nest("probe", c.Probe.check())
	}
	return faults
}

func (c *ProbeConfig) check() fault.List {
	var faults fault.List
	if c.Interval <= 0 {
		faults.Addf("interval", "%v is no time to wait between probes", c.Interval)
	}
	if c.Timeout <= 0 {
		faults.Addf("timeout", "%v is no time to wait for an answer", c.Timeout)
	} else if c.Timeout > c.Interval && c.Interval > 0 {
		faults.Addf("timeout", "%v is longer than the interval of %v", c.Timeout, c.Interval)
	}
	if c.DownAfter < 1 {
		faults.Addf("down_after", "%d is no number of failed probes; give 1 or more", c.DownAfter)
	}
	if c.UpAfter < 1 {
		faults.Addf("up_after", "%d is no number of answered probes; give 1 or more", c.UpAfter)
	}
	if c.Port < 1 || c.Port > math.MaxUint16 {
		faults.Addf("port", "%d is no TCP port", c.Port)
	}
	switch {
	case c.User == "" && c.PasswordFile != "":
		faults.Addf("user", "missing; a password_file needs the user whose password it holds")
	case c.User != "" && c.PasswordFile == "":
		faults.Addf("password_file", "missing; it holds the password of user")
	}
	return faults
}

// check validates one folder, except for its path.
func (f *FolderConfig) check() fault.List {
	var faults fault.List
	checkComment(&faults, f.Comment)
	checkTTL(&faults, f.TTL)
	checkEnum(&faults, "state", stateNames, f.State)
	if f.Replicates != "" {
		group, folder, _ := strings.Cut(f.Replicates, "/")
		if group == "" || folder == "" || strings.Contains(folder, "/") {
			faults.Addf("replicates", "%#q is not a replication group and a folder of it, group/folder", f.Replicates)
		}
	}
	if f.Gate != nil {
		f.checkGate(&faults)
	}
	f.checkTargets(&faults)
	return faults
}

func (f *FolderConfig) checkGate(faults *fault.List) {
	if f.Gate.MaxLag <= 0 {
		faults.Addf("gate.max_lag", "%v is no lag; give how far a target may be behind, or no gate", f.Gate.MaxLag)
	}
	if f.Replicates == "" {
		faults.Addf("gate", "needs `replicates`, the replicated folder whose lag it reads")
	}
}

func (f *FolderConfig) checkTargets(faults *fault.List) {
	if len(f.Targets) > maxTargets {
		faults.Addf("targets", "%d are more than the %d that a link may have", len(f.Targets), maxTargets)
		return
	}
	for i := range f.Targets {
		if inner := f.Targets[i].check(); len(inner) > 0 {
			faults.Nest(fmt.Sprintf("targets[%d]", i), inner)
		}
		for j := range i {
			if path := string(f.Targets[i].Path); path != "" && EqualFold(path, string(f.Targets[j].Path)) {
				faults.AddOtherf(fmt.Sprintf("targets[%d].path", i), fmt.Sprintf("targets[%d].path", j),
					"%#q is the same place as the target %#q", f.Targets[i].Path, f.Targets[j].Path)
				break
			}
		}
	}
}

func (t *TargetConfig) check() fault.List {
	var faults fault.List
	if t.Path == "" {
		faults.Addf("path", `missing; it is the target's UNC path, \\host\share\dir`)
	} else if clean, err := ParseUNC(string(t.Path)); err != nil {
		faults.Addf("path", "%v", err)
	} else if clean != t.Path {
		faults.Addf("path", "%#q is not in the form of %#q", t.Path, clean)
	}
	checkEnum(&faults, "state", stateNames, t.State)
	checkEnum(&faults, "priority", classNames, t.Priority)
	if t.Rank < 0 || t.Rank > maxRank {
		faults.Addf("rank", "%d is not between 0 (first) and %d (last)", t.Rank, maxRank)
	}
	if t.Site != "" {
		if err := checkName(t.Site); err != nil {
			faults.Addf("site", "%v", err)
		}
	}
	if t.Member != "" {
		if err := checkHost(t.Member); err != nil {
			faults.Addf("member", "%v", err)
		}
	}
	return faults
}

func checkComment(faults *fault.List, s string) {
	if err := checkText(s); err != nil {
		faults.Addf("comment", "%v", err)
	}
}

func checkTTL(faults *fault.List, ttl time.Duration) {
	if ttl < time.Second || ttl > maxTTL || ttl%time.Second != 0 {
		faults.Addf("ttl", "%v is not a number of whole seconds from 1s to %v", ttl, maxTTL)
	}
}

// checkEnum finds values that only a program can write: the configuration's
// decoder knows the names alone.
func checkEnum[T ~uint8](faults *fault.List, path string, names []string, v T) {
	if int(v) >= len(names) {
		faults.Addf(path, "%d is none of %s", uint8(v), strings.Join(names, ", "))
	}
}

// checkOverlaps finds folders given twice and folders below a link: nothing
// there could be reached ([MS-DFSNM] 3.1.4.1.3). Of two, the fault is put on the
// one that would have to move.
func (c *Config) checkOverlaps(folders *listing, faults *fault.List) {
	var cover *entry // the last link, below which nothing may lie
	for i := range folders.entries {
		e := &folders.entries[i]
		if i > 0 && bytes.Equal(folders.key(folders.entries[i-1]), folders.key(*e)) {
			c.addOverlap(faults, e, &folders.entries[i-1], "is the same path as the folder")
			continue
		}
		if cover != nil && isBelow(folders.key(*e), folders.key(*cover)) {
			c.addOverlap(faults, e, cover, "lies below the link")
			continue
		}
		if len(c.Folders[e.folder].Targets) > 0 {
			cover = e
		}
	}
}

// isBelow reports whether the folder of key lies below that of another one.
func isBelow(key, other []byte) bool {
	return len(key) > len(other) && key[len(other)] == separator && bytes.HasPrefix(key, other)
}

func (c *Config) addOverlap(faults *fault.List, e, other *entry, verb string) {
	faults.AddOtherf(fmt.Sprintf("folders[%d].path", e.folder), fmt.Sprintf("folders[%d].path", other.folder),
		"%#q %s %#q", c.Folders[e.folder].Path, verb, c.Folders[other.folder].Path)
}
