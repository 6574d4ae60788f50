package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dfsd/internal/durable"

	"go.uber.org/zap"
)

// File is the name of the log's newest file in its folder; Open makes it.
const File = "audit.jsonl"

// Names in the folder of the log.
const (
	currentName = File
	probeName   = "audit.probe" // written and removed by Check
	tornPrefix  = "audit.torn-" // pieces that are no entries
	tornNew     = ".new"        // ends the name of a piece that no entry names yet
)

// tailWindow is how much of the end of a file is searched for its last entry.
const tailWindow = 4 * maxLine

// rotatedName is the name of a file whose last entry is seq.
func rotatedName(seq uint64) string { return fmt.Sprintf("audit-%020d.jsonl", seq) }

// rotatedFiles are the names of the older files in dir, oldest first.
func rotatedFiles(dir string) ([]string, error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the audit log: %w", err)
	}
	var names []string
	for _, f := range all {
		digits, isRotated := strings.CutPrefix(f.Name(), "audit-")
		seq, err := strconv.ParseUint(strings.TrimSuffix(digits, ".jsonl"), 10, 64)
		if isRotated && err == nil && f.Name() == rotatedName(seq) {
			names = append(names, f.Name())
		}
	}
	slices.Sort(names) // the numbers all have the same number of digits
	return names, nil
}

// open opens the current file at its end, sets aside what is no entry there,
// and says so in entries. The chain goes on where this log left it; where that
// is not where the disk has it, an entry says so and Verify fails there.
func (l *Log) open() error {
	path := filepath.Join(l.dir, currentName)
	if st, err := os.Lstat(path); err == nil && !st.Mode().IsRegular() {
		return fmt.Errorf("audit log %s: something that is no file stands there; remove it", path)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the audit log: %w", err)
	}
	l.file = file
	if err := errors.Join(file.Chmod(0o600), durable.SyncDir(l.dir)); err != nil {
		return fmt.Errorf("protect the audit log: %w", errors.Join(err, l.drop()))
	}
	if err := l.recover(); err != nil {
		return errors.Join(fmt.Errorf("read the end of the audit log: %w", err), l.drop())
	}
	return nil
}

// recover finds the end of the chain in the open file.
func (l *Log) recover() error {
	st, err := l.file.Stat()
	if err != nil {
		return err
	}
	last, good, err := lastEntry(l.file, st.Size())
	if err == nil && good == 0 {
		last, err = lastOfRotated(l.dir)
	}
	if err == nil && good < st.Size() {
		err = l.setAside(good, st.Size())
	}
	if err != nil {
		return err
	}
	l.size = good
	left, found := l.last, head{seq: last.Seq, sum: last.Sum}
	expected := left.seq == 0 || found == left || last.Seq == left.seq+1 && last.Previous == left.sum
	if expected {
		l.last = found
	}
	if err := l.nameTorn(); err != nil || expected {
		return err
	}
	l.o.Log.Warn("audit log changed by somebody else", zap.Uint64("left_at", left.seq), zap.Uint64("found_at", found.seq))
	return l.warn("audit.changed", currentName, "the file is not as this daemon left it", map[string]uint64{"left_at": left.seq, "found_at": found.seq})
}

// lastEntry finds the last line of a file that is an entry, and where it ends;
// 0 where there is none near the end of the file.
func lastEntry(r io.ReaderAt, size int64) (e Entry, end int64, err error) {
	start := max(0, size-tailWindow)
	window := make([]byte, size-start)
	if _, err := r.ReadAt(window, start); err != nil && !errors.Is(err, io.EOF) {
		return e, 0, err
	}
	for {
		newline := bytes.LastIndexByte(window, '\n')
		if newline < 0 {
			return Entry{}, 0, nil
		}
		begin := bytes.LastIndexByte(window[:newline], '\n') + 1
		if e, err := ParseEntry(window[begin : newline+1]); err == nil {
			return e, start + int64(newline) + 1, nil
		}
		window = window[:newline]
	}
}

// lastOfRotated finds the last entry of the older files.
func lastOfRotated(dir string) (Entry, error) {
	names, err := rotatedFiles(dir)
	if err != nil {
		return Entry{}, err
	}
	for _, name := range slices.Backward(names) {
		e, end, err := lastOf(filepath.Join(dir, name))
		if err != nil || end > 0 {
			return e, err
		}
	}
	return Entry{}, nil
}

func lastOf(path string) (e Entry, end int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return e, 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return e, 0, err
	}
	return lastEntry(f, st.Size())
}

// setAside moves the bytes from good to size into a file of their own, which
// is whole on the disk before they go. It is named after what it holds, so that
// a crash in between makes no second one.
func (l *Log) setAside(good, size int64) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(l.file, good, size-good)); err != nil {
		return err
	}
	name := tornPrefix + hex.EncodeToString(sum.Sum(nil)[:16])
	piece, err := os.OpenFile(filepath.Join(l.dir, name+tornNew), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(piece, io.NewSectionReader(l.file, good, size-good))
	if err = errors.Join(err, piece.Sync(), piece.Close(), durable.SyncDir(l.dir)); err != nil {
		return fmt.Errorf("keep the torn end %s: %w", name, err)
	}
	l.o.Log.Warn("torn end of the audit log set aside", zap.String("piece", name), zap.Int64("bytes", size-good))
	return errors.Join(l.file.Truncate(good), l.file.Sync())
}

// nameTorn writes an entry for each piece that none names yet. A crash between
// the entry and the renaming makes a second entry, never none.
func (l *Log) nameTorn() error {
	pieces, err := filepath.Glob(filepath.Join(l.dir, tornPrefix+"*"+tornNew))
	if err != nil {
		return err
	}
	for _, piece := range pieces {
		st, err := os.Lstat(piece)
		if err != nil {
			return err
		}
		named := strings.TrimSuffix(piece, tornNew)
		what := "the end of the log was torn and is kept in a file of its own"
		if err := l.warn("audit.torn", filepath.Base(named), what, map[string]int64{"bytes": st.Size()}); err != nil {
			return err
		}
		if err := errors.Join(os.Rename(piece, named), durable.SyncDir(l.dir)); err != nil {
			return fmt.Errorf("name the torn end: %w", err)
		}
	}
	return nil
}

// rotate puts the current file away under the number of its last entry and
// starts an empty one. After a crash in between there is no current file, and
// the chain goes on from the newest older one.
func (l *Log) rotate() error {
	path, old := filepath.Join(l.dir, currentName), filepath.Join(l.dir, rotatedName(l.last.seq))
	if _, err := os.Lstat(old); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("put the audit log away: %s is there already (%w)", old, errors.Join(fs.ErrExist, err))
	}
	if err := errors.Join(l.drop(), os.Rename(path, old)); err != nil {
		return fmt.Errorf("put the audit log away: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("start a new file of the audit log: %w", err)
	}
	l.file, l.size = file, 0
	if err := durable.SyncDir(l.dir); err != nil {
		return fmt.Errorf("start a new file of the audit log: %w", errors.Join(err, l.drop()))
	}
	l.prune()
	return nil
}

// prune removes the oldest files. That it cannot is no reason to refuse a
// change; the next rotation tries again.
func (l *Log) prune() {
	names, err := rotatedFiles(l.dir)
	for err == nil && len(names) > l.o.Keep {
		if err = os.Remove(filepath.Join(l.dir, names[0])); err == nil {
			l.o.Log.Info("oldest file of the audit log removed", zap.String("file", names[0]))
		}
		names = names[1:]
	}
	if err != nil {
		l.o.Log.Warn("old file of the audit log not removed", zap.Error(err))
	}
}

// probe proves that the longest entry finds room on the disk.
func probe(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("try the audit log's disk: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("try the audit log's disk: %w", err)
	}
	_, err = f.Write(bytes.Repeat([]byte("\n"), maxLine))
	if err = errors.Join(err, f.Sync(), f.Close(), os.Remove(path)); err != nil {
		return fmt.Errorf("try the audit log's disk: %w", err)
	}
	return nil
}
