package index

import (
	"encoding/binary"
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
