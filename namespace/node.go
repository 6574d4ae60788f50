package namespace

// Node is a folder of the tree that clients list: a link, or a folder that holds
// others. It is a small value; two of one Snapshot are equal where they are the
// same folder.
type Node struct {
	s     *Snapshot
	index uint32
}

// Name returns the last component of the path as the configuration spells it.
func (n Node) Name() string { return n.s.name(n.index) }

// Path returns the path relative to the namespace, a\b\c.
func (n Node) Path() string {
	size := -1
	for i := n.index; i > uint32(len(n.s.roots)); i = n.s.nodes[i].parent {
		size += 1 + int(n.s.nodes[i].size)
	}
	if size < 0 {
		return ""
	}
	path := make([]byte, size)
	for i := n.index; i > uint32(len(n.s.roots)); i = n.s.nodes[i].parent {
		name := n.s.name(i)
		size -= len(name)
		copy(path[size:], name)
		if size > 0 {
			size--
			path[size] = '\\'
		}
	}
	return string(path)
}

// Comment returns what the configuration says about the folder.
func (n Node) Comment() string {
	f := &n.s.folders[n.index]
	return n.s.slice(f.comment, f.size)
}

// ID returns a number that is never 0, belongs to this folder alone, and stays
// across reloads and restarts as long as the path stays, in any case.
func (n Node) ID() uint64 { return n.s.ids[n.index] }

// Parent returns the folder that holds this one; Top has none.
func (n Node) Parent() (Node, bool) {
	parent := n.s.nodes[n.index].parent
	if parent == 0 {
		return Node{}, false
	}
	return Node{n.s, parent}, true
}

// IsLink reports whether the folder is a link.
func (n Node) IsLink() bool { return n.s.nodes[n.index].isLink }

// Link returns the link that the folder is, or the zero Link.
func (n Node) Link() Link {
	if !n.IsLink() {
		return Link{}
	}
	return Link(n)
}

// Child returns the folder in this one with a name, in any case. A link has
// none. It allocates nothing.
func (n Node) Child(name string) (Node, bool) {
	found := n.s.find(n.index, name)
	if found.node == 0 {
		return Node{}, false
	}
	return Node{n.s, found.node}, true
}

// NumChildren returns how many folders this one holds. A link holds none.
func (n Node) NumChildren() int {
	return int(n.s.nodes[n.index+1].child - n.s.nodes[n.index].child)
}

// ChildAt returns child i of NumChildren, in the order of their folded names by
// code point. It panics where there is no such child.
func (n Node) ChildAt(i int) Node {
	if uint(i) >= uint(n.NumChildren()) {
		panic("namespace: ChildAt: no such child")
	}
	return Node{n.s, n.s.nodes[n.index].child + uint32(i)}
}

// eachLink yields all links at and below n, and reports whether to go on.
func (n Node) eachLink(yield func(Link) bool) bool {
	if n.IsLink() {
		return yield(n.Link())
	}
	for i := range n.NumChildren() {
		if !n.ChildAt(i).eachLink(yield) {
			return false
		}
	}
	return true
}
