package smbd

import (
	"slices"

	"dfsd/internal/smb2"
	"dfsd/internal/smbtree"
)

// tree is a share that a session is connected to.
type tree struct {
	id   uint32
	tree *smbtree.Tree
}

// tree returns the tree of s that id names, nil if there is none.
func (s *session) tree(id uint32) *tree {
	for _, t := range s.trees {
		if t.id == id {
			return t
		}
	}
	return nil
}

// treeConnect connects the session to a share (3.3.5.7).
func (c *conn) treeConnect(r *request) error {
	q, err := smb2.ParseTreeConnectRequest(r.msg)
	if err != nil {
		return err
	}
	s := r.session
	if c.terms.dialect == smb2.Dialect311 && s.proven() && !r.signed && !r.sealed {
		c.server.metrics.rejected[rejectUnsigned].Inc()
		return hangUp("tree connect neither signed nor encrypted")
	}
	if len(s.trees) >= c.server.limits.Trees {
		return c.reject(rejectTrees, smb2.StatusRequestNotAccepted)
	}
	found, err := c.server.forest.Connect(q.Path, s.client())
	if err != nil {
		return err
	}
	c.lastTree++
	s.trees = append(s.trees, &tree{id: c.lastTree, tree: found})
	r.header.TreeID = c.lastTree
	answer(r, found.Response())
	return nil
}

// treeDisconnect takes the session off a share (3.3.5.8).
func (c *conn) treeDisconnect(r *request) error {
	if _, err := smb2.ParseTreeDisconnectRequest(r.msg); err != nil {
		return err
	}
	c.endTree(r.session, r.tree)
	answer(r, smb2.TreeDisconnectResponse{})
	return nil
}

// endTree closes what is open below t and forgets it.
func (c *conn) endTree(s *session, t *tree) {
	c.opens.all(func(o *open) {
		if o.tree == t {
			c.endOpen(o, smb2.CloseRequest{})
		}
	})
	s.trees = slices.DeleteFunc(s.trees, func(have *tree) bool { return have == t })
	if len(s.trees) == 0 {
		s.trees = nil
	}
}
