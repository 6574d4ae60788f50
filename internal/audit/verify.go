package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// ErrBroken says that the log is not what was written: an entry was changed,
// left out, put in or torn.
var ErrBroken = errors.New("audit log broken")

// MaxTail is the most entries that Tail answers.
const MaxTail = 10_000

// retries bounds how often a reader begins anew because the files were put
// away under its hands.
const retries = 5

// Verify walks the chain in dir from the oldest entry that is kept to the
// newest, and returns how many it found good. ErrBroken: the text names the
// file and the line. It may run beside the daemon that writes the log. A folder
// without a log has no entries.
func Verify(dir string) (n uint64, err error) {
	err = steady(dir, func(names []string) error {
		n = 0
		var last *Entry
		return each(dir, names, func(place string, e Entry, fault error) error {
			if fault == nil {
				fault = follows(last, e, len(names) > 1)
			}
			if fault != nil {
				return fmt.Errorf("%w: %s: %w", ErrBroken, place, fault)
			}
			n++
			last = &e
			return nil
		})
	})
	return n, err
}

// follows says whether e may stand after last. With a last of nil it is the
// oldest one: where files were put away, older ones may have been removed.
func follows(last *Entry, e Entry, rotated bool) error {
	switch {
	case last == nil && e.Seq == 1 && e.Previous == "", last == nil && e.Seq > 1 && e.Previous != "" && rotated:
		return nil
	case last == nil:
		return fmt.Errorf("entry %d cannot be the first", e.Seq)
	case e.Seq != last.Seq+1:
		return fmt.Errorf("entry %d stands after entry %d", e.Seq, last.Seq)
	case e.Previous != last.Sum:
		return fmt.Errorf("entry %d does not follow the entry %d that stands before it", e.Seq, last.Seq)
	}
	return nil
}

// Tail returns the last n entries in dir, at most MaxTail, oldest first. Where
// lines among them are no entries, it returns the others with an ErrBroken. It
// may run beside the daemon that writes the log.
func Tail(dir string, n int) (tail []Entry, err error) {
	n = min(max(n, 0), MaxTail)
	err = steady(dir, func(names []string) error {
		tail = nil
		var faults error
		for _, name := range slices.Backward(names) {
			var found []Entry
			err := each(dir, []string{name}, func(place string, e Entry, fault error) error {
				if fault != nil {
					faults = fmt.Errorf("%w: %s: %w", ErrBroken, place, fault)
					return nil
				}
				if found = append(found, e); len(found) > 2*n+1 {
					found = append(found[:0], found[len(found)-n:]...)
				}
				return nil
			})
			if err != nil {
				return err
			}
			tail = append(found, tail...)
			if tail = tail[max(0, len(tail)-n):]; len(tail) == n {
				break
			}
		}
		return faults
	})
	return tail, err
}

// steady calls walk with the names of all files, oldest first, and anew where
// the log was rotated meanwhile.
func steady(dir string, walk func(names []string) error) error {
	var err error
	for range retries {
		var before, after []string
		if before, err = rotatedFiles(dir); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		err = walk(append(slices.Clone(before), currentName))
		if after, _ = rotatedFiles(dir); slices.Equal(before, after) {
			return err
		}
	}
	return err
}

// each reads the files line by line and gives each to visit, with the fault of
// one that is no entry. A file that is not there has no lines.
func each(dir string, names []string, visit func(place string, e Entry, fault error) error) error {
	for _, name := range names {
		f, err := os.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read the audit log: %w", err)
		}
		err = errors.Join(eachLine(f, name, visit), f.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

func eachLine(f io.Reader, name string, visit func(place string, e Entry, fault error) error) error {
	r := bufio.NewReaderSize(f, maxLine+1)
	for number := 1; ; number++ {
		line, err := r.ReadSlice('\n')
		if len(line) == 0 && errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("read the audit log: %w", err)
		}
		place := fmt.Sprintf("%s:%d", name, number)
		e, fault := ParseEntry(line) // a line without its end is none
		if visitErr := visit(place, e, fault); visitErr != nil {
			return visitErr
		}
		if err != nil {
			// A line without an end, or beyond all bounds: what follows cannot be told apart.
			return nil
		}
	}
}
