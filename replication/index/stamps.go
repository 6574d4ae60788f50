package index

import (
	"encoding/binary"
	"fmt"
	"iter"

	"dfsd/replication"
	"dfsd/replication/version"
)

// stamped is an entry of the table of stamps.
type stamped struct {
	stamp version.Stamp
	file  replication.FileID
	size  int64
	clock int64
}

func stampedOf(r *replication.Record) stamped {
	return stamped{stamp: r.Stamp, file: r.ID, size: r.Size, clock: r.Clock}
}

func (s stamped) append(b []byte) []byte {
	return binary.AppendVarint(binary.AppendUvarint(b, uint64(s.size)), s.clock)
}

func parseStamped(key, payload []byte) (s stamped, err error) {
	k := fields{b: key[1:]}
	copy(s.stamp.Origin[:], k.take(len(s.stamp.Origin), "origin"))
	if b := k.take(8, "count"); b != nil {
		s.stamp.Count = binary.BigEndian.Uint64(b)
	}
	copy(s.file[:], k.take(idSize, "file"))
	if err := k.end(); err != nil {
		return stamped{}, err
	}
	f := fields{b: payload}
	s.size = int64(f.uvarint("size"))
	s.clock = f.varint("clock")
	return s, f.end()
}

// stamps yields the entries that known does not cover. It goes from origin to
// origin by the table itself, so that a stamp of which nobody's vector tells yet
// is found too.
func (t table) stamps(known version.Vector) iter.Seq2[stamped, error] {
	return func(yield func(stamped, error) bool) {
		from, end := []byte{tableStamp}, []byte{tableStamp + 1}
		for from != nil {
			from = t.stampsFrom(from, end, known, yield)
		}
	}
}

// stampsFrom yields from the key from on, until it meets an entry that known
// covers: then it returns the key behind all of that origin which known covers.
// It returns nil when there is no more.
func (t table) stampsFrom(from, end []byte, known version.Vector, yield func(stamped, error) bool) []byte {
	for item, err := range t.scan(from, end) {
		var s stamped
		if err == nil {
			if s, err = parseStamped(item.key, item.payload); err != nil {
				err = t.damaged(item.key, err)
			}
		}
		if err == nil && known.Covers(s.stamp) {
			return after(stampKey(version.Stamp{Origin: s.stamp.Origin, Count: known.Count(s.stamp.Origin)}))
		}
		if !yield(s, err) || err != nil {
			return nil
		}
	}
	return nil
}

// newer yields the records whose stamps known does not cover, of a still table.
func (t table) newer(known version.Vector) iter.Seq2[replication.Record, error] {
	return func(yield func(replication.Record, error) bool) {
		for s, err := range t.stamps(known) {
			var r replication.Record
			if err == nil {
				r, err = t.stampedRecord(s)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// stampedRecord returns the record on disk that has this stamp.
func (t table) stampedRecord(s stamped) (replication.Record, error) {
	e, err := t.named(s.file)
	if err != nil {
		return replication.Record{}, err
	}
	if e.Disk.Stamp != s.stamp {
		return replication.Record{}, t.damaged(fileKey(tableEntry, s.file),
			fmt.Errorf("%w: stamp %v, others say %v", errMalformed, e.Disk.Stamp, s.stamp))
	}
	return e.Disk, nil
}

// Backlog is the size of what a member lacks.
type Backlog struct {
	Files  int64
	Bytes  int64 // of content; less where a delta will do
	Oldest int64 // the least Clock of the records, in Unix nanoseconds; 0 if there are none
}

// backlog measures what newer would yield, without reading the records.
func (t table) backlog(known version.Vector) (b Backlog, err error) {
	for s, err := range t.stamps(known) {
		if err != nil {
			return Backlog{}, err
		}
		if b.Files == 0 || s.clock < b.Oldest {
			b.Oldest = s.clock
		}
		b.Files++
		b.Bytes += s.size
	}
	return b, nil
}
