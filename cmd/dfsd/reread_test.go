package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// readings is a reread whose file may be written with a time of its own.
type readings struct {
	*reread[string]
	t     *testing.T
	loads int
}

func newReadings(t *testing.T) *readings {
	r := &readings{t: t}
	r.reread = &reread[string]{path: filepath.Join(t.TempDir(), "file"), load: func(path string) (string, error) {
		r.loads++
		b, err := os.ReadFile(path)
		if err == nil && string(b) == "bad" {
			err = errors.New("it is bad")
		}
		return string(b), err
	}}
	return r
}

func (r *readings) write(content string, age time.Duration) {
	r.t.Helper()
	if err := os.WriteFile(r.path, []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
	then := time.Now().Add(-age)
	if err := os.Chtimes(r.path, then, then); err != nil {
		r.t.Fatal(err)
	}
}

func (r *readings) want(content string, loads int, fault bool) {
	r.t.Helper()
	before := r.loads
	got, err := r.latest()
	if got != content || r.loads-before != loads || (err != nil) != fault {
		r.t.Errorf("latest() = %q, %v after %d readings; want %q, %d, fault %v", got, err, r.loads-before, content, loads, fault)
	}
}

func TestReread(t *testing.T) {
	r := newReadings(t)
	if _, err := r.latest(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("latest() of no file = %v", err)
	}
	r.want("", 0, false) // told already
	r.write("one", time.Hour)
	r.want("one", 1, false)
	r.want("one", 0, false)

	r.write("bad", time.Minute)
	r.want("one", 1, true)
	r.want("one", 1, false) // told already, and tried again
	r.write("two", 50*time.Second)
	r.want("two", 1, false)
	r.write("bad", 40*time.Second)
	r.want("two", 1, true) // the same fault is a new one after a good reading

	r.write("six", 30*time.Second)
	r.want("six", 1, false)
	r.forget()
	r.want("six", 1, false)
}

// TestRereadWithinATick: a file that was just written may be written again with
// the same time and size.
func TestRereadWithinATick(t *testing.T) {
	r := newReadings(t)
	r.write("one", 0)
	r.want("one", 1, false)
	at, err := os.Stat(r.path)
	if err != nil {
		t.Fatal(err)
	}
	r.write("two", 0)
	if err := os.Chtimes(r.path, at.ModTime(), at.ModTime()); err != nil {
		t.Fatal(err)
	}
	r.want("two", 1, false)
}
