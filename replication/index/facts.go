package index

import (
	"encoding/binary"

	"dfsd/replication"
)

// Facts are what the file system said of a file when its record was made:
// while they hold, the content need not be read again. Times are in Unix
// nanoseconds.
type Facts struct {
	ID         replication.FileID
	Dev, Inode uint64
	Birth      int64 // 0 where the file system keeps none
	Changed    int64 // ctime: of the content or of any attribute
	Modified   int64 // mtime
	Size       int64 // in bytes
}

// inode names an object for the file system.
type inode struct{ dev, number uint64 }

func (f *Facts) inode() inode { return inode{f.Dev, f.Inode} }

func (f *Facts) append(b []byte) []byte {
	b = binary.AppendUvarint(b, f.Dev)
	b = binary.AppendUvarint(b, f.Inode)
	for _, v := range [...]int64{f.Birth, f.Changed, f.Modified, f.Size} {
		b = binary.AppendVarint(b, v)
	}
	return b
}

func parseFacts(id replication.FileID, payload []byte) (Facts, error) {
	f := fields{b: payload}
	facts := Facts{ID: id, Dev: f.uvarint("device"), Inode: f.uvarint("inode")}
	facts.Birth = f.varint("birth")
	facts.Changed = f.varint("change time")
	facts.Modified = f.varint("modification time")
	facts.Size = f.varint("size")
	return facts, f.end()
}

// facts returns the facts of a file, or ErrNotFound.
func (t table) facts(id replication.FileID) (facts Facts, err error) {
	err = t.look(fileKey(tableFacts, id), func(payload []byte) (err error) {
		facts, err = parseFacts(id, payload)
		facts.Dev = t.devices.swap(facts.Dev)
		return err
	})
	return facts, err
}
