package smbtree

import (
	"dfsd/internal/fscc"
	"dfsd/internal/smb2"
	"dfsd/namespace"
)

// scan is how far the listing of a folder has come. Place 0 is ".", place 1
// "..", and those from firstChild on are the children, which the snapshot keeps
// in their order: nothing is copied, however large the folder.
type scan struct {
	pattern *fscc.Pattern
	place   int
	queried bool // a query has been answered since the pattern was first given
}

const firstChild = 2

// queryDirectory answers QUERY_DIRECTORY ([MS-SMB2] 3.3.5.18, [MS-FSA]
// 2.1.5.6.3).
func (o *folder) queryDirectory(r *smb2.QueryDirectoryRequest) ([]byte, error) {
	class := fscc.DirectoryClass(r.Class)
	switch {
	case !o.granted.Has(smb2.AccessListDirectory):
		return nil, smb2.StatusAccessDenied
	case class.NameOffset() == 0:
		return nil, smb2.StatusInvalidInfoClass
	case uint64(r.OutputLength) < uint64(class.NameOffset()):
		return nil, smb2.StatusInfoLengthMismatch
	}
	if err := o.seek(r); err != nil {
		return nil, err
	}
	none := smb2.StatusNoMoreFiles
	if !o.scan.queried {
		none = smb2.StatusNoSuchFile
	}
	o.scan.queried = true
	list := fscc.NewListing(class, int(r.OutputLength))
	err := o.fill(list, r.Flags&smb2.QueryReturnSingleEntry != 0)
	if list.Empty() {
		return nil, none
	}
	return list.Bytes(), err
}

// seek brings the scan to where r wants it. The pattern of the first query
// stays until a query that restarts, jumps or reopens brings another.
func (o *folder) seek(r *smb2.QueryDirectoryRequest) error {
	const moves = smb2.QueryRestartScans | smb2.QueryIndexSpecified
	fresh := o.scan == nil || r.Flags&smb2.QueryReopen != 0
	text := r.Pattern
	if fresh && text == "" {
		text = "*"
	}
	if fresh || r.Flags&moves != 0 && text != "" {
		pattern, err := fscc.NewPattern(text, namespace.Fold)
		if err != nil {
			return smb2.StatusObjectNameInvalid
		}
		if fresh {
			o.scan = &scan{}
		}
		o.scan.pattern = pattern
	}
	if r.Flags&smb2.QueryRestartScans != 0 {
		o.scan.place = 0
	}
	if r.Flags&smb2.QueryIndexSpecified != 0 {
		o.scan.place = int(r.FileIndex)
	}
	return nil
}

// fill adds entries to list while there are some and they fit, or just one.
func (o *folder) fill(list *fscc.Listing, single bool) error {
	for {
		e, ok := o.peek()
		if !ok {
			return nil
		}
		fit := list.Add(&e)
		if fit == fscc.Refused {
			return nil
		}
		o.skip()
		if fit == fscc.Cut {
			return smb2.StatusBufferOverflow
		}
		if single {
			return nil
		}
	}
}

// peek returns the entry that comes next, and leaves the scan at its place.
func (o *folder) peek() (fscc.Entry, bool) {
	s := o.scan
	for ; s.place < firstChild; s.place++ {
		if name := [firstChild]string{".", ".."}[s.place]; s.pattern.Match(name) {
			return o.dots(name), true
		}
	}
	end := firstChild + o.node.NumChildren()
	if name, literal := s.pattern.Literal(); literal && s.place < end {
		if child, ok := o.node.Child(name); ok {
			return o.entry(child), true
		}
		s.place = end
	}
	for ; s.place < end; s.place++ {
		if child := o.node.ChildAt(s.place - firstChild); s.pattern.Match(child.Name()) {
			return o.entry(child), true
		}
	}
	return fscc.Entry{}, false
}

// skip goes past the entry that peek returned. There is one at most where the
// pattern has no wildcards.
func (o *folder) skip() {
	if _, literal := o.scan.pattern.Literal(); literal {
		o.scan.place = firstChild + o.node.NumChildren()
		return
	}
	o.scan.place++
}

// entry describes a child. A link says that it is one, so that clients ask for
// a referral instead of opening it ([MS-DFSC] 3.1.5.1).
func (o *folder) entry(child namespace.Node) fscc.Entry {
	e := fscc.Entry{
		Index:      uint32(o.scan.place),
		Times:      fscc.TimesAt(o.created),
		Attributes: fscc.AttributeDirectory,
		ID:         child.ID(),
		Name:       child.Name(),
	}
	if child.IsLink() {
		e.Attributes |= fscc.AttributeReparsePoint
		e.ReparseTag = fscc.ReparseTagDFS
	}
	return e
}

// dots describes the folder itself or the one above it, which for the root of
// the share is itself.
func (o *folder) dots(name string) fscc.Entry {
	id := o.node.ID()
	if parent, ok := o.node.Parent(); ok && name == ".." {
		id = parent.ID()
	}
	return fscc.Entry{
		Index:      uint32(o.scan.place),
		Times:      fscc.TimesAt(o.created),
		Attributes: fscc.AttributeDirectory,
		ID:         id,
		Name:       name,
	}
}
