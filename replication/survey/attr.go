package survey

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// plainAttr is the part of an object's attributes that a look tells.
func plainAttr(i *fsx.Info) replication.Attr {
	return replication.Attr{Mode: i.Mode, UID: i.UID, GID: i.GID, MTime: i.MTime}
}

// attrOf reads all attributes that replicate. They are those of one instant
// only if nothing changed meanwhile.
func attrOf(h fsx.Handle, i *fsx.Info) (replication.Attr, error) {
	attr := plainAttr(i)
	list, err := h.Xattrs()
	if errors.Is(err, fsx.ErrUnsupported) {
		return attr, nil
	}
	if err != nil {
		return attr, err
	}
	for _, name := range list {
		if !replicates(name) {
			continue
		}
		value, err := h.Xattr(name)
		if errors.Is(err, fsx.ErrNoXattr) {
			continue // removed meanwhile, which moves the change time
		}
		if err != nil {
			return attr, err
		}
		if len(name) > replication.MaxXattrName || len(value) > replication.MaxXattrValue || len(attr.Xattrs) == replication.MaxXattrs {
			return attr, ErrAttributes
		}
		attr.Xattrs = append(attr.Xattrs, replication.Xattr{Name: name, Value: value})
	}
	return attr, nil
}

// replicates tells whether an attribute is one that records carry.
func replicates(name string) bool {
	return strings.HasPrefix(name, "user.") && len(name) > len("user.") ||
		name == "system.posix_acl_access" || name == "system.posix_acl_default"
}

// sameAttr compares the attributes of a directory. Its modification time is no
// change of it: that moves with every name in it.
func sameAttr(a, b *replication.Attr) bool {
	return a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID &&
		slices.EqualFunc(a.Xattrs, b.Xattrs, func(x, y replication.Xattr) bool {
			return x.Name == y.Name && bytes.Equal(x.Value, y.Value)
		})
}
