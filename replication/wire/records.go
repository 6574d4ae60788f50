package wire

import (
	"encoding/binary"
	"iter"
	"math"

	"dfsd/internal/field"
	"dfsd/replication"
	"dfsd/replication/version"
)

const (
	// MaxRecords is how many records one message holds.
	MaxRecords = 1 << 12
	// batchBytes is about how many bytes of records one message holds, before
	// they are compressed.
	batchBytes = 1 << 20
)

// Records is a batch of records of one folder. Whoever has taken in this and
// all earlier parts of the answer knows what Known covers, which is empty in
// all parts but the last.
type Records struct {
	Folder  FolderKey
	Known   version.Vector
	Fence   uint32               // the highest that the sender has heard of
	Synced  bool                 // the sender is past its initial sync
	Records []replication.Record // at most MaxRecords; see Batches
}

// Type is TypeRecords.
func (Records) Type() Type { return TypeRecords }

// Append writes the folder, Known, Fence and Synced in one number, of which
// Synced is the lowest bit, the number of records, their columns in the
// order of column and of number, and the hashes, which nothing would compress.
// Each column is a block of its own, so that it is coded by what is frequent
// in it. Neighbours that lie in one directory and were made one after the
// other cost least.
func (m Records) Append(b []byte) []byte {
	var e encoder
	for i := range m.Records {
		e.record(&m.Records[i])
	}
	b = m.Known.Append(append(b, m.Folder[:]...))
	more := uint64(m.Fence) << 1
	if m.Synced {
		more |= 1
	}
	b = binary.AppendUvarint(b, more)
	b = e.append(binary.AppendUvarint(b, uint64(len(m.Records))))
	return append(b, e.hashes...)
}

func parseRecords(r *reader) Message {
	m := Records{Folder: r.folder(), Known: r.vector("known")}
	more := r.Uvarint("fence")
	if more>>1 > math.MaxUint32 {
		r.Fail("fence of more than 32 bits")
	}
	m.Fence, m.Synced = uint32(more>>1), more&1 != 0
	m.Records = newDecoder(r).records()
	return m
}

// Batches cuts records into runs that each fit one message.
func Batches(records []replication.Record) iter.Seq[[]replication.Record] {
	return func(yield func([]replication.Record) bool) {
		start, size := 0, 0
		for i := range records {
			cost := weight(&records[i])
			if i > start && (size+cost > batchBytes || i-start == MaxRecords) {
				if !yield(records[start:i:i]) {
					return
				}
				start, size = i, 0
			}
			size += cost
		}
		if start < len(records) {
			yield(records[start:])
		}
	}
}

// weight is at least the length of a record in all columns.
func weight(r *replication.Record) int {
	n := 160 + len(r.Name) + len(r.Target) + 32*r.History.Len()
	for _, x := range r.Attr.Xattrs {
		n += 10 + len(x.Name) + len(x.Value)
	}
	return n
}

// column is the place of one column of bytes.
type column int

const (
	colKind    column = iota // one byte each
	colFlags                 // one byte each: hasHash …
	colIDHead                // how many bytes of the id are those of the record before
	colIDTail                // the others
	colParent                // 0: in colFolder; 1: that of the record before; else place in the table of folders + 2
	colFolder                // ids of parents that the table of folders lacks
	colInto                  // of records with an Into: 16 bytes
	colNameLen               // bytes shared with the name before, and bytes that follow
	colName                  // those bytes
	colOrigin                // place in the table of origins, which it extends by one at most
	colOrigins               // the table of origins
	colHistory               // of records with more history than their stamp: length and vector
	colFence                 // uvarint
	colTarget                // of records with a target: length and bytes
	colAttr                  // place in the table of attributes, which it extends by one at most
	colAttrs                 // the table of attributes
	columns
)

// number is the place of one column of numbers, which has one of each record
// and is written as appendNumbers does. Signed ones are zigzag.
type number int

const (
	numCount   number = iota // of the stamp; difference to the record before
	numSeconds               // of the modification time; difference to the record before
	numNanos                 // of the modification time, above the seconds
	numClock                 // difference to its base
	numCreated               // difference to its base
	numSize
	numbers
)

// Bits of colFlags.
const (
	hasHash = 1 << iota
	hasHistory
	hasTarget
	isDeleted
	isDisplaced
	hasInto
	allBits = 1<<iota - 1
)

// base is what the times of numClock and numCreated are differences to; one
// byte each before the columns of numbers says which.
type base byte

const (
	before base = iota // the record before
	mtime              // the modification time
	clock              // the clock; of numCreated only
	bases
)

// maxHistory is how many bytes one history has, above what version allows.
const maxHistory = 1 << 20

// folders is the table of ids that a parent is likely to be: those that were
// parents before, and the directories of the batch.
type folders struct {
	ids    []replication.FileID
	places map[replication.FileID]int // of ids; nil in a decoder
}

// add appends id, also if the table has it: a decoder cannot tell, and both
// sides must count alike.
func (f *folders) add(id replication.FileID) {
	if _, known := f.places[id]; f.places != nil && !known {
		f.places[id] = len(f.ids)
	}
	f.ids = append(f.ids, id)
}

// split cuts a unix time into whole seconds and the nanoseconds above them.
func split(ns int64) (seconds int64, nanos uint32) {
	seconds, rest := ns/1e9, ns%1e9
	if rest < 0 {
		seconds, rest = seconds-1, rest+1e9
	}
	return seconds, uint32(rest)
}

// appendAttr writes mode, owner, group, and the extended attributes.
func appendAttr(b []byte, a *replication.Attr) []byte {
	for _, v := range [...]uint32{a.Mode, a.UID, a.GID, uint32(len(a.Xattrs))} {
		b = binary.AppendUvarint(b, uint64(v))
	}
	for _, x := range a.Xattrs {
		b = field.AppendBytes(field.AppendBytes(b, x.Name), x.Value)
	}
	return b
}

// attr reads what appendAttr writes.
func (r *reader) attr() replication.Attr {
	a := replication.Attr{Mode: r.uint32("mode"), UID: r.uint32("owner"), GID: r.uint32("group")}
	if n := r.Count(replication.MaxXattrs, 2, "extended attributes"); n > 0 {
		a.Xattrs = make([]replication.Xattr, n)
	}
	for i := range a.Xattrs {
		a.Xattrs[i] = replication.Xattr{Name: string(r.Bytes(replication.MaxXattrName, "attribute name")), Value: r.Bytes(replication.MaxXattrValue, "attribute")}
	}
	return a
}
