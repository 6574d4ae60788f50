package wire

import (
	"encoding/binary"

	"dfsd/internal/field"
	"dfsd/replication"
	"dfsd/replication/version"
)

// encoder writes records into columns.
type encoder struct {
	columns [columns][]byte
	numbers [numbers][]uint64
	hashes  []byte

	last    replication.Record // the record before
	folders folders
	origins map[version.Origin]int
	attrs   map[string]int
	scratch []byte

	mtimes, clocks, createds []int64
}

func (e *encoder) uvarint(c column, v uint64) { e.columns[c] = binary.AppendUvarint(e.columns[c], v) }
func (e *encoder) number(n number, v uint64)  { e.numbers[n] = append(e.numbers[n], v) }
func (e *encoder) raw(c column, p []byte)     { e.columns[c] = append(e.columns[c], p...) }

func (e *encoder) record(r *replication.Record) {
	if e.folders.places == nil {
		e.folders.places = map[replication.FileID]int{}
		e.origins, e.attrs = map[version.Origin]int{}, map[string]int{}
	}
	e.raw(colKind, []byte{byte(r.Kind)})
	flags := e.content(r) | e.history(r)
	e.place(r)
	e.stamp(r.Stamp)
	e.attr(r)
	e.uvarint(colFence, uint64(r.Fence))
	e.number(numSize, uint64(r.Size))
	e.times(r)
	if r.Into != replication.RootID {
		e.raw(colInto, r.Into[:])
		flags |= hasInto
	}
	if r.Deleted {
		flags |= isDeleted
	}
	if r.Displaced {
		flags |= isDisplaced
	}
	e.raw(colFlags, []byte{flags})
	e.last = *r
}

// content writes hash and target.
func (e *encoder) content(r *replication.Record) (flags byte) {
	if r.Hash != (replication.Hash{}) {
		e.hashes = append(e.hashes, r.Hash[:]...)
		flags |= hasHash
	}
	if r.Target != "" {
		e.columns[colTarget] = field.AppendBytes(e.columns[colTarget], r.Target)
		flags |= hasTarget
	}
	return flags
}

// history writes the history where it is more than the stamp.
func (e *encoder) history(r *replication.Record) (flags byte) {
	if r.History.Compare(version.Vector{}.With(r.Stamp)) == version.Equal {
		return 0
	}
	e.scratch = r.History.Append(e.scratch[:0])
	e.columns[colHistory] = field.AppendBytes(e.columns[colHistory], e.scratch)
	return hasHistory
}

// place writes id, parent and name, and notes a directory as a parent of what
// follows.
func (e *encoder) place(r *replication.Record) {
	shared := sharedPrefix(e.last.ID[:], r.ID[:])
	e.raw(colIDHead, []byte{byte(shared)})
	e.raw(colIDTail, r.ID[shared:])

	place, known := e.folders.places[r.Parent]
	switch {
	case r.Parent == e.last.Parent:
		e.uvarint(colParent, 1)
	case known:
		e.uvarint(colParent, uint64(place)+2)
	default:
		e.uvarint(colParent, 0)
		e.raw(colFolder, r.Parent[:])
		e.folders.add(r.Parent)
	}
	if r.Kind == replication.Directory {
		e.folders.add(r.ID)
	}

	shared = sharedPrefix([]byte(e.last.Name), []byte(r.Name))
	e.uvarint(colNameLen, uint64(shared))
	e.uvarint(colNameLen, uint64(len(r.Name)-shared))
	e.raw(colName, []byte(r.Name[shared:]))
}

func sharedPrefix(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

func (e *encoder) stamp(s version.Stamp) {
	place, known := e.origins[s.Origin]
	if !known {
		place = len(e.origins)
		e.origins[s.Origin] = place
		e.raw(colOrigins, s.Origin[:])
	}
	e.uvarint(colOrigin, uint64(place))
	e.number(numCount, zigzag(int64(s.Count-e.last.Stamp.Count)))
}

func (e *encoder) attr(r *replication.Record) {
	e.scratch = appendAttr(e.scratch[:0], &r.Attr)
	place, known := e.attrs[string(e.scratch)]
	if !known {
		place = len(e.attrs)
		e.attrs[string(e.scratch)] = place
		e.raw(colAttrs, e.scratch)
	}
	e.uvarint(colAttr, uint64(place))
}

// times writes the modification time and keeps the other two for append.
func (e *encoder) times(r *replication.Record) {
	seconds, nanos := split(r.Attr.MTime)
	last, _ := split(e.last.Attr.MTime)
	e.number(numSeconds, zigzag(seconds-last))
	e.number(numNanos, uint64(nanos))
	e.mtimes = append(e.mtimes, r.Attr.MTime)
	e.clocks = append(e.clocks, r.Clock)
	e.createds = append(e.createds, r.Created)
}

// append writes all columns; where there are no records there are none.
func (e *encoder) append(b []byte) []byte {
	if len(e.mtimes) == 0 {
		return b
	}
	for _, c := range e.columns {
		b = appendBlock(b, c, tight)
	}
	var clocks, createds base
	clocks, e.numbers[numClock] = differences(e.clocks, e.mtimes)
	createds, e.numbers[numCreated] = differences(e.createds, e.mtimes, e.clocks)
	b = append(b, byte(clocks), byte(createds))
	for _, n := range e.numbers {
		b = appendNumbers(b, n)
	}
	return b
}
