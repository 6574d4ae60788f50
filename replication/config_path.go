package replication

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"dfsd/internal/fault"
)

// checkPath accepts the absolute paths of any platform, because one file
// describes hosts of all of them: /srv/projects, D:\projects.
func checkPath(p string) fault.List {
	var faults fault.List
	slashed := strings.ReplaceAll(p, `\`, "/")
	switch {
	case !strings.HasPrefix(p, "/") && !hasDrive(p):
		faults.Addf("", `%q is not absolute: want for example /srv/projects or D:\projects`, p)
	case strings.HasPrefix(slashed, "//"):
		faults.Addf("", "%q is a path on another host; a replicated folder lies on a disk of the member itself", p)
	case slices.Contains(strings.Split(slashed, "/"), ".."):
		faults.Addf("", "%q must not hold ..", p)
	case path.Clean(p) == "/":
		faults.Addf("", "the whole file system cannot be a replicated folder")
	}
	return faults
}

// hasDrive tells whether p begins with a drive and a separator: `D:\`, D:/.
func hasDrive(p string) bool {
	return len(p) >= 3 && p[1] == ':' && (p[2] == '\\' || p[2] == '/') && strings.Trim(p[:1], letters) == ""
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// foldPath is p as paths of its platform compare: cleaned, with slashes, ending
// in one, and with a drive letter without case.
func foldPath(p string) string {
	if hasDrive(p) {
		p = strings.ToLower(strings.ReplaceAll(p, `\`, "/"))
	}
	return strings.TrimSuffix(path.Clean(p), "/") + "/"
}

// place is one folder on one member.
type place struct {
	host, folded     string // what compares
	at, path, folder string // what is reported
}

// validatePaths holds all folders of each member against each other: none may
// lie in another, over all groups.
func (c Config) validatePaths() fault.List {
	var faults fault.List
	reported := map[[2]string]bool{} // pairs of keys that several members share
	var outer []place                // those that the current one lies in
	for _, p := range c.places() {
		for len(outer) > 0 && !p.liesIn(outer[len(outer)-1]) {
			outer = outer[:len(outer)-1]
		}
		if len(outer) > 0 {
			in := outer[len(outer)-1]
			pair := [2]string{p.at, in.at}
			if p.at != in.at && !reported[pair] { // equal where a member is listed twice
				reported[pair] = true
				faults = append(faults, p.overlap(in))
			}
		}
		outer = append(outer, p)
	}
	return faults
}

func (p place) liesIn(q place) bool { return p.host == q.host && strings.HasPrefix(p.folded, q.folded) }

// overlap is the fault of p, which lies in q.
func (p place) overlap(q place) fault.Fault {
	f := fault.Fault{Path: p.at, Other: q.at}
	if p.folded == q.folded {
		f.Message = fmt.Sprintf("on %s, %s is already the path of folder %q", p.host, p.path, q.folder)
	} else {
		f.Message = fmt.Sprintf("on %s, %s lies in %s of folder %q", p.host, p.path, q.path, q.folder)
	}
	return f
}

// places lists the folders of every member, each behind those that it lies in.
func (c Config) places() []place {
	var all []place
	for i, g := range c.Groups {
		for _, m := range g.Members {
			for j, f := range g.Folders {
				own, at := f.On(m.Host)
				if m.Host == "" || len(checkPath(own)) > 0 {
					continue
				}
				all = append(all, place{
					host: FoldHost(m.Host), folded: foldPath(own),
					at: fmt.Sprintf("groups[%d].folders[%d].%s", i, j, at), path: own, folder: f.Name,
				})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b place) int {
		if n := strings.Compare(a.host, b.host); n != 0 {
			return n
		}
		return strings.Compare(a.folded, b.folded)
	})
	return all
}

// FolderAround returns a folder that path lies in on some member, and the key
// of that folder's path relative to c. What replication itself keeps must not
// stand there.
func (c Config) FolderAround(path string) (at, folder string, ok bool) {
	if len(checkPath(path)) > 0 {
		return "", "", false
	}
	folded := foldPath(path)
	for _, p := range c.places() {
		if strings.HasPrefix(folded, p.folded) {
			return p.at, p.folder, true
		}
	}
	return "", "", false
}
