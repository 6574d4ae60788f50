package index

import (
	"encoding/binary"
	"iter"

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

func (f Facts) append(b []byte) []byte {
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

// Disk reads the facts of files.
type Disk struct{ t table }

// Get returns the facts of a file, or ErrNotFound.
func (d Disk) Get(id replication.FileID) (Facts, error) {
	key := fileKey(tableFacts, id)
	payload, err := d.t.get(key)
	if err != nil {
		return Facts{}, err
	}
	facts, err := parseFacts(id, payload)
	if err != nil {
		return Facts{}, d.t.damaged(key, err)
	}
	return facts, nil
}

// At yields the files whose facts name this inode: more than one for hard
// links.
func (d Disk) At(dev, inode uint64) iter.Seq2[replication.FileID, error] {
	return d.t.files(inodeKey(dev, inode))
}
