package transfer

import (
	"encoding/binary"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// A mark file is a row of marks, each
//
//	offset  uint64, big-endian; rising, at most the size of the content
//	sum     32 bytes, BLAKE3-256 of the content up to there
//
// Nothing needs to hold about it: a mark counts when what is on disk has its
// sum. What no mark can be ends the row.

const markSize = 8 + 32

// mark says what the content is up to a point.
type mark struct {
	at  int64
	sum replication.Hash
}

func (m mark) append(b []byte) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(m.at)), m.sum[:]...)
}

// parseMarks reads the marks of a content of size bytes.
func parseMarks(b []byte, size int64) (marks []mark) {
	last := int64(0)
	for ; len(b) >= markSize && len(marks) < markMost; b = b[markSize:] {
		m := mark{at: int64(binary.BigEndian.Uint64(b)), sum: replication.Hash(b[8:markSize])}
		if m.at <= last || m.at > size {
			break
		}
		last = m.at
		marks = append(marks, m)
	}
	return marks
}

// readMarks reads a mark file; one that cannot be read has no marks.
func readMarks(f fsx.File, size int64) []mark {
	info, err := f.Info()
	if err != nil {
		return nil
	}
	b := make([]byte, min(info.Size, markMost*markSize))
	n, _ := f.ReadAt(b, 0)
	return parseMarks(b[:n], size)
}

// step is how far the marks of a content are apart.
func (p *part) step() int64 { return max(markStep, p.size/(markMost/2)) }

// nextMark is where the mark after p.at is due.
func (p *part) nextMark() int64 { return p.nextMarkAfter(p.at) }

func (p *part) nextMarkAfter(at int64) int64 { return (at/p.step() + 1) * p.step() }

// mark writes a mark for all that is there, and from time to time has it made
// durable in the background, one sync at a time.
func (p *part) mark() error {
	if p.extent < p.at {
		if err := p.file.Truncate(p.at); err != nil {
			return err
		}
		p.extent = p.at
	}
	m := mark{p.at, p.sum.List().Sum}
	if _, err := p.marks.WriteAt(m.append(nil), p.markEnd); err != nil {
		return err
	}
	p.markEnd += markSize
	p.unsynced += p.at - p.lastMark
	p.lastMark = p.at
	if p.unsynced < syncStep {
		return nil
	}
	if err := p.awaitSync(); err != nil {
		return err
	}
	p.unsynced = 0
	syncing := make(chan error, 1)
	p.syncing = syncing
	named := p.named
	p.named = true
	go func() {
		err := p.file.SyncData()
		if err == nil {
			err = p.marks.SyncData()
		}
		if err == nil && !named {
			err = p.dir.Sync()
		}
		syncing <- err
	}()
	return nil
}

// awaitSync waits for the sync under way.
func (p *part) awaitSync() error {
	if p.syncing == nil {
		return nil
	}
	err := <-p.syncing
	p.syncing = nil
	return err
}
