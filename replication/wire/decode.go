package wire

import (
	"fmt"
	"math"

	"dfsd/replication"
	"dfsd/replication/version"
)

// decoder reads records from columns. It asks the columns for fields whatever
// happened, and looks for faults once a record; the first one sticks in out.
type decoder struct {
	columns          [columns]reader
	numbers          [numbers][]uint64 // those of the records that follow
	clocks, createds base
	out              *reader // the body, from which the hashes come
	n                int

	last    replication.Record
	folders folders
	origins []version.Origin
	attrs   []replication.Attr
}

// newDecoder takes the columns off a body, together at most maxPlain bytes.
func newDecoder(body *reader) *decoder {
	d := &decoder{out: body, n: body.Count(MaxRecords, 1, "records")}
	if d.n == 0 {
		return d
	}
	left := maxPlain
	for c := range d.columns {
		column, _ := body.block(left, "column")
		d.columns[c] = readerOf(column)
		left -= len(d.columns[c].Body)
	}
	if d.n > len(d.columns[colKind].Body) {
		body.Fail("%d records, %d kinds", d.n, len(d.columns[colKind].Body))
	}
	d.clocks, d.createds = base(body.Byte("base of clocks")), base(body.Byte("base of creation times"))
	if d.clocks > mtime || d.createds >= bases {
		body.Fail("bases %d and %d of times", d.clocks, d.createds)
	}
	for i := range d.numbers {
		d.numbers[i] = body.numbers(d.n, "column of numbers")
	}
	return d
}

// number returns the next of a column of numbers.
func (d *decoder) number(n number) uint64 {
	v := d.numbers[n][0]
	d.numbers[n] = d.numbers[n][1:]
	return v
}

// records returns all of them, or nil where there is a fault.
func (d *decoder) records() []replication.Record {
	if d.n == 0 || d.out.Err != nil {
		return nil
	}
	records := make([]replication.Record, d.n)
	for i := range records {
		d.record(&records[i])
		if !d.sound(i) {
			return nil
		}
		if err := records[i].Validate(); err != nil {
			d.out.Fail("record %d: %v", i, err)
			return nil
		}
		d.last = records[i]
	}
	for c := range d.columns {
		if err := d.columns[c].End(fmt.Sprintf("the last record in column %d", c)); err != nil {
			d.sound(d.n)
			return nil
		}
	}
	return records
}

// sound makes the first fault of any column that of the body.
func (d *decoder) sound(i int) bool {
	for c := range d.columns {
		if err := d.columns[c].Err; err != nil && d.out.Err == nil {
			d.out.Err = fmt.Errorf("record %d: %w", i, err)
		}
	}
	return d.out.Err == nil
}

func (d *decoder) record(r *replication.Record) {
	r.Kind = replication.Kind(d.columns[colKind].Byte("kind"))
	flags := d.columns[colFlags].Byte("flags")
	if flags&^allBits != 0 {
		d.columns[colFlags].Fail("flags %#02x", flags)
	}
	r.Deleted, r.Displaced = flags&isDeleted != 0, flags&isDisplaced != 0
	if flags&hasInto != 0 {
		r.Into = d.columns[colInto].id("into")
	}
	d.place(r)
	r.Stamp = d.stamp()
	r.History = d.history(r.Stamp, flags&hasHistory != 0)
	r.Attr = d.attr()
	r.Fence = d.columns[colFence].uint32("fence")
	r.Size = int64(d.number(numSize)) // Validate refuses what is negative
	d.times(r)
	if flags&hasHash != 0 {
		r.Hash = d.out.hash("hash")
	}
	if flags&hasTarget != 0 {
		r.Target = string(d.columns[colTarget].Bytes(replication.MaxTarget, "target"))
	}
}

func (d *decoder) place(r *replication.Record) {
	shared := int(d.columns[colIDHead].Byte("shared bytes of the id"))
	if shared > len(r.ID) {
		d.columns[colIDHead].Fail("an id of %d bytes", shared)
		shared = len(r.ID)
	}
	copy(r.ID[:shared], d.last.ID[:])
	copy(r.ID[shared:], d.columns[colIDTail].Take(len(r.ID)-shared, "id"))
	r.Parent = d.parent()
	if r.Kind == replication.Directory {
		d.folders.add(r.ID)
	}
	r.Name = d.name()
}

func (d *decoder) parent() replication.FileID {
	in := &d.columns[colParent]
	switch ref := in.Uvarint("parent"); {
	case ref == 0:
		id := d.columns[colFolder].id("parent")
		d.folders.add(id)
		return id
	case ref == 1:
		return d.last.Parent
	case ref-2 < uint64(len(d.folders.ids)):
		return d.folders.ids[ref-2]
	default:
		in.Fail("parent %d of %d", ref-2, len(d.folders.ids))
		return replication.FileID{}
	}
}

func (d *decoder) name() string {
	in := &d.columns[colNameLen]
	shared, rest := in.Uvarint("shared bytes of the name"), in.Uvarint("bytes of the name")
	if shared > uint64(len(d.last.Name)) || rest > replication.MaxName {
		in.Fail("a name of %d bytes of %q and %d others", shared, d.last.Name, rest)
		return ""
	}
	return d.last.Name[:shared] + string(d.columns[colName].Take(int(rest), "name"))
}

func (d *decoder) stamp() (s version.Stamp) {
	in := &d.columns[colOrigin]
	place := in.Uvarint("origin")
	if place == uint64(len(d.origins)) {
		var o version.Origin
		copy(o[:], d.columns[colOrigins].Take(len(o), "origin"))
		d.origins = append(d.origins, o)
	}
	if place >= uint64(len(d.origins)) {
		in.Fail("origin %d of %d", place, len(d.origins))
		return s
	}
	s.Origin = d.origins[place]
	s.Count = d.last.Stamp.Count + uint64(unzigzag(d.number(numCount)))
	return s
}

func (d *decoder) history(s version.Stamp, present bool) version.Vector {
	if !present {
		return version.Vector{}.With(s)
	}
	in := readerOf(d.columns[colHistory].Bytes(maxHistory, "history"))
	v := in.vector("history")
	if err := in.End("history"); err != nil && d.columns[colHistory].Err == nil {
		d.columns[colHistory].Err = err
	}
	return v
}

func (d *decoder) attr() replication.Attr {
	in := &d.columns[colAttr]
	place := in.Uvarint("attributes")
	if place == uint64(len(d.attrs)) {
		d.attrs = append(d.attrs, d.columns[colAttrs].attr())
	}
	if place >= uint64(len(d.attrs)) {
		in.Fail("attributes %d of %d", place, len(d.attrs))
		return replication.Attr{}
	}
	return d.attrs[place]
}

func (d *decoder) times(r *replication.Record) {
	last, _ := split(d.last.Attr.MTime)
	seconds, nanos := last+unzigzag(d.number(numSeconds)), d.number(numNanos)
	if seconds < math.MinInt64/int64(1e9)+1 || seconds >= math.MaxInt64/int64(1e9) || nanos >= 1e9 {
		d.out.Fail("a time of %d seconds and %d nanoseconds", seconds, nanos)
		return
	}
	r.Attr.MTime = seconds*1e9 + int64(nanos)
	r.Clock = unzigzag(d.number(numClock)) + d.clocks.of(r, d.last.Clock)
	r.Created = unzigzag(d.number(numCreated)) + d.createds.of(r, d.last.Created)
}

// of returns the time that a difference is added to.
func (b base) of(r *replication.Record, last int64) int64 {
	switch b {
	case mtime:
		return r.Attr.MTime
	case clock:
		return r.Clock
	}
	return last
}
