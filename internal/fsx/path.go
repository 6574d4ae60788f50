package fsx

import "strings"

// maxName is the longest component in bytes that every Linux file system
// takes.
const maxName = 255

// checkPath returns the class of what is wrong with a path, or nil. Where
// self is true, "." alone is allowed.
func checkPath(path string, self bool) error {
	if path == "." && self {
		return nil
	}
	if path == "" || strings.ContainsRune(path, 0) {
		return ErrName
	}
	for rest, more := path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		switch {
		case name == "" || name == "." || name == "..":
			return ErrEscapes
		case len(name) > maxName:
			return ErrName
		}
	}
	return nil
}

// Split cuts a path into the directory, "." when there is none, and the last
// component.
func Split(path string) (dir, name string) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return ".", path
}

// Join is the path of name in the directory dir, where "." is the directory
// itself on either side.
func Join(dir, name string) string {
	if dir == "." {
		return name
	}
	if name == "." {
		return dir
	}
	return dir + "/" + name
}
