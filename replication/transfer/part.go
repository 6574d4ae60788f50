package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/chunk"
)

const (
	markStep  = 16 << 20 // bytes between two marks
	markMost  = 1 << 16  // marks of one content
	syncStep  = 32 << 20 // bytes after which what was written is made durable
	partMode  = 0o600
	readSize  = 1 << 20
	blockSize = 4 << 10 // in which zeros become holes
)

// part is a large content on its way: a temporary that grows from the front,
// summed up as it does. It belongs to one goroutine.
type part struct {
	dir   fsx.Dir
	hash  replication.Hash
	size  int64
	file  fsx.File
	marks fsx.File

	at       int64 // bytes that are there
	extent   int64 // length of the file; what is missing up to at is zeros
	sum      *chunk.Summer
	lastMark int64
	markEnd  int64      // of the mark file
	unsynced int64      // bytes since the last sync began
	syncing  chan error // of the sync under way; nil: none
	named    bool       // the names of the files are durable, or about to be

	from  string // host of what is there
	mixed bool   // it came from several, or from an earlier process
}

// comes notes that what follows is from a host.
func (p *part) comes(host string) {
	p.mixed = p.mixed || p.at > 0 && p.from != host
	p.from = host
}

// openPart opens the temporary of a content, and goes on where the last process
// that worked on it has left a mark that what is on disk agrees with.
func openPart(ctx context.Context, dir fsx.Dir, j *job) (*part, error) {
	p := &part{dir: dir, hash: j.hash, size: j.size, sum: chunk.NewSummer(chunk.AverageOf(j.size))}
	file, err := dir.Open(partName(j.hash), fsx.ReadWrite)
	if errors.Is(err, fsx.ErrNotExist) && dir.Rename(wholeName(j.hash, j.id), dir, partName(j.hash), fsx.NoReplace) == nil {
		file, err = dir.Open(partName(j.hash), fsx.ReadWrite)
	}
	if errors.Is(err, fsx.ErrNotExist) {
		file, err = dir.Create(partName(j.hash), partMode)
	}
	if err != nil {
		return nil, fmt.Errorf("open a temporary: %w", err)
	}
	p.file = file
	if p.marks, err = openOrCreate(dir, markName(j.hash)); err == nil {
		err = p.resume(ctx)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func openOrCreate(dir fsx.Dir, name string) (fsx.File, error) {
	f, err := dir.Open(name, fsx.ReadWrite)
	if errors.Is(err, fsx.ErrNotExist) {
		f, err = dir.Create(name, partMode)
	}
	if err != nil {
		return nil, fmt.Errorf("open a mark file: %w", err)
	}
	return f, nil
}

// resume reads what is there again, up to the last mark that agrees with it.
func (p *part) resume(ctx context.Context) error {
	info, err := p.file.Info()
	if err != nil {
		return err
	}
	marks := readMarks(p.marks, p.size)
	if len(marks) == 0 && info.Size == p.size {
		marks = []mark{{p.size, p.hash}} // one that was delivered and has come back
	}
	for len(marks) > 0 {
		good, err := p.check(ctx, marks)
		if err != nil {
			return err
		}
		if good == len(marks) {
			break
		}
		marks = marks[:good]
		p.at, p.sum = 0, chunk.NewSummer(chunk.AverageOf(p.size))
	}
	p.lastMark, p.markEnd, p.extent = p.at, int64(len(marks))*markSize, p.at
	if err := p.marks.Truncate(p.markEnd); err != nil {
		return err
	}
	return p.file.Truncate(p.at)
}

// check sums up the content and returns how many marks agree with it.
func (p *part) check(ctx context.Context, marks []mark) (good int, err error) {
	p.at, p.sum = 0, chunk.NewSummer(chunk.AverageOf(p.size))
	for i, m := range marks {
		n, err := p.absorb(ctx, m.at)
		switch {
		case err != nil:
			return 0, err
		case n < m.at || p.sum.List().Sum != m.sum:
			return i, nil
		}
	}
	return len(marks), nil
}

// absorb sums up what stands in the file from p.at up to end, and returns where
// it came to.
func (p *part) absorb(ctx context.Context, end int64) (int64, error) {
	buf := make([]byte, min(readSize, end-p.at))
	for p.at < end {
		if err := ctx.Err(); err != nil {
			return p.at, err
		}
		n, err := p.file.ReadAt(buf[:min(int64(len(buf)), end-p.at)], p.at)
		_, _ = p.sum.Write(buf[:n]) // a Summer takes every write
		p.at += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return p.at, err
		}
	}
	return p.at, nil
}

// reset forgets all content.
func (p *part) reset() error {
	p.from, p.mixed = "", false
	p.at, p.extent, p.lastMark, p.markEnd = 0, 0, 0, 0
	p.sum = chunk.NewSummer(chunk.AverageOf(p.size))
	if err := p.marks.Truncate(0); err != nil {
		return own(err)
	}
	return own(p.file.Truncate(0))
}

// left is how many bytes are still to come.
func (p *part) left() int64 { return p.size - p.at }

// Write takes the next bytes of the content, at most as many as are left. Its
// errors are an ownFault.
func (p *part) Write(b []byte) (int, error) {
	written := len(b)
	for len(b) > 0 {
		n := int(min(int64(len(b)), p.nextMark()-p.at))
		if err := p.put(b[:n]); err != nil {
			return 0, own(err)
		}
		b = b[n:]
	}
	return written, nil
}

// put writes b while it is summed up.
func (p *part) put(b []byte) error {
	var err error
	if len(b) < 64<<10 {
		_, _ = p.sum.Write(b) // a Summer takes every write
		err = p.write(b)
	} else {
		summed := make(chan struct{})
		go func() {
			defer close(summed)
			_, _ = p.sum.Write(b)
		}()
		err = p.write(b)
		<-summed
	}
	p.at += int64(len(b))
	if err == nil && p.at == p.nextMarkAfter(p.lastMark) {
		err = p.mark()
	}
	return err
}

// write writes b at p.at and leaves holes for blocks of zeros.
func (p *part) write(b []byte) error {
	from := 0 // of what is not written yet
	for i := 0; i < len(b); {
		end := min(len(b), i+blockSize-int((p.at+int64(i))%blockSize))
		if end-i == blockSize && allZero(b[i:end]) {
			if err := p.writeAt(b[from:i], p.at+int64(from)); err != nil {
				return err
			}
			from = end
		}
		i = end
	}
	return p.writeAt(b[from:], p.at+int64(from))
}

func (p *part) writeAt(b []byte, off int64) error {
	if len(b) == 0 {
		return nil
	}
	p.extent = max(p.extent, off+int64(len(b)))
	_, err := p.file.WriteAt(b, off)
	return err
}

// zeros takes n zero bytes as the next of the content.
func (p *part) zeros(ctx context.Context, n int64) error {
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		k := min(n, readSize, p.nextMark()-p.at)
		_, _ = p.sum.Write(zeroPiece[:k]) // a Summer takes every write
		p.at += k
		n -= k
		if p.at == p.nextMarkAfter(p.lastMark) {
			if err := p.mark(); err != nil {
				return own(err)
			}
		}
	}
	return nil
}

var zeroPiece [readSize]byte

// ReadAt reads content that is there; holes at its end are no part of the file.
func (p *part) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > p.at {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := p.file.ReadAt(b, off)
	if n < len(b) && errors.Is(err, io.EOF) {
		clear(b[n:])
		n, err = len(b), nil
	}
	return n, own(err)
}

// fits tells whether all has come and is what was wanted.
func (p *part) fits() (chunk.List, bool) {
	l := p.sum.List()
	return l, l.Size == p.size && l.Sum == p.hash
}

// complete gives the temporary its last length and name.
func (p *part) complete(name string) error {
	if p.extent < p.size {
		if err := p.file.Truncate(p.size); err != nil {
			return err
		}
	}
	if err := p.awaitSync(); err != nil {
		return err
	}
	if err := p.dir.Rename(partName(p.hash), p.dir, name, fsx.Replace); err != nil {
		return err
	}
	return p.dir.Remove(markName(p.hash))
}

// leave marks how far the content has come, for who goes on with it.
func (p *part) leave() {
	if p.at > p.lastMark {
		_ = p.mark() // without it the marks before count
	}
}

// close ends the use of the files; they stay.
func (p *part) close() {
	_ = p.awaitSync() // who needs to know has asked before
	if p.marks != nil {
		_ = p.marks.Close()
	}
	_ = p.file.Close()
}

// remove removes the files.
func (p *part) remove() {
	_ = p.dir.Remove(partName(p.hash)) // a sweep finds what stays
	_ = p.dir.Remove(markName(p.hash))
}
