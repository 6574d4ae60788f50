package journal

import (
	"cmp"
	"slices"
	"strings"
)

// Hint names what may have changed below the root. Dir is slash-separated and
// relative, "." for the root itself.
type Hint struct {
	Dir  string
	Name string // "": the whole directory Dir must be compared, its names and not what lies deeper
	Deep bool   // with everything below: after an overflow, a lost watch, a directory that appeared, moved or went
}

// Covers tells whether comparing what h names finds a change of the thing
// called name in the directory dir.
func (h Hint) Covers(dir, name string) bool {
	if h.Dir == dir && (h.Name == "" || h.Name == name) {
		return true
	}
	return h.Deep && within(join(dir, name), join(h.Dir, h.Name))
}

// join is the path of name in dir, or dir for an empty name.
func join(dir, name string) string {
	switch {
	case name == "":
		return dir
	case dir == ".":
		return name
	}
	return dir + "/" + name
}

// split cuts a path into directory and name; the root has no name.
func split(path string) (dir, name string) {
	if path == "." {
		return ".", ""
	}
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return ".", path
}

// within tells whether path is dir or lies below it.
func within(path, dir string) bool {
	if dir == "." || path == dir {
		return true
	}
	return len(path) > len(dir) && path[len(dir)] == '/' && path[:len(dir)] == dir
}

// compact sorts hints by Dir and Name, joins those of one name and leaves out
// what another of them covers.
func compact(hints []Hint) []Hint {
	type at struct{ dir, name string }
	deep := make(map[at]bool, len(hints)) // by name: is it deep?
	above := map[string]at{}              // deep hints by the path that they are deep below
	for _, h := range hints {
		k := at{h.Dir, h.Name}
		deep[k] = deep[k] || h.Deep
		if h.Deep {
			// Of two for one path the one that names it in its parent says more.
			if old, taken := above[join(h.Dir, h.Name)]; !taken || old.name == "" {
				above[join(h.Dir, h.Name)] = k
			}
		}
	}
	covered := func(k at) bool {
		for dir := k.dir; ; dir, _ = split(dir) {
			if by, found := above[dir]; found && by != k {
				return true
			}
			if dir == "." {
				break
			}
		}
		_, whole := deep[at{k.dir, ""}]
		return whole && k.name != "" && !deep[k]
	}
	out := make([]Hint, 0, len(deep))
	for k, d := range deep {
		if !covered(k) {
			out = append(out, Hint{Dir: k.dir, Name: k.name, Deep: d})
		}
	}
	slices.SortFunc(out, func(a, b Hint) int {
		return cmp.Or(strings.Compare(a.Dir, b.Dir), strings.Compare(a.Name, b.Name))
	})
	return out
}
