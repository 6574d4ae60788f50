package journal

// tree is the watched directories by their places, as far as the events read
// so far have told.
type tree struct {
	root  *watched
	nodes map[int32]*watched
	// loose are those that left their place, and how many reads ago.
	loose map[*watched]int
	// owing are those whose directories could not be listed at the place where
	// the tree has them: they moved, and the event that says where is to come.
	owing map[*watched]bool
	// torn: the places contradict each other, because directories moved while
	// they were walked. Only a new walk helps.
	torn bool
}

// watched is one directory with a watch.
type watched struct {
	id       int32
	what     identity
	parent   *watched // nil: the root, or loose
	base     string
	root     bool
	children map[string]*watched // nil while there is none
}

// identity tells directories apart; the watch keeps it from being used again.
type identity struct{ dev, inode uint64 }

func newTree() tree {
	return tree{nodes: map[int32]*watched{}, loose: map[*watched]int{}, owing: map[*watched]bool{}}
}

// plant makes the root.
func (t *tree) plant(id int32, what identity) {
	t.root = &watched{id: id, what: what, root: true}
	t.nodes[id] = t.root
}

// path is where the directory is below the root; false when it is not there.
func (n *watched) path() (string, bool) {
	size, depth := 0, 0
	at := n
	for ; at.parent != nil; at = at.parent {
		size += len(at.base) + 1
		depth++
	}
	if !at.root {
		return "", false
	}
	if depth == 0 {
		return ".", true
	}
	b := make([]byte, size-1)
	end := len(b)
	for at = n; at.parent != nil; at = at.parent {
		end -= len(at.base)
		copy(b[end:], at.base)
		if end > 0 {
			end--
			b[end] = '/'
		}
	}
	return string(b), true
}

// put gives the directory with this watch its place. It returns the node when
// the watch is new, and nil when it was known and has only moved.
func (t *tree) put(id int32, what identity, parent *watched, base string) *watched {
	n := t.nodes[id]
	if here := parent.children[base]; here != nil && here != n {
		t.loosen(here)
	}
	known := n != nil
	if !known {
		n = &watched{id: id, what: what}
		t.nodes[id] = n
	}
	for above := parent; above != nil; above = above.parent {
		if above == n {
			t.torn = true
			return nil
		}
	}
	t.cut(n)
	delete(t.loose, n)
	n.parent, n.base = parent, base
	if parent.children == nil {
		parent.children = map[string]*watched{}
	}
	parent.children[base] = n
	if known {
		return nil
	}
	return n
}

// cut takes a node from its parent.
func (t *tree) cut(n *watched) {
	if n.parent == nil {
		return
	}
	delete(n.parent.children, n.base)
	if len(n.parent.children) == 0 {
		n.parent.children = nil
	}
	n.parent = nil
}

// loosen takes a directory, which may be nil, from its place with all that is
// below it.
func (t *tree) loosen(n *watched) {
	if n == nil || n.root {
		return
	}
	t.cut(n)
	t.loose[n] = 0
}

// remove forgets a directory whose watch is gone. What is thought to be below
// it is loose.
func (t *tree) remove(n *watched) {
	t.cut(n)
	delete(t.loose, n)
	delete(t.owing, n)
	delete(t.nodes, n.id)
	for _, child := range n.children {
		child.parent = nil
		t.loose[child] = 0
	}
	n.children = nil
}

// sweep ends a read: it forgets what has been loose for a whole read, with
// all below it, and returns their watches.
func (t *tree) sweep() (gone []int32) {
	for n, reads := range t.loose {
		if reads == 0 {
			t.loose[n] = 1
			continue
		}
		delete(t.loose, n)
		todo := []*watched{n}
		for len(todo) > 0 {
			last := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, child := range last.children {
				todo = append(todo, child)
			}
			delete(t.nodes, last.id)
			delete(t.owing, last)
			gone = append(gone, last.id)
		}
	}
	return gone
}
