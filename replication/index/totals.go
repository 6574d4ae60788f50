package index

import (
	"encoding/binary"
	"errors"

	"dfsd/replication"
	"dfsd/replication/reconcile"
)

// Totals count what stands on this member's disk.
type Totals struct {
	Files, Directories, Links int64
	Bytes                     int64 // of the contents of files
}

func (n Totals) append(b []byte) []byte {
	for _, v := range [...]int64{n.Files, n.Directories, n.Links, n.Bytes} {
		b = binary.AppendVarint(b, v)
	}
	return b
}

func parseTotals(payload []byte) (n Totals, err error) {
	f := fields{b: payload}
	n.Files = f.varint("files")
	n.Directories = f.varint("directories")
	n.Links = f.varint("links")
	n.Bytes = f.varint("bytes")
	return n, f.end()
}

// count adds e, times over, to the totals; nil adds nothing.
func (n *Totals) count(e *reconcile.Entry, times int64) {
	if e == nil || !e.Live() {
		return
	}
	switch e.Disk.Kind {
	case replication.Directory:
		n.Directories += times
	case replication.Symlink:
		n.Links += times
	default:
		n.Files += times
		n.Bytes += times * e.Disk.Size
	}
}

func (t table) totals() (n Totals, err error) {
	err = t.look(keyTotals, func(payload []byte) (err error) {
		n, err = parseTotals(payload)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return n, err
}
