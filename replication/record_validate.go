package replication

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalid is returned for a record that no honest member makes.
var ErrInvalid = errors.New("replication: invalid record")

const modeBits = 0o7777 // permission bits, set-user-ID, set-group-ID, sticky

// Validate returns nil or the first thing that is wrong with r, wrapping
// [ErrInvalid]: what a hostile peer may not send.
func (r *Record) Validate() error {
	for _, check := range []func(*Record) error{
		(*Record).validateIdentity, (*Record).validateName, (*Record).validateVersion,
		(*Record).validateContent, (*Record).validateAttr,
	} {
		if err := check(r); err != nil {
			return fmt.Errorf("%w: %v: %w", ErrInvalid, r.ID, err)
		}
	}
	return nil
}

func (r *Record) validateIdentity() error {
	switch {
	case r.ID == RootID:
		return errors.New("the root has no record")
	case r.Parent == r.ID:
		return errors.New("is its own parent")
	case r.Kind < File || r.Kind > Symlink:
		return fmt.Errorf("kind %d", r.Kind)
	case r.Displaced && !r.Deleted:
		return errors.New("displaced and alive")
	case r.Into != RootID && (!r.Displaced || r.Kind != Directory || r.Into == r.ID):
		return errors.New("passes children on without being a displaced directory")
	}
	return nil
}

func (r *Record) validateName() error {
	if err := ValidName(r.Name); err != nil {
		return fmt.Errorf("name %q: %w", r.Name, err)
	}
	return nil
}

// ValidName returns nil if s can be one component of a path.
func ValidName(s string) error {
	switch {
	case s == "":
		return errors.New("empty")
	case len(s) > MaxName:
		return fmt.Errorf("%d bytes long", len(s))
	case s == "." || s == "..":
		return errors.New("names no entry")
	case strings.ContainsAny(s, "/\x00"):
		return errors.New("holds a separator or NUL")
	}
	return nil
}

func (r *Record) validateVersion() error {
	switch {
	case r.Stamp.IsZero():
		return errors.New("no stamp")
	case r.History.Count(r.Stamp.Origin) != r.Stamp.Count:
		return fmt.Errorf("history %v does not end in stamp %v", r.History, r.Stamp)
	}
	return nil
}

func (r *Record) validateContent() error {
	file := r.Kind == File && !r.Deleted
	link := r.Kind == Symlink && !r.Deleted
	switch {
	case r.Size < 0:
		return fmt.Errorf("size %d", r.Size)
	case !file && (r.Size != 0 || r.Hash != Hash{}):
		return errors.New("content without a file")
	case link == (r.Target == ""):
		return errors.New("target without a link, or link without a target")
	case len(r.Target) > MaxTarget || strings.Contains(r.Target, "\x00"):
		return errors.New("target")
	}
	return nil
}

func (r *Record) validateAttr() error {
	a := &r.Attr
	switch {
	case r.Deleted && (a.Mode != 0 || a.UID != 0 || a.GID != 0 || a.MTime != 0 || len(a.Xattrs) != 0):
		return errors.New("attributes on a tombstone")
	case a.Mode&^modeBits != 0:
		return fmt.Errorf("mode %#o", a.Mode)
	case len(a.Xattrs) > MaxXattrs:
		return fmt.Errorf("%d extended attributes", len(a.Xattrs))
	}
	for i, x := range a.Xattrs {
		if i > 0 && a.Xattrs[i-1].Name >= x.Name {
			return fmt.Errorf("extended attribute %q is out of order", x.Name)
		}
		if err := x.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (x *Xattr) validate() error {
	switch {
	case len(x.Name) > MaxXattrName || len(x.Value) > MaxXattrValue || strings.Contains(x.Name, "\x00"):
		return fmt.Errorf("extended attribute %q of %d bytes", x.Name, len(x.Value))
	case strings.HasPrefix(x.Name, "user.") && len(x.Name) > len("user."):
		return nil
	case x.Name == "system.posix_acl_access" || x.Name == "system.posix_acl_default":
		return nil
	}
	return fmt.Errorf("extended attribute %q does not replicate", x.Name)
}
