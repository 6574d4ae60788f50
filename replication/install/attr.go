package install

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

const (
	aclAccess  = "system.posix_acl_access"
	aclDefault = "system.posix_acl_default"
	// roomy is the free space with which ENOSPC from an extended attribute
	// speaks of the file's own room for them (ext4: one block) and not of the
	// disk's.
	roomy = 1 << 20
)

// applyAttr gives what h holds the metadata of r, in the order in which no
// step undoes another: the owner first, since changing it clears setuid; the
// mode before the ACLs, whose mask is the group's bits; Samba's attributes
// after them, since they hold a hash of the ACL; the time last. It changes
// only what differs.
func (in *Installer) applyAttr(h fsx.Handle, r *replication.Record) ([]Degraded, error) {
	now, err := h.Info()
	if err != nil {
		return nil, err
	}
	var lost []Degraded
	tolerate := func(facet string, err error) error {
		if err == nil || !in.bearable(err) {
			return err
		}
		lost = append(lost, Degraded{Facet: facet, Err: err})
		return nil
	}
	chowned := now.UID != r.Attr.UID || now.GID != r.Attr.GID
	if chowned {
		if err := tolerate("owner", h.Chown(r.Attr.UID, r.Attr.GID)); err != nil {
			return lost, err
		}
	}
	if r.Kind != replication.Symlink {
		if chowned || now.Mode != r.Attr.Mode {
			if err := tolerate("mode", h.Chmod(r.Attr.Mode)); err != nil {
				return lost, err
			}
		}
		if err := applyXattrs(h, r.Attr.Xattrs, tolerate); err != nil {
			return lost, err
		}
	}
	if r.Kind == replication.Directory {
		return lost, nil // its time changes with every name in it, and is each member's own
	}
	return lost, h.SetMTime(r.Attr.MTime)
}

// applyXattrs makes the replicated attributes of h those of want, and leaves
// the others (security labels, a file system's own).
func applyXattrs(h fsx.Handle, want []replication.Xattr, tolerate func(string, error) error) error {
	have, err := h.Xattrs()
	if err != nil {
		if len(want) == 0 && errors.Is(err, fsx.ErrUnsupported) {
			return nil
		}
		if err := tolerate("xattrs", err); err != nil {
			return err
		}
	}
	for _, name := range have {
		wanted := slices.ContainsFunc(want, func(x replication.Xattr) bool { return x.Name == name })
		if !wanted && replicated(name) {
			if err := tolerate(name, h.RemoveXattr(name)); err != nil {
				return err
			}
		}
	}
	for _, x := range inOrder(want) {
		if slices.Contains(have, x.Name) {
			if value, err := h.Xattr(x.Name); err == nil && bytes.Equal(value, x.Value) {
				continue
			}
		}
		if err := tolerate(x.Name, h.SetXattr(x.Name, x.Value)); err != nil {
			return err
		}
	}
	return nil
}

// replicated tells whether an attribute is one that records carry.
func replicated(name string) bool {
	return strings.HasPrefix(name, "user.") || name == aclAccess || name == aclDefault
}

// inOrder returns the ACLs first, then Samba's view of them, then the rest.
func inOrder(xattrs []replication.Xattr) []replication.Xattr {
	rank := func(x replication.Xattr) int {
		switch {
		case x.Name == aclAccess || x.Name == aclDefault:
			return 0
		case strings.HasPrefix(x.Name, "security."):
			return 1
		case x.Name == "user.DOSATTRIB":
			return 2
		}
		return 3
	}
	return slices.SortedStableFunc(slices.Values(xattrs), func(a, b replication.Xattr) int {
		return cmp.Compare(rank(a), rank(b))
	})
}

// bearable tells whether an item may be done without the piece of metadata
// that met err: this file system or this user cannot hold it. A full disk, a
// read-only or a failing one ends the item.
func (in *Installer) bearable(err error) bool {
	switch {
	case errors.Is(err, fsx.ErrUnsupported), errors.Is(err, fsx.ErrPermission), errors.Is(err, fsx.ErrXattrSize):
		return true
	case errors.Is(err, fsx.ErrNoSpace):
		s, err := in.staging.Space()
		return err == nil && s.Free > roomy
	}
	return false
}
