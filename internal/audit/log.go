package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Defaults of Options.
const (
	DefaultMaxBytes = 16 << 20
	DefaultKeep     = 8
)

// Options are those of a Log; the zero value works.
type Options struct {
	Now      func() time.Time // nil: time.Now
	MaxBytes int64            // a file that would grow beyond is put away; 0: DefaultMaxBytes
	Keep     int              // older files that are kept; 0: DefaultKeep
	// Log hears of every entry's number and sum, and of what is wrong with the
	// files; nil: nobody does.
	Log *zap.Logger
}

// ErrClosed says that the log was closed.
var ErrClosed = errors.New("audit log closed")

// head is where the chain has got to.
type head struct {
	seq uint64
	sum string
}

// Log is an open log of changes. One process at a time may have a folder's log
// open. It is safe for concurrent use.
type Log struct {
	dir string
	o   Options

	mu     sync.Mutex
	file   *os.File // guarded by mu, as all below; nil: to be opened again
	size   int64    // of file, as far as it is ours
	last   head
	closed bool
}

// Open opens the log in dir, and makes folder (mode 0700) and file (0600) where
// there are none. What a crash left half-written at the end is kept in a file
// of its own, audit.torn-…, and an entry names it.
func Open(dir string, o Options) (*Log, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Keep <= 0 {
		o.Keep = DefaultKeep
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the audit log: %w", err)
	}
	l := &Log{dir: dir, o: o}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.open(); err != nil {
		return nil, errors.Join(err, l.drop())
	}
	return l, nil
}

// Append writes e at the end of the log. When it returns nil, the entry is on
// the disk. After an error the entry may or may not be there; the log goes on
// at the next Append. A context that has ended already ends in its error.
func (l *Log) Append(ctx context.Context, e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return err
	}
	err := l.append(e)
	if err != nil {
		l.o.Log.Error("audit entry not written", zap.String("action", cut(e.Action, maxAction)), zap.String("object", cut(e.Object, maxObject)),
			zap.String("user", cut(e.Who.User, maxUser)), zap.String("result", cut(e.Result, maxResult)), zap.Error(err))
	}
	return err
}

// Check says whether an Append would find the log fit to be written: the file
// in its place, and room on the disk for the longest entry, which it proves by
// writing that much beside it. Ask it before a change that must not be made
// unrecorded.
func (l *Log) Check(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return err
	}
	return probe(filepath.Join(l.dir, probeName))
}

// Close closes the file. Closing twice is no error.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return l.drop()
}

// usable has the file open, and as this log left it.
func (l *Log) usable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	if l.closed {
		return ErrClosed
	}
	if l.file != nil && l.untouched() {
		return nil
	}
	// What closing says of a file that is read again anyway changes nothing.
	_ = l.drop()
	return l.open()
}

// untouched says that the open file is still the one at its path, and has the
// size that it was left with.
func (l *Log) untouched() bool {
	ours, err := l.file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(filepath.Join(l.dir, currentName))
	return err == nil && os.SameFile(ours, there) && there.Size() == l.size
}

// drop closes the file, to be opened again when it is needed.
func (l *Log) drop() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// append writes one entry to the open file.
func (l *Log) append(e Entry) error {
	if e.At.IsZero() {
		e.At = l.o.Now()
	}
	e.Seq, e.Previous = l.last.seq+1, l.last.sum
	e, line, err := seal(e)
	if err != nil {
		return err
	}
	if l.size > 0 && l.size+int64(len(line)) > l.o.MaxBytes {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	if err := l.write(line); err != nil {
		return err
	}
	l.size += int64(len(line))
	l.last = head{seq: e.Seq, sum: e.Sum}
	l.o.Log.Info("audit entry", zap.Uint64("seq", e.Seq), zap.String("action", e.Action), zap.String("sum", e.Sum))
	return nil
}

// write puts a line on the disk, or takes back what it put there of it.
func (l *Log) write(line []byte) error {
	_, err := l.file.Write(line)
	if err == nil {
		err = l.file.Sync()
	}
	if err == nil {
		return nil
	}
	// What the disk holds now is known to nobody: the next Append reads it again.
	err = fmt.Errorf("write the audit log: %w", errors.Join(err, l.file.Truncate(l.size)))
	return errors.Join(err, l.drop())
}

// warn is an entry of the log about itself.
func (l *Log) warn(action, object, result string, after any) error {
	state, err := json.Marshal(after)
	if err != nil {
		return err
	}
	return l.append(Entry{Who: Who{Way: Daemon, UID: -1}, Action: action, Object: object, After: state, Result: result})
}
