package journal

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// fakeSource says what the test says.
type fakeSource struct {
	batches chan []event
	broken  chan error
	stopped chan struct{}
	closed  bool
}

func newFakeSource() *fakeSource {
	return &fakeSource{batches: make(chan []event), broken: make(chan error), stopped: make(chan struct{})}
}

func (f *fakeSource) next() ([]event, error) {
	select {
	case b := <-f.batches:
		return b, nil
	case err := <-f.broken:
		return []event{touch("last")}, err
	case <-f.stopped:
		return nil, os.ErrDeadlineExceeded
	}
}
func (f *fakeSource) interrupt() error { close(f.stopped); return nil }
func (f *fakeSource) close() error     { f.closed = true; return nil }

// bubble runs a test with a journal on a fake source and a fake clock.
func bubble(t *testing.T, o Options, run func(t *testing.T, j *Journal, src *fakeSource)) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		j := newJournal(o.withDefaults(), Fanotify, src)
		run(t, j, src)
		if err := j.Close(); err != nil || !src.closed {
			t.Errorf("Close = %v, source closed: %v", err, src.closed)
		}
		if err := j.Close(); err != nil {
			t.Errorf("second Close = %v", err)
		}
		if _, err := j.Next(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Next after Close = %v, want ErrClosed", err)
		}
	})
}

// expect fails unless the next batch comes after so long and is this.
func expect(t *testing.T, j *Journal, after time.Duration, want ...Hint) {
	t.Helper()
	start := time.Now()
	got, err := j.Next(t.Context())
	if took := time.Since(start); err != nil || took != after || !reflect.DeepEqual(got, want) {
		t.Errorf("Next = %v, %v after %s, want %v after %s", got, err, took, want, after)
	}
}

func TestNextWaitsForRest(t *testing.T) {
	bubble(t, Options{Settle: time.Second}, func(t *testing.T, j *Journal, src *fakeSource) {
		src.batches <- []event{touch("b"), touch("a"), touch("a")}
		synctest.Wait()
		expect(t, j, time.Second, Hint{Dir: ".", Name: "a"}, Hint{Dir: ".", Name: "b"})
		// What is heard while Next waits counts too.
		go func() {
			time.Sleep(5 * time.Second)
			src.batches <- []event{write("d/c")}
			time.Sleep(5 * time.Second)
			src.batches <- []event{move("d/c", "e")}
			time.Sleep(5 * time.Second)
			src.batches <- []event{shut("e")}
		}()
		expect(t, j, 16*time.Second, Hint{Dir: ".", Name: "e"}, Hint{Dir: "d", Name: "c"})
		if j.Mode() != Fanotify {
			t.Errorf("Mode = %s", j.Mode())
		}
	})
}

func TestNextTellsWhatIsNeverClosed(t *testing.T) {
	bubble(t, Options{Settle: time.Second}, func(t *testing.T, j *Journal, src *fakeSource) {
		src.batches <- []event{write("a")}
		synctest.Wait()
		expect(t, j, DefaultMaxWait, Hint{Dir: ".", Name: "a"})
	})
}

func TestNextEndsWithItsContext(t *testing.T) {
	bubble(t, Options{Settle: time.Second}, func(t *testing.T, j *Journal, src *fakeSource) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Hour)
		defer cancel()
		if _, err := j.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Next = %v, want its context's error", err)
		}
		src.batches <- []event{touch("a")}
		synctest.Wait()
		expect(t, j, time.Second, Hint{Dir: ".", Name: "a"})
	})
}

func TestCloseEndsNext(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, j *Journal, _ *fakeSource) {
		done := make(chan error)
		go func() {
			_, err := j.Next(t.Context())
			done <- err
		}()
		synctest.Wait()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("Next = %v, want ErrClosed", err)
		}
	})
}

func TestScanAsksForEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(Options{}.withDefaults(), Scan, nil)
		for range 3 {
			expect(t, j, DefaultRescan, Hint{Dir: ".", Deep: true})
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestRefusedPartIsScanned: what is still heard is told beside the scans.
func TestRefusedPartIsScanned(t *testing.T) {
	bubble(t, Options{Settle: time.Second, Rescan: time.Minute}, func(t *testing.T, j *Journal, src *fakeSource) {
		everywhere := Hint{Dir: ".", Deep: true}
		time.Sleep(10 * time.Minute) // before which no scan was due
		src.batches <- []event{touch("a"), {at: name{dir: "."}, kind: refused, deep: true}}
		synctest.Wait()
		if j.Mode() != Scan {
			t.Errorf("Mode = %s, want scan", j.Mode())
		}
		expect(t, j, time.Second, everywhere)
		expect(t, j, 59*time.Second, everywhere)
		src.batches <- []event{touch("a")}
		synctest.Wait()
		expect(t, j, time.Second, Hint{Dir: ".", Name: "a"})
		expect(t, j, 59*time.Second, everywhere)
	})
}

func TestBrokenSourceBecomesScan(t *testing.T) {
	core, logs := observer.New(zap.ErrorLevel)
	bubble(t, Options{Rescan: time.Minute, Log: zap.New(core)}, func(t *testing.T, j *Journal, src *fakeSource) {
		src.broken <- errors.New("broken")
		synctest.Wait()
		if j.Mode() != Scan || logs.Len() != 1 {
			t.Errorf("Mode = %s with %d errors in the log", j.Mode(), logs.Len())
		}
		expect(t, j, 0, Hint{Dir: ".", Deep: true})
		expect(t, j, time.Minute, Hint{Dir: ".", Deep: true})
	})
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{
		{},
		{Path: file},
		{Path: dir, Settle: -1},
		{Path: dir, Rescan: -1},
		{Path: dir, Mode: "usn"},
	} {
		if j, err := Open(o); err == nil {
			t.Errorf("Open(%+v) = %v", o, j.Mode())
			_ = j.Close()
		}
	}
	if _, err := Open(Options{Path: filepath.Join(dir, "none")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of nothing = %v, want ErrNotExist", err)
	}
}

func TestOpenScans(t *testing.T) {
	j, err := Open(Options{Path: t.TempDir(), Mode: Scan, Rescan: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for range 3 {
		hints, err := j.Next(t.Context())
		if err != nil || !reflect.DeepEqual(hints, []Hint{{Dir: ".", Deep: true}}) {
			t.Errorf("Next = %v, %v", hints, err)
		}
	}
}
