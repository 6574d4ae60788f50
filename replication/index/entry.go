package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// The payload of an entry:
//
//	shape     1 byte, see below
//	since     as version.Vector.Append, and own, uvarint: if pending
//	at        parent, 16 bytes, and name, uvarint length and bytes: if elsewhere
//	doing     as replication.Record.Append, if so shaped
//	known     the same
//	disk      the same, if on record and not known's equal
//
// A settled entry is a shape and one record.
const (
	shapePending   = 1 << iota
	shapeOnRecord  // Disk is set
	shapeOneRecord // Disk equals Known, which alone is stored
	shapeDoing
	shapeForeign
	shapeWanted
	shapeNowhere   // At is zero, and not where Disk says
	shapeElsewhere // At is neither zero nor where Disk says
)

// appendEntry appends the payload of e, which must be readable.
func appendEntry(b []byte, e *reconcile.Entry) []byte {
	start := len(b)
	b = append(b, entryShape(e))
	if e.Pending {
		b = binary.AppendUvarint(e.Since.Append(b), e.Own)
	}
	if b[start]&shapeElsewhere != 0 {
		b = append(b, e.At.Parent[:]...)
		b = append(binary.AppendUvarint(b, uint64(len(e.At.Name))), e.At.Name...)
	}
	if e.Doing != nil {
		b = e.Doing.Append(b)
	}
	known := len(b)
	b = e.Known.Append(b)
	if !e.OnRecord {
		return b
	}
	disk := len(b)
	if b = e.Disk.Append(b); bytes.Equal(b[known:disk], b[disk:]) {
		b = b[:disk]
		b[start] |= shapeOneRecord
	}
	return b
}

// entryShape returns the shape of e but for shapeOneRecord.
func entryShape(e *reconcile.Entry) (shape byte) {
	for _, bit := range [...]struct {
		set  bool
		mask byte
	}{
		{e.Pending, shapePending},
		{e.OnRecord, shapeOnRecord},
		{e.Doing != nil, shapeDoing},
		{e.Foreign, shapeForeign},
		{e.Wanted, shapeWanted},
	} {
		if bit.set {
			shape |= bit.mask
		}
	}
	switch {
	case e.OnRecord && e.At == placeOf(&e.Disk):
	case e.At == reconcile.Place{}:
		shape |= shapeNowhere
	default:
		shape |= shapeElsewhere
	}
	return shape
}

func placeOf(r *replication.Record) reconcile.Place {
	return reconcile.Place{Parent: r.Parent, Name: r.Name}
}

// parseEntry reads the entry of a file from its payload, of which it holds no
// part.
func parseEntry(id replication.FileID, payload []byte) (reconcile.Entry, error) {
	f := fields{b: payload}
	e := reconcile.Entry{ID: id}
	var shape byte
	if b := f.take(1, "shape"); b != nil {
		shape = b[0]
	}
	e.Pending, e.OnRecord = shape&shapePending != 0, shape&shapeOnRecord != 0
	e.Foreign, e.Wanted = shape&shapeForeign != 0, shape&shapeWanted != 0
	if e.Pending {
		e.Since = f.vector("since")
		e.Own = f.uvarint("own")
	}
	if shape&shapeElsewhere != 0 {
		copy(e.At.Parent[:], f.take(idSize, "place"))
		e.At.Name = f.text(replication.MaxName, "place")
	}
	if shape&shapeDoing != 0 {
		doing := f.record(id, "doing")
		e.Doing = &doing
	}
	e.Known = f.record(id, "known")
	switch {
	case !e.OnRecord && (shape&shapeOneRecord != 0 || shape&(shapeNowhere|shapeElsewhere) == 0),
		shape&shapeNowhere != 0 && shape&shapeElsewhere != 0:
		return reconcile.Entry{}, fmt.Errorf("%w: shape %08b", errMalformed, shape)
	case shape&shapeOneRecord != 0:
		e.Disk = e.Known
	case e.OnRecord:
		e.Disk = f.record(id, "disk")
	}
	if shape&(shapeNowhere|shapeElsewhere) == 0 {
		e.At = placeOf(&e.Disk)
	}
	if err := f.end(); err != nil {
		return reconcile.Entry{}, err
	}
	return e, nil
}

// normal drops what an entry says without meaning it, so that what is read
// back is what was put.
func normal(e *reconcile.Entry) {
	if !e.Pending {
		e.Since, e.Own = version.Vector{}, 0
	}
	if !e.OnRecord {
		e.Disk = replication.Record{}
	}
}

// readable returns nil if the entry could be read again.
func readable(e *reconcile.Entry) error {
	if err := readableRecord(e.ID, &e.Known); err != nil {
		return fmt.Errorf("known: %w", err)
	}
	if e.OnRecord {
		if err := readableRecord(e.ID, &e.Disk); err != nil {
			return fmt.Errorf("disk: %w", err)
		}
	}
	if e.Doing != nil {
		if err := readableRecord(e.ID, e.Doing); err != nil {
			return fmt.Errorf("doing: %w", err)
		}
	}
	if len(e.At.Name) > replication.MaxName || e.Since.Len() > version.MaxOrigins {
		return fmt.Errorf("%w: place or since is too long", replication.ErrInvalid)
	}
	return nil
}

// readableRecord checks the bounds of the encoding, and no more: what stood on
// disk before the initial sync has no stamp and would not pass Validate.
func readableRecord(id replication.FileID, r *replication.Record) error {
	switch {
	case r.ID != id:
		return fmt.Errorf("%w: record of %v in the entry of %v", replication.ErrInvalid, r.ID, id)
	case len(r.Name) > replication.MaxName, len(r.Target) > replication.MaxTarget,
		r.History.Len() > version.MaxOrigins, r.Size < 0:
		return fmt.Errorf("%w: out of bounds", replication.ErrInvalid)
	case r.Target != "" && r.Kind != replication.Symlink,
		r.Hash != replication.Hash{} && (r.Kind != replication.File || r.Deleted):
		return fmt.Errorf("%w: content of another kind", replication.ErrInvalid)
	case len(r.Attr.Xattrs) > replication.MaxXattrs:
		return fmt.Errorf("%w: %d extended attributes", replication.ErrInvalid, len(r.Attr.Xattrs))
	}
	for _, x := range r.Attr.Xattrs {
		if len(x.Name) > replication.MaxXattrName || len(x.Value) > replication.MaxXattrValue {
			return fmt.Errorf("%w: extended attribute is too long", replication.ErrInvalid)
		}
	}
	return nil
}

// sameEntry tells whether a and b would have the same payload.
func sameEntry(a, b *reconcile.Entry) bool {
	return a.Pending == b.Pending && a.OnRecord == b.OnRecord && a.Foreign == b.Foreign && a.Wanted == b.Wanted &&
		a.Own == b.Own && a.At == b.At && sameVector(a.Since, b.Since) &&
		(a.Doing == nil) == (b.Doing == nil) && (a.Doing == nil || sameRecord(a.Doing, b.Doing)) &&
		sameRecord(&a.Known, &b.Known) && sameRecord(&a.Disk, &b.Disk)
}

func sameRecord(a, b *replication.Record) bool {
	return a.ID == b.ID && a.Parent == b.Parent && a.Name == b.Name && a.Kind == b.Kind &&
		a.Deleted == b.Deleted && a.Displaced == b.Displaced && a.Into == b.Into &&
		a.Stamp == b.Stamp && sameVector(a.History, b.History) && a.Fence == b.Fence &&
		a.Created == b.Created && a.Clock == b.Clock &&
		a.Size == b.Size && a.Hash == b.Hash && a.Target == b.Target && sameAttr(&a.Attr, &b.Attr)
}

func sameVector(a, b version.Vector) bool {
	return a.Len() == b.Len() && a.Compare(b) == version.Equal
}

func sameAttr(a, b *replication.Attr) bool {
	return a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.MTime == b.MTime &&
		slices.EqualFunc(a.Xattrs, b.Xattrs, func(x, y replication.Xattr) bool {
			return x.Name == y.Name && bytes.Equal(x.Value, y.Value)
		})
}
