package namespace

import "strings"

// Match is what a DFS path names.
type Match struct {
	// Root is nil where this server has no such namespace.
	Root *Root
	// Link is zero where the path names the root, or no link in it.
	Link Link
	// Consumed is how many bytes of the path name Link, or else Root: the path
	// up to, and without, the backslash behind it ([MS-DFSC] 3.2.5.5).
	Consumed int
}

// Match finds the namespace and the link that path names, \host\namespace\rest
// as a client spelled it. It compares whole components from the second on: the
// first may be any name of this server or of its domain. A path without its
// leading backslash, or with two, is taken for what it means. Match allocates
// nothing, and its cost is bounded by the depth of the tree, not by its size.
func (s *Snapshot) Match(path string) Match {
	at := 0
	for at < 2 && at < len(path) && path[at] == '\\' {
		at++
	}
	host := componentEnd(path, at)
	if host == at || host == len(path) {
		return Match{}
	}
	end := componentEnd(path, host+1)
	found := s.find(0, path[host+1:end])
	if found.node == 0 {
		return Match{}
	}
	m := Match{Root: s.roots[found.node-1], Consumed: end}
	for end < len(path) {
		at = end + 1
		end = componentEnd(path, at)
		if found = s.find(found.node, path[at:end]); found.node == 0 {
			return m
		}
		if found.isLink {
			m.Link, m.Consumed = Link{s, found.node}, end
			return m
		}
	}
	return m
}

// componentEnd returns where the component that begins at start ends.
func componentEnd(path string, start int) int {
	if i := strings.IndexByte(path[start:], '\\'); i >= 0 {
		return start + i
	}
	return len(path)
}
