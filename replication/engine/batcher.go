package engine

import (
	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/wire"
)

// batcher cuts an answer into parts that each fit one message. The claim goes
// with the last.
type batcher struct {
	folder  wire.FolderKey
	part    func(wire.Message) error
	waiting []replication.Record
}

func (b *batcher) add(r replication.Record) error {
	b.waiting = append(b.waiting, r)
	if len(b.waiting) < 2*wire.MaxRecords {
		return nil
	}
	return b.flush(1)
}

// flush sends all batches but the last keep of them.
func (b *batcher) flush(keep int) error {
	var batches [][]replication.Record
	for batch := range wire.Batches(b.waiting) {
		batches = append(batches, batch)
	}
	n := max(len(batches)-keep, 0)
	for _, batch := range batches[:n] {
		if err := b.part(wire.Records{Folder: b.folder, Records: batch}); err != nil {
			return err
		}
	}
	var rest []replication.Record
	for _, batch := range batches[n:] {
		rest = append(rest, batch...)
	}
	b.waiting = rest
	return nil
}

// finish sends what is left, and the claim with the last part.
func (b *batcher) finish(head reconcile.Batch) error {
	if err := b.flush(1); err != nil {
		return err
	}
	return b.part(wire.Records{Folder: b.folder, Known: head.Claim, Fence: head.Fence, Synced: head.Synced, Records: b.waiting})
}
