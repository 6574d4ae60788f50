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
	d := &decoder{out: body, n: body.count(MaxRecords, 1, "records")}
	if d.n == 0 {
		return d
	}
	left := maxPlain
	for c := range d.columns {
		d.columns[c].b, _ = body.block(left, "column")
		left -= len(d.columns[c].b)
	}
	if d.n > len(d.columns[colKind].b) {
		body.fail("%d records, %d kinds", d.n, len(d.columns[colKind].b))
	}
	d.clocks, d.createds = base(body.byte("base of clocks")), base(body.byte("base of creation times"))
	if d.clocks > mtime || d.createds >= bases {
		body.fail("bases %d and %d of times", d.clocks, d.createds)
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
	if d.n == 0 || d.out.err != nil {
		return nil
	}
	records := make([]replication.Record, d.n)
	for i := range records {
		d.record(&records[i])
		if !d.sound(i) {
			return nil
		}
		if err := records[i].Validate(); err != nil {
			d.out.fail("record %d: %v", i, err)
			return nil
		}
		d.last = records[i]
	}
	for c := range d.columns {
		d.columns[c].end(fmt.Sprintf("the last record in column %d", c))
	}
	d.sound(d.n)
	return records
}

// sound makes the first fault of any column that of the body.
func (d *decoder) sound(i int) bool {
	for c := range d.columns {
		if err := d.columns[c].err; err != nil && d.out.err == nil {
			d.out.err = fmt.Errorf("record %d: %w", i, err)
		}
	}
	return d.out.err == nil
}

func (d *decoder) record(r *replication.Record) {
	r.Kind = replication.Kind(d.columns[colKind].byte("kind"))
	flags := d.columns[colFlags].byte("flags")
	if flags&^allBits != 0 {
		d.columns[colFlags].fail("flags %#02x", flags)
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
		r.Target = string(d.columns[colTarget].bytes(replication.MaxTarget, "target"))
	}
}

func (d *decoder) place(r *replication.Record) {
	shared := int(d.columns[colIDHead].byte("shared bytes of the id"))
	if shared > len(r.ID) {
		d.columns[colIDHead].fail("an id of %d bytes", shared)
		shared = len(r.ID)
	}
	copy(r.ID[:shared], d.last.ID[:])
	copy(r.ID[shared:], d.columns[colIDTail].take(len(r.ID)-shared, "id"))
	r.Parent = d.parent()
	if r.Kind == replication.Directory {
		d.folders.add(r.ID)
	}
	r.Name = d.name()
}

func (d *decoder) parent() replication.FileID {
	in := &d.columns[colParent]
	switch ref := in.uvarint("parent"); {
	case ref == 0:
		id := d.columns[colFolder].id("parent")
		d.folders.add(id)
		return id
	case ref == 1:
		return d.last.Parent
	case ref-2 < uint64(len(d.folders.ids)):
		return d.folders.ids[ref-2]
	default:
		in.fail("parent %d of %d", ref-2, len(d.folders.ids))
		return replication.FileID{}
	}
}

func (d *decoder) name() string {
	in := &d.columns[colNameLen]
	shared, rest := in.uvarint("shared bytes of the name"), in.uvarint("bytes of the name")
	if shared > uint64(len(d.last.Name)) || rest > replication.MaxName {
		in.fail("a name of %d bytes of %q and %d others", shared, d.last.Name, rest)
		return ""
	}
	return d.last.Name[:shared] + string(d.columns[colName].take(int(rest), "name"))
}

func (d *decoder) stamp() (s version.Stamp) {
	in := &d.columns[colOrigin]
	place := in.uvarint("origin")
	if place == uint64(len(d.origins)) {
		var o version.Origin
		copy(o[:], d.columns[colOrigins].take(len(o), "origin"))
		d.origins = append(d.origins, o)
	}
	if place >= uint64(len(d.origins)) {
		in.fail("origin %d of %d", place, len(d.origins))
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
	in := reader{b: d.columns[colHistory].bytes(maxHistory, "history")}
	v := in.vector("history")
	in.end("history")
	if in.err != nil && d.columns[colHistory].err == nil {
		d.columns[colHistory].err = in.err
	}
	return v
}

func (d *decoder) attr() replication.Attr {
	in := &d.columns[colAttr]
	place := in.uvarint("attributes")
	if place == uint64(len(d.attrs)) {
		d.attrs = append(d.attrs, d.columns[colAttrs].attr())
	}
	if place >= uint64(len(d.attrs)) {
		in.fail("attributes %d of %d", place, len(d.attrs))
		return replication.Attr{}
	}
	return d.attrs[place]
}

func (d *decoder) times(r *replication.Record) {
	last, _ := split(d.last.Attr.MTime)
	seconds, nanos := last+unzigzag(d.number(numSeconds)), d.number(numNanos)
	if seconds < math.MinInt64/int64(1e9)+1 || seconds >= math.MaxInt64/int64(1e9) || nanos >= 1e9 {
		d.out.fail("a time of %d seconds and %d nanoseconds", seconds, nanos)
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
